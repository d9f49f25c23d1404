//! What kind of value an expression gives, and whether its parts can be had from a row.

use pacioli_model::{
    Aggregate, Aggregation, Catalog, ColumnRef, ColumnType, Literal, Operation, OverTime,
    Predicate, RelationshipName, TableEntry, TableName, Value, nearest,
};

use super::ways::{self, Reach};

/// What can be done with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Number,
    Text,
    Time,
    Boolean,
}

impl Kind {
    fn of(data_type: ColumnType) -> Self {
        match data_type {
            ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float => Self::Number,
            ColumnType::Text => Self::Text,
            ColumnType::Date | ColumnType::Timestamp => Self::Time,
            ColumnType::Boolean => Self::Boolean,
        }
    }

    fn of_literal(literal: &Literal) -> Self {
        match literal {
            Literal::Boolean(_) => Self::Boolean,
            Literal::Integer(_) | Literal::Decimal(_) => Self::Number,
            Literal::Text(_) => Self::Text,
            Literal::Date(_) | Literal::Timestamp(_) => Self::Time,
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Time => "a date",
            Self::Boolean => "true or false",
        }
    }
}

/// The rows that an expression is about.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) catalog: &'a Catalog,
    /// Whose.
    pub(super) table: &'a TableName,
    /// Only its own columns may be named, and whoever asks may be.
    pub(super) is_policy: bool,
}

type Checked<T> = Result<T, String>;

impl Rows<'_> {
    /// The first thing that is wrong with an aggregation over these rows.
    pub(super) fn aggregation(&self, given: &Aggregation) -> Checked<()> {
        self.known(self.table)?;
        if let Some(value) = &given.value {
            let kind = self.value(value, Reach::One)?;
            let adds = matches!(given.aggregate, Aggregate::Sum | Aggregate::Average);
            if adds && kind != Kind::Number {
                return Err(format!("only numbers add up, and this is {}", kind.shown()));
            }
        }
        if let Some(filter) = &given.filter {
            self.predicate(filter)?;
        }
        match &given.date {
            Some(date) => self.time(&Value::Column(date.clone()), Reach::One)?,
            None if given.over_time != OverTime::Within => {
                return Err("say `on` which date it is a snapshot or a balance".to_owned());
            }
            None => {}
        }
        Ok(())
    }

    pub(super) fn predicate(&self, given: &Predicate) -> Checked<()> {
        match given {
            Predicate::All(parts) | Predicate::Any(parts) => {
                parts.iter().try_for_each(|part| self.predicate(part))
            }
            Predicate::Not(inner) => self.predicate(inner),
            Predicate::Compare { left, right, .. } => {
                let (one, other) = (self.value(left, Reach::Any)?, self.value(right, Reach::Any)?);
                comparable(one, other)
            }
            Predicate::OneOf { value, values } => {
                let kind = self.value(value, Reach::Any)?;
                values.iter().try_for_each(|it| comparable(kind, Kind::of_literal(it)))
            }
            Predicate::Matches { value, .. } => match self.value(value, Reach::Any)? {
                Kind::Text => Ok(()),
                kind => Err(format!("only texts contain others, and this is {}", kind.shown())),
            },
            Predicate::IsNull { value } => self.value(value, Reach::Any).map(drop),
            Predicate::Related { table, via, filter } => {
                self.related(table, via, filter.as_deref())
            }
            Predicate::Among { .. } => {
                Err("a declaration cannot be about another answer".to_owned())
            }
        }
    }

    fn related(
        &self,
        table: &TableName,
        via: &[RelationshipName],
        filter: Option<&Predicate>,
    ) -> Checked<()> {
        if self.is_policy {
            return Err(OWN_COLUMNS.to_owned());
        }
        self.known(table)?;
        via.iter().try_for_each(|name| self.relationship(name))?;
        let there = if via.is_empty() {
            ways::reaches(self.catalog, self.table, table, Reach::Any)
        } else {
            ways::leads(self.catalog, self.table, via, table, Reach::Any)
        };
        if !there {
            return Err(format!("no relationship leads from {} to {table}", self.table));
        }
        let rows = Rows { table, ..*self };
        filter.map_or(Ok(()), |filter| rows.predicate(filter))
    }

    fn value(&self, given: &Value, reach: Reach) -> Checked<Kind> {
        Ok(match given {
            Value::Column(column) => self.column(column, reach)?,
            Value::Literal(literal) => Kind::of_literal(literal),
            Value::Arithmetic { operation, left, right } => {
                self.number(left, *operation, reach)?;
                self.number(right, *operation, reach)?;
                Kind::Number
            }
            Value::Days { from, to } => {
                self.time(from, reach)?;
                self.time(to, reach)?;
                Kind::Number
            }
            Value::Part { of, .. } => {
                self.time(of, reach)?;
                Kind::Number
            }
            Value::Caller(_) if self.is_policy => Kind::Text,
            Value::Caller(_) => {
                return Err("`caller` is known in row policies alone".to_owned());
            }
            Value::Metric(_) | Value::Output(_) | Value::Figure(_) => {
                return Err("expected a value of a row".to_owned());
            }
        })
    }

    fn number(&self, given: &Value, operation: Operation, reach: Reach) -> Checked<()> {
        let hint =
            if operation == Operation::Subtract { "; for days, `days(from, to)`" } else { "" };
        match self.value(given, reach)? {
            Kind::Number => Ok(()),
            kind => {
                Err(format!("only numbers are calculated with, and this is {}{hint}", kind.shown()))
            }
        }
    }

    fn time(&self, given: &Value, reach: Reach) -> Checked<()> {
        match self.value(given, reach)? {
            Kind::Time => Ok(()),
            kind => Err(format!("expected a date, and this is {}", kind.shown())),
        }
    }

    fn column(&self, column: &ColumnRef, reach: Reach) -> Checked<Kind> {
        let data_type = known_column(self.catalog, &column.table, column.column.as_str())?;
        if self.is_policy && (&column.table != self.table || !column.via.is_empty()) {
            return Err(OWN_COLUMNS.to_owned());
        }
        column.via.iter().try_for_each(|name| self.relationship(name))?;
        if ways::has(self.catalog, self.table, column, reach) {
            return Ok(Kind::of(data_type));
        }
        let (from, to) = (self.table, &column.table);
        Err(if ways::has(self.catalog, self.table, column, Reach::Any) {
            format!("a row of {from} may have several rows of {to}: aggregate over {to} instead")
        } else {
            format!("no relationship leads from {from} to {to}: declare one")
        })
    }

    fn known(&self, table: &TableName) -> Checked<()> {
        known_table(self.catalog, table.as_str())
    }

    fn relationship(&self, name: &RelationshipName) -> Checked<()> {
        if self.catalog.relationship(name).is_some() {
            return Ok(());
        }
        let names = self.catalog.relationships.iter().map(|it| it.name.as_str());
        Err(unknown("relationship", name.as_str(), names))
    }
}

const OWN_COLUMNS: &str = "a policy is about columns of its own table alone";

fn comparable(one: Kind, other: Kind) -> Checked<()> {
    if one == other {
        return Ok(());
    }
    let hint = match (one, other) {
        (Kind::Time, Kind::Text) | (Kind::Text, Kind::Time) => "; write a day as date '2025-01-31'",
        _ => "",
    };
    Err(format!("{} cannot be compared with {}{hint}", one.shown(), other.shown()))
}

pub(super) fn known_table(catalog: &Catalog, name: &str) -> Checked<()> {
    if catalog.tables.iter().any(|table| table.name.as_str() == name) {
        return Ok(());
    }
    Err(unknown("table", name, catalog.tables.iter().map(|table| table.name.as_str())))
}

/// The column's type; else what was most likely meant.
pub(super) fn known_column(
    catalog: &Catalog,
    table: &TableName,
    column: &str,
) -> Checked<ColumnType> {
    known_table(catalog, table.as_str())?;
    let columns = catalog.table(table).map(|it| it.columns.as_slice()).unwrap_or_default();
    match columns.iter().find(|it| it.name.as_str() == column) {
        Some(column) => Ok(column.data_type),
        None => {
            let name = format!("{table}.{column}");
            // A slip within the table is likelier than the same name in another one.
            let own = nearest(column, columns.iter().map(|it| it.name.as_str()));
            let near = own.map(|it| format!("{table}.{it}")).or_else(|| {
                let has = |it: &&TableEntry| it.columns.iter().any(|it| it.name.as_str() == column);
                let elsewhere = catalog.tables.iter().find(has)?;
                Some(format!("{}.{column}", elsewhere.name))
            });
            let near = near.as_deref();
            Err(said("column", &name, near))
        }
    }
}

pub(super) fn unknown<'a>(
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> String {
    said(what, name, nearest(name, known))
}

fn said(what: &str, name: &str, near: Option<&str>) -> String {
    let hint = near.map_or(String::new(), |near| format!("; did you mean {near}?"));
    format!("there is no {what} {name}{hint}")
}
