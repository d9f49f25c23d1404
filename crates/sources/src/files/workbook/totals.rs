//! Rows at the end of a sheet that add up the ones above.

use crate::files::row::{Cell, Row};

/// What such rows are called, in lower case.
const WORDS: [&str; 22] = [
    "total",
    "totals",
    "grand total",
    "sum",
    "sums",
    "summe",
    "summen",
    "gesamt",
    "gesamtsumme",
    "insgesamt",
    "gesamtergebnis",
    "total general",
    "total général",
    "total geral",
    "totale",
    "totaal",
    "totalt",
    "suma",
    "suma total",
    "somme",
    "summa",
    "razem",
];

/// How close a sum must be: spreadsheets reckon with fifteen digits.
const EXACT: f64 = 1e-9;

/// The sums of a sheet's columns so far.
#[derive(Debug, Default)]
pub(super) struct Totals {
    columns: Vec<(f64, f64)>,
}

impl Totals {
    pub(super) fn add(&mut self, row: &Row) {
        if self.columns.len() < row.len() {
            self.columns.resize(row.len(), (0.0, 0.0));
        }
        for ((sum, size), cell) in self.columns.iter_mut().zip(row.cells()) {
            if let Some(number) = number(cell) {
                *sum += number;
                *size += number.abs();
            }
        }
    }

    /// Whether the row holds these sums, where it is called a total; nothing where it is not.
    pub(super) fn judge(&self, row: &Row) -> Option<bool> {
        let label = row.cells().find_map(|cell| match cell {
            Cell::Text(text) => Some(text),
            _ => None,
        })?;
        let label = label.trim().trim_end_matches(':').to_lowercase();
        if !WORDS.contains(&label.as_str()) {
            return None;
        }
        let numbers = row.cells().enumerate().filter_map(|(at, cell)| Some((at, number(cell)?)));
        let matches: Vec<bool> = numbers.map(|(at, number)| self.is_sum(at, number)).collect();
        Some(!matches.is_empty() && matches.iter().all(|it| *it))
    }

    fn is_sum(&self, column: usize, number: f64) -> bool {
        let (sum, size) = self.columns.get(column).copied().unwrap_or_default();
        (sum - number).abs() <= EXACT * size.max(1.0)
    }
}

fn number(cell: Cell<'_>) -> Option<f64> {
    match cell {
        Cell::Number(text) => text.parse().ok(),
        _ => None,
    }
}
