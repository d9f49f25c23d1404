//! Figures of figures: what was before, how much it changed, which part of the whole it is, how it
//! adds up.

use chrono::{Datelike as _, NaiveDate};
use pacioli_model::{Ask, DayRange, Figure, Measure, Operation, Shift, TimeGrain, Value};

use super::{Builder, NOWHERE, free_name, misfit};
use crate::relations::{resolve::Misfit, sketch::Change};

impl Builder<'_> {
    /// Adds what the question wants to know about its first figure.
    pub(super) fn add_change(&self, ask: &mut Ask) -> Result<(), Misfit> {
        let Some(change) = &self.sketch.change else { return Ok(()) };
        let first = ask.shown_measures().next().cloned();
        let first =
            first.ok_or_else(|| misfit(NOWHERE, "The question does not say what changed."))?;
        match change {
            Change::Share => Self::share(ask, &first),
            Change::Running => Self::running(ask, &first),
            Change::Beside(shift) => self.beside(ask, &first, *shift).map(drop),
            Change::Growth(shift) => self.growth(ask, &first, *shift),
        }
    }

    fn names_last_year(&self) -> bool {
        self.resolver.tokens.windows(2).any(|pair| {
            matches!(pair[0].word.as_str(), "last" | "previous" | "prior") && pair[1].word == "year"
        })
    }

    fn share(ask: &mut Ask, first: &Measure) -> Result<(), Misfit> {
        if ask.group_by.is_empty() || ask.limit.is_some() {
            return Err(misfit(NOWHERE, "The question does not say whose share."));
        }
        let name = free_name(ask, &format!("{}_share", first.name));
        ask.measures
            .push(Measure::new(name, Figure::Share { of: first.name.clone(), within: Vec::new() }));
        Ok(())
    }

    fn running(ask: &mut Ask, first: &Measure) -> Result<(), Misfit> {
        if ask.group_by.iter().all(|group| group.grain().is_none()) {
            return Err(misfit(NOWHERE, "A running total needs periods: ask for it by month."));
        }
        let within = ask
            .shown_groups()
            .filter(|group| group.grain().is_none())
            .map(|group| group.name.clone())
            .collect();
        let name = free_name(ask, &format!("running_{}", first.name));
        ask.measures.push(Measure::new(name, Figure::Running { of: first.name.clone(), within }));
        Ok(())
    }

    /// The same figure of days that lie back.
    fn beside(
        &self,
        ask: &mut Ask,
        first: &Measure,
        shift: Option<Shift>,
    ) -> Result<Measure, Misfit> {
        let shift = shift.unwrap_or_else(|| usual_shift(ask));
        self.settle_range(ask, shift)?;
        let figure = match &first.figure {
            Figure::Aggregate(aggregation) => Figure::Aggregate(pacioli_model::Aggregation {
                shift: Some(shift),
                ..aggregation.clone()
            }),
            Figure::Metric { metric, .. } => {
                Figure::Metric { metric: metric.clone(), shift: Some(shift) }
            }
            _ => return Err(misfit(NOWHERE, "This figure has no day before.")),
        };
        let measure = Measure::new(free_name(ask, &format!("{}_before", first.name)), figure);
        ask.measures.push(measure.clone());
        Ok(measure)
    }

    fn growth(&self, ask: &mut Ask, first: &Measure, shift: Option<Shift>) -> Result<(), Misfit> {
        let before = self.beside(ask, first, shift)?;
        let output = |measure: &Measure| Box::new(Value::Output(measure.name.clone()));
        let difference = Value::Arithmetic {
            operation: Operation::Subtract,
            left: output(first),
            right: output(&before),
        };
        let growth = Value::Arithmetic {
            operation: Operation::Divide,
            left: Box::new(difference),
            right: output(&before),
        };
        let name = free_name(ask, &format!("{}_growth", first.name));
        ask.measures.push(Measure::new(name, Figure::Calculation(growth)));
        Ok(())
    }

    /// A comparison needs days: the last complete year where the question names none; and of a period
    /// that is not over, only the days that both have.
    fn settle_range(&self, ask: &mut Ask, shift: Shift) -> Result<(), Misfit> {
        let today = self.today;
        let periods = ask.group_by.iter().any(|group| group.grain().is_some());
        let no_date = || misfit(NOWHERE, "The days are out of range.");
        match &mut ask.range {
            Some(DayRange { to: Some(to), .. }) if *to > today => {
                *to = today.succ_opt().ok_or_else(no_date)?;
            }
            Some(_) => {}
            // What lies before would show in periods to come, too.
            None if periods => {
                ask.range = Some(DayRange { from: None, to: today.succ_opt() });
            }
            // "Compared to last year" is said of this one.
            None if shift.months >= 12 && self.names_last_year() => {
                let start = NaiveDate::from_ymd_opt(today.year(), 1, 1).ok_or_else(no_date)?;
                ask.range = Some(DayRange { from: Some(start), to: today.succ_opt() });
            }
            None if shift.months >= 12 => {
                let start = |year| NaiveDate::from_ymd_opt(year, 1, 1).ok_or_else(no_date);
                ask.range = Some(DayRange {
                    from: Some(start(today.year() - 1)?),
                    to: Some(start(today.year())?),
                });
            }
            None => {
                return Err(misfit(NOWHERE, "The question does not say which days are compared."));
            }
        }
        Ok(())
    }
}

/// One period of the finest grouping back, a year without one.
fn usual_shift(ask: &Ask) -> Shift {
    let finest = ask.group_by.iter().filter_map(pacioli_model::Grouping::grain).min();
    match finest {
        Some(TimeGrain::Day) => Shift { months: 0, days: 1 },
        Some(TimeGrain::Week) => Shift { months: 0, days: 7 },
        Some(TimeGrain::Month) => Shift { months: 1, days: 0 },
        Some(TimeGrain::Quarter) => Shift { months: 3, days: 0 },
        Some(TimeGrain::Year) | None => Shift::years(1),
    }
}
