//! A pack's expressions over the tables that are here.

use std::collections::BTreeMap;

use pacioli_model::{
    Aggregation, Catalog, ColumnMeaning, ColumnRef, ColumnType, Definition, Literal, Metric,
    MetricName, Predicate, RelationshipName, TableMeaning, TableName, Unit, Value,
};

use super::{common::COMMON, names::Names};

/// What is called what here.
pub(super) struct Renamed<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) relationships: &'a BTreeMap<RelationshipName, RelationshipName>,
    pub(super) catalog: &'a Catalog,
}

/// What is missing, as the pack calls it.
type Missing = Vec<String>;

impl Renamed<'_> {
    /// The metric over these tables, or everything that is missing for it.
    pub(super) fn metric(&self, given: &Metric) -> Result<Metric, Missing> {
        let mut missing = Missing::new();
        let mut metric = given.clone();
        match &mut metric.definition {
            Definition::Aggregate(aggregation) => self.aggregation(aggregation, &mut missing),
            Definition::Calculation(value) => self.value(value, &mut missing),
        }
        if let Unit::CurrencyOf(column) = &mut metric.unit {
            self.column(column, &mut missing);
        }
        missing.dedup();
        if missing.is_empty() { Ok(metric) } else { Err(missing) }
    }

    /// What is said of a table, as far as its columns are here.
    pub(super) fn table(&self, given: &TableMeaning) -> Option<TableMeaning> {
        let entry = self.names.table(&given.table)?;
        let named = |column: &pacioli_model::ColumnName| {
            Names::column_called(entry, column.as_str()).map(|it| it.name.clone())
        };
        let columns = given.columns.iter().filter_map(|it| {
            let column = named(&it.column)?;
            Some(ColumnMeaning { column, unit: self.unit(it.unit.as_ref()), ..it.clone() })
        });
        let filter = given.default_filter.clone().and_then(|mut filter| {
            let mut missing = Missing::new();
            self.predicate(&mut filter, &mut missing);
            missing.is_empty().then_some(filter)
        });
        let mut table = TableMeaning {
            table: entry.name.clone(),
            default_filter: filter,
            date: given.date.as_ref().and_then(named),
            display: given.display.as_ref().and_then(named),
            columns: columns.collect(),
            ..given.clone()
        };
        COMMON.name_columns(&mut table, entry);
        Some(table)
    }

    fn unit(&self, given: Option<&Unit>) -> Option<Unit> {
        match given.cloned() {
            Some(Unit::CurrencyOf(mut column)) => {
                let mut missing = Missing::new();
                self.column(&mut column, &mut missing);
                missing.is_empty().then_some(Unit::CurrencyOf(column))
            }
            other => other,
        }
    }

    fn aggregation(&self, given: &mut Aggregation, missing: &mut Missing) {
        self.table_name(&mut given.table, missing);
        if let Some(value) = &mut given.value {
            self.value(value, missing);
        }
        if let Some(filter) = &mut given.filter {
            self.predicate(filter, missing);
        }
        if let Some(date) = &mut given.date {
            self.column(date, missing);
        }
    }

    fn table_name(&self, table: &mut TableName, missing: &mut Missing) {
        match self.names.table(table) {
            Some(entry) => *table = entry.name.clone(),
            None => note(missing, table.to_string()),
        }
    }

    fn column(&self, given: &mut ColumnRef, missing: &mut Missing) {
        match self.names.column(given) {
            Some((entry, column)) => {
                given.table = entry.name.clone();
                given.column = column.name.clone();
            }
            None => note(missing, format!("{}.{}", given.table, given.column)),
        }
        self.via(&mut given.via, missing);
    }

    fn via(&self, via: &mut [RelationshipName], missing: &mut Missing) {
        for name in via {
            match self.relationships.get(name) {
                Some(here) => *name = here.clone(),
                None => note(missing, name.to_string()),
            }
        }
    }

    fn value(&self, given: &mut Value, missing: &mut Missing) {
        match given {
            Value::Column(column) => self.column(column, missing),
            Value::Arithmetic { left: one, right: other, .. }
            | Value::Days { from: one, to: other } => {
                self.value(one, missing);
                self.value(other, missing);
            }
            Value::Part { of, .. } => self.value(of, missing),
            Value::Literal(_)
            | Value::Output(_)
            | Value::Metric(_)
            | Value::Figure(_)
            | Value::Caller(_) => {}
        }
    }

    fn predicate(&self, given: &mut Predicate, missing: &mut Missing) {
        match given {
            Predicate::All(parts) | Predicate::Any(parts) => {
                for part in parts {
                    self.predicate(part, missing);
                }
            }
            Predicate::Not(inner) => self.predicate(inner, missing),
            Predicate::Compare { left, right, .. } => {
                self.value(left, missing);
                self.value(right, missing);
                if let (Value::Column(column), Value::Literal(literal)) = (&*left, &mut *right) {
                    self.as_boolean(column, literal);
                }
            }
            Predicate::OneOf { value, values } => {
                self.value(value, missing);
                if let Value::Column(column) = &*value {
                    for literal in values {
                        self.as_boolean(column, literal);
                    }
                }
            }
            Predicate::Matches { value, .. } | Predicate::IsNull { value } => {
                self.value(value, missing);
            }
            Predicate::Related { table, via, filter } => {
                self.table_name(table, missing);
                self.via(via, missing);
                if let Some(filter) = filter {
                    self.predicate(filter, missing);
                }
            }
            Predicate::Among { .. } => {}
        }
    }

    /// A column of `Y` and `N`, or of 1 and 0, may have come here as true and false.
    fn as_boolean(&self, column: &ColumnRef, literal: &mut Literal) {
        let here = self.catalog.table(&column.table).and_then(|it| it.column(&column.column));
        if here.is_none_or(|it| it.data_type != ColumnType::Boolean) {
            return;
        }
        let value = match literal {
            Literal::Text(text) if matches!(text.as_str(), "Y" | "tYES" | "Yes") => true,
            Literal::Text(text) if matches!(text.as_str(), "N" | "tNO" | "No") => false,
            Literal::Integer(1) => true,
            Literal::Integer(0) => false,
            _ => return,
        };
        *literal = Literal::Boolean(value);
    }
}

fn note(missing: &mut Missing, name: String) {
    if !missing.contains(&name) {
        missing.push(name);
    }
}

/// Gives the metrics that a calculation is made of other names.
pub(super) fn parts(
    definition: &mut Definition,
    renamed: &impl Fn(&MetricName) -> Option<MetricName>,
) {
    if let Definition::Calculation(value) = definition {
        part(value, renamed);
    }
}

fn part(value: &mut Value, renamed: &impl Fn(&MetricName) -> Option<MetricName>) {
    match value {
        Value::Metric(name) => {
            if let Some(other) = renamed(name) {
                *name = other;
            }
        }
        Value::Arithmetic { left, right, .. } => {
            part(left, renamed);
            part(right, renamed);
        }
        _ => {}
    }
}
