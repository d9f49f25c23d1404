//! Where the period that still runs will end at its present rate.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use pacioli_insights::{
    cycle, first_day, pace, step, step_back,
    study::{Cells, Figure as Studied, actionability, table},
};
use pacioli_model::{
    Ask, Cell, ColumnType, DayRange, Evidence, Fact, Figure, Finding, Measure, ReportContent,
    Score, Subject, TimeGrain, Window,
};

use super::{
    Analyst, Wanted, figures,
    report::{Chosen, by_period, column, over_time},
    window::edge,
};
use crate::error::ApiResult;

/// Figures whose pace is told.
const FIGURES: usize = 2;

/// A period that has begun and is not over.
pub(super) struct Running {
    grain: TimeGrain,
    from: NaiveDate,
    to: NaiveDate,
    /// The first day that is not over, or that the data does not have.
    edge: NaiveDate,
}

impl Running {
    /// The one that runs on the report's day; nothing where the report is about other days, or where the
    /// data has none of it.
    pub(super) fn of(wanted: &Wanted, content: &ReportContent, grain: TimeGrain) -> Option<Self> {
        let edge = edge(content.today, content.data_until?);
        let from = first_day(grain, content.today);
        let to = step(grain, from, 1);
        let is_asked = wanted.period.is_none_or(|it| it.from < to && from < it.to);
        (is_asked && from < edge).then_some(Self { grain, from, to, edge })
    }

    /// The pace of the most important figures that add up.
    pub(super) async fn paces(
        &self,
        analyst: &mut Analyst<'_>,
        figures: impl Iterator<Item = (&Studied, &Chosen)>,
        content: &ReportContent,
    ) -> ApiResult<Vec<Finding>> {
        let mut found = Vec::new();
        for (figure, chosen) in figures.filter(|(figure, _)| figure.metric.adds_up).take(FIGURES) {
            found.extend(self.pace(analyst, figure, chosen, content).await?);
        }
        Ok(found)
    }

    async fn pace(
        &self,
        analyst: &mut Analyst<'_>,
        figure: &Studied,
        chosen: &Chosen,
        content: &ReportContent,
    ) -> ApiResult<Option<Finding>> {
        // As many whole periods before as make a year, as far as the data goes.
        let earlier = (1..=cycle(self.grain)).rev();
        let earlier = earlier.map(|back| step_back(self.grain, self.from, back));
        let earlier: Vec<NaiveDate> = earlier.filter(|from| *from >= figure.series.from).collect();
        let Some(first) = earlier.first().copied() else { return Ok(None) };
        let by_day = Ask {
            group_by: vec![by_period(TimeGrain::Day)],
            ..over_time(chosen, TimeGrain::Day, first, self.edge)
        };
        let Some((query, rows)) = analyst.ask(by_day).await? else { return Ok(None) };
        let days: BTreeMap<NaiveDate, f64> = rows
            .rows
            .iter()
            .filter_map(|row| match row.as_slice() {
                [Cell::Date(day), value, ..] => Some((*day, value.as_f64()?)),
                _ => None,
            })
            .collect();
        let sum = |from: NaiveDate, to: NaiveDate| days.range(from..to).map(|it| it.1).sum::<f64>();
        let count = |from: NaiveDate, to: NaiveDate| {
            u32::try_from((to - from).num_days()).unwrap_or(u32::MAX)
        };
        let (done, in_all) = (count(self.from, self.edge), count(self.from, self.to));
        let to_date: Vec<(NaiveDate, f64, f64)> = earlier
            .iter()
            .map(|from| {
                let to = step(self.grain, *from, 1);
                let same = (*from + chrono::Days::new(done.into())).min(to);
                (*from, sum(*from, same), sum(*from, to))
            })
            .collect();
        let profile: Vec<f64> = to_date
            .iter()
            .filter(|(_, _, whole)| *whole > 0.0)
            .map(|(_, so_far, whole)| so_far / whole)
            .collect();
        let so_far = sum(self.from, self.edge);
        let Some(projected) = pace(so_far, done, in_all, &profile) else { return Ok(None) };
        let mut queries = vec![query];
        let target = self.target(analyst, chosen, &mut queries).await?;
        // The same period a year before, where the data has it; else the one before.
        let whole_year = earlier.len() == cycle(self.grain);
        let before = if whole_year { to_date.first() } else { to_date.last() };
        let Some(reference) = target.or(before.map(|it| it.2)) else { return Ok(None) };
        let fact = Fact::Pace {
            so_far,
            days: done,
            days_in_all: in_all,
            projected,
            reference,
            is_target: target.is_some(),
        };
        let numbers = |of: fn(&(NaiveDate, f64, f64)) -> f64, last: Cell| {
            to_date.iter().map(|it| Cell::Float(of(it))).chain([last]).collect()
        };
        let periods = earlier.iter().chain([&self.from]).map(|day| Cell::Date(*day)).collect();
        let columns: Vec<Cells<'_>> = vec![
            ("period", ColumnType::Date, periods),
            ("to_date", ColumnType::Float, numbers(|it| it.1, Cell::Float(so_far))),
            ("value", ColumnType::Float, numbers(|it| it.2, Cell::Null)),
        ];
        let evidence = Evidence { table: table(columns), queries };
        Ok(Some(self.finding(figure, fact, (projected, reference), evidence, content)))
    }

    /// What the period's figure shall be: the metric called `revenue_target` or `revenue_budget` is the
    /// target of `revenue`, if it is in the same unit.
    async fn target(
        &self,
        analyst: &mut Analyst<'_>,
        chosen: &Chosen,
        queries: &mut Vec<usize>,
    ) -> ApiResult<Option<f64>> {
        let catalog = std::sync::Arc::clone(&analyst.seen.visible);
        let metric = &chosen.figured.metric;
        let metrics = &catalog.semantics.metrics;
        let target = metrics.iter().find(|it| figures::is_target_of(it, &metric.name));
        // Of rows of one currency alone the target is not known.
        let Some(target) = target.filter(|it| chosen.filter.is_none() && it.unit == metric.unit)
        else {
            return Ok(None);
        };
        let figure = Figure::Metric { metric: target.name.clone(), shift: None };
        let ask = Ask {
            measures: vec![Measure::new(column("value"), figure)],
            range: Some(DayRange { from: Some(self.from), to: Some(self.to) }),
            ..Ask::about(chosen.figured.table.clone())
        };
        let Some((query, rows)) = analyst.ask(ask).await? else { return Ok(None) };
        let value = rows.rows.first().and_then(|row| row.first()?.as_f64());
        let value = value.filter(|value| *value > 0.0);
        queries.extend(value.map(|_| query));
        Ok(value)
    }

    fn finding(
        &self,
        figure: &Studied,
        fact: Fact,
        (projected, reference): (f64, f64),
        evidence: Evidence,
        content: &ReportContent,
    ) -> Finding {
        let away = (projected - reference) / reference.abs().max(f64::MIN_POSITIVE);
        let score = Score {
            impact: away.abs().min(1.0).sqrt() * figure.weight,
            // A projection is no test.
            significance: 0.5,
            novelty: 1.0,
            actionability: actionability(&fact),
        };
        Finding {
            id: format!("{}:{}:-:-", fact.kind(), figure.metric.name),
            subject: Subject {
                metric: figure.metric.clone(),
                table: figure.table.clone(),
                dimension: None,
                member: None,
                window: Window {
                    from: self.from,
                    to: self.to,
                    grain: self.grain,
                    complete: self.to <= content.today,
                },
            },
            score,
            fact,
            test: None,
            caveats: figure.caveats.clone(),
            evidence,
        }
    }
}
