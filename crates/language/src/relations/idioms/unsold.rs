//! What was sold and what was not, in some days or ever.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Comparison, Figure, GroupKey, Grouping, Literal, Measure,
    Predicate, Value,
};

use super::{Idioms, compare};
use crate::{
    calendar::{self, Period},
    relations::{
        build::{all, free_name},
        schema::ColumnId,
    },
    translation::Translation,
};

impl Idioms<'_> {
    /// "Products never sold", "items not sold in May": without a row of what is ordered.
    pub(super) fn never_dealt_with(&self) -> Option<Translation> {
        let never = self.find(&["never", "not"])?;
        let first = self.after_lead(0);
        self.is(never + 1, &["sold", "bought", "ordered", "purchased"]).then_some(())?;
        let days = never + 2 + usize::from(self.is(never + 2, &["in", "during"]));
        let company = self.relations.company(self.today);
        let period = match self.tokens.get(days..).filter(|rest| !rest.is_empty()) {
            Some(rest) => {
                let (length, period) = calendar::read_for(rest, company)?;
                (days + length == self.tokens.len()).then_some(Some(period))?
            }
            None => self.is(never, &["never"]).then_some(None)?,
        };
        let between = |at: &usize| {
            !self.is(*at, &["that", "were", "was", "we", "which", "have", "has", "been"])
        };
        let entity = self.table_called(&self.said((first..never).filter(between)))?;
        let (lines, header) = self.lines_of(entity)?;
        let schema = &self.relations.schema;
        let shown = schema.shown_as(entity)?;
        let filter = match &period {
            Some(period) => {
                let of = schema.table_of(schema.referenced(header));
                let date = self.main_date(lines).or_else(|| self.main_date(of))?;
                Some(Box::new(self.within(date, period)?))
            }
            None => None,
        };
        let related = Predicate::Related {
            table: schema.tables[lines].entry.name.clone(),
            via: Vec::new(),
            filter,
        };
        let mut ask = Ask::about(schema.tables[entity].entry.name.clone());
        ask.each_row = true;
        ask.filter = Some(Predicate::Not(Box::new(related)));
        let name = free_name(&ask, schema.columns[shown].column.name.as_str());
        let key = GroupKey::Value(Value::Column(self.column(shown)));
        ask.group_by.push(Grouping::new(name, key));
        Some(self.understood(ask, period.is_some_and(|period| period.relative)))
    }

    /// "Products without sales in 2025": none of the rows that a declared figure is computed of.
    pub(super) fn without_figure(&self) -> Option<Translation> {
        let first = self.after_lead(0);
        let at = (first + 1..self.tokens.len()).find(|at| {
            self.is(*at, &["without"])
                || self.is(*at, &["with", "had", "have", "has", "no"]) && self.is(at + 1, &["no"])
        })?;
        let start = at + 1 + usize::from(!self.is(at, &["without"]));
        let start = start + usize::from(self.is(start, &["any"]));
        let hollow = ["that", "which", "who", "have", "had"];
        let said = (first..at).filter(|at| !self.is(*at, &hollow));
        let entity = self.table_called(&self.said(said))?;
        let (metric, end) = (1..4).rev().find_map(|length| {
            let said = self.said(start..start + length);
            let label =
                (start + length <= self.tokens.len()).then(|| self.metric_called(&[&said]))?;
            Some((label?, start + length))
        })?;
        let metrics = &self.relations.schema.catalog.semantics.metrics;
        let metric = metrics.iter().find(|known| known.label == metric)?;
        let pacioli_model::Definition::Aggregate(one) = &metric.definition else { return None };
        let schema = &self.relations.schema;
        let table = self.table_named(&one.table)?;
        // What is counted is called by its rows, and read as rows that there are none of.
        let sums = one.aggregate == Aggregate::Sum;
        (sums && table != entity && schema.reaches_one(table, entity)).then_some(())?;
        let next = end + usize::from(self.is(end, &["in", "during"]));
        let mut parts: Vec<Predicate> = one.filter.clone().into_iter().collect();
        let mut relative = false;
        if let Some(rest) = self.tokens.get(next..).filter(|rest| !rest.is_empty()) {
            let company = self.relations.company(self.today);
            let (length, period) = calendar::read_for(rest, company)?;
            (next + length == self.tokens.len()).then_some(())?;
            let date = one.date.as_ref()?;
            let of = self.table_named(&date.table)?;
            let date = schema.tables[of]
                .columns
                .clone()
                .find(|column| schema.columns[*column].column.name == date.column)?;
            parts.push(self.within(date, &period)?);
            relative = period.relative;
        }
        let related = Predicate::Related {
            table: one.table.clone(),
            via: Vec::new(),
            filter: all(parts).map(Box::new),
        };
        let shown = schema.shown_as(entity)?;
        let mut ask = Ask::about(schema.tables[entity].entry.name.clone());
        ask.each_row = true;
        ask.filter = Some(Predicate::Not(Box::new(related)));
        let name = free_name(&ask, schema.columns[shown].column.name.as_str());
        let key = GroupKey::Value(Value::Column(self.column(shown)));
        ask.group_by.push(Grouping::new(name, key));
        Some(self.understood(ask, relative))
    }

    /// "How many different products did we sell last year": of the lines of what is ordered.
    pub(super) fn how_many_sold(&self) -> Option<Translation> {
        (self.is(0, &["how"]) && self.is(1, &["many"])).then_some(())?;
        self.is(2, &["different", "distinct", "unique"]).then_some(())?;
        let did = self.phrase(&["did", "we"]).filter(|did| *did > 3)?;
        self.is(did + 2, &["sell", "order", "buy"]).then_some(())?;
        let entity = self.table_called(&self.said(3..did))?;
        let (lines, header) = self.lines_of(entity)?;
        let schema = &self.relations.schema;
        let next = did + 3 + usize::from(self.is(did + 3, &["in", "during"]));
        let company = self.relations.company(self.today);
        let (length, period) = calendar::read_for(self.tokens.get(next..)?, company)?;
        (next + length == self.tokens.len()).then_some(())?;
        let named = schema.tables[lines].columns.clone().find(|column| {
            schema.columns[*column].foreign && schema.table_of(schema.referenced(*column)) == entity
        })?;
        let of = schema.table_of(schema.referenced(header));
        let date = self.main_date(lines).or_else(|| self.main_date(of))?;
        let mut ask = Ask::about(schema.tables[lines].entry.name.clone());
        let count = Aggregation {
            value: Some(Value::Column(self.column(named))),
            ..Aggregation::new(Aggregate::CountDistinct, ask.table.clone())
        };
        let name = free_name(&ask, "count");
        ask.measures.push(Measure::new(name, Figure::Aggregate(count)));
        ask.filter = Some(self.within(date, &period)?);
        Some(self.understood(ask, period.relative))
    }

    /// That a day lies within a period.
    fn within(&self, date: ColumnId, period: &Period) -> Option<Predicate> {
        let column = || Value::Column(self.column(date));
        let day = |day| Value::Literal(Literal::Date(day));
        let from = period.from.map(|from| compare(column(), Comparison::GreaterOrEqual, day(from)));
        let to = period.to.map(|to| compare(column(), Comparison::Less, day(to)));
        all(from.into_iter().chain(to).collect())
    }
}
