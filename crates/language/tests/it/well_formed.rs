//! What every Ask must keep to whatever it was made from: all that it names exists, no two outputs
//! are called the same, and what it is sorted by and bounded by are outputs.

use std::collections::BTreeSet;

use pacioli_model::{Ask, Catalog, ColumnRef, Figure, GroupKey, Predicate, Value};

/// The first thing that is wrong.
pub(crate) fn fault(ask: &Ask, catalog: &Catalog) -> Option<String> {
    let mut check = Check { catalog, fault: None };
    check.ask(ask);
    check.fault
}

struct Check<'c> {
    catalog: &'c Catalog,
    fault: Option<String>,
}

impl Check<'_> {
    fn must(&mut self, holds: bool, fault: impl Fn() -> String) {
        if !holds && self.fault.is_none() {
            self.fault = Some(fault());
        }
    }

    fn ask(&mut self, ask: &Ask) {
        self.must(self.catalog.table(&ask.table).is_some(), || format!("no table {}", ask.table));
        self.must(ask.outputs().next().is_some(), || "no output".to_owned());
        self.must(!ask.each_row || ask.measures.is_empty(), || "rows with measures".to_owned());
        let names = ask.group_by.iter().map(|group| &group.name);
        let names: Vec<_> = names.chain(ask.measures.iter().map(|measure| &measure.name)).collect();
        let distinct: BTreeSet<_> = names.iter().collect();
        self.must(distinct.len() == names.len(), || "two outputs of one name".to_owned());
        for order in &ask.order {
            self.must(names.contains(&&order.name), || format!("sorted by {}", order.name));
        }
        for group in &ask.group_by {
            match &group.key {
                GroupKey::Value(value) | GroupKey::Bucket { value, .. } => {
                    self.value(value, &names);
                }
                GroupKey::Period { column, .. } => {
                    if let Some(column) = column {
                        self.column(column);
                    }
                }
            }
        }
        for measure in &ask.measures {
            self.figure(&measure.figure, ask, &names);
        }
        if let Some(filter) = &ask.filter {
            self.predicate(filter, &names);
        }
        if let Some(having) = &ask.having {
            self.predicate(having, &names);
        }
    }

    fn figure(&mut self, figure: &Figure, ask: &Ask, names: &[&pacioli_model::ColumnName]) {
        match figure {
            Figure::Aggregate(aggregation) => {
                self.must(self.catalog.table(&aggregation.table).is_some(), || {
                    "no such table".to_owned()
                });
                if let Some(value) = &aggregation.value {
                    self.value(value, names);
                }
                if let Some(date) = &aggregation.date {
                    self.column(date);
                }
                if let Some(filter) = &aggregation.filter {
                    self.predicate(filter, names);
                }
                let periods = ask
                    .group_by
                    .iter()
                    .any(|group| matches!(group.key, GroupKey::Period { column: None, .. }));
                let dated = aggregation.date.is_some();
                self.must(dated || !(periods || ask.range.is_some()), || "no date".to_owned());
            }
            Figure::Metric { metric, .. } => {
                self.must(self.catalog.semantics.metric(metric).is_some(), || {
                    format!("no metric {metric}")
                });
            }
            Figure::Calculation(value) => self.value(value, names),
            Figure::Share { of, within }
            | Figure::Running { of, within }
            | Figure::Across { of, within, .. } => {
                for name in within.iter().chain([of]) {
                    self.must(names.contains(&name), || format!("no output {name}"));
                }
            }
        }
    }

    fn column(&mut self, column: &ColumnRef) {
        let known =
            self.catalog.table(&column.table).and_then(|table| table.column(&column.column));
        self.must(known.is_some(), || format!("no column {column:?}"));
        for name in &column.via {
            self.must(self.catalog.relationship(name).is_some(), || {
                format!("no relationship {name}")
            });
        }
    }

    fn value(&mut self, value: &Value, names: &[&pacioli_model::ColumnName]) {
        match value {
            Value::Column(column) => self.column(column),
            Value::Output(name) => self.must(names.contains(&name), || format!("no output {name}")),
            Value::Metric(name) => self.must(self.catalog.semantics.metric(name).is_some(), || {
                format!("no metric {name}")
            }),
            Value::Arithmetic { left, right, .. } => {
                self.value(left, names);
                self.value(right, names);
            }
            Value::Days { from, to } => {
                self.value(from, names);
                self.value(to, names);
            }
            Value::Part { of, .. } => self.value(of, names),
            Value::Figure(ask) => {
                self.must(ask.outputs().count() == 1, || "a figure of several columns".to_owned());
                self.ask(ask);
            }
            Value::Literal(_) => {}
            Value::Caller(_) => self.must(false, || "who asks, in a question".to_owned()),
        }
    }

    fn predicate(&mut self, predicate: &Predicate, names: &[&pacioli_model::ColumnName]) {
        match predicate {
            Predicate::All(parts) | Predicate::Any(parts) => {
                for part in parts {
                    self.predicate(part, names);
                }
            }
            Predicate::Not(part) => self.predicate(part, names),
            Predicate::Compare { left, right, .. } => {
                self.value(left, names);
                self.value(right, names);
            }
            Predicate::OneOf { value, values } => {
                self.must(!values.is_empty(), || "one of none".to_owned());
                self.value(value, names);
            }
            Predicate::Matches { value, .. } | Predicate::IsNull { value } => {
                self.value(value, names);
            }
            Predicate::Among { values, ask } => {
                self.must(values.len() == ask.outputs().count(), || {
                    "among other columns".to_owned()
                });
                self.must(ask.limit.is_none() || !ask.order.is_empty(), || {
                    "a limit without an order".to_owned()
                });
                for value in values {
                    self.value(value, names);
                }
                self.ask(ask);
            }
            Predicate::Related { table, filter, .. } => {
                self.must(self.catalog.table(table).is_some(), || format!("no table {table}"));
                if let Some(filter) = filter {
                    self.predicate(filter, names);
                }
            }
        }
    }
}
