//! What is known of the tables of common systems before anybody declares anything: a pack is a file of
//! declarations in the form of [`crate::declarations`], with what it is recognised by.
//!
//! [`recognise`] gives what all packs together know of a company's tables. A pack never guesses: what
//! it says of a table or a column that is not there is left out, and a metric that needs one is listed as
//! unavailable, with what is missing. Names are taken as the sources give them: underscores and the
//! prefixes of schemas (`public_`, `dbo_`, `tab_`) make no difference.
//!
//! To add a pack: a file beside these, one line in `FILES`, and its schema in the tests. Names of its metrics
//! and tables in other languages, and how reports use its metrics, stand in `figures.toml`.

mod common;
mod file;
mod names;
mod rename;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::LazyLock};

use pacioli_model::{
    Catalog, Definition, Metric, MetricName, Named, PackUse, Relationship, Semantics,
    StoredSemantics, UnavailableMetric,
};

use crate::declarations::{Problem, check};
use file::Pack;
use names::Names;
use rename::Renamed;

const FILES: [&str; 5] = [
    include_str!("odoo.toml"),
    include_str!("erpnext.toml"),
    include_str!("business_central.toml"),
    include_str!("sap_business_one.toml"),
    include_str!("demo.toml"),
];

/// The packs, read once. One that cannot be read is a fault of ours that the tests find; it is left out.
static PACKS: LazyLock<Vec<Pack>> =
    LazyLock::new(|| FILES.iter().filter_map(|text| Pack::read(text).ok()).collect());

/// What the packs know of these tables; nothing where none recognises its system in them.
pub fn recognise(catalog: &Catalog) -> Semantics {
    let mut found: Vec<Semantics> =
        PACKS.iter().filter_map(|pack| recognised(pack, catalog)).collect();
    if found.len() > 1 {
        tell_apart(&mut found);
    }
    let mut whole = Semantics::default();
    for one in found {
        let packs = [whole.packs.clone(), one.packs.clone()].concat();
        let unavailable = [whole.unavailable.clone(), one.unavailable.clone()].concat();
        whole = Semantics { packs, unavailable, ..whole.over(&one) };
    }
    let metrics = whole.metrics.iter().map(|it| &it.name).collect::<Vec<_>>();
    whole.unavailable.retain(|it| !metrics.contains(&&it.name));
    whole.unavailable.sort_by(|one, other| one.name.cmp(&other.name));
    whole
}

fn recognised(pack: &Pack, catalog: &Catalog) -> Option<Semantics> {
    let names = Names::of(catalog);
    let reason = pack.recognised_by(&names)?;
    let declared = &pack.declared;
    let mut relationships = Vec::new();
    let mut called = BTreeMap::new();
    for given in &declared.relationships {
        if let Some(renamed) = names.relationship(given) {
            called.insert(given.name.clone(), renamed.name.clone());
            relationships.push(renamed);
        }
    }
    let renamed = Renamed { names: &names, relationships: &called, catalog };
    let mut semantics = Semantics {
        packs: vec![PackUse { pack: pack.name.clone(), reason }],
        tables: declared.tables.iter().filter_map(|it| renamed.table(it)).collect(),
        relationships,
        ..Semantics::default()
    };
    for metric in &declared.metrics {
        match renamed.metric(metric) {
            Ok(metric) => {
                let pack = Some(pack.name.clone());
                semantics.metrics.push(Metric { pack, ..metric });
            }
            Err(missing) => semantics.unavailable.push(unavailable(pack, metric, missing)),
        }
    }
    set_aside_what_does_not_fit(pack, catalog, &mut semantics);
    semantics.unavailable.extend(pack.gaps());
    Some(semantics)
}

fn unavailable(pack: &Pack, metric: &Metric, missing: Vec<String>) -> UnavailableMetric {
    UnavailableMetric {
        name: metric.name.clone(),
        label: metric.label.clone(),
        labels: metric.labels.clone(),
        reports: metric.in_reports.kinds.clone(),
        pack: pack.name.clone(),
        missing,
    }
}

/// Columns may be there and hold something else than the pack expects, and parts of a metric may be
/// unavailable: then it is, too.
fn set_aside_what_does_not_fit(pack: &Pack, catalog: &Catalog, semantics: &mut Semantics) {
    loop {
        let known: Vec<MetricName> = semantics.metrics.iter().map(|it| it.name.clone()).collect();
        let problems = problems(catalog, semantics);
        let before = semantics.metrics.len();
        for metric in std::mem::take(&mut semantics.metrics) {
            let mut missing: Vec<String> = parts(&metric.definition)
                .filter(|part| !known.contains(part))
                .flat_map(|part| reasons(semantics, &part))
                .collect();
            missing.extend(problems.get(metric.name.as_str()).cloned());
            missing.sort();
            missing.dedup();
            if missing.is_empty() {
                semantics.metrics.push(metric);
            } else {
                semantics.unavailable.push(unavailable(pack, &metric, missing));
            }
        }
        if semantics.metrics.len() == before {
            break;
        }
    }
    let problems = problems(catalog, semantics);
    semantics.tables.retain(|it| !problems.contains_key(it.table.as_str()));
}

/// What does not fit, by the metric or table.
fn problems(catalog: &Catalog, semantics: &Semantics) -> BTreeMap<String, String> {
    let stored = StoredSemantics { declared: semantics.clone(), ..StoredSemantics::default() };
    let mut whole = Catalog::assemble(catalog.tables.clone(), &[], stored.in_effect());
    // What was found in the data leads from table to table as well as what is declared.
    let known = |it: &&Relationship| whole.relationships.iter().any(|own| own.same_columns(it));
    let found: Vec<_> = catalog.relationships.iter().filter(|it| !known(it)).cloned().collect();
    whole.relationships.extend(found);
    let named = |problem: Problem| {
        // That a part is missing is told by what the part lacks.
        let of_part = problem.detail.starts_with("there is no metric");
        let name = problem.path.get(1).filter(|_| !of_part)?.clone();
        Some((name, problem.detail))
    };
    check(semantics, &whole).into_iter().filter_map(named).collect()
}

fn parts(definition: &Definition) -> impl Iterator<Item = MetricName> {
    definition.names().into_iter().filter_map(|named| match named {
        Named::Metric(name) => Some(name.clone()),
        _ => None,
    })
}

fn reasons(semantics: &Semantics, part: &MetricName) -> Vec<String> {
    let known = semantics.unavailable.iter().find(|it| &it.name == part);
    known.map_or_else(|| vec![part.to_string()], |it| it.missing.clone())
}

/// Metrics that several systems have get the name of theirs: nobody can say which is meant, and they
/// are not the same figure.
fn tell_apart(found: &mut [Semantics]) {
    let mut times: BTreeMap<MetricName, usize> = BTreeMap::new();
    for metric in found.iter().flat_map(|one| &one.metrics) {
        *times.entry(metric.name.clone()).or_default() += 1;
    }
    for one in found {
        let Some(pack) = one.packs.first().map(|it| it.pack.clone()) else { continue };
        let longer = |name: &MetricName| {
            let several = times.get(name).is_some_and(|times| *times > 1);
            several.then(|| MetricName::parse(&format!("{name}_{pack}")).ok()).flatten()
        };
        for metric in &mut one.metrics {
            rename::parts(&mut metric.definition, &longer);
            if let Some(name) = longer(&metric.name) {
                metric.name = name;
                metric.label = format!("{} ({})", metric.label, title(&pack));
                for label in metric.labels.values_mut() {
                    *label = format!("{label} ({})", title(&pack));
                }
            }
        }
    }
}

fn title(pack: &str) -> &str {
    PACKS.iter().find(|it| it.name == pack).map_or(pack, |it| it.title.as_str())
}
