use std::cmp::Ordering;

use pacioli_model::{
    Ask, Catalog, Cell, Column, ColumnRef, Decimal, Direction, Grouping, Measure, Table, TimeGrain,
};

use crate::{
    locale::Language,
    words::{Names, cell, has_unit, is_code, number, sentence},
    write::{say, text},
};

/// What is known about an answer besides its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Context<'a> {
    /// ISO 4217 code of the measured amounts; empty when mixed, unknown or no amount.
    pub currency: Option<&'a str>,
    /// The days that count, in words: `"March 2025"`, `"since 1 January 2024"`.
    pub period: Option<&'a str>,
    /// The filters in words, dates apart: `"region is Nordics"`.
    pub filters: &'a [String],
}

/// Says an answer in one or two sentences of a language, with numbers from `table` alone. `table` must be
/// the answer to `ask`: groups first, then measures.
pub fn narrate(
    ask: &Ask,
    catalog: &Catalog,
    context: &Context<'_>,
    table: &Table,
    language: Language,
) -> String {
    let groups: Vec<&Grouping> = ask.shown_groups().collect();
    let measures: Vec<&Measure> = ask.shown_measures().collect();
    let names = Names { catalog: Some(catalog), language };
    let teller = Teller { ask, groups, measures, catalog, context, table, names, language };
    let told = if table.rows.is_empty() {
        teller.say("answer.none", &[("table", &names.table(&ask.table))])
    } else if ask.each_row {
        teller.rows()
    } else if teller.groups.is_empty() {
        teller.totals()
    } else if teller.measures.is_empty() {
        teller.list()
    } else {
        teller.breakdown()
    };
    if table.truncated {
        let shown = table.rows.len().to_string();
        return format!("{told} {}", say(language, "answer.cut", &[("shown", &shown)]));
    }
    told
}

struct Teller<'a> {
    ask: &'a Ask,
    groups: Vec<&'a Grouping>,
    measures: Vec<&'a Measure>,
    catalog: &'a Catalog,
    context: &'a Context<'a>,
    table: &'a Table,
    names: Names<'a>,
    language: Language,
}

/// A row and its value of the first measure.
type Valued<'a> = (&'a [Cell], &'a Cell);

impl<'a> Teller<'a> {
    /// A whole sentence: with what counts.
    fn say(&self, key: &str, values: &[(&str, &str)]) -> String {
        let scope = self.scope();
        let known = [("scope", scope.as_str())];
        let values: Vec<(&str, &str)> = values.iter().copied().chain(known).collect();
        sentence(&say(self.language, key, &values))
    }

    /// ` (March 2025; region is Nordics)`.
    fn scope(&self) -> String {
        let filters = self.context.filters.iter().map(String::as_str);
        let parts: Vec<&str> = self.context.period.into_iter().chain(filters).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
    }

    fn totals(&self) -> String {
        let Some(row) = self.table.rows.first() else { return String::new() };
        let told = self.measures.iter().zip(row).map(|(wanted, value)| {
            let name = self.name(wanted);
            match (wanted.aggregation(), value) {
                (_, Cell::Null) => say(self.language, "answer.no_value", &[("measure", &name)]),
                (Some(counted), _) if counted.value.is_none() => {
                    let table = self.names.table(&counted.table);
                    let value = self.figure(wanted, value, None);
                    say(self.language, "answer.count", &[("table", &table), ("value", &value)])
                }
                _ => {
                    let value = self.figure(wanted, value, None);
                    say(self.language, "answer.value", &[("measure", &name), ("value", &value)])
                }
            }
        });
        let told: Vec<String> = told.collect();
        self.say("answer.total", &[("parts", &told.join(text(self.language, "answer.and")))])
    }

    fn rows(&self) -> String {
        let count = self.table.rows.len();
        let key = if count == 1 { "answer.row" } else { "answer.rows" };
        let table = self.names.table(&self.ask.table);
        self.say(key, &[("count", &count.to_string()), ("table", &table)])
    }

    fn column(&self, of: &ColumnRef) -> Option<&'a Column> {
        self.catalog.table(&of.table)?.column(&of.column)
    }

    fn list(&self) -> String {
        let names: Vec<String> = self.groups.iter().map(|one| self.names.group(one)).collect();
        let count = self.table.rows.len();
        let key = match (count, names.len()) {
            (1, 1) => "answer.one_value",
            (_, 1) => "answer.values",
            (1, _) => "answer.one_combination",
            _ => "answer.combinations",
        };
        let and = format!(" {} ", text(self.language, "and"));
        self.say(key, &[("count", &count.to_string()), ("names", &names.join(&and))])
    }

    fn breakdown(&self) -> String {
        let grain = self.groups.iter().find_map(|group| group.grain());
        let is_series = self.groups.len() == 1 && grain.is_some() && self.ask.limit.is_none();
        match (self.valued().as_slice(), self.measures.first()) {
            ([], Some(wanted)) => {
                let rows = self.table.rows.len().to_string();
                self.say("answer.no_values", &[("measure", &self.name(wanted)), ("rows", &rows)])
            }
            (rows, Some(wanted)) if is_series => self.series(rows, wanted, grain),
            (rows, Some(wanted)) => self.ranking(rows, wanted),
            (_, None) => String::new(),
        }
    }

    /// The rows whose first measure has a value.
    fn valued(&self) -> Vec<Valued<'a>> {
        let position = self.groups.len();
        let rows = self.table.rows.iter().map(Vec::as_slice);
        rows.filter_map(|row| Some((row, row.get(position).filter(|value| **value != Cell::Null)?)))
            .collect()
    }

    /// First, last and peak of a run of periods.
    fn series(&self, rows: &[Valued<'a>], wanted: &Measure, grain: Option<TimeGrain>) -> String {
        let by_time = |left: &&Valued<'_>, right: &&Valued<'_>| compare(&left.0[0], &right.0[0]);
        let ends = (rows.iter().min_by(by_time), rows.iter().max_by(by_time), extreme(rows, false));
        let (Some(first), Some(last), Some(peak)) = ends else { return String::new() };
        let at = |row: &Valued<'_>| {
            let value = self.figure(wanted, row.1, None);
            let period = cell(&row.0[0], grain, self.language);
            say(self.language, "answer.at", &[("value", &value), ("period", &period)])
        };
        let name = self.name(wanted);
        if rows.len() == 1 {
            return self.say("answer.once", &[("measure", &name), ("at", &at(first))]);
        }
        let values = [
            ("measure", name.as_str()),
            ("first", &at(first)),
            ("last", &at(last)),
            ("count", &rows.len().to_string()),
            ("peak", &at(&peak)),
        ];
        self.say("answer.series", &values)
    }

    /// The leader, or one for each currency.
    fn ranking(&self, rows: &[Valued<'a>], wanted: &Measure) -> String {
        let lowest = self.ask.order.iter().find(|order| order.name == wanted.name);
        let lowest = lowest.is_some_and(|order| order.direction == Direction::Ascending);
        let end = if lowest { "answer.lowest" } else { "answer.highest" };
        let mut leaders = self.by_currency(rows, wanted).into_iter().filter_map(|(code, rows)| {
            let leader = extreme(&rows, lowest)?;
            Some((code, self.label(leader.0), self.figure(wanted, leader.1, code)))
        });
        let Some((_, leader, figure)) = leaders.next() else { return String::new() };
        let count = self.table.rows.len().to_string();
        let among = |key: &str| say(self.language, key, &[("rows", &count)]);
        let among = match self.ask.limit {
            Some(1) => String::new(),
            _ if self.ask.limit.is_some() || self.table.truncated => among("answer.of_shown"),
            _ => among("answer.of"),
        };
        let other = |(code, leader, value): (Option<&str>, String, String)| {
            let code = code.unwrap_or_else(|| text(self.language, "answer.no_currency"));
            let values = [("code", code), ("leader", &leader), ("value", &value)];
            say(self.language, "answer.other", &values)
        };
        let others: Vec<String> = leaders.map(other).collect();
        let values = [
            ("leader", leader.as_str()),
            ("end", text(self.language, end)),
            ("measure", &self.name(wanted)),
            ("among", &among),
            ("value", &figure),
            ("others", &others.concat()),
        ];
        self.say("answer.ranking", &values)
    }

    /// Rows that may be compared with each other: amounts in one currency.
    fn by_currency(
        &self,
        rows: &[Valued<'a>],
        wanted: &Measure,
    ) -> Vec<(Option<&'a str>, Vec<Valued<'a>>)> {
        let position =
            self.currency_group().filter(|_| has_unit(wanted) && self.context.currency.is_none());
        let Some(position) = position else { return vec![(None, rows.to_vec())] };
        let mut parts: Vec<(Option<&'a str>, Vec<Valued<'a>>)> = Vec::new();
        for row in rows {
            let code = match &row.0[position] {
                Cell::Text(code) => Some(code.as_str()),
                _ => None,
            };
            match parts.iter_mut().find(|(known, _)| *known == code) {
                Some((_, part)) => part.push(*row),
                None => parts.push((code, vec![*row])),
            }
        }
        parts
    }

    /// The group that holds currency codes and nothing else.
    fn currency_group(&self) -> Option<usize> {
        self.groups.iter().position(|group| {
            let column = group.column().and_then(|of| self.column(of));
            let values =
                column.and_then(|column| column.profile.values.as_deref()).unwrap_or_default();
            !values.is_empty() && values.iter().all(|value| is_code(value))
        })
    }

    /// The groups of a row, currencies apart: `Nordics, March 2025`.
    fn label(&self, row: &[Cell]) -> String {
        let currency = self.currency_group().filter(|_| self.groups.len() > 1);
        let groups = self.groups.iter().zip(row).enumerate();
        let shown = groups.filter(|(index, _)| Some(*index) != currency);
        let shown = shown.map(|(_, (group, value))| cell(value, group.grain(), self.language));
        shown.collect::<Vec<_>>().join(", ")
    }

    fn name(&self, wanted: &Measure) -> String {
        self.names.measure(wanted, &self.ask.measures, self.context.currency)
    }

    fn figure(&self, wanted: &Measure, value: &Cell, code: Option<&str>) -> String {
        let written = number(value, self.language);
        let is_number = written.is_some();
        let shown = written.unwrap_or_else(|| cell(value, None, self.language));
        match code.or(self.context.currency).filter(|_| has_unit(wanted) && is_number) {
            Some(code) if self.is_money(wanted, code) => format!("{shown} {code}"),
            _ => shown,
        }
    }

    /// Of several measures only the amounts carry the currency: quantities are whole numbers.
    fn is_money(&self, wanted: &Measure, code: &str) -> bool {
        let Some(of) = wanted.aggregation().and_then(|one| one.column()) else { return false };
        let suffix = format!("_{}", code.to_ascii_lowercase());
        let column = self.column(of);
        let decimal = column
            .is_some_and(|column| !matches!(column.data_type, pacioli_model::ColumnType::Integer));
        of.column.as_str().ends_with(&suffix) || decimal
    }
}

/// The row with the least or greatest value; of equals the first, as the table has them.
fn extreme<'a>(rows: &[Valued<'a>], lowest: bool) -> Option<Valued<'a>> {
    let wanted = if lowest { Ordering::Less } else { Ordering::Greater };
    rows.iter()
        .copied()
        .reduce(|best, row| if compare(row.1, best.1) == wanted { row } else { best })
}

/// By value; different kinds do not mix in one column.
fn compare(left: &Cell, right: &Cell) -> Ordering {
    match (left, right) {
        (Cell::Integer(left), Cell::Integer(right)) => left.cmp(right),
        (Cell::Decimal(left), Cell::Decimal(right)) => decimals(*left, *right),
        (Cell::Date(left), Cell::Date(right)) => left.cmp(right),
        (Cell::Timestamp(left), Cell::Timestamp(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        _ => match (left.as_f64(), right.as_f64()) {
            (Some(left), Some(right)) => left.total_cmp(&right),
            _ => Ordering::Equal,
        },
    }
}

/// Exact where the scales agree, as they do within a column.
fn decimals(left: Decimal, right: Decimal) -> Ordering {
    if left.scale == right.scale {
        left.mantissa.cmp(&right.mantissa)
    } else {
        left.to_f64().total_cmp(&right.to_f64())
    }
}
