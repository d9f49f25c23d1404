//! A report of saved questions: each is answered as wherever else it is asked.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use pacioli_model::{
    Aggregation, AnswerColumn, Ask, Catalog, Definition, Grouping, Labels, Measure, Metric,
    Missing, Predicate, QueryId, QueryUsed, ReportContent, SavedAnswer, SavedQuestion,
};
use pacioli_report::Language;
use pacioli_store::PageRequest;

use super::{Order, Progress, both, dimensions, report::tables_used};
use crate::{
    app::App,
    asking::{Answered, Asker, Outcome},
    error::{ApiResult, Code},
};

/// Saved questions of one report.
pub const QUESTIONS: usize = 20;
/// Those that are left out are named, up to so many.
const NAMED: usize = 100;

/// Which questions are asked, and what is told of the others.
type Chosen = (Vec<SavedQuestion>, Vec<Missing>);

/// Answers the saved questions that the order names, else the company's newest, as its person sees them.
/// Where only some rows count, a question that cannot be narrowed to them is not answered.
pub(super) async fn answer_saved(
    app: &App,
    order: &Order,
    only: Option<&Predicate>,
    progress: &Arc<Progress>,
    content: &mut ReportContent,
) -> ApiResult<()> {
    let (chosen, missing) = chosen(order).await?;
    content.missing.retain(|it| it.what != "questions");
    content.missing.extend(missing);
    let begun = progress.done.load(Ordering::Relaxed);
    progress.foreseen.store(begun + chosen.len() as u64, Ordering::Relaxed);
    let (user, company, data) = (&order.user, &order.company, &order.data);
    let language = Language::English;
    let asker = Asker { app, user, company, data, stages: None, language };
    let (mut tables, visible) = (BTreeSet::new(), asker.sees().await?.visible);
    for saved in chosen {
        match answered(&asker, &saved, order, only).await? {
            Ok(answered) => {
                tables.extend(answered.interpretation.iter().flat_map(|it| it.tables.clone()));
                keep(content, saved.question, answered);
            }
            Err(reason) => {
                let (what, reason) = (saved.question, Some(reason));
                content.missing.push(Missing { what, reason, ..Missing::default() });
            }
        }
        progress.done.fetch_add(1, Ordering::Relaxed);
    }
    content.tables = tables_used(content, &visible, &tables);
    Ok(())
}

async fn chosen(order: &Order) -> ApiResult<Chosen> {
    let (mut chosen, mut missing) = (Vec::new(), Vec::new());
    for id in &order.spec.questions {
        match order.data.kept::<SavedQuestion>(id).await? {
            Some(saved) => chosen.push(saved),
            None => missing.push(Missing {
                what: id.to_string(),
                reason: Some("There is no such saved question any more.".to_owned()),
                ..Missing::default()
            }),
        }
    }
    if !order.spec.questions.is_empty() {
        return Ok((chosen, missing));
    }
    let most = u32::try_from(QUESTIONS + NAMED).unwrap_or(u32::MAX);
    let page = order.data.all_kept(&PageRequest { after: None, limit: most }).await?;
    chosen = page.items;
    if chosen.is_empty() {
        missing.push(Missing { what: "questions".to_owned(), ..Missing::default() });
    }
    let others = chosen.split_off(chosen.len().min(QUESTIONS));
    if !others.is_empty() {
        let more = page.next.map(|_| "…".to_owned());
        let names = others.into_iter().map(|it| it.name).chain(more).collect();
        let what = "more_questions".to_owned();
        missing.push(Missing { what, names, ..Missing::default() });
    }
    Ok((chosen, missing))
}

/// The answer, or why there is none. What has nothing to do with the question is an error.
async fn answered(
    asker: &Asker<'_>,
    saved: &SavedQuestion,
    order: &Order,
    only: Option<&Predicate>,
) -> ApiResult<Result<Answered, String>> {
    let id = QueryId(asker.app.random.uuid());
    let outcome = Box::pin(asker.answer_saved(saved, order.today, id)).await;
    let narrowed = match outcome {
        Ok(Outcome::Answered(answered)) => match (only, answered.ask.clone()) {
            (None, _) => Ok(*answered),
            (Some(only), Some(ask)) => {
                let filter = both(ask.filter.clone(), Some(only.clone()));
                Box::pin(asker.run_ask(Ask { filter, ..ask }, id)).await
            }
            (Some(_), None) => {
                let text = "It cannot be narrowed to the rows that count in this report.";
                return Ok(Err(text.to_owned()));
            }
        },
        Ok(Outcome::Clarify { question, .. }) => {
            return Ok(Err(format!("{question} Save it anew with the reading that is meant.")));
        }
        Ok(Outcome::Refused { reason, .. }) => return Ok(Err(reason)),
        Err(error) => Err(error),
    };
    match narrowed {
        Ok(answered) => Ok(in_currency(answered, order.spec.currency.as_deref())),
        Err(error) => match error.code() {
            Code::InvalidQuery | Code::QueryTooLarge | Code::QueryTimeout | Code::Invalid => {
                Ok(Err(error.detail().to_owned()))
            }
            _ => Err(error),
        },
    }
}

/// The answer, unless its amounts are in another currency than the one that is wanted.
fn in_currency(answered: Answered, wanted: Option<&str>) -> Result<Answered, String> {
    let is = answered.interpretation.as_ref().and_then(|it| it.currency.as_deref());
    match (is, wanted) {
        (Some(is), Some(wanted)) if is != wanted => {
            Err(format!("Its amounts are in {is}, and this report is in {wanted}."))
        }
        _ => Ok(answered),
    }
}

fn keep(content: &mut ReportContent, question: String, answered: Answered) {
    let Answered { ask, table, sql, rows_read, finding, columns, english, german, .. } = answered;
    let query = content.queries.len();
    let answer = english.sentence;
    let answers = Labels::from([(Language::German.code().to_owned(), german.sentence)]);
    content.queries.push(QueryUsed { ask, sql, rows: rows_read });
    let finding = finding.map(|finding| *finding);
    content.answers.push(SavedAnswer { question, answer, answers, table, query, columns, finding });
}

/// What an answer's columns are called, and what of.
pub fn columns(ask: &Ask, catalog: &Catalog) -> Vec<AnswerColumn> {
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
pub(super) fn is_of(measure: &Measure, metric: &Metric) -> bool {
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
