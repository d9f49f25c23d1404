//! What packs have in common: names in other languages, and how reports use their metrics.

use std::{collections::BTreeMap, sync::LazyLock};

use pacioli_model::{
    Better, ColumnMeaning, ColumnName, InReports, Labels, MetricName, ReportKind, Semantics,
    TableEntry, TableMeaning,
};
use serde::Deserialize;

/// The language of the names beside the English ones.
const GERMAN: &str = "de";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    figures: Vec<Figure>,
    tables: BTreeMap<String, String>,
    columns: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Figure {
    name: MetricName,
    de: String,
    better: Better,
    reports: Vec<ReportKind>,
}

/// What is said of a metric.
#[derive(Debug, Clone, Default)]
pub(super) struct Said {
    pub(super) labels: Labels,
    pub(super) in_reports: InReports,
}

/// What the packs have in common.
#[derive(Default)]
pub(super) struct Common {
    metrics: BTreeMap<MetricName, Said>,
    tables: BTreeMap<String, String>,
    columns: BTreeMap<String, String>,
}

/// Read once. A file that cannot be read is a fault of ours that the tests find.
pub(super) static COMMON: LazyLock<Common> =
    LazyLock::new(|| Common::read(include_str!("figures.toml")).unwrap_or_default());

impl Common {
    /// Reads the file; what is wrong with it otherwise.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        let figures = file.figures.into_iter().zip(0_u16..);
        let metrics = figures.map(|(it, place)| {
            let in_reports =
                InReports { better: Some(it.better), kinds: it.reports, place: Some(place) };
            (it.name, Said { labels: german(&it.de), in_reports })
        });
        Ok(Self { metrics: metrics.collect(), tables: file.tables, columns: file.columns })
    }

    /// What is said of the metric of this name.
    pub(super) fn metric(&self, name: &MetricName) -> Option<&Said> {
        self.metrics.get(name)
    }

    /// The names in other languages of what a table is called in English.
    pub(super) fn table(&self, label: &str) -> Option<Labels> {
        self.tables.get(label).map(|name| german(name))
    }

    /// Adds what is said of a pack's metrics and tables where the pack itself says nothing.
    pub(super) fn add_to(&self, declared: &mut Semantics) {
        for metric in &mut declared.metrics {
            let Some(said) = self.metric(&metric.name) else { continue };
            metric.in_reports = std::mem::take(&mut metric.in_reports).over(&said.in_reports);
            if metric.labels.is_empty() {
                metric.labels.clone_from(&said.labels);
            }
        }
        for table in &mut declared.tables {
            let known = table.label.as_deref().and_then(|label| self.table(label));
            if table.labels.is_empty() {
                table.labels = known.unwrap_or_default();
            }
        }
    }

    /// Names the columns of a table that the pack says nothing of.
    pub(super) fn name_columns(&self, table: &mut TableMeaning, entry: &TableEntry) {
        for column in &entry.columns {
            let Some(name) = self.columns.get(column.name.as_str()) else { continue };
            let labels = german(name);
            match table.columns.iter_mut().find(|it| it.column == column.name) {
                Some(known) if known.labels.is_empty() && known.label.is_none() => {
                    known.labels = labels;
                }
                Some(_) => {}
                None => table.columns.push(named(column.name.clone(), labels)),
            }
        }
    }
}

fn german(name: &str) -> Labels {
    Labels::from([(GERMAN.to_owned(), name.to_owned())])
}

fn named(column: ColumnName, labels: Labels) -> ColumnMeaning {
    ColumnMeaning {
        column,
        label: None,
        labels,
        synonyms: Vec::new(),
        unit: None,
        values: BTreeMap::new(),
        hidden: false,
    }
}
