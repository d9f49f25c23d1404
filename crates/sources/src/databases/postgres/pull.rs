//! Reading a table: by pages in the key's order, or by a cursor where there is no key.

use futures_util::StreamExt;
use pacioli_model::ColumnType;
use tokio_postgres::Row as Values;

use super::{
    catalog::{NativeColumn, Relation},
    connection::PostgresSession,
    value::{Raw, Unfit, decode},
};
use crate::{
    SourceError,
    databases::{
        cells::{Cell, Cells},
        changed,
        name::quoted,
        notes::{Change, Notes},
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
    /// `(changed >= ... OR changed IS NULL)`, a literal inside.
    since: Option<String>,
    key: Vec<KeyColumn>,
    changes_by: Option<ColumnType>,
}

struct KeyColumn {
    quoted: String,
    sql_type: String,
}

impl Session for PostgresSession {
    type Layout = Layout;
    type Key = Vec<String>;

    async fn lay_out(&mut self, pull: &Pull, mark: Option<&str>) -> Result<Layout, Failure> {
        match self.relation(&pull.table.name).await? {
            Some(relation) => Ok(Layout::new(pull, &relation, mark)?),
            None => Err(self.no_table(&pull.table.name).await?.into()),
        }
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
        after: Option<&Vec<String>>,
        rows: usize,
    ) -> Result<(), Failure> {
        self.rows = None;
        let (statement, parameters) = if layout.key.is_empty() {
            if !self.cursor {
                let body = layout.body();
                self.run(&format!("DECLARE pacioli NO SCROLL CURSOR FOR {body}")).await?;
                self.cursor = true;
            }
            (format!("FETCH FORWARD {rows} FROM pacioli"), Vec::new())
        } else {
            (layout.page(after.is_some(), rows), after.cloned().unwrap_or_default())
        };
        self.busy = true;
        let opened = self.client.query_raw(statement.as_str(), parameters).await;
        let opened = opened.inspect_err(|_| self.busy = false);
        self.rows = Some(Box::pin(opened.map_err(|error| self.failure(&error))?));
        Ok(())
    }

    async fn row(
        &mut self,
        layout: &Layout,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Option<Row<Vec<String>>>, Failure> {
        let Some(rows) = &mut self.rows else { return Ok(None) };
        match rows.next().await {
            Some(Ok(values)) => Ok(Some(layout.take(&values, notes, cells)?)),
            Some(Err(error)) => {
                self.rows = None;
                self.busy = false;
                Err(self.failure(&error))
            }
            None => {
                self.rows = None;
                self.busy = false;
                Ok(None)
            }
        }
    }
}

impl PostgresSession {
    /// Why a table is not among those that may be read.
    async fn no_table(&mut self, name: &str) -> Result<SourceError, Failure> {
        const THERE: &str = "SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n \
                             ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
        let (schema, table) = crate::databases::name::split(name).unwrap_or_default();
        if self.ask(THERE, &[&schema, &table]).await?.is_empty() {
            return Ok(changed(&format!("there is no table {name}")));
        }
        let user = &self.settings.user;
        let detail = format!("the user {user} may not read {name}; grant it SELECT on it");
        Ok(SourceError::Denied { detail })
    }
}

impl Layout {
    fn new(pull: &Pull, relation: &Relation, mark: Option<&str>) -> Result<Self, SourceError> {
        let columns = &pull.table.columns;
        let mut expressions = Vec::with_capacity(columns.len());
        for column in columns {
            expressions.push(expression(relation, column)?);
        }
        let key_columns = relation.key.iter().filter_map(|name| relation.column(name));
        let key: Vec<KeyColumn> = key_columns.map(KeyColumn::new).collect();
        expressions.extend(key.iter().map(|key| format!("{}::pg_catalog.text", key.quoted)));
        let by = pull.table.changes_by.as_ref();
        let by = by.and_then(|by| columns.iter().find(|column| column.name == *by));
        let mut since = None;
        if let Some(column) = by {
            let native = native(relation, column)?;
            let quoted = of_row(&native.source_name);
            let of = &native.sql_type;
            since = mark.map(|mark| {
                // A row without a stamp may have changed at any time.
                format!("({quoted} >= '{}'::{of} OR {quoted} IS NULL)", mark.replace('\'', "''"))
            });
            expressions.push(quoted);
        }
        let (schema, table) = (quoted(&relation.schema, '"'), quoted(&relation.table, '"'));
        Ok(Self {
            table: pull.table.name.clone(),
            columns: columns.clone(),
            select: format!("SELECT {} FROM {schema}.{table} AS t", expressions.join(", ")),
            since,
            key,
            changes_by: by.map(|column| column.data_type),
        })
    }

    fn body(&self) -> String {
        match &self.since {
            Some(since) => format!("{} WHERE {since}", self.select),
            None => self.select.clone(),
        }
    }

    /// The statement of a page; its parameters are the values of the last key.
    fn page(&self, after: bool, rows: usize) -> String {
        let order: Vec<&str> = self.key.iter().map(|key| key.quoted.as_str()).collect();
        let order = order.join(", ");
        let place = |(index, key): (usize, &KeyColumn)| {
            format!("${}::pg_catalog.text::{}", index + 1, key.sql_type)
        };
        let last = self.key.iter().enumerate().map(place).collect::<Vec<_>>().join(", ");
        let mut conditions: Vec<String> = self.since.iter().cloned().collect();
        if after {
            conditions.push(format!("ROW({order}) > ROW({last})"));
        }
        let filter = if conditions.is_empty() {
            String::new()
        } else {
            format!(" WHERE {}", conditions.join(" AND "))
        };
        format!("{}{filter} ORDER BY {order} LIMIT {rows}", self.select)
    }

    fn take(
        &self,
        values: &Values,
        notes: &Notes,
        cells: &mut Cells,
    ) -> Result<Row<Vec<String>>, SourceError> {
        let mut bytes = 0;
        for (place, column) in self.columns.iter().enumerate() {
            let raw = raw(values, place)?;
            bytes += 4 + raw.as_ref().map_or(0, |raw| raw.0.len());
            let cell = match raw {
                None => Cell::Null,
                Some(Raw(raw)) => {
                    let of = values.columns()[place].type_();
                    match decode(column.data_type, of, raw) {
                        Ok(cell) => cell,
                        Err(unfit) => self.unfit(column, &unfit, notes)?,
                    }
                }
            };
            cells.put(place, cell)?;
        }
        cells.end_row(bytes);
        let at = self.columns.len();
        let key: Result<Vec<String>, SourceError> =
            (at..at + self.key.len()).map(|place| text(values, place)).collect();
        let key = Some(key?).filter(|key| !key.is_empty());
        Ok(Row { key, changed: self.changed(values, at + self.key.len())? })
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
            Unfit::Wider => Err(changed(&format!("{name} has values with more digits now"))),
            Unfit::Other => Err(changed(&format!("{name} has values of another type now"))),
        }
    }

    fn changed(&self, values: &Values, place: usize) -> Result<Option<i64>, SourceError> {
        let Some(data_type) = self.changes_by else { return Ok(None) };
        let Some(Raw(raw)) = raw(values, place)? else { return Ok(None) };
        Ok(match decode(data_type, values.columns()[place].type_(), raw) {
            Ok(Cell::Integer(value) | Cell::Timestamp(value)) => Some(value),
            Ok(Cell::Date(days)) => Some(days.into()),
            _ => None,
        })
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

impl KeyColumn {
    fn new(column: &NativeColumn) -> Self {
        Self { quoted: of_row(&column.source_name), sql_type: column.sql_type.clone() }
    }
}

/// A column of the table. By its bare name, ORDER BY would take what is selected under that name, the
/// text of a number for example, and sort by that.
fn of_row(source_name: &str) -> String {
    format!("t.{}", quoted(source_name, '"'))
}

fn native<'a>(
    relation: &'a Relation,
    column: &SourceColumn,
) -> Result<&'a NativeColumn, SourceError> {
    let missing = || changed(&format!("there is no column {}", column.source_name));
    relation.column(&column.source_name).ok_or_else(missing)
}

fn raw(values: &Values, place: usize) -> Result<Option<Raw<'_>>, SourceError> {
    values.try_get(place).map_err(|error| changed(&error.to_string()))
}

fn text(values: &Values, place: usize) -> Result<String, SourceError> {
    let key = raw(values, place)?;
    let text = key.and_then(|raw| std::str::from_utf8(raw.0).ok().map(str::to_owned));
    text.ok_or_else(|| changed("a key is no text in UTF-8"))
}
