//! What lies behind a company's figures: its catalog becomes figures and dimensions, these become Asks,
//! their rows become series, and the insights room finds in them what matters. Reports and questions for
//! why, what next and what is unusual go the same way, so that both say the same.

mod crossed;
mod custom;
mod dimensions;
mod extras;
mod figures;
mod filters;
mod job;
mod members;
mod open_items;
mod outstanding;
mod pace;
mod question;
mod ratios;
mod report;
mod resume;
mod rows;
mod stock;
mod window;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use pacioli_engine::{Engine, EngineError, Scope, compile::compile};
use pacioli_model::{Ask, CompanyId, Dimension, MetricUsed, Missing, Predicate, QueryUsed, Table};

pub use custom::{QUESTIONS, columns};
pub use filters::filters;
pub use job::{MOST_VOTES, Order, make, start};
pub use question::{Found, found};
use report::{Wanted, report};
pub use resume::{keep_resuming, resume_reports};
pub use window::Periods;

use crate::{access::Seen, error::ApiResult};

/// How far an analysis is, for whoever waits for it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Queries that were run.
    pub done: AtomicU64,
    /// Queries that are foreseen.
    pub foreseen: AtomicU64,
}

/// Runs the Asks of one analysis for one person, and keeps them to be shown.
pub struct Analyst<'a> {
    engine: &'a Engine,
    company: CompanyId,
    seen: &'a Seen,
    /// Which rows count in all of them.
    filter: Option<Predicate>,
    queries: Vec<QueryUsed>,
    /// What figures could not be broken down by.
    unbroken: Vec<(MetricUsed, Vec<String>)>,
    progress: Arc<Progress>,
}

impl<'a> Analyst<'a> {
    /// For what `seen` shows of a company.
    pub fn new(
        engine: &'a Engine,
        company: CompanyId,
        seen: &'a Seen,
        filter: Option<Predicate>,
    ) -> Self {
        let progress = Arc::new(Progress::default());
        let (queries, unbroken) = (Vec::new(), Vec::new());
        Self { engine, company, seen, filter, queries, unbroken, progress }
    }

    /// Told of to somebody who waits.
    #[must_use]
    pub fn told_to(self, progress: Arc<Progress>) -> Self {
        Self { progress, ..self }
    }

    /// The rows of an Ask and the place of its query; nothing where these tables cannot answer it as it
    /// is meant: a filter or a dimension that its figures do not reach.
    async fn ask(&mut self, ask: Ask) -> ApiResult<Option<(usize, Table)>> {
        let ask = Ask { filter: both(ask.filter.clone(), self.filter.clone()), ..ask };
        let scope =
            Scope { company: self.company, catalog: &self.seen.whole, access: &self.seen.access };
        let answer = self.engine.run(&scope, &ask).await;
        self.progress.done.fetch_add(1, Ordering::Relaxed);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error @ (EngineError::Invalid { .. } | EngineError::Ambiguous { .. })) => {
                // What the engine says of it may hold what stands in the tables.
                let reason = match error {
                    EngineError::Ambiguous { .. } => "ambiguous",
                    _ => "invalid",
                };
                let groups = ask.group_by.iter().filter_map(|group| group.column());
                let groups: Vec<String> =
                    groups.map(|of| format!("{}.{}", of.table, of.column)).collect();
                tracing::warn!(
                    event = "analysis.not_computed", company_id = %self.company, reason,
                    table = %ask.table, groups = groups.join(", "),
                    "a figure of an analysis could not be computed"
                );
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        };
        let rows = answer.table.rows.len();
        self.queries.push(QueryUsed { ask: Some(ask), sql: answer.sql, rows });
        Ok(Some((self.queries.len() - 1, answer.table)))
    }

    /// The same of a figure by a dimension. Where it cannot be broken down by it, that is told.
    async fn ask_by(
        &mut self,
        metric: &MetricUsed,
        dimension: &Dimension,
        ask: Ask,
    ) -> ApiResult<Option<(usize, Table)>> {
        let answered = self.ask(ask).await?;
        if answered.is_none() {
            self.not_broken_down(metric, dimension);
        }
        Ok(answered)
    }

    /// Remembers that a figure has no values by a dimension.
    fn not_broken_down(&mut self, metric: &MetricUsed, dimension: &Dimension) {
        let column = format!("{}.{}", dimension.column.table, dimension.column.column);
        let known = self.unbroken.iter_mut().find(|(it, _)| it.name == metric.name);
        match known {
            Some((_, columns)) if columns.contains(&column) => {}
            Some((_, columns)) => columns.push(column),
            None => self.unbroken.push((metric.clone(), vec![column])),
        }
    }

    /// What figures could not be broken down by, in the order that it was found.
    fn take_unbroken(&mut self) -> impl Iterator<Item = Missing> {
        std::mem::take(&mut self.unbroken).into_iter().map(|(metric, columns)| {
            let MetricUsed { label, labels, .. } = metric;
            let reason = Some(not_by(&columns));
            Missing { what: label, labels, names: Vec::new(), reason }
        })
    }

    /// Whether the engine could compute an Ask over these tables.
    fn can_compute(&self, ask: &Ask) -> bool {
        let ask = Ask { filter: both(ask.filter.clone(), self.filter.clone()), ..ask.clone() };
        compile(&self.seen.visible, &ask).is_ok()
    }
}

/// In words that a figure has no values by some columns.
fn not_by(columns: &[String]) -> String {
    format!("It could not be broken down by {}.", columns.join(", "))
}

/// Both hold, where there are both.
fn both(one: Option<Predicate>, other: Option<Predicate>) -> Option<Predicate> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Predicate::All(vec![one, other])),
        (one, other) => one.or(other),
    }
}
