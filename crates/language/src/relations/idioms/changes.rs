//! Bounds on how a figure changed, and on how it stands to an average.

use pacioli_model::{
    Aggregate, Ask, Comparison, Decimal, Direction, Figure, Literal, Operation, Predicate, Shift,
    Value,
};

use super::{Idioms, bound, compare, first_by, first_figure, has_groups, hidden, output};
use crate::{
    calendar::{self, Period},
    relations::build::free_name,
    translation::Translation,
};

const FELL: &[&str] = &[
    "dropped",
    "fell",
    "declined",
    "decreased",
    "shrank",
    "drop",
    "fall",
    "decline",
    "down",
    "lost",
];
const ROSE: &[&str] = &["rose", "grew", "increased", "climbed", "rise", "grow", "increase", "up"];
const BELOW: &[&str] = &["below", "under", "beneath"];
const ABOVE: &[&str] = &["above", "over", "exceeding", "exceeds"];

impl Idioms<'_> {
    /// "Customers whose revenue dropped by more than 30% compared to last year".
    pub(super) fn changed_by(&self) -> Option<Translation> {
        let verb = self.find(&[FELL, ROSE].concat())?;
        let fell = self.is(verb, FELL);
        let (percent, end) = self.percent_after(verb)?;
        let (entity, figure) = self.whose(verb)?;
        let tail = self.said(end..self.tokens.len()).to_lowercase();
        let tail = if tail.contains("quarter") {
            "this quarter compared to last year".to_owned()
        } else if tail.contains("last") || tail.contains("before") {
            if tail.contains("this") { tail } else { format!("this year {tail}") }
        } else {
            return None;
        };
        self.changed(&format!("{figure} by {entity} {tail}"), |ask| {
            let (now, before) = Self::beside(ask)?;
            let sign = if fell { -1 } else { 1 };
            let part = Decimal::new(i128::from(100 + sign * i64::from(percent)), 2);
            let limit = Value::Arithmetic {
                operation: Operation::Multiply,
                left: Box::new(output(&before)),
                right: Box::new(Value::Literal(Literal::Decimal(part))),
            };
            let comparison = if fell { Comparison::Less } else { Comparison::Greater };
            let crossed = compare(output(&now), comparison, limit);
            // Nothing at all is less than any part of what was.
            let gone = Predicate::IsNull { value: output(&now) };
            let crossed = if fell { Predicate::Any(vec![crossed, gone]) } else { crossed };
            let zero = Value::Literal(Literal::Integer(0));
            bound(
                ask,
                Predicate::All(vec![compare(output(&before), Comparison::Greater, zero), crossed]),
            );
            Some(())
        })
    }

    /// The figure and the same of days that lie back.
    fn beside(ask: &Ask) -> Option<(pacioli_model::ColumnName, pacioli_model::ColumnName)> {
        let mut measures = ask.shown_measures();
        let (now, before) = (measures.next()?, measures.next()?);
        let shifted = match &before.figure {
            Figure::Metric { shift, .. } => shift.is_some(),
            Figure::Aggregate(aggregation) => aggregation.shift.is_some(),
            _ => false,
        };
        (shifted && has_groups(ask)).then(|| (now.name.clone(), before.name.clone()))
    }

    /// "by more than 30%", "more than half": the part, and where it ends.
    fn percent_after(&self, verb: usize) -> Option<(u32, usize)> {
        (verb + 1..verb + 6).find_map(|at| {
            if self.is(at, &["half"]) {
                return Some((50, at + 1));
            }
            let percent = self.number(at).filter(|number| *number < 1000)?;
            self.is(at + 1, &["%", "percent"]).then_some((percent, at + 2))
        })
    }

    /// What it is about and whose figure: "customers whose revenue", "which customers' orders".
    fn whose(&self, end: usize) -> Option<(String, String)> {
        let first = self.after_lead(0);
        let split = (first..end).find(|at| self.is(*at, &["whose"]));
        let (entity, figure) = match split {
            Some(split) => (self.said(first..split), split + 1..end),
            None => {
                let after = &self.question[self.tokens.get(first)?.at.end..];
                after.starts_with(['\'', '’']).then_some(())?;
                (self.said(first..=first), first + 1..end)
            }
        };
        let figure = self.said(figure.filter(|at| {
            !self.is(*at, &["is", "are", "was", "were", "has", "have", "been", "did"])
        }));
        (!entity.is_empty() && !figure.is_empty()).then_some((entity, figure))
    }

    /// "Which salespeople are below their average of the last 6 months?"
    pub(super) fn own_average(&self) -> Option<Translation> {
        let their = self.find(&["their", "its"])?;
        let average = (their..their + 3).find(|at| self.is(*at, &["average", "mean"]))?;
        let side = (0..their).find(|at| self.is(*at, &[BELOW, ABOVE].concat()))?;
        let below = self.is(side, BELOW);
        let last = (average..self.tokens.len()).find(|at| self.is(*at, &["last", "past"]))?;
        let count = self.number(last + 1).filter(|count| (2..=36).contains(count))?;
        let grain = match self.word(last + 2) {
            "months" => "month",
            "weeks" => "week",
            "quarters" => "quarter",
            _ => return None,
        };
        if last + 3 != self.tokens.len() {
            return None;
        }
        let now = self.days_of(&format!("this {grain}"))?;
        let before = self.days_of(&format!("last {count} {grain}s"))?;
        let (entity, figure) = match self.whose(side) {
            Some(found) => found,
            None => {
                let first = self.after_lead(0);
                let entity = self.said((first..side).filter(|at| !self.is(*at, &["are", "is"])));
                (entity, self.metric_called(&["revenue", "sales", "turnover"])?.to_owned())
            }
        };
        self.changed(&format!("{figure} by {entity}"), |ask| {
            let measure = ask.shown_measures().next()?.clone();
            has_groups(ask).then_some(())?;
            let aggregation = self.added_up(&measure)?;
            let sum = |period: &Period| {
                let date = Value::Column(aggregation.date.clone()?);
                let day = |day| Value::Literal(Literal::Date(day));
                let from = compare(date.clone(), Comparison::GreaterOrEqual, day(period.from?));
                let to = compare(date, Comparison::Less, day(period.to?));
                let own = aggregation.filter.clone().into_iter();
                let filter = crate::relations::build::all(own.chain([from, to]).collect());
                Some(Figure::Aggregate(pacioli_model::Aggregation {
                    filter,
                    ..aggregation.clone()
                }))
            };
            let total = free_name(ask, &format!("{}_before", measure.name));
            let usual = free_name(ask, &format!("{}_usual", measure.name));
            let figure = Figure::Calculation(Value::Arithmetic {
                operation: Operation::Divide,
                left: Box::new(output(&total)),
                right: Box::new(Value::Literal(Literal::Integer(i64::from(count)))),
            });
            ask.measures = vec![
                pacioli_model::Measure::new(measure.name.clone(), sum(&now)?),
                hidden(total, sum(&before)?),
                pacioli_model::Measure::new(usual.clone(), figure),
            ];
            let comparison = if below { Comparison::Less } else { Comparison::Greater };
            let beyond = compare(output(&measure.name), comparison, output(&usual));
            let nothing = Predicate::All(vec![
                Predicate::IsNull { value: output(&measure.name) },
                Predicate::Not(Box::new(Predicate::IsNull { value: output(&usual) })),
            ]);
            let crossed = if below { Predicate::Any(vec![beyond, nothing]) } else { beyond };
            bound(ask, crossed);
            Some(())
        })
    }

    /// The days that words name.
    fn days_of(&self, words: &str) -> Option<Period> {
        let tokens = crate::token::tokenise(words);
        let company = self.relations.company(self.today);
        calendar::read_for(&tokens, company).map(|(_, period)| period)
    }

    /// "Products whose revenue is above the average", "consultants who worked more hours than the
    /// average consultant": the figure of a group against the mean of all groups.
    pub(super) fn beyond_the_average(&self) -> Option<Translation> {
        let average = self.find(&["average", "mean"])?;
        let more = (0..average).find(|at| self.is(*at, &["more", "less", "fewer"]));
        let side =
            (average.saturating_sub(3)..average).find(|at| self.is(*at, &[BELOW, ABOVE].concat()));
        let (entity, figure, above) = match (side, more) {
            (Some(side), _) => {
                let (entity, figure) = self.whose(side)?;
                (entity, figure, self.is(side, ABOVE))
            }
            (None, Some(more)) => {
                let than = (more..average).find(|at| self.is(*at, &["than"]))?;
                let first = self.after_lead(0);
                let who = (first..more).find(|at| self.is(*at, &["who", "that", "which"]))?;
                let figure = self.said(more + 1..than);
                (self.said(first..who), figure, self.is(more, &["more"]))
            }
            _ => return None,
        };
        let days = (average + 1..self.tokens.len())
            .find(|at| self.is(*at, &["in", "this", "last", "since"]));
        let tail = self.said(days.unwrap_or(self.tokens.len())..self.tokens.len());
        let grouped = more.is_some() || self.find(&["per", "each"]).is_some();
        self.changed(&format!("total {figure} by {entity} {tail}"), |ask| {
            let measure = ask.shown_measures().next()?.clone();
            let of = self.table_of(&measure)?;
            // The rows' own column is compared row by row.
            (grouped || matches!(measure.figure, Figure::Metric { .. })).then_some(())?;
            let group = ask.shown_groups().find_map(|group| group.column())?;
            (self.table_named(&group.table)? != of).then_some(())?;
            let usual = free_name(ask, &format!("average_{}", measure.name));
            let figure = Figure::Across {
                aggregate: Aggregate::Average,
                of: measure.name.clone(),
                within: Vec::new(),
            };
            ask.measures.push(hidden(usual.clone(), figure));
            let comparison = if above { Comparison::Greater } else { Comparison::Less };
            bound(ask, compare(output(&measure.name), comparison, output(&usual)));
            Some(())
        })
    }

    /// "Top 3 products in each region by margin growth vs last year": ranked by how much it grew.
    pub(super) fn ranked_growth(&self) -> Option<Translation> {
        let growth = self.find(&["growth", "increase", "decline"])?;
        let top = self.find(&["top", "bottom"]).filter(|top| self.number(top + 1).is_some())?;
        let by = (top..growth).rev().find(|at| self.is(*at, &["by"]))?;
        let tail = self.said(growth + 1..self.tokens.len()).to_lowercase();
        if !(tail.contains("last year") || tail.contains("year before") || tail.is_empty()) {
            return None;
        }
        let figure = self.said(by + 1..growth);
        let entity = self.said(top + 2..by);
        let number = self.said(top..top + 2);
        let (what, each) = entity.split_once(" in each ").unwrap_or((&entity, ""));
        let each = if each.is_empty() { String::new() } else { format!("in each {each}") };
        let rest = format!("{number} {what} by {figure} {each} this year");
        self.changed(&rest, |ask| {
            ask.limit?;
            // Of a year that is not over, only the days that both have are compared.
            if let Some(to) = ask.range.as_mut().and_then(|range| range.to.as_mut()) {
                *to = (*to).min(self.today.succ_opt()?);
            }
            self.grow_by_amounts(ask);
            let measure = ask.shown_measures().next()?.clone();
            let before = free_name(ask, &format!("{}_before", measure.name));
            let shift = Shift { months: 12, days: 0 };
            let figure = shifted(&measure.figure, shift)?;
            ask.measures.push(pacioli_model::Measure::new(before.clone(), figure));
            let growth = free_name(ask, &format!("{}_growth", measure.name));
            let difference = Value::Arithmetic {
                operation: Operation::Subtract,
                left: Box::new(output(&measure.name)),
                right: Box::new(output(&before)),
            };
            let figure = Figure::Calculation(Value::Arithmetic {
                operation: Operation::Divide,
                left: Box::new(difference),
                right: Box::new(output(&before)),
            });
            ask.measures.push(pacioli_model::Measure::new(growth.clone(), figure));
            let gone = Predicate::IsNull { value: output(&growth) };
            bound(ask, Predicate::Not(Box::new(gone)));
            let falling = self.is(growth_word(self), &["decline"]);
            let direction = ask.order.first().map_or(Direction::Descending, |by| by.direction);
            let direction = if falling { Direction::Ascending } else { direction };
            ask.order = vec![first_by(growth, direction)];
            first_figure(ask).map(drop)
        })
    }
}

impl Idioms<'_> {
    /// "Margin growth" is how much the profit grew, and no part of a part; a rate that is called one is
    /// compared as such.
    fn grow_by_amounts(&self, ask: &mut Ask) {
        let catalog = self.relations.schema.catalog;
        if self.find(&["rate", "percentage", "percent", "share", "ratio"]).is_some() {
            return;
        }
        let Some(first) = ask.measures.first() else { return };
        let Figure::Metric { metric, .. } = &first.figure else { return };
        let Some(amount) = crate::relations::schema::numerator(catalog, metric) else { return };
        let name = free_name(ask, amount.name.as_str());
        let figure = Figure::Metric { metric: amount.name.clone(), shift: None };
        ask.measures[0] = pacioli_model::Measure::new(name, figure);
    }
}

fn growth_word(idioms: &Idioms<'_>) -> usize {
    idioms.find(&["growth", "increase", "decline"]).unwrap_or(0)
}

/// The same figure of days that lie back.
fn shifted(figure: &Figure, shift: Shift) -> Option<Figure> {
    match figure {
        Figure::Metric { metric, shift: None } => {
            Some(Figure::Metric { metric: metric.clone(), shift: Some(shift) })
        }
        Figure::Aggregate(aggregation) if aggregation.shift.is_none() => {
            let mut aggregation = aggregation.clone();
            aggregation.shift = Some(shift);
            Some(Figure::Aggregate(aggregation))
        }
        _ => None,
    }
}
