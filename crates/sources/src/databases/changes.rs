//! Telling changed rows: by which column, from where, up to where.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime};
use pacioli_model::ColumnType;

use crate::{
    SourceError,
    source::{SourceColumn, Watermark},
};

/// Names that systems give to the moment of a row's last change, the likeliest first, letters and
/// digits only.
const NAMES: [&str; 24] = [
    "writedate",
    "updatedat",
    "modified",
    "modifiedat",
    "lastmodified",
    "lastmodifiedat",
    "lastmodifieddate",
    "systemmodifiedat",
    "modifiedon",
    "modifieddate",
    "datemodified",
    "modifieddatetime",
    "updated",
    "updatedon",
    "dateupdated",
    "lastupdate",
    "lastupdated",
    "lastupdatedat",
    "updatetime",
    "updatedate",
    "changedat",
    "changed",
    "rowmodifiedat",
    "mtime",
];

/// Numbers that count up are given out before they are seen, too; so many are read again.
const INTEGER_OVERLAP: i64 = 1_000;

/// The column that most likely tells a row's last change, by its name and type.
pub(super) fn propose(columns: &[SourceColumn]) -> Option<&SourceColumn> {
    let rank = |column: &SourceColumn| {
        let letters = column.source_name.chars().filter(char::is_ascii_alphanumeric);
        let plain: String = letters.map(|c| c.to_ascii_lowercase()).collect();
        NAMES.iter().position(|name| *name == plain)
    };
    let timed = columns.iter().filter(|column| column.data_type.is_time());
    timed.filter_map(|column| Some((rank(column)?, column))).min_by_key(|it| it.0).map(|it| it.1)
}

/// The greatest value of the column that tells changes.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    kind: Kind,
    greatest: Option<i64>,
    /// A stamp after this is a slip of somebody's clock or keyboard. It must not become the mark, or
    /// all changes before it would be missed for years.
    latest: i64,
}

/// What the column holds, as a whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    /// Days since 1970.
    Date,
    /// Microseconds since 1970.
    Timestamp,
}

const DAY_MICROSECONDS: i64 = 86_400_000_000;

impl Mark {
    /// Starts from the last load's; `now` is the database's clock, in microseconds since 1970.
    pub(super) fn new(
        data_type: ColumnType,
        since: Option<&Watermark>,
        now: i64,
    ) -> Result<Self, SourceError> {
        let tomorrow = now.saturating_add(DAY_MICROSECONDS);
        let (kind, latest) = match data_type {
            ColumnType::Integer => (Kind::Integer, i64::MAX),
            ColumnType::Date => (Kind::Date, tomorrow / DAY_MICROSECONDS),
            ColumnType::Timestamp => (Kind::Timestamp, tomorrow),
            other => {
                let detail = format!(
                    "changes are told by a whole number, a date or a timestamp, not by {}",
                    other.as_str()
                );
                return Err(SourceError::invalid("changes_by_unsupported", detail));
            }
        };
        let greatest = since.map(|since| parse(kind, &since.0)).transpose()?;
        Ok(Self { kind, greatest, latest })
    }

    /// Never goes past this value: smaller ones may still follow a greater one.
    pub(super) fn up_to(mut self, settled: Option<i64>) -> Self {
        self.latest = settled.map_or(self.latest, |settled| settled.min(self.latest));
        self
    }

    /// Takes a row's value into account.
    pub(super) fn see(&mut self, value: i64) {
        if value <= self.latest {
            self.greatest = self.greatest.max(Some(value));
        }
    }

    /// Where the next load goes on.
    pub(super) fn watermark(&self) -> Option<Watermark> {
        self.greatest.map(|value| Watermark(text(self.kind, value)))
    }

    /// The least value to read, as a literal of the database: some way before the mark.
    pub(super) fn read_from(&self, overlap_seconds: u32) -> Option<String> {
        let back = match self.kind {
            Kind::Integer => INTEGER_OVERLAP,
            Kind::Date => 1 + i64::from(overlap_seconds) / 86_400,
            Kind::Timestamp => i64::from(overlap_seconds) * 1_000_000,
        };
        self.greatest.map(|value| text(self.kind, value.saturating_sub(back)))
    }
}

fn parse(kind: Kind, text: &str) -> Result<i64, SourceError> {
    let value = match kind {
        Kind::Integer => text.parse().ok(),
        Kind::Date => NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(days),
        Kind::Timestamp => NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f")
            .ok()
            .map(|moment| moment.and_utc().timestamp_micros()),
    };
    value.ok_or_else(|| {
        let detail = format!(
            "the mark {text:?} of the last load does not fit the column that tells changes now; load \
             the whole table once"
        );
        SourceError::invalid("watermark_invalid", detail)
    })
}

fn text(kind: Kind, value: i64) -> String {
    let shown = match kind {
        Kind::Integer => None,
        Kind::Date => date(value).map(|day| day.format("%Y-%m-%d").to_string()),
        Kind::Timestamp => DateTime::from_timestamp_micros(value)
            .map(|moment| moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string()),
    };
    shown.unwrap_or_else(|| value.to_string())
}

/// Days since 1970.
pub(super) fn days(date: NaiveDate) -> i64 {
    date.signed_duration_since(NaiveDate::default()).num_days()
}

fn date(days: i64) -> Option<NaiveDate> {
    let epoch = NaiveDate::default();
    match u64::try_from(days) {
        Ok(after) => epoch.checked_add_days(Days::new(after)),
        Err(_) => epoch.checked_sub_days(Days::new(days.unsigned_abs())),
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::ColumnName;

    use super::*;

    fn column(source_name: &str, data_type: ColumnType) -> SourceColumn {
        SourceColumn {
            source_name: source_name.to_owned(),
            name: ColumnName::parse("x").unwrap(),
            label: source_name.to_owned(),
            data_type,
        }
    }

    /// Columns, and the one among them.
    type Case<'a> = (&'a [(&'a str, ColumnType)], Option<&'a str>);

    #[test]
    fn the_column_of_the_last_change_is_told_by_name_and_type() {
        use ColumnType::{Date, Integer, Text, Timestamp};
        let cases: [Case<'_>; 6] = [
            (&[("create_date", Timestamp), ("write_date", Timestamp)], Some("write_date")),
            (&[("updated_at", Text), ("Last_Update", Timestamp)], Some("Last_Update")),
            (&[("UpdateDate", Date)], Some("UpdateDate")),
            (&[("updated", Timestamp), ("updatedAt", Timestamp)], Some("updatedAt")),
            (&[("id", Integer), ("order_date", Date)], None),
            (&[], None),
        ];
        for (columns, expect) in cases {
            let columns: Vec<_> = columns.iter().map(|(name, kind)| column(name, *kind)).collect();
            let found = propose(&columns).map(|column| column.source_name.as_str());
            assert_eq!(found, expect);
        }
    }

    #[test]
    fn a_mark_goes_up_comes_back_and_ignores_the_far_future() {
        let now = 1_700_000_000_000_000;
        let mut mark = Mark::new(ColumnType::Timestamp, None, now).unwrap();
        assert_eq!((mark.watermark(), mark.read_from(300)), (None, None));
        for value in [now - 5, now - 9, now + 2 * DAY_MICROSECONDS] {
            mark.see(value);
        }
        let watermark = mark.watermark().unwrap();
        assert_eq!(watermark.0, "2023-11-14 22:13:19.999995");
        let again = Mark::new(ColumnType::Timestamp, Some(&watermark), now).unwrap();
        assert_eq!(again.watermark(), Some(watermark));
        assert_eq!(again.read_from(300).unwrap(), "2023-11-14 22:08:19.999995");
    }

    #[test]
    fn a_mark_stays_where_smaller_values_may_still_follow() {
        let mut mark = Mark::new(ColumnType::Integer, None, 0).unwrap().up_to(Some(70));
        for value in [60, 71, 69] {
            mark.see(value);
        }
        assert_eq!(mark.watermark().unwrap().0, "69");
    }

    #[test]
    fn each_kind_of_mark_is_written_and_read() {
        for (kind, since, from) in [
            (ColumnType::Integer, "5000", "4000"),
            (ColumnType::Integer, "-9223372036854775808", "-9223372036854775808"),
            (ColumnType::Date, "2024-03-01", "2024-02-29"),
            (ColumnType::Date, "1969-12-31", "1969-12-30"),
            (ColumnType::Timestamp, "2024-03-01 00:00:00.000000", "2024-02-29 23:59:00.000000"),
        ] {
            let mark = Mark::new(kind, Some(&Watermark(since.to_owned())), 0).unwrap();
            assert_eq!(mark.watermark().unwrap().0, since);
            assert_eq!(mark.read_from(60).unwrap(), from, "{since}");
        }
        for (kind, since) in [
            (ColumnType::Integer, "2024-03-01"),
            (ColumnType::Date, "x' OR 1=1"),
            (ColumnType::Timestamp, ""),
            (ColumnType::Text, "a"),
            (ColumnType::Float, "1.5"),
        ] {
            assert!(Mark::new(kind, Some(&Watermark(since.to_owned())), 0).is_err(), "{since}");
        }
    }
}
