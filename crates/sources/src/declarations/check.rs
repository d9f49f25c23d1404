//! Whether declarations fit the tables.

use std::collections::{BTreeMap, BTreeSet};

use pacioli_model::{
    Catalog, ColumnType, Definition, Metric, MetricName, Named, Policy, Relationship, Semantics,
    TableMeaning, TableName, Unit, Value,
};

use super::{
    Problem,
    kinds::{Rows, known_column, known_table, unknown},
};

/// What of these declarations does not fit the tables and the other declarations in effect: names that
/// are not there (with the nearest that is), kinds of values that do not go together, ways that do
/// not exist.
pub fn check(declared: &Semantics, catalog: &Catalog) -> Vec<Problem> {
    let mut checker = Checker { declared, catalog, problems: Vec::new() };
    for metric in &declared.metrics {
        checker.metric(metric);
    }
    for table in &declared.tables {
        checker.table(table);
    }
    for it in &declared.relationships {
        checker.relationship(it);
    }
    for policy in &declared.policies {
        checker.policy(policy);
    }
    checker.circles();
    checker.problems
}

struct Checker<'a> {
    declared: &'a Semantics,
    catalog: &'a Catalog,
    problems: Vec<Problem>,
}

impl Checker<'_> {
    fn note<T>(&mut self, path: &[&str], checked: Result<T, String>) {
        if let Err(detail) = checked {
            self.problems.push(Problem::new(path, detail));
        }
    }

    fn rows<'a>(&'a self, table: &'a TableName, is_policy: bool) -> Rows<'a> {
        Rows { catalog: self.catalog, table, is_policy }
    }

    fn metric(&mut self, metric: &Metric) {
        let name = metric.name.as_str();
        let checked = match &metric.definition {
            Definition::Aggregate(given) => self.rows(&given.table, false).aggregation(given),
            Definition::Calculation(value) => self.calculation(value),
        };
        self.note(&["metrics", name, "expression"], checked);
        self.unit(&["metrics", name, "unit"], Some(&metric.unit));
    }

    fn calculation(&self, value: &Value) -> Result<(), String> {
        match value {
            Value::Metric(name) => self.known_metric(name),
            Value::Literal(
                pacioli_model::Literal::Integer(_) | pacioli_model::Literal::Decimal(_),
            ) => Ok(()),
            Value::Arithmetic { left, right, .. } => {
                self.calculation(left)?;
                self.calculation(right)
            }
            _ => {
                Err("a metric that is no aggregate is made of other metrics and numbers".to_owned())
            }
        }
    }

    fn known_metric(&self, name: &MetricName) -> Result<(), String> {
        let effective = &self.catalog.semantics;
        if self.declared.metric(name).is_some() || effective.metric(name).is_some() {
            return Ok(());
        }
        if let Some(known) = effective.unavailable.iter().find(|it| &it.name == name) {
            return Err(format!(
                "{name} is not available: {} is missing",
                known.missing.join(", ")
            ));
        }
        let own = self.declared.metrics.iter();
        let names = own.chain(&effective.metrics).map(|it| it.name.as_str());
        Err(unknown("metric", name.as_str(), names))
    }

    fn unit(&mut self, path: &[&str], unit: Option<&Unit>) {
        if let Some(Unit::CurrencyOf(column)) = unit {
            let checked = match known_column(self.catalog, &column.table, column.column.as_str()) {
                Ok(ColumnType::Text) => Ok(()),
                Ok(_) => Err("a currency is named by a text".to_owned()),
                Err(unknown) => Err(unknown),
            };
            self.note(path, checked);
        }
    }

    fn table(&mut self, meaning: &TableMeaning) {
        let table = meaning.table.as_str();
        let known = known_table(self.catalog, table);
        if known.is_err() {
            self.note(&["tables", table], known);
            return;
        }
        let of = |name: &str| known_column(self.catalog, &meaning.table, name);
        let date = meaning.date.as_ref().map(|name| match of(name.as_str()) {
            Ok(data_type) if data_type.is_time() => Ok(()),
            Ok(data_type) => Err(format!("{name} is no date but {}", data_type.as_str())),
            Err(unknown) => Err(unknown),
        });
        let display = meaning.display.as_ref().map(|name| of(name.as_str()).map(drop));
        let filter = meaning.default_filter.as_ref();
        let filter = filter.map(|filter| self.rows(&meaning.table, false).predicate(filter));
        let columns = meaning.columns.iter();
        let columns: Vec<_> = columns
            .map(|it| (it.column.as_str(), of(it.column.as_str()).map(drop), it.unit.as_ref()))
            .collect();
        for (member, checked) in [("date", date), ("display", display), ("default_filter", filter)]
        {
            self.note(&["tables", table, member], checked.unwrap_or(Ok(())));
        }
        for (column, checked, unit) in columns {
            self.note(&["tables", table, "columns", column], checked);
            self.unit(&["tables", table, "columns", column, "unit"], unit);
        }
    }

    fn relationship(&mut self, it: &Relationship) {
        let path = |member| ["relationships", it.name.as_str(), member];
        let mut types = Vec::new();
        for (member, table, columns) in
            [("from", &it.table, &it.columns), ("to", &it.to, &it.references)]
        {
            let known: Result<Vec<ColumnType>, String> = columns
                .iter()
                .map(|column| known_column(self.catalog, table, column.as_str()))
                .collect();
            match known {
                Ok(known) => types.push(known),
                Err(detail) => self.note::<()>(&path(member), Err(detail)),
            }
        }
        let [from, to] = &types[..] else { return };
        if from.len() != to.len() {
            let text = "both sides have as many columns".to_owned();
            self.note::<()>(&path("to"), Err(text));
        } else if from.iter().zip(to).any(|(one, other)| one.is_number() != other.is_number()) {
            let text = "the sides hold values of different kinds".to_owned();
            self.note::<()>(&path("to"), Err(text));
        } else if it.table == it.to && it.columns == it.references {
            let text = "a column does not refer to itself".to_owned();
            self.note::<()>(&path("to"), Err(text));
        }
    }

    fn policy(&mut self, policy: &Policy) {
        let path = |member| ["policies", policy.name.as_str(), member];
        let known = known_table(self.catalog, policy.table.as_str());
        if known.is_err() {
            self.note(&path("table"), known);
            return;
        }
        let rows = policy.rows.as_ref();
        let rows = rows.map(|rows| self.rows(&policy.table, true).predicate(rows));
        self.note(&path("rows"), rows.unwrap_or(Ok(())));
        for column in &policy.hidden_columns {
            let known = known_column(self.catalog, &policy.table, column.as_str());
            self.note(&path("hidden_columns"), known);
        }
    }

    /// A metric that is made of itself has no value.
    fn circles(&mut self) {
        let declared = &self.declared.metrics;
        let all = declared.iter().chain(&self.catalog.semantics.metrics);
        let mut parts: BTreeMap<&MetricName, Vec<&MetricName>> = BTreeMap::new();
        for metric in all {
            let named = metric.definition.names().into_iter().filter_map(|it| match it {
                Named::Metric(name) => Some(name),
                _ => None,
            });
            parts.entry(&metric.name).or_insert_with(|| named.collect());
        }
        let made_of_itself = |start: &MetricName| {
            let mut seen = BTreeSet::new();
            let mut next = parts.get(start).cloned().unwrap_or_default();
            while let Some(name) = next.pop() {
                if name == start {
                    return true;
                }
                if seen.insert(name) {
                    next.extend(parts.get(name).into_iter().flatten());
                }
            }
            false
        };
        let circular: Vec<MetricName> =
            declared.iter().map(|it| it.name.clone()).filter(made_of_itself).collect();
        for name in circular {
            let text = "this metric is made of itself".to_owned();
            self.note::<()>(&["metrics", name.as_str(), "expression"], Err(text));
        }
    }
}
