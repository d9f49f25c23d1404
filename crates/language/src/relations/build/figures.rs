//! Metrics, days and defaults: what a company's figures are beyond counts and sums.

use std::{collections::VecDeque, ops::Range};

use pacioli_model::{
    Aggregate, Ask, ColumnName, Comparison, DayRange, Direction, Figure, GroupKey, Grouping,
    Measure, OrderBy, Predicate, Unit, Value,
};

use super::{Builder, NOWHERE, all, free_name, misfit};
use crate::{
    calendar::Period,
    relations::{
        resolve::Misfit,
        schema::{ColumnId, TableId},
        sketch::{Noun, Test},
    },
    role::{Role, names_currencies},
};

impl Builder<'_> {
    /// The table that a metric is computed over.
    pub(super) fn metric_table(&self, metric: usize) -> Option<TableId> {
        self.schema.metric_table(metric)
    }

    pub(super) fn measure_metric(
        &self,
        ask: &mut Ask,
        metric: usize,
        hidden: bool,
    ) -> Result<ColumnName, Misfit> {
        let metrics = &self.schema.catalog.semantics.metrics;
        let metric =
            metrics.get(metric).ok_or_else(|| misfit(NOWHERE, "This figure is not declared."))?;
        let figure = Figure::Metric { metric: metric.name.clone(), shift: None };
        if let Some(known) = ask.measures.iter().find(|measure| measure.figure == figure) {
            return Ok(known.name.clone());
        }
        let name = free_name(ask, metric.name.as_str());
        ask.measures.push(Measure { name: name.clone(), figure, hidden });
        Ok(name)
    }

    /// The calendar periods that the question groups by.
    pub(super) fn add_periods(&self, ask: &mut Ask) {
        for group in &self.sketch.groups {
            let Noun::Period(grain) = group else { continue };
            if self.year_told(*grain).is_some() {
                continue;
            }
            if ask.group_by.iter().all(|known| known.grain() != Some(*grain)) {
                let name = free_name(ask, grain.as_str());
                ask.group_by
                    .push(Grouping::new(name, GroupKey::Period { column: None, grain: *grain }));
            }
        }
    }

    /// Gives every measure its date, and the Ask its range, where the question speaks of days.
    pub(super) fn add_days(&self, ask: &mut Ask) -> Result<(), Misfit> {
        let periods = ask
            .group_by
            .iter()
            .any(|group| matches!(group.key, GroupKey::Period { column: None, .. }));
        let period = self.range_test();
        if !periods && period.is_none() && self.sketch.change.is_none() {
            return Ok(());
        }
        let tokens = period.as_ref().map_or(NOWHERE, |(_, tokens)| tokens.clone());
        for measure in &mut ask.measures {
            let Figure::Aggregate(aggregation) = &mut measure.figure else { continue };
            if aggregation.date.is_none() {
                let base = self.table_named(&aggregation.table);
                let date = self
                    .main_date(base, &tokens)
                    .ok_or_else(|| misfit(tokens.clone(), "Nothing here has a date."))?;
                aggregation.date = Some(self.resolver.reference(base, date, &tokens)?);
            }
        }
        if let Some((period, _)) = period {
            ask.range = Some(DayRange { from: period.from, to: period.to });
        }
        Ok(())
    }

    /// The one run of days that the question names, where figures are asked for.
    pub(super) fn range_test(&self) -> Option<(Period, Range<usize>)> {
        if !self.ranged {
            return None;
        }
        let clauses =
            self.sketch.clauses.iter().filter(|clause| !clause.negated && !clause.alternative);
        let mut tests = clauses.flat_map(|clause| &clause.tests).filter_map(|test| match test {
            Test::Days { pick: None, period, tokens, .. } => Some((period.clone(), tokens.clone())),
            Test::Year { comparison: Comparison::Equal, year, tokens, .. } => {
                Some((year_period(*year)?, tokens.clone()))
            }
            _ => None,
        });
        let first = tests.next()?;
        tests.next().is_none().then_some(first)
    }

    /// Whether the question's days can be the range of every measure.
    pub(super) fn can_range(&self) -> bool {
        let measured = self.measured_tables();
        let dated = |table: &TableId| self.main_date(*table, &NOWHERE).is_some();
        let years = |table: &TableId| {
            self.schema.tables[*table].columns.clone().any(|column| {
                let node = &self.schema.columns[column];
                node.words.iter().any(|word| word.stem == "year")
                    && !node.column.data_type.is_time()
            })
        };
        !measured.is_empty() && measured.iter().all(|table| dated(table) && !years(table))
    }

    /// The column that says when a row happened: declared, spoken of, or the first; of the nearest
    /// table that each row has one row of.
    pub(super) fn main_date(&self, base: TableId, tokens: &Range<usize>) -> Option<ColumnId> {
        let mut seen = vec![base];
        let mut queue = VecDeque::from([(base, 0)]);
        while let Some((table, steps)) = queue.pop_front() {
            if let Some(column) = self.own_date(table, tokens) {
                return Some(column);
            }
            for step in
                self.schema.tables[table].steps.iter().filter(|step| !step.many && steps < 2)
            {
                if !seen.contains(&step.to) {
                    seen.push(step.to);
                    queue.push_back((step.to, steps + 1));
                }
            }
        }
        None
    }

    fn own_date(&self, table: TableId, tokens: &Range<usize>) -> Option<ColumnId> {
        let node = &self.schema.tables[table];
        let times: Vec<ColumnId> = node
            .columns
            .clone()
            .filter(|column| self.schema.columns[*column].column.data_type.is_time())
            .collect();
        let around = tokens.start.saturating_sub(3)..tokens.start;
        let near = self.resolver.tokens.get(around).unwrap_or_default();
        let near = near.iter().filter(|token| token.word.len() > 2);
        let said: Vec<String> =
            near.map(|token| crate::relations::thesaurus::lemma(&token.word)).collect();
        let spoken = said.iter().rev().find_map(|word| {
            times
                .iter()
                .copied()
                .find(|column| super::filters::speaks_of(&self.schema.columns[*column].words, word))
        });
        // When somebody was born is no day of what is counted, unless that is said.
        let times: Vec<ColumnId> =
            times.into_iter().filter(|column| !self.schema.is_birth(*column)).collect();
        let declared = self
            .schema
            .catalog
            .semantics
            .table(&node.entry.name)
            .and_then(|meaning| meaning.date.as_ref());
        let declared = times
            .iter()
            .copied()
            .find(|column| Some(&self.schema.columns[*column].column.name) == declared);
        let technical = |column: &ColumnId| {
            let words = &self.schema.columns[*column].words;
            words.iter().any(|word| {
                matches!(
                    word.stem.as_str(),
                    "created" | "updated" | "modified" | "birth" | "due" | "deleted" | "end"
                )
            })
        };
        spoken
            .or(declared)
            .or_else(|| times.iter().copied().find(|column| !technical(column)))
            .or_else(|| times.first().copied())
    }

    /// Which rows of the measured tables count by declaration, unless the question says otherwise.
    pub(super) fn add_defaults(&self, ask: &mut Ask) {
        let asked = format!("{:?}", ask.filter);
        if ask.each_row || ask.measures.is_empty() {
            if let Some(default) = self.default_of(&ask.table, &asked) {
                ask.filter = all(ask.filter.take().into_iter().chain([default]).collect());
            }
            return;
        }
        for measure in &mut ask.measures {
            let Figure::Aggregate(aggregation) = &mut measure.figure else { continue };
            if let Some(default) = self.default_of(&aggregation.table, &asked) {
                aggregation.filter =
                    all(aggregation.filter.take().into_iter().chain([default]).collect());
            }
        }
    }

    fn default_of(&self, table: &pacioli_model::TableName, asked: &str) -> Option<Predicate> {
        let default = self.schema.catalog.semantics.table(table)?.default_filter.clone()?;
        let mut columns = Vec::new();
        columns_in(&default, &mut columns);
        // A question that itself speaks of the column decides.
        (!columns.iter().any(|column| asked.contains(&format!("{column:?}")))).then_some(default)
    }

    /// Amounts in several currencies are never added up: each is a group of its own.
    pub(super) fn part_currencies(&self, ask: &mut Ask) -> Result<(), Misfit> {
        self.part_declared(ask)?;
        let Some(measure) = ask.measures.iter().find_map(Measure::aggregation) else {
            return Ok(());
        };
        let Some(column) = measure.column() else { return Ok(()) };
        let base = self.table_named(&column.table);
        let of = self.schema.tables[base]
            .columns
            .clone()
            .find(|id| self.schema.columns[*id].column.name == column.column);
        let money = of.is_some_and(|of| {
            self.schema.columns[of].role == Role::Amount
                && crate::role::currency_of(self.schema.columns[of].column).is_none()
        });
        let currencies = self.schema.tables[base]
            .columns
            .clone()
            .find(|id| names_currencies(self.schema.columns[*id].column));
        let Some(currency) = currencies.filter(|_| money && measure.aggregate != Aggregate::Count)
        else {
            return Ok(());
        };
        let several = self.schema.columns[currency]
            .column
            .profile
            .values
            .as_ref()
            .is_some_and(|values| values.len() > 1);
        let name = &self.schema.columns[currency].column.name;
        let named = format!("{:?}", ask.filter).contains(&format!("{name:?}"));
        if several && !named {
            let from = self.table_named(&measure.table.clone());
            self.add_group(ask, from, currency, &NOWHERE, false)?;
        }
        Ok(())
    }

    /// The same for declared figures whose unit is the currency that a column names.
    fn part_declared(&self, ask: &mut Ask) -> Result<(), Misfit> {
        let semantics = &self.schema.catalog.semantics;
        let parted = ask.measures.iter().find_map(|measure| match &measure.figure {
            Figure::Metric { metric, .. } => match &semantics.metric(metric)?.unit {
                Unit::CurrencyOf(column) => Some((metric.clone(), column.clone())),
                _ => None,
            },
            _ => None,
        });
        let Some((metric, currency)) = parted else { return Ok(()) };
        let of = self.table_named(&currency.table);
        let column = self.schema.tables[of]
            .columns
            .clone()
            .find(|id| self.schema.columns[*id].column.name == currency.column);
        let place = semantics.metrics.iter().position(|known| known.name == metric);
        let base = place.and_then(|place| self.schema.metric_table(place));
        let (Some(column), Some(base)) = (column, base) else { return Ok(()) };
        let named = format!("{:?}", ask.filter).contains(&format!("{:?}", currency.column));
        if !named {
            self.add_group(ask, base, column, &NOWHERE, false)?;
        }
        Ok(())
    }

    /// Periods in their order, everything else with the greatest first.
    pub(super) fn order_figures(ask: &mut Ask) {
        if !ask.order.is_empty() || ask.group_by.is_empty() {
            return;
        }
        let period = ask
            .group_by
            .iter()
            .find(|group| group.grain().is_some())
            .map(|group| group.name.clone());
        let measure = ask.shown_measures().next().map(|measure| measure.name.clone());
        let first = ask
            .shown_groups()
            .find(|group| group.grain().is_none())
            .map(|group| group.name.clone());
        let ascending = |name| OrderBy { name, direction: Direction::Ascending };
        match (period, measure) {
            (Some(period), _) => ask
                .order
                .extend([Some(ascending(period)), first.map(ascending)].into_iter().flatten()),
            (None, Some(measure)) => {
                ask.order.push(OrderBy { name: measure, direction: Direction::Descending });
                ask.order.extend(first.map(ascending));
            }
            (None, None) => {}
        }
    }
}

pub(super) fn columns_in(predicate: &Predicate, columns: &mut Vec<ColumnName>) {
    let mut value = |value: &Value| {
        if let Value::Column(column) = value {
            columns.push(column.column.clone());
        }
    };
    match predicate {
        Predicate::All(parts) | Predicate::Any(parts) => {
            for part in parts {
                columns_in(part, columns);
            }
        }
        Predicate::Not(part) => columns_in(part, columns),
        Predicate::Compare { left, right, .. } => {
            value(left);
            value(right);
        }
        Predicate::OneOf { value: of, .. }
        | Predicate::Matches { value: of, .. }
        | Predicate::IsNull { value: of } => value(of),
        Predicate::Among { values, .. } => values.iter().for_each(value),
        Predicate::Related { .. } => {}
    }
}

fn year_period(year: i32) -> Option<Period> {
    let day = |year: i32| chrono::NaiveDate::from_ymd_opt(year, 1, 1);
    Some(Period {
        from: Some(day(year)?),
        to: Some(day(year + 1)?),
        relative: false,
        notes: Vec::new(),
    })
}
