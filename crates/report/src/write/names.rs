//! Figures, dimensions and tables by their names in one language.

use std::borrow::Cow;

use pacioli_model::{Fact, Labels, ReportContent};

use crate::locale::Language;

/// The content with every label in `language`, where it is declared in that; else in English.
pub(super) fn named_in(content: &ReportContent, language: Language) -> Cow<'_, ReportContent> {
    if language == Language::English {
        return Cow::Borrowed(content);
    }
    let mut content = content.clone();
    let name = |label: &mut String, labels: &Labels| {
        if let Some(own) = labels.get(language.code()) {
            label.clone_from(own);
        }
    };
    for kpi in &mut content.headline {
        name(&mut kpi.metric.label, &kpi.metric.labels);
    }
    for definition in &mut content.definitions {
        name(&mut definition.metric.label, &definition.metric.labels);
    }
    for table in &mut content.tables {
        name(&mut table.label, &table.labels);
    }
    for answer in &mut content.answers {
        name(&mut answer.answer, &answer.answers);
    }
    for column in content.answers.iter_mut().flat_map(|answer| &mut answer.columns) {
        name(&mut column.label, &column.labels);
    }
    for missing in &mut content.missing {
        name(&mut missing.what, &missing.labels);
    }
    let of_answers = content.answers.iter_mut().filter_map(|answer| answer.finding.as_mut());
    for finding in content.findings.iter_mut().chain(of_answers) {
        let metric = &mut finding.subject.metric;
        name(&mut metric.label, &metric.labels);
        if let Some(dimension) = &mut finding.subject.dimension {
            name(&mut dimension.label, &dimension.labels);
        }
        match &mut finding.fact {
            Fact::LeadLag { other, .. } => name(&mut other.label, &other.labels),
            Fact::Drivers { crossed: Some(crossed), .. } => {
                name(&mut crossed.dimension.label, &crossed.dimension.labels);
            }
            _ => {}
        }
    }
    Cow::Owned(content)
}
