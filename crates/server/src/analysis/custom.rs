//! A report of saved questions.

use pacioli_language::{Context, Translation, Translator};
use pacioli_model::{
    Aggregation, AnswerColumn, Ask, Catalog, Definition, Grouping, Labels, Measure, Metric,
    Missing, ReportContent, SavedAnswer, SavedQuestion,
};
use pacioli_store::PageRequest;

use super::{Analyst, Order, dimensions};
use crate::{access::Seen, error::ApiResult};

/// Saved questions of one report.
const QUESTIONS: u32 = 20;

/// The company's saved questions and their answers, as the person sees them.
pub(super) async fn answer_saved(
    order: &Order,
    seen: &Seen,
    mut analyst: Analyst<'_>,
    content: &mut ReportContent,
) -> ApiResult<()> {
    let page = PageRequest { after: None, limit: QUESTIONS };
    let saved: Vec<SavedQuestion> = order.data.all_kept(&page).await?.items;
    content.missing.retain(|it| it.what != "questions");
    if saved.is_empty() {
        content.missing.push(Missing { what: "questions".to_owned(), ..Missing::default() });
    }
    let translator = Translator::new(&seen.visible);
    for question in saved {
        let question = question.question;
        let context = Context { today: order.today, table: None };
        let Translation::Understood(understood) = translator.translate(&question, &context) else {
            content.missing.push(Missing { what: question, ..Missing::default() });
            continue;
        };
        let Some((place, table)) = analyst.ask(understood.ask.clone()).await? else {
            content.missing.push(Missing { what: question, ..Missing::default() });
            continue;
        };
        let interpretation = &understood.interpretation;
        let context = pacioli_report::Context {
            currency: interpretation.currency.as_deref(),
            period: interpretation.date_range.as_ref().map(|range| range.words.as_str()),
            filters: &interpretation.filters,
        };
        let answer = pacioli_report::narrate(&understood.ask, &seen.visible, &context, &table);
        let columns = columns(&understood.ask, &seen.visible);
        let query = content.queries.len() + place;
        content.answers.push(SavedAnswer { question, answer, table, query, columns });
    }
    content.queries.append(&mut analyst.queries);
    Ok(())
}

/// What an answer's columns are called, and what of.
fn columns(ask: &Ask, catalog: &Catalog) -> Vec<AnswerColumn> {
    let group = |group: &Grouping| {
        let called = group.column().map(|column| dimensions::called(catalog, column));
        let (label, labels) = called.unwrap_or_else(|| (String::new(), Labels::new()));
        AnswerColumn { label, labels, unit: None }
    };
    let measure = |measure: &Measure| {
        let mut metrics = catalog.semantics.metrics.iter();
        match metrics.find(|metric| is_of(measure, metric)) {
            Some(metric) => AnswerColumn {
                label: metric.label.clone(),
                labels: metric.labels.clone(),
                unit: Some(metric.unit.clone()),
            },
            None => AnswerColumn { label: String::new(), labels: Labels::new(), unit: None },
        }
    };
    ask.shown_groups().map(group).chain(ask.shown_measures().map(measure)).collect()
}

/// Whether a measure is a declared figure: by its name, or because the same is computed.
fn is_of(measure: &Measure, metric: &Metric) -> bool {
    let same = |one: &Aggregation, other: &Aggregation| {
        (one.aggregate, &one.table, &one.value, &one.filter)
            == (other.aggregate, &other.table, &other.value, &other.filter)
    };
    metric.name.as_str() == measure.name.as_str()
        || match (&metric.definition, measure.aggregation()) {
            (Definition::Aggregate(declared), Some(computed)) => same(declared, computed),
            _ => false,
        }
}
