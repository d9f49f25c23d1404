//! `date_trunc`, the first day of a calendar period. DataFusion's own counts in nanoseconds and so
//! fails on days after 2262, which books are full of (`9999-12-31` for "no end"), and it makes a
//! moment of a date; here a date stays one.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, AsArray, Date32Array, TimestampMicrosecondArray},
    datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType},
};
use chrono::{Datelike, NaiveDate};
use datafusion::{
    common::{exec_err, plan_datafusion_err, plan_err},
    error::Result,
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use pacioli_model::TimeGrain;

const SECOND_MICROS: i64 = 1_000_000;
const DAY_MICROS: i64 = 86_400 * SECOND_MICROS;
const MOMENT: DataType = DataType::Timestamp(TimeUnit::Microsecond, None);

/// `date_trunc(period, date or timestamp)`: weeks start on Monday (ISO 8601).
pub(crate) fn date_trunc() -> ScalarUDF {
    ScalarUDF::from(DateTrunc { signature: Signature::user_defined(Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct DateTrunc {
    signature: Signature,
}

impl ScalarUDFImpl for DateTrunc {
    fn name(&self) -> &'static str {
        "date_trunc"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let [period, moment] = types else {
            return plan_err!("date_trunc takes a period and a date: date_trunc('month', day)");
        };
        if !matches!(period, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) {
            return plan_err!("the period of date_trunc is a text, such as 'month'");
        }
        let moment = match moment {
            DataType::Date32 | DataType::Null => DataType::Date32,
            DataType::Date64 | DataType::Timestamp(_, _) => MOMENT,
            other => return plan_err!("{other} has no periods: cast it to DATE first"),
        };
        Ok(vec![DataType::Utf8, moment])
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        types.get(1).cloned().ok_or_else(|| plan_datafusion_err!("date_trunc takes a date"))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [ColumnarValue::Scalar(period), moments] = args.args.as_slice() else {
            return exec_err!("the period of date_trunc is one text, such as 'month'");
        };
        let period = period.try_as_str().flatten().and_then(Period::parse);
        let Some(period) = period else {
            return exec_err!(
                "date_trunc knows second, minute, hour, day, week, month, quarter and year"
            );
        };
        match moments {
            ColumnarValue::Array(moments) => Ok(ColumnarValue::Array(period.starts(moments)?)),
            ColumnarValue::Scalar(moment) => {
                let starts = period.starts(&moment.to_array()?)?;
                Ok(ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(
                    &starts, 0,
                )?))
            }
        }
    }
}

/// What a moment is cut down to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    Days(TimeGrain),
    /// So many microseconds, of which a day is a multiple.
    Clock(i64),
}

impl Period {
    fn parse(text: &str) -> Option<Self> {
        Some(match text.to_ascii_lowercase().as_str() {
            "second" => Self::Clock(SECOND_MICROS),
            "minute" => Self::Clock(60 * SECOND_MICROS),
            "hour" => Self::Clock(3600 * SECOND_MICROS),
            "day" => Self::Days(TimeGrain::Day),
            "week" => Self::Days(TimeGrain::Week),
            "month" => Self::Days(TimeGrain::Month),
            "quarter" => Self::Days(TimeGrain::Quarter),
            "year" => Self::Days(TimeGrain::Year),
            _ => return None,
        })
    }

    fn starts(self, moments: &ArrayRef) -> Result<ArrayRef> {
        match moments.data_type() {
            DataType::Date32 => {
                let days = moments.as_primitive::<Date32Type>();
                let starts: Date32Array = days.unary(|day| match self {
                    Self::Days(grain) => first_day(grain, day),
                    Self::Clock(_) => day,
                });
                Ok(Arc::new(starts))
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                let micros = moments.as_primitive::<TimestampMicrosecondType>();
                let starts: TimestampMicrosecondArray = micros.unary(|micros| self.start(micros));
                Ok(Arc::new(starts))
            }
            other => exec_err!("{other} has no periods"),
        }
    }

    /// Of a moment in microseconds since 1970.
    fn start(self, micros: i64) -> i64 {
        match self {
            Self::Clock(length) => micros.div_euclid(length).saturating_mul(length),
            Self::Days(grain) => {
                // 64 bits of microseconds are fewer than 32 bits of days.
                let day = i32::try_from(micros.div_euclid(DAY_MICROS)).unwrap_or(i32::MAX);
                i64::from(first_day(grain, day)).saturating_mul(DAY_MICROS)
            }
        }
    }
}

/// Days since 1970. A day outside the calendar is its own period.
fn first_day(grain: TimeGrain, day: i32) -> i32 {
    let Some(date) = NaiveDate::from_epoch_days(day) else { return day };
    let first = match grain {
        TimeGrain::Day => Some(date),
        TimeGrain::Week => {
            NaiveDate::from_epoch_days(day - date.weekday().num_days_from_monday().cast_signed())
        }
        TimeGrain::Month => date.with_day(1),
        TimeGrain::Quarter => NaiveDate::from_ymd_opt(date.year(), date.month0() / 3 * 3 + 1, 1),
        TimeGrain::Year => NaiveDate::from_ymd_opt(date.year(), 1, 1),
    };
    first.map_or(day, |first| first.to_epoch_days())
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn periods_begin_on_their_first_day() {
        let check = |grain, day: &str, first: &str| {
            let day: NaiveDate = day.parse().unwrap();
            let found = NaiveDate::from_epoch_days(first_day(grain, day.to_epoch_days())).unwrap();
            assert_eq!(found.to_string(), first, "{day} {grain:?}");
        };
        check(TimeGrain::Day, "2024-05-15", "2024-05-15");
        check(TimeGrain::Week, "2024-05-15", "2024-05-13");
        check(TimeGrain::Week, "2024-05-13", "2024-05-13");
        check(TimeGrain::Week, "2023-01-01", "2022-12-26");
        check(TimeGrain::Week, "1969-12-30", "1969-12-29");
        check(TimeGrain::Month, "2024-02-29", "2024-02-01");
        check(TimeGrain::Quarter, "2024-05-15", "2024-04-01");
        check(TimeGrain::Quarter, "2024-12-31", "2024-10-01");
        check(TimeGrain::Year, "1600-05-15", "1600-01-01");
        check(TimeGrain::Year, "9999-12-31", "9999-01-01");
    }

    #[test]
    fn moments_are_cut_down_as_far_as_is_asked() {
        for (period, start) in [
            ("second", "1969-05-15T13:59:58Z"),
            ("minute", "1969-05-15T13:59:00Z"),
            ("hour", "1969-05-15T13:00:00Z"),
            ("DAY", "1969-05-15T00:00:00Z"),
            ("year", "1969-01-01T00:00:00Z"),
        ] {
            let moment: DateTime<chrono::Utc> = "1969-05-15T13:59:58.25Z".parse().unwrap();
            let found = Period::parse(period).unwrap().start(moment.timestamp_micros());
            let expected: DateTime<chrono::Utc> = start.parse().unwrap();
            assert_eq!(found, expected.timestamp_micros(), "{period}");
        }
        assert_eq!(Period::parse("fortnight"), None);
    }
}
