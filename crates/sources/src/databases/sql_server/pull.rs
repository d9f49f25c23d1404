//! Reading a table: by pages in the key's order, or in one go where there is no key.

use pacioli_model::ColumnType;
use tiberius::{ColumnData, Row as Values};

use super::{
    catalog::{NativeColumn, Relation},
    connection::SqlServerSession,
    parameter::Parameter,
    value::{Native, Unfit, decode, whole},
};
use crate::{
    SourceError,
    databases::{
        cells::{Cell, Cells},
        changed, name,
        notes::{Change, Notes},
        paging::{Compared, beyond},
        reader::{Row, Session},
        retry::Failure,
    },
    source::{Pull, SourceColumn},
};

/// How a table is read.
pub(crate) struct Layout {
    table: String,
    columns: Vec<SourceColumn>,
    /// What is selected, and from where.
    select: String,
    from: String,
    since: Option<Since>,
    key: Vec<KeyColumn>,
    /// Which of the columns tells changes.
    changes_by: Option<usize>,
    /// Up to which value that one is complete.
    settled: Option<i64>,
}

/// `(changed >= … OR changed IS NULL)` and the value; it is the first parameter.
struct Since {
    condition: String,
    value: Parameter,
}

struct KeyColumn {
    quoted: String,
    place: String,
}

impl Session for SqlServerSession {
    type Layout = Layout;
    type Key = Vec<Parameter>;

    async fn lay_out(&mut self, pull: &Pull, mark: Option<&str>) -> Result<Layout, Failure> {
        let name = &pull.table.name;
        let missing = || changed(&format!("there is no table {name} that may be read"));
        let (schema, table) = name::split(name).ok_or_else(missing)?;
        let relations = self.relations(std::slice::from_ref(&schema), Some(&table)).await?;
        // Names may be compared without regard to case.
        let same = |relation: &Relation| relation.table == table && relation.schema == schema;
        match relations.into_iter().find(same) {
            Some(relation) => {
                let first_open = self.ground.first_open_change;
                Ok(Layout::new(pull, &relation, mark, first_open)?)
            }
            None => Err(self.no_table(&schema, &table, missing()).await?),
        }
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn settled(layout: &Layout) -> Option<i64> {
        layout.settled
    }

    fn is_keyed(layout: &Layout) -> bool {
        !layout.key.is_empty()
    }

    async fn open(
        &mut self,
        layout: &Layout,
        after: Option<&Vec<Parameter>>,
        rows: usize,
    ) -> Result<(), Failure> {
        let is_keyless = layout.key.is_empty();
        if is_keyless && self.has_ended {
            return Ok(()); // it came in one go: there is no other page
        }
        let (statement, values) = layout.page(after, rows);
        self.has_ended = true;
        self.start(statement, values, is_keyless)
    }

    async fn row(
        &mut self,
        layout: &Layout,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Option<Row<Vec<Parameter>>>, Failure> {
        match self.next().await? {
            Some(values) => Ok(Some(layout.take(values, notes, cells)?)),
            None => Ok(None),
        }
    }
}

impl SqlServerSession {
    /// Why a table is not among those that may be read: the server tells when it is asked for it.
    async fn no_table(
        &mut self,
        schema: &str,
        table: &str,
        missing: SourceError,
    ) -> Result<Failure, Failure> {
        let statement = format!("SELECT TOP (0) * FROM {}.{}", quoted(schema), quoted(table));
        match self.ask(&statement, Vec::new()).await {
            Ok(_) => Ok(missing.into()),
            Err(failure) => Ok(failure),
        }
    }
}

impl Layout {
    fn new(
        pull: &Pull,
        relation: &Relation,
        mark: Option<&str>,
        first_open_change: Option<i64>,
    ) -> Result<Self, SourceError> {
        let columns = &pull.table.columns;
        let mut expressions = Vec::with_capacity(columns.len());
        for column in columns {
            expressions.push(expression(relation, column)?);
        }
        let by = pull.table.changes_by.as_ref();
        let changes_by = by.and_then(|by| columns.iter().position(|column| column.name == *by));
        let (mut since, mut settled) = (None, None);
        if let Some(place) = changes_by {
            let native = native(relation, &columns[place])?;
            since = mark.map(|mark| Since::new(native, columns[place].data_type, mark));
            let is_counter = native.native == Native::RowVersion;
            settled = first_open_change.filter(|_| is_counter).map(|first| first - 1);
        }
        let first = 1 + usize::from(since.is_some());
        let key = key(relation, first);
        for (column, _) in &key {
            expressions.push(column.native.select_key(&of_row(&column.source_name)));
        }
        if expressions.is_empty() {
            expressions.push("1".to_owned());
        }
        Ok(Self {
            table: pull.table.name.clone(),
            columns: columns.clone(),
            select: expressions.join(", "),
            from: format!("{}.{} AS t", quoted(&relation.schema), quoted(&relation.table)),
            since,
            key: key.into_iter().map(|it| it.1).collect(),
            changes_by,
            settled,
        })
    }

    fn page(&self, after: Option<&Vec<Parameter>>, rows: usize) -> (String, Vec<Parameter>) {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        if let Some(since) = &self.since {
            conditions.push(since.condition.clone());
            values.push(since.value.clone());
        }
        if let Some(after) = after {
            let key = self.key.iter();
            let key = key.map(|key| Compared { column: &key.quoted, place: &key.place });
            conditions.push(beyond(&key.collect::<Vec<_>>()).0);
            values.extend(after.iter().cloned());
        }
        let filter = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let order: Vec<&str> = self.key.iter().map(|key| key.quoted.as_str()).collect();
        let Self { select, from, .. } = self;
        let statement = if order.is_empty() {
            format!("SELECT {select} FROM {from}{filter}")
        } else {
            let order = order.join(", ");
            format!("SELECT TOP ({rows}) {select} FROM {from}{filter} ORDER BY {order}")
        };
        (statement, values)
    }

    fn take(
        &self,
        values: Values,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Row<Vec<Parameter>>, SourceError> {
        let values: Vec<ColumnData<'static>> = values.into_iter().collect();
        let missing = || changed("a row has fewer columns than were selected");
        let mut bytes = 0;
        let mut stamp = None;
        for (place, column) in self.columns.iter().enumerate() {
            let value = values.get(place).ok_or_else(missing)?;
            bytes += size(value);
            let cell = match decode(column.data_type, value) {
                Ok(cell) => cell,
                Err(unfit) => self.unfit(column, unfit, notes)?,
            };
            if self.changes_by == Some(place) {
                stamp = match &cell {
                    Cell::Integer(value) | Cell::Timestamp(value) => Some(*value),
                    Cell::Date(days) => Some((*days).into()),
                    _ => None,
                };
            }
            cells.put(place, cell)?;
        }
        cells.end_row(bytes);
        let key = values.into_iter().skip(self.columns.len()).take(self.key.len());
        let key: Vec<Parameter> = key.map(parameter).collect::<Option<_>>().ok_or_else(missing)?;
        if key.len() < self.key.len() {
            return Err(missing());
        }
        Ok(Row { key: Some(key).filter(|key| !key.is_empty()), changed: stamp })
    }

    fn unfit(
        &self,
        column: &SourceColumn,
        unfit: Unfit,
        notes: &Notes,
    ) -> Result<Cell<'static>, SourceError> {
        let name = &column.source_name;
        match unfit {
            Unfit::Garbled(text) => {
                notes.count(&self.table, name, Change::Garbled);
                Ok(Cell::Text(text.into()))
            }
            Unfit::Shortened(micros) => {
                notes.count(&self.table, name, Change::Shortened);
                Ok(Cell::Timestamp(micros))
            }
            Unfit::Wider => Err(changed(&format!("{name} has values with more digits now"))),
            Unfit::Other => Err(changed(&format!("{name} has values of another type now"))),
        }
    }
}

impl Since {
    fn new(column: &NativeColumn, data_type: ColumnType, mark: &str) -> Self {
        let quoted = of_row(&column.source_name);
        let (place, value) = match (column.native, data_type) {
            (native, ColumnType::Integer) => {
                let place = match native {
                    Native::RowVersion => "CAST(@P1 AS binary(8))".to_owned(),
                    _ => "@P1".to_owned(),
                };
                (place, mark.parse().map_or(Parameter::Text(mark.to_owned()), Parameter::Whole))
            }
            (Native::OldTimestamp, _) => {
                let of = &column.sql_type;
                let moment = format!("CAST(CAST(@P1 AS datetime2(6)) AS {of})");
                // These types begin late; a mark before that means all of it.
                let first = if of == "datetime" { "1753-01-01" } else { "1900-01-01" };
                (moment, Parameter::Text(mark.max(first).to_owned()))
            }
            (Native::Timestamp, _) => {
                let moment = format!("CAST(CAST(@P1 AS datetime2(6)) AS {})", column.sql_type);
                (moment, Parameter::Text(mark.to_owned()))
            }
            _ => (format!("CAST(@P1 AS {})", column.sql_type), Parameter::Text(mark.to_owned())),
        };
        // A row without a stamp may have changed at any time.
        Self { condition: format!("({quoted} >= {place} OR {quoted} IS NULL)"), value }
    }
}

/// What to select for a column that is wanted.
fn expression(relation: &Relation, column: &SourceColumn) -> Result<String, SourceError> {
    let native = native(relation, column)?;
    let selected = native.native.select(&of_row(&native.source_name), column.data_type);
    selected.ok_or_else(|| {
        let (name, of) = (&column.source_name, &native.sql_type);
        changed(&format!("the column {name} is of the type {of} now"))
    })
}

/// The key's columns, their parameters numbered from `first` on; none when rows cannot be asked for in
/// its order.
fn key(relation: &Relation, first: usize) -> Vec<(&NativeColumn, KeyColumn)> {
    let one = |(number, name): (usize, &String)| {
        let column = relation.column(name)?;
        let parameter = format!("@P{}", first + number);
        let collation = column.collation.as_deref();
        let place = column.native.place(&parameter, &column.sql_type, collation)?;
        Some((column, KeyColumn { quoted: of_row(&column.source_name), place }))
    };
    relation.key.iter().enumerate().map(one).collect::<Option<_>>().unwrap_or_default()
}

/// A key's value, to be sent back.
fn parameter(value: ColumnData<'static>) -> Option<Parameter> {
    Some(match value {
        ColumnData::String(Some(text)) => Parameter::Text(text.into_owned()),
        ColumnData::Binary(Some(bytes)) => Parameter::Bytes(bytes.into_owned()),
        ColumnData::Guid(Some(guid)) => Parameter::Text(guid.to_string()),
        ColumnData::Numeric(Some(number)) => Parameter::Text(
            pacioli_model::Decimal { mantissa: number.value(), scale: number.scale() }.to_string(),
        ),
        other => Parameter::Whole(whole(&other)?),
    })
}

/// A column of the table, not what is selected under its name.
fn of_row(source_name: &str) -> String {
    format!("t.{}", quoted(source_name))
}

/// An identifier between brackets, the closing one doubled inside.
fn quoted(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

fn native<'a>(
    relation: &'a Relation,
    column: &SourceColumn,
) -> Result<&'a NativeColumn, SourceError> {
    let missing = || changed(&format!("there is no column {}", column.source_name));
    relation.column(&column.source_name).ok_or_else(missing)
}

/// About what it took on the wire.
fn size(value: &ColumnData<'_>) -> usize {
    match value {
        ColumnData::String(Some(text)) => text.len() * 2 + 2,
        ColumnData::Binary(Some(bytes)) => bytes.len() + 2,
        _ => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_ends_where_it_should() {
        assert_eq!(quoted("a]; DROP TABLE b; --"), "[a]]; DROP TABLE b; --]");
        assert_eq!(of_row("Order No"), "t.[Order No]");
    }
}
