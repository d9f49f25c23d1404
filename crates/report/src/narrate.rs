use std::cmp::Ordering;

use pacioli_model::{
    Ask, Catalog, Cell, Column, ColumnRef, Decimal, Direction, Grouping, Measure, Table, TimeGrain,
};

use crate::words::{cell, group, has_unit, is_code, measure, number, sentence};

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

/// Says an answer in one or two sentences, with numbers from `table` alone. `table` must be the
/// answer to `ask`: groups first, then measures.
pub fn narrate(ask: &Ask, catalog: &Catalog, context: &Context<'_>, table: &Table) -> String {
    let groups: Vec<&Grouping> = ask.shown_groups().collect();
    let measures: Vec<&Measure> = ask.shown_measures().collect();
    let teller = Teller { ask, groups, measures, catalog, context, table };
    let told = if table.rows.is_empty() {
        format!("No rows of {} match{}.", ask.table, teller.scope())
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
        let shown = table.rows.len();
        return format!("{told} Only the first {shown} rows are here: there are more.");
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
}

/// A row and its value of the first measure.
type Valued<'a> = (&'a [Cell], &'a Cell);

impl<'a> Teller<'a> {
    /// ` (March 2025; region is Nordics)`.
    fn scope(&self) -> String {
        let filters = self.context.filters.iter().map(String::as_str);
        let parts: Vec<&str> = self.context.period.into_iter().chain(filters).collect();
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join("; ")) }
    }

    fn totals(&self) -> String {
        let Some(row) = self.table.rows.first() else { return String::new() };
        let told: Vec<String> = self
            .measures
            .iter()
            .zip(row)
            .map(|(wanted, value)| match (wanted.aggregation(), value) {
                (_, Cell::Null) => {
                    format!("there is no {}, for no values match", self.name(wanted))
                }
                (Some(counted), _) if counted.value.is_none() => {
                    let count = self.figure(wanted, value, None);
                    format!("the number of rows of {} is {count}", counted.table)
                }
                _ => format!("the {} is {}", self.name(wanted), self.figure(wanted, value, None)),
            })
            .collect();
        format!("{}{}.", sentence(&told.join(", and ")), self.scope())
    }

    fn rows(&self) -> String {
        let count = self.table.rows.len();
        let (is, noun) = if count == 1 { ("is", "row") } else { ("are", "rows") };
        format!("Here {is} {count} {noun} of {}{}.", self.ask.table, self.scope())
    }

    fn column(&self, of: &ColumnRef) -> Option<&'a Column> {
        self.catalog.table(&of.table)?.column(&of.column)
    }

    fn list(&self) -> String {
        let names: Vec<String> = self.groups.iter().map(|one| group(one)).collect();
        let count = self.table.rows.len();
        let (is, noun) = match (count, names.len()) {
            (1, 1) => ("is", "value"),
            (_, 1) => ("are", "different values"),
            (1, _) => ("is", "combination"),
            _ => ("are", "different combinations"),
        };
        format!("There {is} {count} {noun} of {}{}.", names.join(" and "), self.scope())
    }

    fn breakdown(&self) -> String {
        let grain = self.groups.iter().find_map(|group| group.grain());
        let is_series = self.groups.len() == 1 && grain.is_some() && self.ask.limit.is_none();
        match (self.valued().as_slice(), self.measures.first()) {
            ([], Some(wanted)) => {
                format!(
                    "There is no {} in any of the {} rows{}.",
                    self.name(wanted),
                    self.table.rows.len(),
                    self.scope()
                )
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
            format!("{} in {}", self.figure(wanted, row.1, None), cell(&row.0[0], grain))
        };
        if rows.len() == 1 {
            return format!("The {} was {}{}.", self.name(wanted), at(first), self.scope());
        }
        format!(
            "The {} was {} and {}; of {} periods the highest was {}{}.",
            self.name(wanted),
            at(first),
            at(last),
            rows.len(),
            at(&peak),
            self.scope()
        )
    }

    /// The leader, or one for each currency.
    fn ranking(&self, rows: &[Valued<'a>], wanted: &Measure) -> String {
        let lowest = self.ask.order.iter().find(|order| order.name == wanted.name);
        let lowest = lowest.is_some_and(|order| order.direction == Direction::Ascending);
        let end = if lowest { "lowest" } else { "highest" };
        let mut leaders = self.by_currency(rows, wanted).into_iter().filter_map(|(code, rows)| {
            let leader = extreme(&rows, lowest)?;
            Some((code, self.label(leader.0), self.figure(wanted, leader.1, code)))
        });
        let Some((_, leader, figure)) = leaders.next() else { return String::new() };
        let rows = self.table.rows.len();
        let among = match self.ask.limit {
            Some(1) => String::new(),
            _ if self.ask.limit.is_some() || self.table.truncated => {
                format!(" of the {rows} shown")
            }
            _ => format!(" of {rows}"),
        };
        let other = |(code, leader, figure): (Option<&str>, String, String)| {
            format!("; in {}, {leader} has {figure}", code.unwrap_or("no currency"))
        };
        let others: Vec<String> = leaders.map(other).collect();
        format!(
            "{} has the {end} {}{among}: {figure}{}{}.",
            sentence(&leader),
            self.name(wanted),
            others.concat(),
            self.scope()
        )
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
        shown.map(|(_, (group, value))| cell(value, group.grain())).collect::<Vec<_>>().join(", ")
    }

    fn name(&self, wanted: &Measure) -> String {
        measure(wanted, self.context.currency)
    }

    fn figure(&self, wanted: &Measure, value: &Cell, code: Option<&str>) -> String {
        let shown = number(value).unwrap_or_else(|| cell(value, None));
        match code.or(self.context.currency).filter(|_| has_unit(wanted) && number(value).is_some())
        {
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
