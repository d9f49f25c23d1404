//! JSON objects to record batches: each value goes from its text into its column, without a tree between.

use std::{borrow::Cow, collections::HashMap, fmt, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
        RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
    },
    datatypes::SchemaRef,
};
use chrono_tz::Tz;
use pacioli_model::{ColumnName, ColumnType};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::value::{self, Unreadable};
use crate::{
    SourceError,
    source::{SourceTable, arrow_type},
};

/// One value of a row as JSON; empty when the row has none.
pub(super) type Cell<'r> = Option<Cow<'r, str>>;

/// How a system writes what others write otherwise.
#[derive(Debug, Clone, Copy)]
pub(super) struct Writing {
    /// `false` stands for nothing in all columns but those of truth.
    pub(super) false_is_null: bool,
    /// A reference may come as `[id, name]`.
    pub(super) pairs: bool,
    /// The zone of times without an offset.
    pub(super) zone: Tz,
}

impl Default for Writing {
    fn default() -> Self {
        Self { false_is_null: false, pairs: false, zone: Tz::UTC }
    }
}

/// Where an object's members go.
#[derive(Default)]
pub(super) struct Fields(HashMap<String, Slot>);

enum Slot {
    Cell(usize),
    Inner(Fields),
}

impl Fields {
    /// The member at `path`, whose steps are apart by `/`, goes to the cell of this number. A member
    /// goes to one cell: the first one that asks for it.
    pub(super) fn place(&mut self, path: &str, cell: usize) {
        match path.split_once('/') {
            None => {
                self.0.entry(path.to_owned()).or_insert(Slot::Cell(cell));
            }
            Some((step, rest)) => {
                let slot =
                    self.0.entry(step.to_owned()).or_insert_with(|| Slot::Inner(Self::default()));
                if let Slot::Inner(inner) = slot {
                    inner.place(rest, cell);
                }
            }
        }
    }

    /// The cell that the member of this path goes to.
    pub(super) fn cell(&self, path: &str) -> Option<usize> {
        match path.split_once('/') {
            None => match self.0.get(path)? {
                Slot::Cell(cell) => Some(*cell),
                Slot::Inner(_) => None,
            },
            Some((step, rest)) => match self.0.get(step)? {
                Slot::Inner(inner) => inner.cell(rest),
                Slot::Cell(_) => None,
            },
        }
    }

    /// Puts an object's values into the cells.
    pub(super) fn read<'r>(
        &self,
        object: &'r str,
        cells: &mut [Cell<'r>],
    ) -> Result<(), SourceError> {
        let mut reader = serde_json::Deserializer::from_str(object);
        Object { fields: self, cells }.deserialize(&mut reader).map_err(|_| {
            SourceError::invalid("source_row", "The source sent a row that is not a JSON object.")
        })
    }
}

struct Object<'f, 'c, 'r> {
    fields: &'f Fields,
    cells: &'c mut [Cell<'r>],
}

impl<'r> DeserializeSeed<'r> for Object<'_, '_, 'r> {
    type Value = ();

    fn deserialize<D: Deserializer<'r>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'r> Visitor<'r> for Object<'_, '_, 'r> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'r>>(self, mut members: A) -> Result<(), A::Error> {
        let Self { fields, cells } = self;
        while let Some(slot) = members.next_key_seed(Member(fields))? {
            match slot {
                None => _ = members.next_value::<IgnoredAny>()?,
                Some(Slot::Cell(cell)) => {
                    let raw: &'r RawValue = members.next_value()?;
                    if let Some(place) = cells.get_mut(*cell) {
                        *place = Some(Cow::Borrowed(raw.get()));
                    }
                }
                Some(Slot::Inner(inner)) => {
                    let raw: &'r RawValue = members.next_value()?;
                    if raw.get().starts_with('{') {
                        let mut reader = serde_json::Deserializer::from_str(raw.get());
                        let inner = Object { fields: inner, cells: &mut *cells };
                        inner.deserialize(&mut reader).map_err(serde::de::Error::custom)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A member's name, looked up without being kept.
struct Member<'f>(&'f Fields);

impl<'de, 'f> DeserializeSeed<'de> for Member<'f> {
    type Value = Option<&'f Slot>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<'f> Visitor<'_> for Member<'f> {
    type Value = Option<&'f Slot>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.get(name))
    }
}

/// A page of rows on its way to a batch.
pub(super) struct Rows<'t> {
    table: &'t SourceTable,
    schema: SchemaRef,
    writing: Writing,
    columns: Vec<Values>,
    count: usize,
}

impl<'t> Rows<'t> {
    pub(super) fn new(table: &'t SourceTable, writing: Writing) -> Self {
        let columns = table.columns.iter().map(|column| Values::new(column.data_type)).collect();
        Self { table, schema: table.schema(), writing, columns, count: 0 }
    }

    /// Adds a row whose first cells are those of the table's columns.
    pub(super) fn push(&mut self, cells: &[Cell<'_>]) -> Result<(), SourceError> {
        for ((values, column), cell) in self.columns.iter_mut().zip(&self.table.columns).zip(cells)
        {
            if values.push(cell.as_deref(), self.writing).is_err() {
                return Err(unreadable(self.table, &column.name, column.data_type));
            }
        }
        self.count += 1;
        Ok(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// All of them.
    pub(super) fn batch(self) -> Result<RecordBatch, SourceError> {
        let arrays: Vec<ArrayRef> = self.columns.into_iter().map(Values::finish).collect();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(self.count));
        RecordBatch::try_new_with_options(self.schema, arrays, &options).map_err(|error| {
            SourceError::invalid(
                "source_row",
                format!("The rows of {} do not fit together: {error}", self.table.name),
            )
        })
    }
}

/// The value is not shown: it may be nobody's but the company's.
fn unreadable(table: &SourceTable, column: &ColumnName, data_type: ColumnType) -> SourceError {
    let detail = format!(
        "The column {column} of {} holds a value that is no {}. Read the source's tables anew: the \
         column may have changed its type.",
        table.name,
        data_type.as_str(),
    );
    SourceError::invalid("source_value", detail)
}

enum Values {
    Text(StringBuilder),
    Boolean(BooleanBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder, u8),
    Float(Float64Builder),
    Date(Date32Builder),
    Timestamp(TimestampMicrosecondBuilder),
}

impl Values {
    fn new(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Text => Self::Text(StringBuilder::new()),
            ColumnType::Boolean => Self::Boolean(BooleanBuilder::new()),
            ColumnType::Integer => Self::Integer(Int64Builder::new()),
            ColumnType::Decimal { scale } => {
                Self::Decimal(Decimal128Builder::new().with_data_type(arrow_type(data_type)), scale)
            }
            ColumnType::Float => Self::Float(Float64Builder::new()),
            ColumnType::Date => Self::Date(Date32Builder::new()),
            ColumnType::Timestamp => Self::Timestamp(TimestampMicrosecondBuilder::new()),
        }
    }

    fn push(&mut self, cell: Option<&str>, writing: Writing) -> Result<(), Unreadable> {
        let raw = cell.map(str::trim).filter(|raw| *raw != "null").filter(|raw| {
            !(writing.false_is_null && *raw == "false") || matches!(self, Self::Boolean(_))
        });
        let raw = raw.map(|raw| if writing.pairs { first_of_pair(raw) } else { raw });
        let raw = raw.filter(|raw| *raw != "\"\"" || matches!(self, Self::Text(_)));
        match self {
            Self::Text(values) => values.append_option(read(raw, |raw| sure(value::text(raw)))?),
            Self::Boolean(values) => {
                values.append_option(read(raw, |raw| sure(value::boolean(raw)))?);
            }
            Self::Integer(values) => {
                values.append_option(read(raw, |raw| sure(value::integer(raw)))?);
            }
            Self::Decimal(values, scale) => {
                values.append_option(read(raw, |raw| sure(value::decimal(raw, *scale)))?);
            }
            Self::Float(values) => values.append_option(read(raw, value::float)?),
            Self::Date(values) => values.append_option(read(raw, value::date)?),
            Self::Timestamp(values) => {
                values.append_option(read(raw, |raw| value::timestamp(raw, writing.zone))?);
            }
        }
        Ok(())
    }

    fn finish(self) -> ArrayRef {
        match self {
            Self::Text(mut values) => Arc::new(values.finish()),
            Self::Boolean(mut values) => Arc::new(values.finish()),
            Self::Integer(mut values) => Arc::new(values.finish()),
            Self::Decimal(mut values, _) => Arc::new(values.finish()),
            Self::Float(mut values) => Arc::new(values.finish()),
            Self::Date(mut values) => Arc::new(values.finish()),
            Self::Timestamp(mut values) => Arc::new(values.finish()),
        }
    }
}

/// Nothing for no value.
fn read<'r, T>(
    raw: Option<&'r str>,
    reading: impl Fn(&'r str) -> Result<Option<T>, Unreadable>,
) -> Result<Option<T>, Unreadable> {
    raw.map_or(Ok(None), reading)
}

/// A value that must be there.
fn sure<T>(value: Option<T>) -> Result<Option<T>, Unreadable> {
    value.map(Some).ok_or(Unreadable)
}

/// The `7` of `[7, "Name"]`; anything else as it is.
fn first_of_pair(raw: &str) -> &str {
    match raw.strip_prefix('[').and_then(|rest| rest.split_once(',')) {
        Some((first, _)) if first.trim().bytes().all(|byte| byte.is_ascii_digit()) => first.trim(),
        _ => raw,
    }
}

#[cfg(test)]
mod tests {
    use arrow::{array::Array, util::display::array_value_to_string};

    use super::*;
    use crate::source::SourceColumn;

    fn table(columns: &[(&str, ColumnType)]) -> SourceTable {
        let column = |(path, data_type): &(&str, ColumnType)| SourceColumn {
            source_name: (*path).to_owned(),
            name: ColumnName::parse(&path.to_lowercase().replace('/', "_")).unwrap(),
            label: String::new(),
            data_type: *data_type,
        };
        SourceTable {
            name: "t".into(),
            label: "t".into(),
            columns: columns.iter().map(column).collect(),
            primary_key: vec![],
            foreign_keys: vec![],
            rows: None,
            changes_by: None,
        }
    }

    fn batch(
        table: &SourceTable,
        writing: Writing,
        rows: &[&str],
    ) -> Result<Vec<Vec<String>>, SourceError> {
        let mut fields = Fields::default();
        for (cell, column) in table.columns.iter().enumerate() {
            fields.place(&column.source_name, cell);
        }
        let mut batch = Rows::new(table, writing);
        for row in rows {
            let mut cells = vec![None; table.columns.len()];
            fields.read(row, &mut cells)?;
            batch.push(&cells)?;
        }
        let batch = batch.batch()?;
        let shown = |array: &dyn Array, row| {
            if array.is_null(row) {
                "null".to_owned()
            } else {
                array_value_to_string(array, row).unwrap()
            }
        };
        Ok((0..batch.num_rows())
            .map(|row| batch.columns().iter().map(|it| shown(&**it, row)).collect())
            .collect())
    }

    #[test]
    fn values_go_from_their_text_into_their_columns() {
        let table = table(&[
            ("Id", ColumnType::Integer),
            ("Name", ColumnType::Text),
            ("Total", ColumnType::Decimal { scale: 2 }),
            ("Address/City", ColumnType::Text),
            ("Open", ColumnType::Boolean),
        ]);
        let rows = [
            r#"{"extra": {"x": [1]}, "Name": "Caf\u00e9", "Id": 1, "Total": 10.005, "Address": {"City": "Rome", "Zip": "1"}, "Open": true}"#,
            r#"{"Id": "2", "Total": "-3", "Address": null, "Name": null}"#,
        ];
        assert_eq!(
            batch(&table, Writing::default(), &rows).unwrap(),
            [["1", "Café", "10.01", "Rome", "true"], ["2", "null", "-3.00", "null", "null"]]
        );
    }

    #[test]
    fn false_is_nothing_where_the_system_writes_it_so() {
        let table = table(&[
            ("partner", ColumnType::Integer),
            ("name", ColumnType::Text),
            ("active", ColumnType::Boolean),
            ("day", ColumnType::Date),
        ]);
        let writing = Writing { false_is_null: true, pairs: true, ..Writing::default() };
        let rows = [
            r#"{"partner": [7, "A, b"], "name": false, "active": false, "day": false}"#,
            r#"{"partner": 8, "name": "false", "active": true, "day": "2024-01-31"}"#,
        ];
        assert_eq!(
            batch(&table, writing, &rows).unwrap(),
            [["7", "null", "false", "null"], ["8", "false", "true", "2024-01-31"]]
        );
    }

    #[test]
    fn a_value_that_does_not_fit_is_an_error_that_does_not_show_it() {
        let table = table(&[("n", ColumnType::Integer)]);
        let error = batch(&table, Writing::default(), &[r#"{"n": "4711 secret"}"#])
            .unwrap_err()
            .to_string();
        assert!(error.contains("column n of t") && !error.contains("4711"), "{error}");
        assert!(batch(&table, Writing::default(), &["[1]"]).is_err());
    }
}
