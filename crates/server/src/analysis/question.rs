//! Questions for why, what comes next and what is unusual, answered by the functions that reports are
//! made of.

mod telling;

use chrono::NaiveDate;
use pacioli_insights::{
    Series, first_day, mean, step, step_back,
    study::{
        Breakdown, Figure as Studied, Reach, Study, actionability, drivers_of, findings,
        forecast_of, range, table,
    },
};
use pacioli_language::Interpretation;
use pacioli_model::{
    Aggregate, Analysis, AnalysisKind, Ask, Better, Caveat, Cell, ColumnRef, Compare, Comparison,
    DayRange, Dimension, Direction, Evidence, Fact, Figure, Finding, GroupKey, Grouping, Labels,
    Measure, MetricUsed, OrderBy, Predicate, ReportKind, Score, Subject, Table, TimeGrain, Unit,
    Value, Votes, Window,
};
use pacioli_report::{Language, measure_name};

pub use self::telling::Found;
use self::telling::{Lead, corrected};
use super::{
    Analyst, both, crossed,
    custom::is_of,
    dimensions::{dimensions, members},
    figures,
    members::ROWS,
    ratios::{self, Explained, Ratio},
    report, rows,
    window::{Periods, lenient_edge},
};
use crate::error::ApiResult;

/// Periods that are forecast where the question names none, and at most.
const AHEAD: (usize, usize) = (3, 36);
/// Dimensions that a change is looked for in.
const DIMENSIONS: usize = 4;
/// Findings that one answer tells.
const TOLD: usize = 3;

/// A figure as a question means it, over whole periods.
struct Subjected<'a> {
    figure: Studied,
    ask: &'a Ask,
    grain: TimeGrain,
    today: NaiveDate,
    currency: Option<String>,
}

/// Finds out what a question wants to know of a figure; or says why that cannot be found out.
pub async fn found(
    analyst: &mut Analyst<'_>,
    analysis: &Analysis,
    read: &Interpretation,
    today: NaiveDate,
) -> ApiResult<Result<Found, String>> {
    let mut subject = match subject(analyst, analysis, read, today).await? {
        Ok(subject) => subject,
        Err(reason) => return Ok(Err(reason)),
    };
    let outcome = match &analysis.kind {
        AnalysisKind::Forecast => subject.ahead(analysis.period),
        AnalysisKind::Why { direction } => match subject.windows(analysis, *direction) {
            Ok((window, against)) => match subject.ratio(analyst, window, against).await? {
                Some(found) => Ok(subject.explained(found, window, *direction)),
                None => {
                    subject.break_down(analyst).await?;
                    let mut outcome = subject.why(window, against, *direction);
                    if let Ok((findings, _)) = &mut outcome {
                        subject.crossed(analyst, findings, &against).await?;
                    }
                    outcome
                }
            },
            Err(reason) => Err(reason),
        },
        AnalysisKind::Unusual => {
            subject.break_down(analyst).await?;
            let windows = subject.windows(analysis, None);
            windows.map(|(window, against)| subject.unusual(window, against))
        }
    };
    let (findings, lead) = match outcome {
        Ok(outcome) => outcome,
        Err(reason) => return Ok(Err(reason)),
    };
    Ok(Ok(subject.told(analyst, findings, lead)))
}

/// The series of the question's figure.
async fn subject<'a>(
    analyst: &mut Analyst<'_>,
    analysis: &'a Analysis,
    read: &Interpretation,
    today: NaiveDate,
) -> ApiResult<Result<Subjected<'a>, String>> {
    let (ask, grain) = (&analysis.ask, analysis.grain);
    let (Some(measure), [by_period]) = (ask.shown_measures().next(), ask.group_by.as_slice())
    else {
        return Ok(Err("This is found out of one figure at a time, without \"by …\".".to_owned()));
    };
    let Some((query, rows)) = analyst.ask(ask.clone()).await? else {
        return Ok(Err("These tables do not answer that over time.".to_owned()));
    };
    let last = last_day(analyst, ask, by_period).await?;
    let place = rows.columns.iter().position(|column| column.name == measure.name);
    let (Some(last), Some(place), false) = (last, place, rows.truncated) else {
        return Ok(Err("There are no days, or too many, to look at.".to_owned()));
    };
    let until = first_day(grain, lenient_edge(grain, today, last));
    let metric = named(analyst, (ask, measure), read);
    let span = (NaiveDate::MIN, until);
    let Some(series) = rows::series(&rows, place, grain, span, metric.adds_up) else {
        return Ok(Err("There are fewer than two whole periods of it.".to_owned()));
    };
    let sees_part = analyst.seen.access.table(&ask.table).is_some_and(|it| it.rows.is_some());
    let figure = Studied {
        metric,
        table: ask.table.clone(),
        series,
        weight: 1.0,
        query,
        breakdowns: Vec::new(),
        caveats: if sees_part { vec![Caveat::PartOfRows] } else { Vec::new() },
    };
    Ok(Ok(Subjected { figure, ask, grain, today, currency: read.currency.clone() }))
}

/// The last day that has rows of it.
async fn last_day(
    analyst: &mut Analyst<'_>,
    ask: &Ask,
    by_period: &Grouping,
) -> ApiResult<Option<NaiveDate>> {
    let GroupKey::Period { column, .. } = &by_period.key else { return Ok(None) };
    let key = GroupKey::Period { column: column.clone(), grain: TimeGrain::Day };
    let ask = Ask {
        group_by: vec![Grouping { key, ..by_period.clone() }],
        order: vec![OrderBy { name: by_period.name.clone(), direction: Direction::Descending }],
        limit: Some(1),
        ..ask.clone()
    };
    let answer = analyst.ask(ask).await?;
    Ok(answer.and_then(|(_, table)| match table.rows.first()?.first()? {
        Cell::Date(day) => Some(*day),
        _ => None,
    }))
}

/// What a measure is called, and whether its periods add up.
fn named(
    analyst: &Analyst<'_>,
    (ask, measure): (&Ask, &Measure),
    read: &Interpretation,
) -> MetricUsed {
    let catalog = &analyst.seen.visible;
    let unit = read.currency.clone().map_or(Unit::Number, Unit::Currency);
    let metrics = &catalog.semantics.metrics;
    let declared = match &measure.figure {
        Figure::Metric { metric: name, .. } => metrics.iter().find(|it| it.name == *name),
        _ => metrics.iter().find(|metric| is_of(measure, metric)),
    };
    let declared = declared.and_then(|metric| figures::figured(catalog, metric));
    if let Some(declared) = declared {
        let unit = match declared.metric.unit {
            Unit::CurrencyOf(_) | Unit::CompanyCurrency => unit,
            own => own,
        };
        return MetricUsed { unit, ..declared.metric };
    }
    let adds_up = measure
        .aggregation()
        .is_some_and(|it| matches!(it.aggregate, Aggregate::Sum | Aggregate::Count));
    let name = measure.name.to_string();
    let label = name.replace('_', " ");
    let german = measure_name(measure, ask, catalog, Language::German);
    let labels = Labels::from([(Language::German.code().to_owned(), german)]);
    MetricUsed { name, label, labels, unit, better: Better::Neither, adds_up }
}

type Outcome = (Vec<Finding>, Option<Lead>);

impl Subjected<'_> {
    fn series(&self) -> &Series {
        &self.figure.series
    }

    fn window(&self, from: NaiveDate, to: NaiveDate) -> Window {
        Window { from, to, grain: self.grain, complete: to <= self.series().to() }
    }

    fn ahead(&self, period: Option<DayRange>) -> Result<Outcome, String> {
        let end = self.series().to();
        let wanted = period.and_then(|days| days.to);
        let steps = match wanted {
            Some(to) if to <= end => {
                return Err("Those days are over: ask for the figure itself.".to_owned());
            }
            Some(to) => (1..=AHEAD.1).find(|steps| step(self.grain, end, *steps) >= to),
            None => Some(AHEAD.0),
        };
        let Some(steps) = steps else {
            return Err(format!("At most {} periods are forecast.", AHEAD.1));
        };
        let Some((fact, rows)) = forecast_of(&self.figure, steps) else {
            let count = self.series().values.len();
            return Err(format!("A forecast needs 8 whole periods; there are {count}."));
        };
        let mut caveats = self.figure.caveats.clone();
        if matches!(fact, Fact::Forecast { beats_naive: false, .. }) {
            caveats.push(Caveat::NaiveNotBeaten);
        }
        let window = self.window(step_back(self.grain, end, 1), end);
        Ok((vec![self.finding(fact, None, window, caveats, rows)], None))
    }

    /// The days that are asked about and those that they are compared with: whole periods that there are. Where
    /// the question names none, the last period and what a report would compare it with.
    fn windows(
        &self,
        analysis: &Analysis,
        direction: Option<Direction>,
    ) -> Result<(Window, Window), String> {
        let end = self.series().to();
        let whole = |days: DayRange| {
            let from = first_day(self.grain, days.from?);
            let to = days.to.unwrap_or(end);
            let to = if first_day(self.grain, to) == to {
                to
            } else {
                step(self.grain, first_day(self.grain, to), 1)
            };
            (from < to).then(|| self.window(from, to))
        };
        let last = || self.window(step_back(self.grain, end, 1), end);
        let window = match analysis.period {
            Some(days) => whole(days).ok_or("Those days are no whole periods.")?,
            None => last(),
        };
        if range(self.series(), &window).is_none() {
            return Err("Not all of those days are over and have rows.".to_owned());
        }
        let against = match analysis.compare {
            Some(days) => {
                Some(whole(days).ok_or("The days to compare with are no whole periods.")?)
            }
            None => self.usual(&window, direction),
        };
        let against = against.filter(|against| range(self.series(), against).is_some());
        let none = "There are no rows of the days before to compare with.";
        Ok((window, against.ok_or(none)?))
    }

    /// What a report compares a window with. Where the question says that the figure fell or rose, and only the
    /// periods just before bear that out, it means those.
    fn usual(&self, window: &Window, direction: Option<Direction>) -> Option<Window> {
        let Window { from, to, grain, .. } = *window;
        let against = |compare| {
            let against = Periods { from, to, grain }.against(compare, self.series().from)?;
            Some(self.window(against.from, against.to))
        };
        let sum = |window: &Window| {
            range(self.series(), window).map(|places| mean(&self.series().values[places]))
        };
        let bears_out = |against: &Window| match (direction, sum(window), sum(against)) {
            (Some(Direction::Descending), Some(now), Some(before)) => now < before,
            (Some(Direction::Ascending), Some(now), Some(before)) => now > before,
            _ => true,
        };
        let usual = against(Compare::Usual);
        let previous = || against(Compare::Previous).filter(bears_out);
        usual.filter(bears_out).or_else(previous).or(usual)
    }

    /// The figure by the members of what its rows belong to.
    async fn break_down(&mut self, analyst: &mut Analyst<'_>) -> ApiResult<()> {
        let catalog = std::sync::Arc::clone(&analyst.seen.visible);
        if !self.figure.metric.adds_up {
            return Ok(());
        }
        let periods = self.series().values.len() as u64;
        for dimension in dimensions(&catalog, &self.ask.table, ReportKind::Overview, DIMENSIONS) {
            if members(&catalog, &dimension).saturating_mul(periods) > ROWS {
                continue;
            }
            let by = GroupKey::Value(Value::Column(dimension.column.clone()));
            let mut group_by = self.ask.group_by.clone();
            group_by.push(Grouping::new(report::column("member"), by));
            let ask = Ask { group_by, order: Vec::new(), ..self.ask.clone() };
            let asked = analyst.ask_by(&self.figure.metric, &dimension, ask).await?;
            let Some((query, rows)) = asked else { continue };
            let members = rows::members(&rows, (2, None), self.series());
            let cut = rows.truncated;
            self.figure.breakdowns.push(Breakdown {
                dimension,
                members,
                cut,
                reach: Reach::Whole,
                query,
            });
        }
        Ok(())
    }

    fn why(
        &self,
        window: Window,
        against: Window,
        direction: Option<Direction>,
    ) -> Result<Outcome, String> {
        let Some((place, fact, cells)) = drivers_of(&self.figure, &window, &against) else {
            let text = "What its change comes from cannot be told: it did not change, or nothing that \
                        tells its rows apart adds up to it.";
            return Err(text.to_owned());
        };
        let (Fact::Drivers { value, before, .. }, breakdown) =
            (&fact, &self.figure.breakdowns[place])
        else {
            return Err("What its change comes from cannot be told.".to_owned());
        };
        let lead = corrected(direction, *value, *before, window);
        let rows = table(cells);
        let caveats = self.figure.caveats.clone();
        let mut found =
            self.finding(fact, Some(breakdown.dimension.clone()), window, caveats, rows);
        found.evidence.queries = vec![breakdown.query];
        Ok((vec![found], lead))
    }

    /// Adds the combination of members that a change lies in, where there is one.
    async fn crossed(
        &self,
        analyst: &mut Analyst<'_>,
        findings: &mut [Finding],
        against: &Window,
    ) -> ApiResult<()> {
        let Some(figure) = self.ask.shown_measures().next().map(|it| &it.figure) else {
            return Ok(());
        };
        let count = figures::rows_behind(&analyst.seen.visible, figure, None);
        let column = self.ask.group_by.iter().find_map(|group| group.column());
        let within = |days: &Window| {
            let range = DayRange { from: Some(days.from), to: Some(days.to) };
            let base = Ask { group_by: Vec::new(), order: Vec::new(), ..self.ask.clone() };
            match column {
                Some(column) => {
                    Ask { filter: both(base.filter.clone(), Some(during(column, days))), ..base }
                }
                None => Ask { range: Some(range), ..base },
            }
        };
        for finding in findings {
            let asks = [against, &finding.subject.window].map(within);
            let of =
                crossed::Of { figure: &self.figure, asked: figure, count: count.as_ref(), asks };
            crossed::add(analyst, &of, finding).await?;
        }
        Ok(())
    }

    /// The parts of a change of a ratio; nothing where the figure is none.
    async fn ratio(
        &self,
        analyst: &mut Analyst<'_>,
        window: Window,
        against: Window,
    ) -> ApiResult<Option<Explained>> {
        let measure = self.ask.shown_measures().next().map(|it| &it.figure);
        let Some(Figure::Metric { metric, .. }) = measure else { return Ok(None) };
        let catalog = std::sync::Arc::clone(&analyst.seen.visible);
        let Some(ratio) = Ratio::of(&catalog, metric) else { return Ok(None) };
        let table = (&self.figure.metric, &self.ask.table, ReportKind::Overview);
        let filter = self.ask.filter.as_ref();
        ratios::explain(analyst, &ratio, table, filter, (&window, &against)).await
    }

    fn explained(&self, parts: Explained, window: Window, direction: Option<Direction>) -> Outcome {
        let lead = match &parts.fact {
            Fact::RatioDrivers { value, before, .. } => {
                corrected(direction, *value, *before, window)
            }
            _ => None,
        };
        let Explained { dimension, fact, rows, queries } = parts;
        let caveats = self.figure.caveats.clone();
        let mut found = self.finding(fact, Some(dimension), window, caveats, rows);
        found.evidence.queries = queries;
        (vec![found], lead)
    }

    fn unusual(&self, window: Window, against: Window) -> Outcome {
        let study = Study {
            window,
            against: Some(against),
            figures: vec![self.figure.clone()],
            said: std::collections::BTreeSet::new(),
            votes: Votes::default(),
        };
        let is_odd = |finding: &Finding| {
            matches!(
                finding.fact,
                Fact::OutlierPoint { .. }
                    | Fact::Burst { .. }
                    | Fact::OutlierMember { .. }
                    | Fact::ChangePoint { .. }
            )
        };
        let odd: Vec<Finding> =
            findings(&study).findings.into_iter().filter(is_odd).take(TOLD).collect();
        let lead = odd.is_empty().then_some(("unusual.none", window));
        (odd, lead)
    }

    fn finding(
        &self,
        fact: Fact,
        dimension: Option<Dimension>,
        window: Window,
        caveats: Vec<Caveat>,
        rows: Table,
    ) -> Finding {
        let score = Score {
            impact: 1.0,
            significance: 1.0,
            novelty: 1.0,
            actionability: actionability(&fact),
        };
        Finding {
            id: String::new(),
            subject: Subject {
                metric: self.figure.metric.clone(),
                table: self.figure.table.clone(),
                dimension,
                member: None,
                window,
            },
            fact,
            test: None,
            score,
            caveats,
            evidence: Evidence { table: rows, queries: vec![self.figure.query] },
        }
    }
}

/// The rows whose day lies in some days.
fn during(column: &ColumnRef, days: &Window) -> Predicate {
    let bound = |comparison, day| {
        Predicate::compare(column.clone(), comparison, pacioli_model::Literal::Date(day))
    };
    let (from, to) = (Comparison::GreaterOrEqual, Comparison::Less);
    Predicate::All(vec![bound(from, days.from), bound(to, days.to)])
}
