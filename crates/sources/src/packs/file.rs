//! A pack as it is written.

use std::collections::BTreeMap;

use pacioli_model::{MetricName, Semantics, UnavailableMetric};
use serde::Deserialize;

use super::{common::COMMON, names::Names};
use crate::declarations::Declarations;

/// So many of the tables it was recognised by are told.
const MOST_REASONS: usize = 4;

/// A pack.
pub(super) struct Pack {
    pub(super) name: String,
    pub(super) title: String,
    /// Tables by their columns: each alone is enough.
    signs: BTreeMap<String, Vec<String>>,
    /// Metrics that the system's tables never give, and why.
    gaps: BTreeMap<String, Gap>,
    pub(super) declared: Semantics,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    name: String,
    title: String,
    signs: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    gaps: BTreeMap<String, Gap>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Gap {
    label: String,
    reason: String,
}

impl Pack {
    /// Reads a file; what is wrong with it otherwise.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let mut whole: toml::Table = toml::from_str(text).map_err(|error| error.to_string())?;
        let head = whole.remove("pack").ok_or("a pack has a [pack]")?;
        let Head { name, title, signs, gaps } =
            head.try_into().map_err(|error: toml::de::Error| error.to_string())?;
        let declared: Declarations =
            whole.try_into().map_err(|error: toml::de::Error| error.to_string())?;
        let mut declared = declared.read().map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            problems.join("; ")
        })?;
        COMMON.add_to(&mut declared);
        Ok(Self { name, title, signs, gaps, declared })
    }

    /// The tables that show that this is the pack's system, for people; nothing where none does.
    pub(super) fn recognised_by(&self, names: &Names<'_>) -> Option<String> {
        let seen = self.signs.iter().filter_map(|(table, columns)| {
            let entry = names.table_called(table)?;
            let all = columns.iter().all(|column| Names::column_called(entry, column).is_some());
            all.then(|| format!("{} has {}", entry.name, columns.join(", ")))
        });
        let seen: Vec<String> = seen.take(MOST_REASONS).collect();
        (!seen.is_empty()).then(|| seen.join("; "))
    }

    pub(super) fn gaps(&self) -> impl Iterator<Item = UnavailableMetric> {
        self.gaps.iter().filter_map(|(name, gap)| {
            let name = MetricName::parse(name).ok()?;
            let said = COMMON.metric(&name).cloned().unwrap_or_default();
            Some(UnavailableMetric {
                name,
                label: gap.label.clone(),
                labels: said.labels,
                reports: said.in_reports.kinds,
                pack: self.name.clone(),
                missing: vec![gap.reason.clone()],
            })
        })
    }
}
