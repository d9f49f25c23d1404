//! What a company declares, over what packs recognised.

use crate::{
    ColumnMeaning, Labels, Metric, MetricName, Predicate, Semantics, TableMeaning, Timestamp,
    UnavailableMetric, UserId,
};

/// A company's semantics as they are remembered: in two parts, of which only the first is anybody's to
/// change.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredSemantics {
    /// Counts changes of either part; 0 before the first.
    pub version: u64,
    /// What the company's people declare.
    pub declared: Semantics,
    /// What packs recognise in its tables.
    pub recognised: Semantics,
    /// When the declarations last changed.
    pub changed_at: Option<Timestamp>,
    /// Who changed them.
    pub changed_by: Option<UserId>,
}

impl StoredSemantics {
    /// What holds: the company's word, and where it says nothing the packs'.
    pub fn in_effect(&self) -> Semantics {
        Semantics { version: self.version, ..self.declared.clone().over(&self.recognised) }
    }
}

impl Semantics {
    /// These, and what `base` says beyond them. What is said here wins: whole metrics by their names,
    /// tables and columns by what is said of each. Policies and the calendar are never a base's.
    #[must_use]
    pub fn over(self, base: &Self) -> Self {
        let is_own = |name: &MetricName| self.metrics.iter().any(|own: &Metric| &own.name == name);
        let metrics: Vec<_> = base.metrics.iter().filter(|it| !is_own(&it.name)).cloned().collect();
        let own = self.metrics.iter().map(|own| metric_over(own, base)).collect::<Vec<_>>();
        let missing = |it: &&UnavailableMetric| !is_own(&it.name);
        let unavailable: Vec<_> = base.unavailable.iter().filter(missing).cloned().collect();
        let relationships = base.relationships.iter();
        let relationships = relationships
            .filter(|it| !self.relationships.iter().any(|own| own.same_columns(it)))
            .cloned();
        let relationships: Vec<_> = relationships.collect();
        let mut whole = Self {
            currency: self.currency.or_else(|| base.currency.clone()),
            packs: base.packs.clone(),
            metrics: [own, metrics].concat(),
            unavailable,
            tables: tables_over(self.tables, &base.tables),
            relationships: [self.relationships, relationships].concat(),
            ..self
        };
        whole.metrics.sort_by(|one, other| one.name.cmp(&other.name));
        whole
    }
}

/// A metric is declared whole; where a pack has one of the same name, what it says of its use in reports
/// holds on where the company says nothing.
fn metric_over(own: &Metric, base: &Semantics) -> Metric {
    let mut metric = own.clone();
    if let Some(below) = base.metric(&own.name) {
        metric.in_reports = metric.in_reports.over(&below.in_reports);
        // Another name of its own is not the pack's in another language.
        if own.labels.is_empty() && own.label == below.label {
            metric.labels.clone_from(&below.labels);
        }
    }
    metric
}

fn labels_over(own: Labels, base: &Labels) -> Labels {
    let mut labels = base.clone();
    labels.extend(own);
    labels
}

fn tables_over(own: Vec<TableMeaning>, base: &[TableMeaning]) -> Vec<TableMeaning> {
    let alone = base.iter().filter(|it| !own.iter().any(|own| own.table == it.table));
    let mut all: Vec<TableMeaning> = alone.cloned().collect();
    for own in own {
        let below = base.iter().find(|it| it.table == own.table);
        let mut whole = match below {
            Some(below) => table_over(own, below),
            None => own,
        };
        // "All rows" is how a company takes a pack's filter away.
        whole.default_filter = whole.default_filter.filter(|it| *it != Predicate::All(Vec::new()));
        all.push(whole);
    }
    all.sort_by(|one, other| one.table.cmp(&other.table));
    all
}

fn table_over(own: TableMeaning, base: &TableMeaning) -> TableMeaning {
    let alone = base.columns.iter().filter(|it| own.column(&it.column).is_none()).cloned();
    let alone: Vec<_> = alone.collect();
    let columns = own.columns.into_iter().map(|column| match base.column(&column.column) {
        Some(below) => column_over(column, below),
        None => column,
    });
    // A name that the company gives is its own in every language that it does not say another one in.
    let labels =
        if own.label.is_some() { own.labels } else { labels_over(own.labels, &base.labels) };
    TableMeaning {
        table: own.table,
        labels,
        label: own.label.or_else(|| base.label.clone()),
        synonyms: union(own.synonyms, &base.synonyms),
        default_filter: own.default_filter.or_else(|| base.default_filter.clone()),
        date: own.date.or_else(|| base.date.clone()),
        display: own.display.or_else(|| base.display.clone()),
        hidden: own.hidden || base.hidden,
        columns: columns.chain(alone).collect(),
    }
}

fn column_over(own: ColumnMeaning, base: &ColumnMeaning) -> ColumnMeaning {
    let mut values = base.values.clone();
    values.extend(own.values);
    let labels =
        if own.label.is_some() { own.labels } else { labels_over(own.labels, &base.labels) };
    ColumnMeaning {
        column: own.column,
        labels,
        label: own.label.or_else(|| base.label.clone()),
        synonyms: union(own.synonyms, &base.synonyms),
        unit: own.unit.or_else(|| base.unit.clone()),
        values,
        hidden: own.hidden || base.hidden,
    }
}

fn union(mut own: Vec<String>, base: &[String]) -> Vec<String> {
    for word in base {
        if !own.contains(word) {
            own.push(word.clone());
        }
    }
    own
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{
        Aggregate, Aggregation, Better, ColumnName, Definition, InReports, MetricName, PackUse,
        ReportKind, TableName, Unit,
    };

    fn metric(name: &str, label: &str) -> Metric {
        let table = TableName::parse("orders").unwrap();
        Metric {
            name: MetricName::parse(name).unwrap(),
            label: label.to_owned(),
            labels: Labels::new(),
            description: String::new(),
            synonyms: Vec::new(),
            definition: Definition::Aggregate(Aggregation::new(Aggregate::Count, table)),
            unit: Unit::Number,
            in_reports: InReports::default(),
            pack: None,
        }
    }

    fn table(label: Option<&str>, synonyms: &[&str]) -> TableMeaning {
        TableMeaning {
            label: label.map(str::to_owned),
            synonyms: synonyms.iter().map(|it| (*it).to_owned()).collect(),
            ..TableMeaning::of(TableName::parse("orders").unwrap())
        }
    }

    fn column(value: &str, meaning: &str) -> ColumnMeaning {
        ColumnMeaning {
            column: ColumnName::parse("state").unwrap(),
            label: None,
            labels: Labels::new(),
            synonyms: Vec::new(),
            unit: None,
            values: BTreeMap::from([(value.to_owned(), vec![meaning.to_owned()])]),
            hidden: false,
        }
    }

    #[test]
    fn the_companys_word_wins_and_the_packs_fill_in() {
        let mut base = Semantics {
            currency: Some("EUR".to_owned()),
            packs: vec![PackUse { pack: "odoo".to_owned(), reason: "tables".to_owned() }],
            metrics: vec![metric("orders", "Pack's orders"), metric("returns", "Returns")],
            tables: vec![table(Some("Sales orders"), &["order", "sale"])],
            ..Semantics::default()
        };
        base.tables[0].columns = vec![column("sale", "confirmed")];
        base.tables[0].date = ColumnName::parse("ordered_on").ok();
        let mut own = Semantics {
            metrics: vec![metric("orders", "Our orders")],
            tables: vec![table(None, &["deal", "order"])],
            ..Semantics::default()
        };
        own.tables[0].columns = vec![column("done", "closed")];
        base.metrics[0].in_reports = InReports {
            better: Some(Better::Higher),
            kinds: vec![ReportKind::Sales],
            place: Some(3),
        };
        base.metrics[1].labels = Labels::from([("de".to_owned(), "Retouren".to_owned())]);
        base.tables[0].labels = Labels::from([("de".to_owned(), "Aufträge".to_owned())]);
        own.metrics[0].in_reports.better = Some(Better::Neither);
        let whole = own.over(&base);
        let in_reports = &whole.metrics[0].in_reports;
        assert_eq!((in_reports.better, in_reports.place), (Some(Better::Neither), Some(3)));
        assert_eq!(whole.metrics[1].labels["de"], "Retouren");
        assert_eq!(whole.tables[0].labels["de"], "Aufträge");
        let labels: Vec<_> = whole.metrics.iter().map(|it| it.label.as_str()).collect();
        assert_eq!(labels, ["Our orders", "Returns"]);
        assert_eq!((whole.currency.as_deref(), whole.packs.len()), (Some("EUR"), 1));
        let orders = &whole.tables[0];
        assert_eq!(orders.label.as_deref(), Some("Sales orders"));
        assert_eq!(orders.synonyms, ["deal", "order", "sale"]);
        assert_eq!(orders.date, base.tables[0].date);
        assert_eq!(orders.columns[0].values.len(), 2);
    }

    #[test]
    fn all_rows_takes_a_packs_filter_away() {
        let some = Predicate::Any(Vec::new());
        let filtered = |filter: Option<Predicate>| Semantics {
            tables: vec![TableMeaning { default_filter: filter, ..table(None, &[]) }],
            ..Semantics::default()
        };
        let base = filtered(Some(some.clone()));
        let seen =
            |own: Option<Predicate>| filtered(own).over(&base).tables[0].default_filter.clone();
        assert_eq!(seen(None), Some(some));
        assert_eq!(seen(Some(Predicate::All(Vec::new()))), None);
    }
}
