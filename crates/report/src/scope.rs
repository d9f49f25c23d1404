//! Which rows and days an Ask is about, in one language.

use chrono::{Days, NaiveDate};
use pacioli_model::{
    Ask, Comparison, DatePart, DayRange, Literal, MetricName, Operation, Predicate, TextPlace,
    Value,
};

use crate::{
    locale::{Format, Language},
    words::{Names, spaced},
    write::{retold, say, text},
};

/// The days of an Ask and its filters, in words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Scope {
    /// `März 2025`.
    pub(crate) days: Option<String>,
    /// `Region ist Nord`.
    pub(crate) filters: Vec<String>,
}

impl Scope {
    pub(crate) fn of(ask: &Ask, names: Names<'_>) -> Self {
        let words = Words { names, ask };
        let parts = match &ask.filter {
            Some(Predicate::All(parts)) => parts.as_slice(),
            Some(other) => std::slice::from_ref(other),
            None => &[],
        };
        let mut scope = Self {
            days: ask.range.and_then(|range| words.days(range)),
            filters: words.parts(parts),
        };
        let own = ask.shown_measures().filter_map(|it| it.aggregation()?.filter.as_ref());
        scope.filters.extend(own.chain(&ask.having).map(|it| words.predicate(it)));
        scope
    }
}

struct Words<'a> {
    names: Names<'a>,
    ask: &'a Ask,
}

impl Words<'_> {
    fn language(&self) -> Language {
        self.names.language
    }

    fn say(&self, key: &str, left: &str, right: &str) -> String {
        say(self.language(), key, &[("left", left), ("right", right)])
    }

    fn days(&self, range: DayRange) -> Option<String> {
        let last = range.to.map(|to| to.checked_sub_days(Days::new(1)).unwrap_or(to));
        let day = |day: NaiveDate| self.language().day(day);
        match (range.from, last) {
            (None, None) => None,
            (Some(from), None) => Some(self.say("scope.since", "", &day(from))),
            (None, Some(last)) => Some(self.say("scope.until", "", &day(last))),
            (Some(from), Some(last)) => Some(self.language().days(from, last)),
        }
    }

    /// Conditions that all hold; the two ends of a run of days as one.
    fn parts(&self, parts: &[Predicate]) -> Vec<String> {
        let mut told = Vec::new();
        let mut rest = parts;
        while let [first, after @ ..] = rest {
            rest = after;
            let run = after.first().and_then(|second| Some((bound(first)?, bound(second)?)));
            match run {
                Some(((of, from, false), (same, to, true))) if of == same => {
                    let range = DayRange { from: Some(from), to: Some(to) };
                    let days = self.days(range).unwrap_or_default();
                    told.push(self.say("scope.in_days", &self.value(of), &days));
                    rest = &after[1..];
                }
                _ => told.push(match bound(first) {
                    Some((of, day, is_end)) => {
                        let (from, to) = if is_end { (None, Some(day)) } else { (Some(day), None) };
                        let days = self.days(DayRange { from, to }).unwrap_or_default();
                        self.say("scope.in_days", &self.value(of), &days)
                    }
                    None => self.predicate(first),
                }),
            }
        }
        told
    }

    fn predicate(&self, predicate: &Predicate) -> String {
        match predicate {
            Predicate::All(parts) => self.parts(parts).join(&self.between("and")),
            Predicate::Any(parts) => {
                let parts: Vec<String> = parts.iter().map(|part| self.predicate(part)).collect();
                parts.join(&self.between("scope.or"))
            }
            Predicate::Not(part) => self.denied(part),
            Predicate::Compare { left, comparison, right } => {
                let key = match comparison {
                    Comparison::Equal => "scope.equal",
                    Comparison::NotEqual => "scope.not_equal",
                    Comparison::Less => "scope.less",
                    Comparison::LessOrEqual => "scope.at_most",
                    Comparison::Greater => "scope.more",
                    Comparison::GreaterOrEqual => "scope.at_least",
                };
                self.say(key, &self.value(left), &self.value(right))
            }
            Predicate::OneOf { value, values } => {
                let values: Vec<String> = values.iter().map(|it| self.literal(it)).collect();
                let values = values.join(&self.between("scope.or"));
                self.say("scope.equal", &self.value(value), &values)
            }
            Predicate::Matches { value, place, text } => {
                let key = match place {
                    TextPlace::Anywhere => "scope.contains",
                    TextPlace::Start => "scope.starts",
                    TextPlace::End => "scope.ends",
                };
                self.say(key, &self.value(value), text)
            }
            Predicate::IsNull { value } => self.say("scope.is_empty", &self.value(value), ""),
            Predicate::Among { values, ask } => {
                let values: Vec<String> = values.iter().map(|it| self.value(it)).collect();
                self.say("scope.among", &values.join(", "), &self.figure(ask))
            }
            Predicate::Related { table, filter, .. } => {
                self.related("scope.has", &self.names.table(table), filter.as_deref())
            }
        }
    }

    fn between(&self, key: &str) -> String {
        format!(" {} ", text(self.language(), key))
    }

    fn related(&self, key: &str, table: &str, filter: Option<&Predicate>) -> String {
        let filter = filter.map(|it| self.say("scope.where", "", &self.predicate(it)));
        let values = [("table", table), ("where", filter.as_deref().unwrap_or_default())];
        say(self.language(), key, &values)
    }

    fn denied(&self, part: &Predicate) -> String {
        match part {
            Predicate::IsNull { value } => self.say("scope.is_not_empty", &self.value(value), ""),
            Predicate::Compare { left, comparison: Comparison::Equal, right } => {
                self.say("scope.not_equal", &self.value(left), &self.value(right))
            }
            Predicate::Related { table, filter, .. } => {
                self.related("scope.has_none", &self.names.table(table), filter.as_deref())
            }
            other => self.say("scope.not", &self.predicate(other), ""),
        }
    }

    fn value(&self, value: &Value) -> String {
        match value {
            Value::Column(column) => self.names.column(column),
            Value::Literal(literal) => self.literal(literal),
            Value::Output(name) => {
                let own = self.ask.measures.iter().find(|it| it.name == *name);
                let named = own.map(|it| self.names.measure(it, &self.ask.measures, None));
                named.unwrap_or_else(|| retold(&spaced(name.as_str()), self.language()))
            }
            Value::Metric(name) => self.metric(name),
            Value::Arithmetic { operation, left, right } => {
                let sign = match operation {
                    Operation::Add => "+",
                    Operation::Subtract => "−",
                    Operation::Multiply => "×",
                    Operation::Divide => "/",
                };
                format!("({} {sign} {})", self.value(left), self.value(right))
            }
            Value::Days { from, to } => {
                self.say("scope.between", &self.value(from), &self.value(to))
            }
            Value::Part { part, of } => {
                let key = match part {
                    DatePart::Year => "scope.part.year",
                    DatePart::Quarter => "scope.part.quarter",
                    DatePart::Month => "scope.part.month",
                    DatePart::Week => "scope.part.week",
                    DatePart::Day => "scope.part.day",
                    DatePart::Weekday => "scope.part.weekday",
                    DatePart::Hour => "scope.part.hour",
                };
                self.say(key, &self.value(of), "")
            }
            Value::Figure(ask) => self.figure(ask),
            Value::Caller(_) => text(self.language(), "scope.caller").to_owned(),
        }
    }

    fn metric(&self, name: &MetricName) -> String {
        let declared = self.names.catalog.and_then(|it| it.semantics.metric(name));
        let own = declared.map(|it| it.labels.get(self.language().code()).unwrap_or(&it.label));
        own.cloned().unwrap_or_else(|| spaced(name.as_str()))
    }

    /// Another Ask within this one: what it shows, and of which rows.
    fn figure(&self, ask: &Ask) -> String {
        let measures = ask.shown_measures();
        let measures = measures.map(|it| self.names.measure(it, &ask.measures, None));
        let shown: Vec<String> =
            measures.chain(ask.shown_groups().map(|it| self.names.group(it))).collect();
        let Scope { days, filters } = Scope::of(ask, self.names);
        let filters: Vec<String> = days.into_iter().chain(filters).collect();
        let shown = shown.join(&self.between("and"));
        if filters.is_empty() { shown } else { format!("{shown} ({})", filters.join("; ")) }
    }

    fn literal(&self, literal: &Literal) -> String {
        let cell = match literal {
            Literal::Boolean(value) => pacioli_model::Cell::Boolean(*value),
            Literal::Date(day) => pacioli_model::Cell::Date(*day),
            Literal::Timestamp(moment) => pacioli_model::Cell::Timestamp(*moment),
            Literal::Integer(value) => return value.to_string(),
            Literal::Decimal(value) => return self.language().written(&value.to_string()),
            Literal::Text(value) => return value.clone(),
        };
        self.language().cell(&cell, &Format::Number, None)
    }
}

/// A bound of days: of what, the day, and whether it is the day after the last.
fn bound(part: &Predicate) -> Option<(&Value, NaiveDate, bool)> {
    let Predicate::Compare { left, comparison, right: Value::Literal(literal) } = part else {
        return None;
    };
    let day = match literal {
        Literal::Date(day) => *day,
        Literal::Timestamp(moment) => moment.date_naive(),
        _ => return None,
    };
    match comparison {
        Comparison::GreaterOrEqual => Some((left, day, false)),
        Comparison::Less => Some((left, day, true)),
        _ => None,
    }
}
