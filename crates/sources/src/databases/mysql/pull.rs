//! Reading a table: by pages in the key's order, or in one go where there is no key.

use mysql_async::{Params, Row as Values, Value};
use pacioli_model::ColumnType;

use super::{
    catalog::{NativeColumn, Relation},
    connection::MysqlSession,
    value::{Native, Unfit, decode},
};
use crate::{
    SourceError,
    databases::{
        cells::{Cell, Cells},
        changed,
        name::{self, quoted},
        notes::{Change, Notes},
        paging::{self, Compared},
        reader::{Row, Session},
        retry::Failure,
    },
    source::{Pull, SourceColumn},
};

/// How a table is read.
pub(crate) struct Layout {
    table: String,
    columns: Vec<SourceColumn>,
    select: String,
    /// `(changed >= ? OR changed IS NULL)` and the value.
    since: Option<(String, Value)>,
    key: Vec<KeyColumn>,
    changes_by: Option<ColumnType>,
}

struct KeyColumn {
    quoted: String,
    /// What stands for its value in a condition.
    place: &'static str,
}

impl Session for MysqlSession {
    type Layout = Layout;
    type Key = Vec<Value>;

    async fn lay_out(&mut self, pull: &Pull, mark: Option<&str>) -> Result<Layout, Failure> {
        let name = &pull.table.name;
        let missing = || changed(&format!("there is no table {name} that may be read"));
        let (schema, table) = name::split(name).ok_or_else(missing)?;
        let relations = self.relations(&[schema], Some(&table)).await?;
        // MySQL may compare names without regard to case.
        let relation = relations.into_iter().find(|relation| relation.table == table);
        let Some(relation) = relation else { return Err(self.no_table(name, missing()).await?) };
        let layout = Layout::new(pull, &relation, mark)?;
        if layout.key.is_empty() {
            self.unlimited().await?;
        }
        Ok(layout)
    }

    fn now(&self) -> i64 {
        self.now
    }

    fn is_keyed(layout: &Layout) -> bool {
        !layout.key.is_empty()
    }

    async fn open(
        &mut self,
        layout: &Layout,
        after: Option<&Vec<Value>>,
        rows: usize,
    ) -> Result<(), Failure> {
        if layout.key.is_empty() && self.ended {
            return Ok(()); // it came in one go: there is no other page
        }
        let (statement, values) = layout.page(after, rows);
        self.ended = true;
        self.start(statement, Params::Positional(values))
    }

    async fn row(
        &mut self,
        layout: &Layout,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Option<Row<Vec<Value>>>, Failure> {
        match self.next().await? {
            Some(values) => Ok(Some(layout.take(&values, notes, cells)?)),
            None => Ok(None),
        }
    }
}

impl MysqlSession {
    /// Why a table is not among those that may be read: the server tells when it is asked for it.
    async fn no_table(&mut self, name: &str, missing: SourceError) -> Result<Failure, Failure> {
        let Some((schema, table)) = name::split(name) else { return Ok(missing.into()) };
        let (schema, table) = (quoted(&schema, '`'), quoted(&table, '`'));
        let statement = format!("SELECT 1 FROM {schema}.{table} LIMIT 0");
        match self.ask(&statement, Params::Empty).await {
            Ok(_) => Ok(missing.into()),
            Err(failure) => Ok(failure),
        }
    }
}

impl Layout {
    fn new(pull: &Pull, relation: &Relation, mark: Option<&str>) -> Result<Self, SourceError> {
        let columns = &pull.table.columns;
        let mut expressions = Vec::with_capacity(columns.len());
        for column in columns {
            expressions.push(expression(relation, column)?);
        }
        let key = key(relation);
        expressions.extend(key.iter().map(KeyColumn::select));
        let by = pull.table.changes_by.as_ref();
        let by = by.and_then(|by| columns.iter().find(|column| column.name == *by));
        let mut since = None;
        if let Some(column) = by {
            let quoted = of_row(&native(relation, column)?.source_name);
            // A row without a stamp may have changed at any time.
            let condition = format!("({quoted} >= ? OR {quoted} IS NULL)");
            since = mark.map(|mark| (condition, literal(column.data_type, mark)));
            expressions.push(quoted);
        }
        if expressions.is_empty() {
            expressions.push("1".to_owned());
        }
        let (schema, table) = (quoted(&relation.schema, '`'), quoted(&relation.table, '`'));
        Ok(Self {
            table: pull.table.name.clone(),
            columns: columns.clone(),
            select: format!("SELECT {} FROM {schema}.{table} AS t", expressions.join(", ")),
            since,
            key,
            changes_by: by.map(|column| column.data_type),
        })
    }

    fn page(&self, after: Option<&Vec<Value>>, rows: usize) -> (String, Vec<Value>) {
        let mut conditions = Vec::new();
        let mut values = Vec::new();
        if let Some((condition, value)) = &self.since {
            conditions.push(condition.clone());
            values.push(value.clone());
        }
        if let Some(after) = after {
            let (condition, last) = beyond(&self.key, after);
            conditions.push(condition);
            values.extend(last);
        }
        let filter = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        let order: Vec<&str> = self.key.iter().map(|key| key.quoted.as_str()).collect();
        let end = if order.is_empty() {
            String::new()
        } else {
            format!(" ORDER BY {} LIMIT {rows}", order.join(", "))
        };
        (format!("{}{filter}{end}", self.select), values)
    }

    fn take(
        &self,
        values: &Values,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Row<Vec<Value>>, SourceError> {
        let mut bytes = 0;
        for (place, column) in self.columns.iter().enumerate() {
            let value = value(values, place)?;
            bytes += size(value);
            let cell = match decode(column.data_type, value) {
                Ok(cell) => cell,
                Err(unfit) => self.unfit(column, &unfit, notes)?,
            };
            cells.put(place, cell)?;
        }
        cells.end_row(bytes);
        let at = self.columns.len();
        let key: Result<Vec<Value>, SourceError> =
            (at..at + self.key.len()).map(|place| value(values, place).cloned()).collect();
        let key = Some(key?).filter(|key| !key.is_empty());
        let changed = match self.changes_by {
            None => None,
            Some(data_type) => match decode(data_type, value(values, at + self.key.len())?) {
                Ok(Cell::Integer(value) | Cell::Timestamp(value)) => Some(value),
                Ok(Cell::Date(days)) => Some(days.into()),
                _ => None,
            },
        };
        Ok(Row { key, changed })
    }

    fn unfit(
        &self,
        column: &SourceColumn,
        unfit: &Unfit,
        notes: &Notes,
    ) -> Result<Cell<'static>, SourceError> {
        let name = &column.source_name;
        match unfit {
            Unfit::Empty(why) => {
                notes.count(&self.table, name, Change::Emptied(why));
                Ok(Cell::Null)
            }
            Unfit::Garbled(text) => {
                notes.count(&self.table, name, Change::Garbled);
                Ok(Cell::Text(text.clone().into()))
            }
            Unfit::Wider => Err(changed(&format!("{name} has values that need a wider type now"))),
            Unfit::Other => Err(changed(&format!("{name} has values of another type now"))),
        }
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

/// The key's columns; none when rows cannot be asked for in its order.
fn key(relation: &Relation) -> Vec<KeyColumn> {
    let one = |name: &String| {
        relation.column(name).filter(|column| column.native.is_ordered()).map(KeyColumn::new)
    };
    relation.key.iter().map(one).collect::<Option<_>>().unwrap_or_default()
}

/// A mark as a value. A number is a number: next to a text, both would be compared as binary fractions.
fn literal(data_type: ColumnType, mark: &str) -> Value {
    match data_type {
        ColumnType::Integer => mark.parse().map_or(Value::from(mark), Value::Int),
        _ => Value::from(mark),
    }
}

impl KeyColumn {
    fn new(column: &NativeColumn) -> Self {
        let place = if column.native == Native::KeyBytes { "UNHEX(?)" } else { "?" };
        Self { quoted: of_row(&column.source_name), place }
    }

    fn select(&self) -> String {
        if self.place == "?" { self.quoted.clone() } else { format!("HEX({})", self.quoted) }
    }
}

/// The rows after a key, and the values of its places.
fn beyond(key: &[KeyColumn], last: &[Value]) -> (String, Vec<Value>) {
    let compared = key.iter().map(|key| Compared { column: &key.quoted, place: key.place });
    let (condition, places) = paging::beyond(&compared.collect::<Vec<_>>());
    let values = places.into_iter().filter_map(|place| last.get(place).cloned());
    (condition, values.collect())
}

/// A column of the table, not what is selected under its name.
fn of_row(source_name: &str) -> String {
    format!("t.{}", quoted(source_name, '`'))
}

fn native<'a>(
    relation: &'a Relation,
    column: &SourceColumn,
) -> Result<&'a NativeColumn, SourceError> {
    let missing = || changed(&format!("there is no column {}", column.source_name));
    relation.column(&column.source_name).ok_or_else(missing)
}

fn value(values: &Values, place: usize) -> Result<&Value, SourceError> {
    values.as_ref(place).ok_or_else(|| changed("a row has fewer columns than were selected"))
}

/// About what it took on the wire.
fn size(value: &Value) -> usize {
    match value {
        Value::NULL => 0,
        Value::Bytes(bytes) => bytes.len() + 1,
        _ => 8,
    }
}
