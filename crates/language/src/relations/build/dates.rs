//! Which column says when, and days as a predicate on it.

use std::ops::Range;

use chrono::{Datelike as _, NaiveTime, TimeZone as _, Utc};
use pacioli_model::{ColumnType, Comparison, Decimal, Literal, Predicate, Value};

use super::{Builder, filters::speaks_of, misfit};
use crate::relations::{
    resolve::Misfit,
    schema::{ColumnId, TableId, holds_years},
    sketch::Pick,
    thesaurus::lemma,
};

impl Builder<'_> {
    pub(super) fn days(
        &self,
        value: &Value,
        column: ColumnId,
        period: &crate::calendar::Period,
    ) -> Result<Predicate, Misfit> {
        if !self.schema.columns[column].column.data_type.is_time() {
            return self.whole_years(value, column, period);
        }
        let moment = self.schema.columns[column].column.data_type == ColumnType::Timestamp;
        let literal = |day: chrono::NaiveDate| {
            if moment {
                Literal::Timestamp(Utc.from_utc_datetime(&day.and_time(NaiveTime::MIN)))
            } else {
                Literal::Date(day)
            }
        };
        let bound = |comparison, day| Predicate::Compare {
            left: value.clone(),
            comparison,
            right: Value::Literal(literal(day)),
        };
        let from = period.from.map(|day| bound(Comparison::GreaterOrEqual, day));
        let to = period.to.map(|day| bound(Comparison::Less, day));
        Ok(Predicate::All(from.into_iter().chain(to).collect()))
    }

    /// Whole years, where the column holds no days but years.
    fn whole_years(
        &self,
        value: &Value,
        column: ColumnId,
        period: &crate::calendar::Period,
    ) -> Result<Predicate, Misfit> {
        let bound = |comparison, day: chrono::NaiveDate| {
            let year = Decimal::new(i128::from(day.year()), 0);
            self.bound(value.clone(), column, comparison, year)
        };
        let from = period.from.map(|day| bound(Comparison::GreaterOrEqual, day)).transpose()?;
        let to = period.to.map(|day| bound(Comparison::Less, day)).transpose()?;
        Ok(Predicate::All(from.into_iter().chain(to).collect()))
    }

    /// The column of years that "the last two years" are of, where nothing has days.
    pub(super) fn year_column(
        &self,
        base: TableId,
        period: &crate::calendar::Period,
        near: Option<TableId>,
        tokens: &Range<usize>,
    ) -> Option<ColumnId> {
        let whole = |day: Option<chrono::NaiveDate>| day.is_none_or(|day| day.ordinal() == 1);
        (whole(period.from) && whole(period.to)).then_some(())?;
        let column = self.dated(base, true, near, tokens).ok()?;
        self.schema.is_year(column).then_some(column)
    }

    /// "Books published this year": theirs is a year, and when they were lent is another matter.
    pub(super) fn has_only_years(&self, column: ColumnId, near: Option<TableId>) -> bool {
        let table = self.schema.table_of(column);
        let mut columns = self.schema.tables[table].columns.clone();
        near.unwrap_or(self.resolver.entity) == table
            && !columns.any(|column| self.schema.columns[column].column.data_type.is_time())
    }

    pub(super) fn day_column(
        &self,
        base: TableId,
        pick: Option<&Pick>,
        near: Option<TableId>,
        tokens: &Range<usize>,
    ) -> Result<ColumnId, Misfit> {
        if let Some(pick) = pick {
            let column = self.resolver.choose(pick)?;
            if self.schema.columns[column].column.data_type.is_time() {
                return Ok(column);
            }
        }
        self.dated(base, false, near, tokens)
    }

    /// The one table two or three steps away that has years, and no other as near.
    fn only_dated_near(&self, from: TableId) -> Option<TableId> {
        let distances = self.schema.distances(from);
        let dated = |table: &TableId| {
            let mut columns = self.schema.tables[*table].columns.clone();
            columns.any(|column| self.schema.is_year(column))
        };
        let mut nearest = (2..=3).map(|steps| {
            let near = (0..distances.len()).filter(|table| distances[*table] == Some(steps));
            near.filter(dated).collect::<Vec<_>>()
        });
        let found = nearest.find(|found| !found.is_empty())?;
        (found.len() == 1).then(|| found[0])
    }

    /// The column that says when: of the nearest table that has one, years by themselves first.
    pub(super) fn dated(
        &self,
        base: TableId,
        years: bool,
        near: Option<TableId>,
        tokens: &Range<usize>,
    ) -> Result<ColumnId, Misfit> {
        let entity = self.resolver.entity;
        let mut tables: Vec<TableId> = near.into_iter().chain([entity, base]).collect();
        tables.extend(&self.sketch.mentioned);
        let steps = self.schema.tables[entity].steps.iter().chain(&self.schema.tables[base].steps);
        tables.extend(steps.map(|step| step.to));
        tables.extend(years.then(|| self.only_dated_near(entity)).flatten());
        let hints: Vec<String> = self.resolver.tokens[tokens.start.saturating_sub(3)..tokens.start]
            .iter()
            // "On 7 September" speaks of no "returned on".
            .filter(|token| token.word.len() > 2)
            .map(|token| lemma(&token.word))
            .collect();
        for table in tables {
            let columns = self.schema.tables[table].columns.clone();
            let node = |column: &ColumnId| &self.schema.columns[*column];
            let year = |column: &ColumnId| {
                let told = || {
                    let dated = node(column).words.iter().any(|word| word.stem == "date");
                    let said = |hint: &String| speaks_of(&node(column).words, hint);
                    holds_years(node(column).column) && (dated || hints.iter().any(said))
                };
                years && (self.schema.is_year(*column) || told())
            };
            let time = |column: &ColumnId| node(column).column.data_type.is_time();
            let (years, times): (Vec<ColumnId>, Vec<ColumnId>) =
                columns.filter(|column| year(column) || time(column)).partition(year);
            let mut fitting: Vec<ColumnId> = years.into_iter().chain(times).collect();
            if hints.iter().any(|hint| hint == "born") {
                // Nobody was born when something was lent to them.
                fitting.retain(|column| self.schema.is_birth(*column));
            }
            // The word nearest to the days says most: "bills due this month".
            let hinted = hints.iter().rev().find_map(|hint| {
                fitting.iter().copied().find(|column| speaks_of(&node(column).words, hint))
            });
            if let Some(column) = hinted.or_else(|| fitting.first().copied()) {
                return Ok(column);
            }
        }
        Err(misfit(tokens.clone(), "Nothing here has a date."))
    }
}
