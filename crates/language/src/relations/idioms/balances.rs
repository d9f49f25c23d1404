//! What stood on a day, and how long or how often stock goes round.

use chrono::Days;
use pacioli_model::{
    Aggregate, Aggregation, Ask, Comparison, DayRange, Definition, Figure, Literal, Measure,
    MetricName, Operation, OverTime, Unit, Value,
};

use super::{Idioms, bound, compare, first_figure, hidden, output, states::STOCK};
use crate::{
    calendar,
    relations::build::{all, free_name},
    translation::Translation,
};

/// Days that the present pace of sales is taken from.
const PACE: u32 = 90;
/// How long the goods on hand last.
const COVER: &[&[&str]] = &[
    &["days", "of", "cover"],
    &["days", "of", "stock"],
    &["days", "of", "inventory"],
    &["days", "of", "supply"],
    &["stock", "cover"],
    &["stock", "coverage"],
    &["inventory", "cover"],
];
/// What says that the present pace is meant, which it is anyway.
const AT_PRESENT: &[&[&str]] = &[
    &["at", "current", "sales", "speed"],
    &["at", "the", "current", "sales", "speed"],
    &["at", "current", "sales", "rate"],
    &["at", "the", "current", "rate"],
    &["at", "the", "current", "pace"],
    &["at", "current", "sales"],
    &["at", "current", "demand"],
];
/// How often the stock was sold in a time.
const TURNS: &[&[&str]] = &[
    &["inventory", "turnover"],
    &["stock", "turnover"],
    &["inventory", "turns"],
    &["stock", "turns"],
    &["stock", "turn"],
    &["stock", "rotation"],
];
const SOLD: &[&str] = &["units sold", "quantity sold", "units"];
const COST: &[&str] = &["cost of goods sold", "cogs", "cost of sales"];
const STOCK_VALUE: &[&str] = &["stock value", "inventory value"];

impl Idioms<'_> {
    /// The first of some phrases that is said: the places of its words.
    pub(super) fn one_of(&self, phrases: &[&[&str]]) -> Option<Vec<usize>> {
        phrases.iter().find_map(|phrase| {
            let at = self.phrase(phrase)?;
            Some((at..at + phrase.len()).collect())
        })
    }

    /// What is left of the question, as any other one.
    fn reads_rest(&self, taken: &[usize]) -> Translation {
        let rest = self.said(self.without(taken));
        let read = super::read(self.relations, &rest, self.today, self.rows);
        read.unwrap_or_else(|| (self.rows)(&rest))
    }

    /// "Receivables as of 31 December": what stood on that day. A past day is known only of what is
    /// declared as a state of each day.
    pub(super) fn as_of(&self) -> Option<Translation> {
        let at = self.phrase(&["as", "of"]).or_else(|| self.phrase(&["as", "at"]))?;
        let skip = at + 2 + usize::from(self.is(at + 2, &["the"]));
        let company = self.relations.company(self.today);
        if self.is(skip, &["now", "today"]) {
            return Some(self.reads_rest(&(at..=skip).collect::<Vec<_>>()));
        }
        let (length, period) = calendar::read_for(self.tokens.get(skip..)?, company)?;
        let taken: Vec<usize> = (at..skip + length).collect();
        let to = period.to?;
        if to > self.today {
            return Some(self.reads_rest(&taken));
        }
        let read = self.changed(&self.said(self.without(&taken)), |ask| {
            let states = ask.shown_measures().all(|measure| self.is_state(&measure.figure));
            (states && ask.range.is_none() && !ask.measures.is_empty()).then_some(())?;
            ask.range = Some(DayRange { from: None, to: Some(to) });
            Some(())
        });
        let reason =
            "What stood on a past day is known here only of figures that are kept day by day.";
        Some(read.unwrap_or_else(|| Self::refused(&self.said(taken), reason)))
    }

    /// Whether a figure is a state of a day, all that it is computed from too.
    fn is_state(&self, figure: &Figure) -> bool {
        let declared = |name: &MetricName| {
            let metric = self.relations.schema.catalog.semantics.metric(name)?;
            Some(&metric.definition)
        };
        match figure {
            Figure::Aggregate(one) => one.over_time != OverTime::Within,
            Figure::Metric { metric, .. } => match declared(metric) {
                Some(Definition::Aggregate(one)) => one.over_time != OverTime::Within,
                _ => false,
            },
            _ => false,
        }
    }

    /// "… in company currency", "… in euros": of figures that are in it already.
    pub(super) fn in_currency(&self) -> Option<Translation> {
        let own = self.one_of(&[
            &["in", "company", "currency"],
            &["in", "the", "company", "currency"],
            &["in", "our", "currency"],
            &["in", "our", "own", "currency"],
            &["in", "home", "currency"],
            &["in", "local", "currency"],
        ]);
        let named = || {
            let at = (1..self.tokens.len())
                .find(|at| self.is(at - 1, &["in"]) && currency_called(self.word(*at)).is_some())?;
            Some((vec![at - 1, at], currency_called(self.word(at))))
        };
        self.relations.has_metrics().then_some(())?;
        let (taken, code) = own.map(|taken| (taken, None)).or_else(named)?;
        let read = self.reads_rest(&taken);
        let Translation::Understood(understood) = &read else { return Some(read) };
        let semantics = &self.relations.schema.catalog.semantics;
        let company = semantics.currency.as_deref();
        let wanted = code.or(company);
        let mut units =
            understood.ask.measures.iter().filter_map(|measure| match &measure.figure {
                Figure::Metric { metric, .. } => {
                    semantics.metric(metric).map(|metric| &metric.unit)
                }
                _ => None,
            });
        let fits = |unit: &Unit| match unit {
            Unit::Currency(code) => wanted.is_none_or(|wanted| wanted == code),
            Unit::CompanyCurrency => code.is_none_or(|code| Some(code) == company),
            _ => false,
        };
        let first = units.next()?;
        if fits(first) && units.all(fits) {
            return Some(read);
        }
        let reason =
            "These amounts stand in other currencies, and are not converted: ask without it.";
        Some(Self::refused(&self.said(taken), reason))
    }

    /// "Days of cover per item at current sales speed": the stock on hand by the pieces that are sold a
    /// day.
    pub(super) fn days_of_cover(&self) -> Option<Translation> {
        let mut taken = self.one_of(COVER)?;
        let words = self.said(taken.clone());
        taken.extend(self.one_of(AT_PRESENT).into_iter().flatten());
        let reason = "It is not declared which figures are the stock on hand and the pieces sold.";
        let (Some(stock), Some(sold)) = (self.metric_called(STOCK), self.figure_of(SOLD)) else {
            return Some(Self::refused(&words, reason));
        };
        let rest = self.said(self.without(&taken));
        let read = self.changed(&format!("{stock} {rest}"), |ask| {
            ask.range.is_none().then_some(())?;
            let stock = first_figure(ask)?;
            let name = free_name(ask, &format!("sold_in_{PACE}_days"));
            ask.measures.push(hidden(name.clone(), self.of_last_days(&sold, PACE)?));
            let daily = divided(output(&name), Value::Literal(Literal::Integer(i64::from(PACE))));
            let cover = free_name(ask, "days_of_cover");
            let figure = Figure::Calculation(divided(output(&stock), daily));
            ask.measures.push(Measure::new(cover, figure));
            let nothing = Value::Literal(Literal::Integer(0));
            bound(ask, compare(output(&name), Comparison::Greater, nothing));
            Some(())
        });
        let read = read.map(|read| {
            noted(
                read,
                format!("At the pace of the last {PACE} days; what was not sold then is left out."),
            )
        });
        Some(read.unwrap_or_else(|| Self::refused(&words, "It is not clear of what.")))
    }

    /// "Inventory turnover by category, last 12 months": the cost of what was sold by the stock's mean
    /// value.
    pub(super) fn stock_turns(&self) -> Option<Translation> {
        let taken = self.one_of(TURNS)?;
        let words = self.said(taken.clone());
        let reason = "It is not declared which figures are the cost of what was sold and the value of stock.";
        let (Some(cost), Some(value)) = (self.metric_called(COST), self.figure_of(STOCK_VALUE))
        else {
            return Some(Self::refused(&words, reason));
        };
        let rest = self.said(self.without(&taken));
        let of_year = |rest: &str| {
            let question = format!("{cost} {rest}");
            self.changed(&question, |ask| {
                let range = ask.range?;
                (range.from.is_some() && ask.group_by.iter().all(|one| one.grain().is_none()))
                    .then_some(())?;
                Self::add_turns(ask, &value)
            })
        };
        let read = of_year(&rest).or_else(|| of_year(&format!("{rest} last 12 months")));
        let note = "The cost of what was sold by the mean of the stock's values in that time.";
        let read = read.map(|read| noted(read, note.to_owned()));
        Some(read.unwrap_or_else(|| Self::refused(&words, "It is not clear of what.")))
    }

    fn add_turns(ask: &mut Ask, value: &Aggregation) -> Option<()> {
        let cost = first_figure(ask)?;
        let total = Aggregation { over_time: OverTime::Within, ..value.clone() };
        let days = Aggregation {
            aggregate: Aggregate::CountDistinct,
            value: Some(Value::Column(value.date.clone()?)),
            ..total.clone()
        };
        (value.over_time == OverTime::Snapshot).then_some(())?;
        let sum = free_name(ask, "stock_values");
        ask.measures.push(hidden(sum.clone(), Figure::Aggregate(total)));
        let count = free_name(ask, "stock_days");
        ask.measures.push(hidden(count.clone(), Figure::Aggregate(days)));
        let turns = free_name(ask, "stock_turns");
        let mean = divided(output(&sum), output(&count));
        let figure = Figure::Calculation(divided(output(&cost), mean));
        ask.measures.push(Measure::new(turns, figure));
        Some(())
    }

    /// "Average days between quote and invoice by team": of rows that have one of each.
    pub(super) fn days_between(&self) -> Option<Translation> {
        if let Some(read) = self.days_to_pay() {
            return Some(read);
        }
        let at = self.phrase(&["days", "between"])?;
        let lead = ["average", "mean", "avg", "the", "what", "is", "number", "of", "our"];
        (0..at).all(|at| self.is(at, &lead)).then_some(())?;
        let and = (at + 3..at + 7).find(|at| self.is(*at, &["and"]))?;
        let called = |range: std::ops::Range<usize>| {
            let ends = ["first", "last", "the", "our", "a", "its"];
            self.table_called(&self.said(range.filter(|at| !self.is(*at, &ends))))
        };
        let one = called(at + 2..and)?;
        let (other, end) = (1..4)
            .rev()
            .find_map(|length| Some((called(and + 1..and + 1 + length)?, and + 1 + length)))?;
        let schema = &self.relations.schema;
        let base = [(one, other), (other, one)]
            .into_iter()
            .find_map(|(base, far)| schema.reaches_one(base, far).then_some(base));
        let Some(base) = base else {
            let reason =
                "One of these may have several of the others, so that there is no one day between.";
            return Some(Self::refused(&self.said(at..end), reason));
        };
        let date =
            |table: usize| self.main_date(table).map(|date| Value::Column(self.column(date)));
        let days = Value::Days { from: Box::new(date(one)?), to: Box::new(date(other)?) };
        self.mean_of_days(base, &days, &self.said(end..self.tokens.len()))
    }

    /// "Average days to pay by client", where no such figure is declared: of rows that have both days.
    fn days_to_pay(&self) -> Option<Translation> {
        let at = self.phrase(&["days", "to", "pay"])?;
        let lead = ["average", "mean", "avg", "the", "what", "is", "are", "number", "of", "our"];
        (0..at).all(|at| self.is(at, &lead)).then_some(())?;
        self.metric_called(&["days to pay"]).is_none().then_some(())?;
        let schema = &self.relations.schema;
        let dated = |table: &usize| {
            let name = schema.tables[*table].entry.name.as_str();
            let paid = self.date_called(*table, &["paid", "bezahlt"])?;
            let from = self.main_date(*table)?;
            (name.contains("invoice") && from != paid).then_some((*table, from, paid))
        };
        let shown = (0..schema.tables.len()).filter(|table| !schema.tables[*table].hidden);
        let mut found = shown.filter_map(|table| dated(&table));
        let (table, from, paid) = found.next().filter(|_| found.next().is_none())?;
        let column = |column| Box::new(Value::Column(self.column(column)));
        let days = Value::Days { from: column(from), to: column(paid) };
        self.mean_of_days(table, &days, &self.said(at + 3..self.tokens.len()))
    }

    /// The mean of days between two dates of the rows of a table, by what the rest of the question says.
    pub(super) fn mean_of_days(
        &self,
        base: usize,
        days: &Value,
        tail: &str,
    ) -> Option<Translation> {
        let schema = &self.relations.schema;
        let rows = schema.tables[base].entry.name.clone();
        let counted = format!("number of {} {tail}", rows.as_str().replace('_', " "));
        self.changed(&counted, |ask| {
            (ask.measures.len() == 1 && self.table_of(&ask.measures[0])? == base).then_some(())?;
            let name = free_name(ask, "average_days");
            let before = ask.measures[0].name.clone();
            let mean = Aggregation {
                value: Some(days.clone()),
                ..Aggregation::new(Aggregate::Average, rows.clone())
            };
            ask.measures[0] = Measure::new(name.clone(), Figure::Aggregate(mean));
            ask.order
                .iter_mut()
                .filter(|by| by.name == before)
                .for_each(|by| by.name = name.clone());
            Some(())
        })
    }

    /// The day that rows are of: declared, or their first.
    pub(super) fn main_date(&self, table: usize) -> Option<usize> {
        let schema = &self.relations.schema;
        let declared = schema
            .catalog
            .semantics
            .table(&schema.tables[table].entry.name)
            .and_then(|meaning| meaning.date.as_ref());
        let is_date = |column: &usize| schema.columns[*column].column.data_type.is_time();
        let columns = schema.tables[table].columns.clone();
        let own = columns.clone().find(|column| {
            is_date(column) && declared == Some(&schema.columns[*column].column.name)
        });
        own.or_else(|| columns.clone().find(is_date))
    }

    /// What a declared figure that is called one of these adds up.
    fn figure_of(&self, names: &[&str]) -> Option<Aggregation> {
        let label = self.metric_called(names)?;
        let metrics = &self.relations.schema.catalog.semantics.metrics;
        let metric = metrics.iter().find(|metric| metric.label == label)?;
        match &metric.definition {
            Definition::Aggregate(one) if one.aggregate == Aggregate::Sum => Some(one.clone()),
            _ => None,
        }
    }

    /// The same of the days before today.
    fn of_last_days(&self, figure: &Aggregation, days: u32) -> Option<Figure> {
        let date = || figure.date.clone().map(Value::Column);
        let day = |day| Value::Literal(Literal::Date(day));
        let from = self.today.checked_sub_days(Days::new(u64::from(days)))?;
        let first = compare(date()?, Comparison::GreaterOrEqual, day(from));
        let last = compare(date()?, Comparison::Less, day(self.today));
        let own = figure.filter.clone().into_iter();
        let filter = all(own.chain([first, last]).collect());
        Some(Figure::Aggregate(Aggregation { filter, ..figure.clone() }))
    }
}

/// The code of a currency that people name in words. Most codes are other words, too.
fn currency_called(word: &str) -> Option<&'static str> {
    match word {
        "euro" | "euros" | "eur" | "€" => Some("EUR"),
        "dollar" | "dollars" | "usd" | "$" => Some("USD"),
        "pound" | "pounds" | "gbp" | "£" => Some("GBP"),
        "franc" | "francs" | "chf" => Some("CHF"),
        _ => None,
    }
}

fn divided(left: Value, right: Value) -> Value {
    Value::Arithmetic { operation: Operation::Divide, left: Box::new(left), right: Box::new(right) }
}

fn noted(mut read: Translation, note: String) -> Translation {
    if let Translation::Understood(understood) = &mut read {
        understood.interpretation.notes.push(note);
    }
    read
}
