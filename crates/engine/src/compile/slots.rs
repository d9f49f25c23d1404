//! What is computed: the measures of an Ask, the metrics behind them, and in which order.

use pacioli_model::{
    Aggregate, Aggregation, Ask, ColumnName, Definition, Figure, MetricName, Predicate, Shift,
    Value,
};

use super::{
    names::Shared,
    nearest::{invalid, missing},
};
use crate::EngineError;

/// Figures of one Ask, those behind its metrics among them.
const MOST_SLOTS: usize = 128;

/// One figure.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    pub(super) name: String,
    pub(super) hidden: bool,
    pub(super) figure: Computed<'a>,
    /// The metric that it is, and how far back.
    metric: Option<(&'a MetricName, Option<Shift>)>,
    /// 0 over rows; else one more than what it is computed of.
    pub(super) level: usize,
}

impl Slot<'_> {
    /// Whether it is a count, which is 0 over no rows.
    pub(super) fn counts(&self) -> bool {
        let counts =
            |of: &Aggregation| matches!(of.aggregate, Aggregate::Count | Aggregate::CountDistinct);
        matches!(self.figure, Computed::Aggregate { aggregation, .. } if counts(aggregation))
    }
}

/// How it is computed.
#[derive(Debug, Clone)]
pub(super) enum Computed<'a> {
    Aggregate {
        aggregation: &'a Aggregation,
        shift: Option<Shift>,
    },
    Calculation {
        value: &'a Value,
        /// The definition of a metric, which names other metrics as far back, and no outputs.
        metric: bool,
        shift: Option<Shift>,
    },
    Share {
        of: &'a ColumnName,
        within: &'a [ColumnName],
    },
    Running {
        of: &'a ColumnName,
        within: &'a [ColumnName],
    },
    Across {
        aggregate: Aggregate,
        of: &'a ColumnName,
        within: &'a [ColumnName],
    },
}

/// All figures of an Ask.
#[derive(Debug)]
pub(super) struct Slots<'a> {
    pub(super) all: Vec<Slot<'a>>,
    groups: Vec<&'a ColumnName>,
}

impl<'a> Slots<'a> {
    /// The measures of `ask`, and hidden ones for the metrics that they name.
    pub(super) fn of(shared: &'a Shared<'a>, ask: &'a Ask) -> Result<Self, EngineError> {
        let groups = ask.group_by.iter().map(|group| &group.name).collect();
        let mut slots = Self { all: Vec::new(), groups };
        slots.add_measures(shared, ask)?;
        slots.add_metrics(shared, ask)?;
        slots.set_levels()?;
        Ok(slots)
    }

    fn add_measures(&mut self, shared: &'a Shared<'a>, ask: &'a Ask) -> Result<(), EngineError> {
        for measure in &ask.measures {
            let name = measure.name.to_string();
            match &measure.figure {
                Figure::Metric { metric, shift } => {
                    self.add_metric(shared, name, measure.hidden, metric, *shift)?;
                }
                Figure::Aggregate(aggregation) => {
                    let shift = aggregation.shift;
                    self.add(name, measure.hidden, Computed::Aggregate { aggregation, shift });
                }
                Figure::Calculation(value) => {
                    let figure = Computed::Calculation { value, metric: false, shift: None };
                    self.add(name, measure.hidden, figure);
                }
                Figure::Share { of, within } => {
                    self.add(name, measure.hidden, Computed::Share { of, within });
                }
                Figure::Running { of, within } => {
                    self.add(name, measure.hidden, Computed::Running { of, within });
                }
                Figure::Across { aggregate, of, within } => {
                    let figure = Computed::Across { aggregate: *aggregate, of, within };
                    self.add(name, measure.hidden, figure);
                }
            }
        }
        Ok(())
    }

    /// Hidden figures for the metrics that calculations and `having` name.
    fn add_metrics(&mut self, shared: &'a Shared<'a>, ask: &'a Ask) -> Result<(), EngineError> {
        let mut wanted = Vec::new();
        ask.having.iter().for_each(|having| metrics_of_predicate(having, &mut wanted));
        for metric in wanted {
            self.want(shared, metric, None)?;
        }
        let mut at = 0;
        while at < self.all.len() {
            if let Computed::Calculation { value, shift, .. } = self.all[at].figure {
                let mut metrics = Vec::new();
                metrics_of(value, &mut metrics);
                for metric in metrics {
                    self.want(shared, metric, shift)?;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// The position of a metric's figure.
    pub(super) fn metric(&self, name: &MetricName, shift: Option<Shift>) -> Option<usize> {
        self.all.iter().position(|slot| slot.metric == Some((name, shift)))
    }

    /// The position of an output.
    pub(super) fn output(&self, name: &ColumnName) -> Result<usize, EngineError> {
        let found = self.all.iter().position(|slot| slot.name == name.as_str());
        found.ok_or_else(|| {
            missing("There is no figure", name.as_str(), self.all.iter().map(|s| s.name.as_str()))
        })
    }

    /// The highest level.
    pub(super) fn levels(&self) -> usize {
        self.all.iter().map(|slot| slot.level).max().unwrap_or(0)
    }

    fn add(&mut self, name: String, hidden: bool, figure: Computed<'a>) {
        self.all.push(Slot { name, hidden, figure, metric: None, level: 0 });
    }

    fn add_metric(
        &mut self,
        shared: &'a Shared<'a>,
        name: String,
        hidden: bool,
        metric: &MetricName,
        shift: Option<Shift>,
    ) -> Result<(), EngineError> {
        let semantics = &shared.catalog.semantics;
        let declared = semantics.metric(metric).ok_or_else(|| {
            let names = semantics.metrics.iter().map(|metric| metric.name.as_str());
            missing("There is no metric", metric.as_str(), names)
        })?;
        let figure = match &declared.definition {
            Definition::Aggregate(aggregation) => {
                let shift = further(aggregation.shift, shift);
                Computed::Aggregate { aggregation, shift }
            }
            Definition::Calculation(value) => Computed::Calculation { value, metric: true, shift },
        };
        self.add(name, hidden, figure);
        if let Some(slot) = self.all.last_mut() {
            slot.metric = Some((&declared.name, shift));
        }
        Ok(())
    }

    /// Sees to it that a metric is computed.
    fn want(
        &mut self,
        shared: &'a Shared<'a>,
        metric: &MetricName,
        shift: Option<Shift>,
    ) -> Result<(), EngineError> {
        if self.metric(metric, shift).is_some() {
            return Ok(());
        }
        if self.all.len() >= MOST_SLOTS {
            return Err(invalid(format!("More than {MOST_SLOTS} figures would be computed.")));
        }
        let name = self.unused(metric.as_str());
        self.add_metric(shared, name, true, metric, shift)
    }

    fn unused(&self, base: &str) -> String {
        let taken = |name: &String| {
            self.all.iter().any(|slot| slot.name == *name)
                || self.groups.iter().any(|group| group.as_str() == name)
        };
        let numbered = (2_u32..).map(|number| format!("{base}_{number}"));
        let mut candidates = std::iter::once(base.to_owned()).chain(numbered);
        candidates.find(|name| !taken(name)).unwrap_or_else(|| base.to_owned())
    }

    fn set_levels(&mut self) -> Result<(), EngineError> {
        let mut known: Vec<Option<usize>> = vec![None; self.all.len()];
        for position in 0..self.all.len() {
            self.level_of(position, &mut known, &mut Vec::new())?;
        }
        for (slot, level) in self.all.iter_mut().zip(known) {
            slot.level = level.unwrap_or(0);
        }
        Ok(())
    }

    fn level_of(
        &self,
        position: usize,
        known: &mut Vec<Option<usize>>,
        path: &mut Vec<usize>,
    ) -> Result<usize, EngineError> {
        if let Some(level) = known[position] {
            return Ok(level);
        }
        if path.contains(&position) {
            let name = &self.all[position].name;
            return Err(invalid(format!("{name} is computed of itself.")));
        }
        path.push(position);
        let mut level = 0;
        if !matches!(self.all[position].figure, Computed::Aggregate { .. }) {
            level = 1;
            for of in self.computed_of(position)? {
                level = level.max(1 + self.level_of(of, known, path)?);
            }
        }
        path.pop();
        known[position] = Some(level);
        Ok(level)
    }

    /// The figures that one is computed of.
    pub(super) fn computed_of(&self, position: usize) -> Result<Vec<usize>, EngineError> {
        let is_group = |name: &ColumnName| self.groups.contains(&name);
        match &self.all[position].figure {
            Computed::Aggregate { .. } => Ok(Vec::new()),
            Computed::Share { of, .. }
            | Computed::Running { of, .. }
            | Computed::Across { of, .. } => {
                if is_group(of) {
                    Ok(Vec::new())
                } else {
                    Ok(vec![self.output(of)?])
                }
            }
            Computed::Calculation { value, shift, metric } => {
                let (mut outputs, mut metrics) = (Vec::new(), Vec::new());
                outputs_of(value, &mut outputs);
                metrics_of(value, &mut metrics);
                if let (true, Some(output)) = (metric, outputs.first()) {
                    return Err(invalid(format!(
                        "The metric {} is computed of {output}, which is no metric.",
                        self.all[position].name
                    )));
                }
                let outputs = outputs.into_iter().filter(|name| !is_group(name));
                let mut found =
                    outputs.map(|name| self.output(name)).collect::<Result<Vec<_>, _>>()?;
                found.extend(metrics.iter().filter_map(|metric| self.metric(metric, *shift)));
                Ok(found)
            }
        }
    }
}

/// Two ways back in time, one after the other.
fn further(one: Option<Shift>, other: Option<Shift>) -> Option<Shift> {
    match (one, other) {
        (Some(one), Some(other)) => Some(Shift {
            months: one.months.saturating_add(other.months),
            days: one.days.saturating_add(other.days),
        }),
        (one, other) => one.or(other),
    }
}

fn outputs_of<'v>(value: &'v Value, names: &mut Vec<&'v ColumnName>) {
    if let Value::Output(name) = value {
        names.push(name);
    }
    for part in parts(value) {
        outputs_of(part, names);
    }
}

fn metrics_of<'v>(value: &'v Value, names: &mut Vec<&'v MetricName>) {
    if let Value::Metric(name) = value {
        names.push(name);
    }
    for part in parts(value) {
        metrics_of(part, names);
    }
}

/// The values that a value is computed of, other Asks apart.
fn parts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Arithmetic { left, right, .. } => vec![left, right],
        Value::Days { from, to } => vec![from, to],
        Value::Part { of, .. } => vec![of],
        _ => Vec::new(),
    }
}

fn metrics_of_predicate<'v>(predicate: &'v Predicate, names: &mut Vec<&'v MetricName>) {
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                metrics_of_predicate(part, names);
            }
        }
        Predicate::Not(part) => metrics_of_predicate(part, names),
        Predicate::Compare { left, right, .. } => {
            metrics_of(left, names);
            metrics_of(right, names);
        }
        Predicate::OneOf { value, .. }
        | Predicate::Matches { value, .. }
        | Predicate::IsNull { value } => metrics_of(value, names),
        Predicate::Among { values, .. } => {
            for value in values {
                metrics_of(value, names);
            }
        }
        Predicate::Related { .. } => {}
    }
}
