//! A figure as a whole, over time.

use pacioli_model::{Cell, Evidence, Fact, ForecastStep};

use super::{
    About, Candidate, Figure, Look, Study,
    evidence::{numbers, periods, table},
};
use crate::{
    ChangePoint, Outlier, Tested, change_point, decompose,
    decompose::Parts,
    forecast::{self, forecast},
    lead_lag, median,
    number::{calm_spread, real},
    outlier,
    outlier::z_of,
    trend,
};

/// The part of changes that tell something of their own, as degrees of freedom.
const SHARED: f64 = 0.45;

impl Look<'_> {
    pub(super) fn at_level(&self, found: &mut Vec<Candidate>) {
        let series = &self.figure.series;
        let phases: Vec<usize> =
            (0..series.values.len()).map(|place| series.phase(place)).collect();
        let parts = decompose(&series.values, &phases, series.cycle());
        found.extend(self.change());
        found.extend(self.trend(&parts));
        found.extend(self.season(&parts));
        found.extend(self.change_point(&parts));
        found.extend(self.outlier_point(&phases));
    }

    fn evidence(&self) -> Evidence {
        Evidence { table: table(periods(self.figure)), queries: vec![self.figure.query] }
    }

    /// The window against the other: as unusual as such changes were not before.
    fn change(&self) -> Option<Candidate> {
        let (now, (before, against)) = (self.now()?, self.before()?);
        // What does not add up has no value of several periods here.
        if now.len() != before.len() || !self.figure.metric.adds_up && now.len() > 1 {
            return None;
        }
        let (values, size) = (&self.figure.series.values, now.len());
        let lag = now.start - before.start;
        let whole = |from: usize| {
            let sum: f64 = values[from..from + size].iter().sum();
            if self.figure.metric.adds_up { sum } else { sum / real(size) }
        };
        let moved: Vec<f64> =
            (lag..now.start).map(|from| whole(from) - whole(from - lag)).collect();
        let (value, base) = (whole(now.start), whole(before.start));
        // Changes of windows that overlap repeat each other: so many are there in truth.
        let apart = moved.len() / size;
        if apart < 6 {
            return None;
        }
        let (spread, kept) = calm_spread(&moved);
        // A value is in two changes: they repeat each other by half.
        let degrees = SHARED * real(kept * apart) / real(moved.len());
        let test = z_of(value - base - median(&moved), spread, degrees)?;
        let rate = rate(base, value, values);
        let fact = Fact::Change { value, before: base, against, rate };
        let impact = (value - base) / base.abs().max(f64::MIN_POSITIVE);
        Some(self.candidate(
            fact,
            About::default(),
            Some(("robust_z", test, moved.len())),
            impact,
            self.evidence(),
        ))
    }

    fn trend(&self, parts: &Parts) -> Option<Candidate> {
        let values = &self.figure.series.values;
        let found = trend(&parts.adjusted(), parts.by_phase.len())?;
        let fact = Fact::Trend {
            slope: found.slope,
            first: found.first,
            last: found.last,
            periods: values.len(),
        };
        let impact = (found.last - found.first)
            / found.first.abs().max(found.last.abs()).max(f64::MIN_POSITIVE);
        let test = Some(("mann_kendall", found.test, values.len()));
        Some(self.candidate(fact, About::default(), test, impact, self.evidence()))
    }

    fn season(&self, parts: &Parts) -> Option<Candidate> {
        let (test, by_phase) = (parts.test?, &parts.by_phase);
        let level = median(&parts.trend);
        let strength = parts.strength();
        if by_phase.is_empty() || level <= 0.0 {
            // It was tested all the same, and counts among the tests.
            return None;
        }
        let phases = 0..by_phase.len();
        let high =
            phases.clone().max_by(|one, other| by_phase[*one].total_cmp(&by_phase[*other]))?;
        let low = phases.min_by(|one, other| by_phase[*one].total_cmp(&by_phase[*other]))?;
        let fact = Fact::Season {
            length: by_phase.len(),
            strength,
            high: high + 1,
            high_effect: by_phase[high] / level,
            low: low + 1,
            low_effect: by_phase[low] / level,
        };
        let test = Some(("f_test", test, parts.rest.len()));
        Some(self.candidate(
            fact,
            About::default(),
            test,
            (by_phase[high] - by_phase[low]) / level / 2.0,
            self.evidence(),
        ))
    }

    /// A shift of the level within the last cycle, or since the window it is compared with began.
    pub(super) fn shift(&self, parts: &Parts) -> Option<ChangePoint> {
        let recent = self.now()?.start.saturating_sub(self.figure.series.cycle().max(6));
        let recent = recent.min(self.before().map_or(recent, |it| it.0.start));
        change_point(&parts.adjusted(), parts.by_phase.len()).filter(|it| it.at >= recent)
    }

    /// The oddest period of the window, at most the last three of it; its p-value is times these.
    pub(super) fn oddest(&self, values: &[f64], phases: &[usize]) -> Option<Outlier> {
        let now = self.now()?;
        let tried = now.start.max(now.end.saturating_sub(3))..now.end;
        let count = real(tried.len());
        let odd = tried.filter_map(|at| outlier(values, phases, self.figure.series.cycle(), at));
        let odd = odd.min_by(|one, other| one.test.p_value.total_cmp(&other.test.p_value))?;
        let p_value = (odd.test.p_value * count).min(1.0);
        Some(Outlier { test: Tested { p_value, ..odd.test }, ..odd })
    }

    fn change_point(&self, parts: &Parts) -> Option<Candidate> {
        let found = self.shift(parts)?;
        let fact = Fact::ChangePoint {
            at: self.figure.series.at(found.at),
            before: found.before,
            after: found.after,
        };
        let impact = (found.after - found.before) / found.before.abs().max(f64::MIN_POSITIVE);
        let test = Some(("student_t", found.test, parts.rest.len()));
        Some(self.candidate(fact, About::default(), test, impact, self.evidence()))
    }

    fn outlier_point(&self, phases: &[usize]) -> Option<Candidate> {
        let series = &self.figure.series;
        let found = self.oddest(&series.values, phases)?;
        let value = series.values[found.at];
        let fact = Fact::OutlierPoint {
            at: series.at(found.at),
            value,
            expected: found.expected,
            low: found.expected - found.reach,
            high: found.expected + found.reach,
        };
        let impact = (value - found.expected) / found.expected.abs().max(f64::MIN_POSITIVE);
        let test = Some(("robust_z", found.test, series.values.len()));
        Some(self.candidate(fact, About::default(), test, impact, self.evidence()))
    }
}

/// The rate of a change; empty where the base is next to nothing beside the usual, or the sign turns.
pub(super) fn rate(before: f64, after: f64, usual: &[f64]) -> Option<f64> {
    let sizes: Vec<f64> = usual.iter().map(|value| value.abs()).collect();
    let tiny = 0.01 * median(&sizes);
    (before.abs() > tiny && before.signum() * after >= 0.0).then(|| (after - before) / before.abs())
}

/// Figures of one table that follow those of another, one to three periods later.
pub(super) fn leads(study: &Study, found: &mut Vec<Candidate>) {
    const FIGURES: usize = 4;
    let few = study.figures.iter().enumerate().take(FIGURES);
    for (place, figure) in few.clone() {
        for (_, other) in few.clone().filter(|(_, other)| other.table != figure.table) {
            let (Some(one), Some(two)) = (adjusted(figure, other), adjusted(other, figure)) else {
                continue;
            };
            let Some(lead) = lead_lag(&one, &two, 3) else { continue };
            let look = Look { study, figure, place };
            let fact = Fact::LeadLag {
                other: other.metric.clone(),
                lag: lead.lag,
                rho: lead.test.statistic,
            };
            let mut columns = periods(figure);
            let from = figure.series.values.len() - one.len();
            let skipped = std::iter::repeat_n(f64::NAN, from);
            let tail = &other.series.values[other.series.values.len() - one.len()..];
            columns.push(numbers("other", skipped.chain(tail.iter().copied())));
            let mut rows = table(columns);
            for row in &mut rows.rows {
                if matches!(row.last(), Some(Cell::Float(value)) if value.is_nan()) {
                    row.pop();
                    row.push(Cell::Null);
                }
            }
            let evidence = Evidence { table: rows, queries: vec![figure.query, other.query] };
            let test = Some(("spearman", lead.test, lead.pairs));
            let untold = lead.lag == 0 || lead.test.statistic.abs() < 0.5;
            found.push(Candidate {
                untold,
                ..look.candidate(fact, About::default(), test, 0.2, evidence)
            });
        }
    }
}

/// The periods of a figure that another has too, free of season.
fn adjusted(figure: &Figure, other: &Figure) -> Option<Vec<f64>> {
    let (series, other) = (&figure.series, &other.series);
    if series.grain != other.grain || series.to() != other.to() {
        return None;
    }
    let count = series.values.len().min(other.values.len());
    let from = series.values.len() - count;
    let phases: Vec<usize> = (from..series.values.len()).map(|place| series.phase(place)).collect();
    Some(decompose(&series.values[from..], &phases, series.cycle()).adjusted())
}

/// What comes after a figure's series: as a fact, with its rows.
pub fn forecast_of(figure: &Figure, horizon: usize) -> Option<(Fact, pacioli_model::Table)> {
    let series = &figure.series;
    let found = forecast(&series.values, series.grain, horizon)?;
    let count = series.values.len();
    let steps: Vec<ForecastStep> = found
        .steps
        .iter()
        .enumerate()
        .map(|(place, step)| ForecastStep {
            at: series.at(count + place),
            value: step.value,
            low: step.low,
            high: step.high,
        })
        .collect();
    let days = (0..count + horizon).map(|place| Cell::Date(series.at(place))).collect();
    let after = |of: fn(&ForecastStep) -> f64| {
        let past = std::iter::repeat_n(Cell::Null, count);
        past.chain(steps.iter().map(|step| Cell::Float(of(step)))).collect::<Vec<_>>()
    };
    let float = pacioli_model::ColumnType::Float;
    let rows = table(vec![
        ("period", pacioli_model::ColumnType::Date, days),
        numbers("value", series.values.iter().copied()),
        ("forecast", float, after(|step| step.value)),
        ("low", float, after(|step| step.low)),
        ("high", float, after(|step| step.high)),
    ]);
    let fact = Fact::Forecast {
        steps,
        level: forecast::LEVEL,
        methods: found.methods.iter().map(|name| (*name).to_owned()).collect(),
        mase: found.mase,
        naive_mase: found.naive_mase,
        beats_naive: found.beats_naive,
    };
    Some((fact, rows))
}
