//! Which columns, tables and metrics an expression names.

use crate::{
    Aggregation, Ask, Catalog, ColumnRef, Definition, Figure, GroupKey, MetricName, Predicate,
    RelationshipName, TableName, Value,
};

/// One thing that an expression names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Named<'a> {
    /// A column, and with it its table and the way to it.
    Column(&'a ColumnRef),
    /// A table whose rows are counted or related.
    Table(&'a TableName),
    /// A relationship to follow.
    Relationship(&'a RelationshipName),
    /// Another metric.
    Metric(&'a MetricName),
    /// Somebody who asks.
    Caller,
}

impl Definition {
    /// Everything that it names, in reading order.
    pub fn names(&self) -> Vec<Named<'_>> {
        let mut names = Vec::new();
        match self {
            Self::Aggregate(aggregation) => of_aggregation(aggregation, &mut names),
            Self::Calculation(value) => of_value(value, &mut names),
        }
        names
    }
}

impl Ask {
    /// Everything that it names, with what the Asks inside it name.
    pub fn names(&self) -> Vec<Named<'_>> {
        let mut names = Vec::new();
        of_ask(self, &mut names);
        names
    }
}

impl Predicate {
    /// Everything that it names, in reading order.
    pub fn names(&self) -> Vec<Named<'_>> {
        let mut names = Vec::new();
        of_predicate(self, &mut names);
        names
    }
}

impl Catalog {
    /// What of these names is not there: `orders`, `orders.total`, each once. Metrics are not looked
    /// for; of a table that is not there, its columns are named, for they say what is needed.
    pub fn missing<'a>(&self, names: impl IntoIterator<Item = Named<'a>>) -> Vec<String> {
        let mut missing = Vec::new();
        let mut add = |text: String| {
            if !missing.contains(&text) {
                missing.push(text);
            }
        };
        for named in names {
            match named {
                Named::Column(column) => {
                    let there = self.table(&column.table).and_then(|it| it.column(&column.column));
                    if there.is_none() {
                        add(format!("{}.{}", column.table, column.column));
                    }
                }
                Named::Table(table) if self.table(table).is_none() => add(table.to_string()),
                Named::Relationship(name) if self.relationship(name).is_none() => {
                    add(name.to_string());
                }
                Named::Table(_) | Named::Relationship(_) | Named::Metric(_) | Named::Caller => {}
            }
        }
        missing
    }
}

fn of_aggregation<'a>(aggregation: &'a Aggregation, names: &mut Vec<Named<'a>>) {
    names.push(Named::Table(&aggregation.table));
    if let Some(value) = &aggregation.value {
        of_value(value, names);
    }
    if let Some(filter) = &aggregation.filter {
        of_predicate(filter, names);
    }
    if let Some(date) = &aggregation.date {
        of_column(date, names);
    }
}

fn of_column<'a>(column: &'a ColumnRef, names: &mut Vec<Named<'a>>) {
    names.push(Named::Column(column));
    names.extend(column.via.iter().map(Named::Relationship));
}

fn of_value<'a>(value: &'a Value, names: &mut Vec<Named<'a>>) {
    match value {
        Value::Column(column) => of_column(column, names),
        Value::Metric(metric) => names.push(Named::Metric(metric)),
        Value::Caller(_) => names.push(Named::Caller),
        Value::Arithmetic { left: one, right: other, .. }
        | Value::Days { from: one, to: other } => {
            of_value(one, names);
            of_value(other, names);
        }
        Value::Part { of, .. } => of_value(of, names),
        Value::Figure(ask) => of_ask(ask, names),
        Value::Literal(_) | Value::Output(_) => {}
    }
}

fn of_predicate<'a>(predicate: &'a Predicate, names: &mut Vec<Named<'a>>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                of_predicate(part, names);
            }
        }
        Predicate::Not(part) => of_predicate(part, names),
        Predicate::Compare { left, right, .. } => {
            of_value(left, names);
            of_value(right, names);
        }
        Predicate::OneOf { value, .. }
        | Predicate::Matches { value, .. }
        | Predicate::IsNull { value } => of_value(value, names),
        Predicate::Among { values, ask } => {
            for value in values {
                of_value(value, names);
            }
            of_ask(ask, names);
        }
        Predicate::Related { table, via, filter } => {
            names.push(Named::Table(table));
            names.extend(via.iter().map(Named::Relationship));
            if let Some(filter) = filter {
                of_predicate(filter, names);
            }
        }
    }
}

fn of_ask<'a>(ask: &'a Ask, names: &mut Vec<Named<'a>>) {
    names.push(Named::Table(&ask.table));
    for measure in &ask.measures {
        match &measure.figure {
            Figure::Aggregate(aggregation) => of_aggregation(aggregation, names),
            Figure::Metric { metric, .. } => names.push(Named::Metric(metric)),
            Figure::Calculation(value) => of_value(value, names),
            Figure::Share { .. } | Figure::Running { .. } | Figure::Across { .. } => {}
        }
    }
    for group in &ask.group_by {
        match &group.key {
            GroupKey::Value(value) | GroupKey::Bucket { value, .. } => of_value(value, names),
            GroupKey::Period { column, .. } => {
                if let Some(column) = column {
                    of_column(column, names);
                }
            }
        }
    }
    ask.filter.iter().chain(&ask.having).for_each(|filter| of_predicate(filter, names));
}
