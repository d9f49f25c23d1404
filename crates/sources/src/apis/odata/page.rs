//! One page of a set: what is asked for, and the rows that come.

use std::borrow::Cow;

use pacioli_model::ColumnType;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    profile::Profile,
    tables::{OUTER, POSITION, Way},
};
use crate::{
    SourceError,
    apis::{
        answer::Answer,
        rows::{Cell, Fields, Rows, Writing},
        value,
    },
    source::SourceTable,
};

/// A longer list of names is not sent: servers refuse addresses of about 8 000 bytes.
const LONGEST_SELECT: usize = 3500;

/// A page, as OData 4 writes it and, for the Service Layer's version 1, as OData 3 does.
#[derive(Deserialize)]
pub(super) struct Page<'a> {
    #[serde(borrow)]
    pub(super) value: Vec<&'a RawValue>,
    #[serde(rename = "@odata.nextLink", alias = "odata.nextLink", alias = "@nextLink", default)]
    pub(super) next: Option<String>,
    #[serde(rename = "@odata.count", alias = "@count", default, borrow)]
    count: Option<&'a RawValue>,
}

impl<'a> Page<'a> {
    pub(super) fn read(answer: &'a Answer) -> Result<Self, SourceError> {
        serde_json::from_slice(&answer.body).map_err(|_| {
            SourceError::invalid(
                "source_answer",
                "The service answered with something else than a page of entities.",
            )
        })
    }

    /// How many there are in all.
    pub(super) fn count(&self) -> Option<u64> {
        value::integer(self.count?.get()).and_then(|count| u64::try_from(count).ok())
    }
}

/// How one table is asked for and read.
pub(super) struct Reading<'t> {
    table: &'t SourceTable,
    /// Members of the entity.
    outer: Fields,
    /// Members of the rows within it, for an inner table.
    inner: Fields,
    position: Option<usize>,
    member: usize,
    keys: Vec<usize>,
    is_inner: bool,
    /// `$select` and `$expand`.
    pub(super) select: Vec<(&'static str, String)>,
}

impl<'t> Reading<'t> {
    /// `key` are the properties that name an entity of the set.
    pub(super) fn new(table: &'t SourceTable, way: &Way<'_>, key: &[String]) -> Self {
        let count = table.columns.len();
        let is_inner = way.member.is_some();
        let (mut outer, mut inner) = (Fields::default(), Fields::default());
        let mut position = None;
        let (mut of_set, mut of_member) = (Vec::new(), Vec::new());
        for (cell, column) in table.columns.iter().enumerate() {
            let name = column.source_name.as_str();
            if name == POSITION {
                position = Some(cell);
            } else if let Some(name) = name.strip_prefix(OUTER) {
                outer.place(name, cell);
                of_set.push(name);
            } else if is_inner {
                inner.place(name, cell);
                of_member.push(name);
            } else {
                outer.place(name, cell);
                of_set.push(name);
            }
        }
        let mut keys = Vec::new();
        for (number, name) in key.iter().enumerate() {
            outer.place(name, count + 1 + number);
            keys.extend(outer.cell(name));
            of_set.push(name);
        }
        outer.place(way.member.unwrap_or_default(), count);
        let select = select(way, &of_set, &of_member);
        Self { table, outer, inner, position, member: count, keys, is_inner, select }
    }

    /// The page's rows, and the key of its last entity as JSON.
    pub(super) fn rows(&self, page: &Page<'_>) -> Result<(Rows<'t>, Option<String>), SourceError> {
        let mut rows = Rows::new(self.table, Writing::default());
        let mut last = None;
        for entity in &page.value {
            let mut cells: Vec<Cell<'_>> = vec![None; self.member + 1 + self.keys.len()];
            self.outer.read(entity.get(), &mut cells)?;
            let key: Option<Vec<Cow<'_, str>>> =
                self.keys.iter().map(|cell| cells.get(*cell).cloned().flatten()).collect();
            last = key.filter(|key| !key.is_empty());
            if self.is_inner {
                self.within(cells, &mut rows)?;
            } else {
                rows.push(&cells)?;
            }
        }
        Ok((rows, last.map(|key| key.join(","))))
    }

    fn within<'r>(&self, mut cells: Vec<Cell<'r>>, rows: &mut Rows<'t>) -> Result<(), SourceError> {
        let Some(Cow::Borrowed(list)) = cells.get_mut(self.member).and_then(Option::take) else {
            return Ok(());
        };
        let list: Option<Vec<&'r RawValue>> = serde_json::from_str(list).map_err(|_| {
            SourceError::invalid(
                "source_row",
                format!("The service sent no list where {} belong.", self.table.name),
            )
        })?;
        for (number, row) in list.unwrap_or_default().into_iter().enumerate() {
            let mut own = cells.clone();
            self.inner.read(row.get(), &mut own)?;
            if let Some(place) = self.position.and_then(|position| own.get_mut(position)) {
                *place = Some(Cow::Owned((number + 1).to_string()));
            }
            rows.push(&own)?;
        }
        Ok(())
    }
}

/// The properties to send, and those of the entities within. Of complex properties the whole is named.
fn select(way: &Way<'_>, of_set: &[&str], of_member: &[&str]) -> Vec<(&'static str, String)> {
    let mut own = first_steps(of_set);
    match way.member {
        Some(member) if way.expands => {
            let inner = first_steps(of_member).join(",");
            let short = inner.len() <= LONGEST_SELECT;
            let expand =
                if short { format!("{member}($select={inner})") } else { member.to_owned() };
            vec![("$select", own.join(",")), ("$expand", expand)]
        }
        Some(member) => {
            own.push(member.to_owned());
            vec![("$select", own.join(","))]
        }
        None => {
            let select = own.join(",");
            if select.len() <= LONGEST_SELECT { vec![("$select", select)] } else { Vec::new() }
        }
    }
}

fn first_steps(paths: &[&str]) -> Vec<String> {
    let mut steps: Vec<String> = Vec::new();
    for path in paths {
        let step = path.split('/').next().unwrap_or_default();
        if !steps.iter().any(|known| known == step) {
            steps.push(step.to_owned());
        }
    }
    steps
}

/// `changed ge …`, a while before the mark: what was being written then is seen now.
pub(super) fn changed_since(
    from: &str,
    (property, data_type): (&str, ColumnType),
    profile: &Profile,
) -> Result<String, SourceError> {
    let moment = chrono::DateTime::parse_from_rfc3339(from).map(|moment| moment.naive_utc());
    let moment = moment.ok().or_else(|| value::naive(from)).ok_or_else(|| {
        SourceError::invalid(
            "watermark",
            "The table's mark holds no moment. Load the table in full.",
        )
    })?;
    let moment = moment - chrono::Duration::seconds(i64::from(profile.overlap_seconds));
    let literal = match (data_type, profile.quoted_dates) {
        (ColumnType::Date, false) => moment.format("%Y-%m-%d").to_string(),
        (_, true) => moment.format("'%Y-%m-%d'").to_string(),
        (_, false) => moment.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    };
    Ok(format!("{property} ge {literal}"))
}

/// A key's JSON as it stands in a filter; texts double their quotes.
pub(super) fn literal(json: &str) -> Result<String, SourceError> {
    match serde_json::from_str::<serde_json::Value>(json) {
        Ok(serde_json::Value::String(text)) => Ok(format!("'{}'", text.replace('\'', "''"))),
        Ok(serde_json::Value::Number(_)) => Ok(json.to_owned()),
        _ => Err(SourceError::invalid(
            "watermark",
            "The table's mark holds no key. Load the table in full.",
        )),
    }
}
