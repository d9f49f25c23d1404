//! Who did something in some days and not in others, and what goes together.

use pacioli_model::{
    Aggregate, Aggregation, Ask, Comparison, Direction, Figure, GroupKey, Grouping, Literal,
    Measure, OrderBy, Predicate, Value,
};

use super::{Idioms, compare};
use crate::{
    calendar::{self, Period},
    relations::{
        build::{all, free_name},
        schema::{ColumnId, TableId},
        words,
    },
    token::tokenise,
    translation::{Span, Translation, Understood},
};

/// The tables that a condition asks rows of.
fn related_tables(filter: &Predicate) -> Vec<&str> {
    match filter {
        Predicate::All(parts) | Predicate::Any(parts) => {
            parts.iter().flat_map(related_tables).collect()
        }
        Predicate::Not(part) => related_tables(part),
        Predicate::Related { table, .. } => vec![table.as_str()],
        _ => Vec::new(),
    }
}

const DEALT: &[&str] = &[
    "bought",
    "ordered",
    "purchased",
    "buy",
    "order",
    "purchase",
    "orders",
    "purchases",
    "bought",
];
/// How many go together with something are shown.
const TOGETHER: u32 = 10;

impl Idioms<'_> {
    /// "Customers who bought in 2024 but not in 2025", "clients with orders in 2024 but without orders
    /// in 2025", "which customers ordered in May".
    pub(super) fn dealt_with(&self) -> Option<Translation> {
        let verb = self.find(DEALT)?;
        let first = self.after_lead(0);
        let named = (first..verb).find(|at| {
            self.is(
                *at,
                &[
                    "who", "that", "which", "with", "have", "has", "did", "not", "without",
                    "havent", "hasnt", "didnt", "never", "placed",
                ],
            )
        });
        let end = named.unwrap_or(verb);
        let counted = self.is(0, &["how"]) && self.is(1, &["many"])
            || self.is(first, &["number"]) && self.is(first + 1, &["of"]);
        let first = if counted { self.after_lead(2) } else { first };
        let hollow = ["the", "have", "has", "placed", "our"];
        let entity = self.said((first..end).filter(|at| !self.is(*at, &hollow)));
        let entity = if entity.is_empty() && self.is(0, &["who"]) {
            self.table_called("customers")?
        } else {
            self.table_called(&entity)?
        };
        let orders = self.orders_of(entity)?;
        let denied =
            |at: usize| self.is(at, &["not", "without", "never", "no", "havent", "didnt", "hasnt"]);
        let mut negated = (end..verb).any(denied);
        let mut tests: Vec<(bool, Period)> = Vec::new();
        let mut at = verb + 1;
        while at < self.tokens.len() {
            let company = self.relations.company(self.today);
            if let Some((length, period)) = calendar::read_for(&self.tokens[at..], company) {
                tests.push((negated, period));
                at += length;
                continue;
            }
            let hollow = self
                .is(at, &["in", "during", "but", "and", "have", "has", "longer", "any", "on"])
                || self.is(at, &["anything", "yet", "at", "all", "from", "us", "since"]);
            negated |= denied(at);
            if !(hollow || denied(at) || self.is(at, DEALT)) {
                return None;
            }
            at += 1;
        }
        if tests.is_empty() || tests.iter().all(|(negated, _)| *negated) && tests.len() > 1 {
            return None;
        }
        self.listed(entity, orders, &tests, counted)
    }

    /// "Items without sales in 2025 and their stock value": a figure of what is listed.
    pub(super) fn and_their_figure(&self) -> Option<Translation> {
        let and = self.find(&["and"]).filter(|and| self.is(and + 1, &["their", "its"]))?;
        self.relations.has_metrics().then_some(())?;
        let Translation::Understood(list) = (self.rows)(&self.said(0..and)) else { return None };
        let schema = &self.relations.schema;
        let entity = self.table_named(&list.ask.table).filter(|_| list.ask.each_row)?;
        let key = schema.tables[entity].key?;
        let said = self.said(and + 2..self.tokens.len());
        let figure = self.metric_called(&[&said]).map(str::to_owned);
        let filter = list.ask.filter.as_ref()?;
        let figure = figure.or_else(|| self.figure_near(&said, filter))?;
        let mut rows = list.ask.clone();
        let reference = self.column(key);
        rows.group_by.clear();
        rows.order.clear();
        let name = free_name(&rows, schema.columns[key].column.name.as_str());
        rows.group_by.push(Grouping::new(name, GroupKey::Value(Value::Column(reference.clone()))));
        let among =
            Predicate::Among { values: vec![Value::Column(reference)], ask: Box::new(rows) };
        let entity = list.ask.table.as_str().replace('_', " ");
        self.changed(&format!("{figure} by {entity}"), |ask| {
            (ask.limit.is_none() && list.ask.limit.is_none()).then_some(())?;
            super::narrow(ask, among.clone());
            Some(())
        })
    }

    /// The one figure whose name ends so and that is of the same things as a condition: the value of
    /// stock, where moves of stock were spoken of.
    fn figure_near(&self, said: &str, filter: &Predicate) -> Option<String> {
        let words = |name: &str| crate::relations::lexicon::name_words(name);
        let said = words(said);
        let tables = related_tables(filter);
        let spoken: Vec<String> = tables.iter().flat_map(|table| words(table)).collect();
        let schema = &self.relations.schema;
        let metrics = &schema.catalog.semantics.metrics;
        let mut near = (0..metrics.len()).filter(|at| {
            let of = schema.metric_table(*at).map(|of| schema.tables[of].entry.name.as_str());
            words(&metrics[*at].label).ends_with(&said)
                && of.is_some_and(|of| words(of).iter().any(|word| spoken.contains(word)))
        });
        let only = near.next()?;
        near.next().is_none().then(|| metrics[only].label.clone())
    }

    /// "Who joined and who left in the last 6 months?": either, with both days.
    pub(super) fn came_and_went(&self) -> Option<Translation> {
        let came = self.find(&["joined", "hired", "started"])?;
        let went = self.find(&["left", "quit"]).filter(|went| *went > came)?;
        (came + 1..went).any(|at| self.is(at, &["and", "or"])).then_some(())?;
        let next = went + 1 + usize::from(self.is(went + 1, &["in", "during", "over"]));
        let next = next + usize::from(self.is(next, &["the"]));
        let company = self.relations.company(self.today);
        let (length, period) = calendar::read_for(self.tokens.get(next..)?, company)?;
        (next + length == self.tokens.len()).then_some(())?;
        let entity = self.table_called("employees")?;
        let schema = &self.relations.schema;
        let shown = schema.shown_as(entity)?;
        let dates = [
            self.date_called(entity, &["joined", "hired", "started", "hire", "start"])?,
            self.date_called(entity, &["left", "quit", "end", "leaving"])?,
        ];
        let within = |date: ColumnId| {
            let column = || Value::Column(self.column(date));
            let day = |day| Value::Literal(Literal::Date(day));
            let from =
                period.from.map(|from| compare(column(), Comparison::GreaterOrEqual, day(from)));
            let to = period.to.map(|to| compare(column(), Comparison::Less, day(to)));
            all(from.into_iter().chain(to).collect())
        };
        let mut ask = Ask::about(schema.tables[entity].entry.name.clone());
        ask.each_row = true;
        for column in [shown, dates[0], dates[1]] {
            let name = free_name(&ask, schema.columns[column].column.name.as_str());
            let key = GroupKey::Value(Value::Column(self.column(column)));
            ask.group_by.push(Grouping::new(name, key));
        }
        ask.filter = Some(Predicate::Any(dates.into_iter().filter_map(within).collect()));
        Some(self.understood(ask, period.relative))
    }

    /// "Average discount per salesperson for orders over 10k": only orders of such an amount.
    pub(super) fn of_large_orders(&self) -> Option<Translation> {
        let at = (1..self.tokens.len()).find(|at| {
            self.is(*at, &["for", "of", "in", "on"]) && self.is(at + 1, &["orders", "sales"])
        })?;
        let over = self.is(at + 2, &["over", "above", "under", "below"]).then_some(at + 2)?;
        let figure = self.metric_called(&["revenue", "sales", "turnover"])?;
        let limit = self.said(over + 1..self.tokens.len());
        let pieces = tokenise(&limit);
        let crate::token::Kind::Number(value) = pieces.first()?.kind else { return None };
        let unit = pieces.get(1).map_or("", |token| token.word.as_str());
        let value = crate::token::scaled(value, unit).unwrap_or(value);
        let units = ["k", "thousand", "million", "euro", "euros", "eur", "€"];
        pieces.iter().skip(1).all(|token| units.contains(&token.word.as_str())).then_some(())?;
        let Translation::Understood(base) = (self.rows)(&format!("{figure} by orders")) else {
            return None;
        };
        let mut large = base.ask.clone();
        let name = super::first_figure(&large)?;
        let comparison =
            if self.is(over, &["over", "above"]) { Comparison::Greater } else { Comparison::Less };
        let bound =
            compare(super::output(&name), comparison, Value::Literal(Literal::Decimal(value)));
        large.having = Some(bound);
        large.order.clear();
        large.measures.iter_mut().for_each(|measure| measure.hidden = true);
        large.group_by.truncate(1);
        let GroupKey::Value(key) = large.group_by.first()?.key.clone() else { return None };
        self.changed(&self.said(0..at), |ask| {
            super::narrow(
                ask,
                Predicate::Among { values: vec![key.clone()], ask: Box::new(large.clone()) },
            );
            Some(())
        })
    }

    /// "Clients with invoices above 20000": of such an amount, not so many of them.
    pub(super) fn with_amounts(&self) -> Option<Translation> {
        let over = self.find(&["above", "over", "below", "under"])?;
        let with = self.find(&["with", "having"]).filter(|with| *with + 2 == over)?;
        let table = self.table_called(&self.said([with + 1]))?;
        let crate::token::Kind::Number(value) = self.tokens.get(over + 1)?.kind else {
            return None;
        };
        let unit = self.word(over + 2);
        let value = crate::token::scaled(value, unit).unwrap_or(value);
        let rest = self.tokens.len() - over - 2;
        (rest == 0 || rest == 1 && ["k", "thousand", "euro", "euros", "eur"].contains(&unit))
            .then_some(())?;
        let schema = &self.relations.schema;
        let mut amounts = schema.tables[table]
            .columns
            .clone()
            .filter(|column| schema.columns[*column].role == crate::role::Role::Amount);
        let amount = amounts.next()?;
        amounts.next().is_none().then_some(())?;
        let comparison =
            if self.is(over, &["above", "over"]) { Comparison::Greater } else { Comparison::Less };
        let value = Value::Literal(Literal::Decimal(value));
        let related = Predicate::Related {
            table: schema.tables[table].entry.name.clone(),
            via: Vec::new(),
            filter: Some(Box::new(compare(Value::Column(self.column(amount)), comparison, value))),
        };
        self.changed(&self.said(0..with), |ask| {
            (self.table_named(&ask.table)? != table && ask.each_row).then_some(())?;
            super::narrow(ask, related.clone());
            Some(())
        })
    }

    /// The table of what people order or buy, of which each row is of one row of `entity`.
    fn orders_of(&self, entity: TableId) -> Option<(TableId, ColumnId)> {
        let schema = &self.relations.schema;
        let table = self.table_called("orders")?;
        let direct = schema.tables[table].steps.iter().any(|step| !step.many && step.to == entity);
        let declared = schema
            .catalog
            .semantics
            .table(&schema.tables[table].entry.name)
            .and_then(|meaning| meaning.date.clone());
        let mut columns = schema.tables[table].columns.clone();
        let date = columns.find(|column| {
            let column = schema.columns[*column].column;
            column.data_type.is_time() && declared.as_ref().is_none_or(|name| *name == column.name)
        })?;
        direct.then_some((table, date))
    }

    fn listed(
        &self,
        entity: TableId,
        (orders, date): (TableId, ColumnId),
        tests: &[(bool, Period)],
        counted: bool,
    ) -> Option<Translation> {
        let schema = &self.relations.schema;
        let shown = schema.shown_as(entity)?;
        let column = || Value::Column(self.column(date));
        let day = |day| Value::Literal(Literal::Date(day));
        let conditions = tests.iter().map(|(negated, period)| {
            let from =
                period.from.map(|from| compare(column(), Comparison::GreaterOrEqual, day(from)));
            let to = period.to.map(|to| compare(column(), Comparison::Less, day(to)));
            let related = Predicate::Related {
                table: schema.tables[orders].entry.name.clone(),
                via: Vec::new(),
                filter: all(from.into_iter().chain(to).collect()).map(Box::new),
            };
            if *negated { Predicate::Not(Box::new(related)) } else { related }
        });
        let mut ask = Ask::about(schema.tables[entity].entry.name.clone());
        ask.filter = all(conditions.collect());
        let relative = tests.iter().any(|(_, period)| period.relative);
        if counted {
            let name = free_name(&ask, "count");
            let count = Aggregation::new(Aggregate::Count, ask.table.clone());
            ask.measures.push(Measure::new(name, Figure::Aggregate(count)));
            return Some(self.understood(ask, relative));
        }
        ask.each_row = true;
        let name = free_name(&ask, schema.columns[shown].column.name.as_str());
        let key = GroupKey::Value(Value::Column(self.column(shown)));
        ask.group_by.push(Grouping::new(name, key));
        Some(self.understood(ask, relative))
    }

    /// "Products often bought together with Sleeping Mat": in how many of the same orders.
    pub(super) fn bought_together(&self) -> Option<Translation> {
        let with = self.phrase(&["together", "with"])?;
        let first = self.after_lead(0);
        let entity = self.table_called(&self.said(first..=first))?;
        let noise =
            ["often", "bought", "purchased", "sold", "ordered", "frequently", "are", "most"];
        (first + 1..with).all(|at| self.is(at, &noise)).then_some(())?;
        let rest: Vec<&str> =
            self.tokens[with + 2..].iter().map(|token| token.word.as_str()).collect();
        let rest = match rest.as_slice() {
            ["item" | "product" | "article", rest @ ..] => rest.to_vec(),
            _ => rest,
        };
        let schema = &self.relations.schema;
        let shown = schema.shown_as(entity)?;
        let values = self.relations.lexicon.values(&rest);
        let (value, _) = values.into_iter().find(|(value, _)| value.column == shown)?;
        let (lines, header) = self.lines_of(entity)?;
        let lines = schema.tables[lines].entry.name.clone();
        let named = Value::Column(self.column(shown));
        let header = Value::Column(self.column(header));
        let this =
            compare(named.clone(), Comparison::Equal, Value::Literal(Literal::Text(value.text)));
        let mut with_it = Ask::about(lines.clone());
        let name = free_name(&with_it, "same");
        with_it.group_by.push(Grouping::new(name, GroupKey::Value(header.clone())));
        with_it.filter = Some(this.clone());
        let mut ask = Ask::about(lines.clone());
        let name = free_name(&ask, schema.columns[shown].column.name.as_str());
        ask.group_by.push(Grouping::new(name.clone(), GroupKey::Value(named)));
        let times = free_name(&ask, "times");
        let count = Aggregation {
            value: Some(header.clone()),
            ..Aggregation::new(Aggregate::CountDistinct, lines)
        };
        ask.measures.push(Measure::new(times.clone(), Figure::Aggregate(count)));
        ask.filter = Some(Predicate::All(vec![
            Predicate::Among { values: vec![header], ask: Box::new(with_it) },
            Predicate::Not(Box::new(this)),
        ]));
        ask.order = vec![
            OrderBy { name: times, direction: Direction::Descending },
            OrderBy { name, direction: Direction::Ascending },
        ];
        ask.limit = Some(TOGETHER);
        Some(self.understood(ask, false))
    }

    /// The table whose rows are of one row of `entity` and of one row of another that holds them
    /// together: lines of orders. And the column that names the other.
    pub(super) fn lines_of(&self, entity: TableId) -> Option<(TableId, ColumnId)> {
        let schema = &self.relations.schema;
        let is_lines = |table: &TableId| {
            let words = schema.tables[*table].entry.name.as_str();
            let measured = ["line", "ln", "position", "item", "detail"];
            measured.iter().any(|word| words.contains(word)) && !words.contains("purchase")
        };
        let mut lines = (0..schema.tables.len())
            .filter(|table| !schema.tables[*table].hidden)
            .filter(|table| {
                schema.tables[*table].steps.iter().any(|step| !step.many && step.to == entity)
            })
            .filter(is_lines);
        let table = lines.next()?;
        let header = schema.tables[table].columns.clone().find(|column| {
            let node = &schema.columns[*column];
            node.foreign && schema.table_of(schema.referenced(*column)) != entity
        })?;
        Some((table, header))
    }

    pub(super) fn understood(&self, ask: Ask, relative: bool) -> Translation {
        let catalog = self.relations.schema.catalog;
        let mut interpretation = words::interpretation(&ask, catalog, Vec::new());
        interpretation.as_of = relative.then_some(self.today);
        let meaning = format!("rows of {}", ask.table);
        let spans = vec![Span { text: self.question.to_owned(), meaning }];
        let understood = Understood { ask, spans, interpretation, confidence: 0.95 };
        Translation::Understood(Box::new(understood))
    }
}
