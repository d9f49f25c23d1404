//! What is doubtful in the values of a text column, where all of them are known.

use std::collections::BTreeMap;

use pacioli_model::{Column, TableEntry};

use super::{Finding, Severity};
use crate::relationships::is_key_name;

/// Groups of spellings that are told.
const MOST_TOLD: usize = 3;
/// The part of the values, in per cent, that must be numbers for the rest to be doubtful.
const MOSTLY: usize = 80;
/// Fewer values say nothing.
const FEWEST: usize = 5;

pub(super) fn findings(table: &TableEntry, column: &Column) -> Vec<Finding> {
    let Some(values) = &column.profile.values else { return Vec::new() };
    let found = |kind, detail: String| Finding {
        severity: Severity::Medium,
        kind,
        table: table.name.clone(),
        columns: vec![column.name.clone()],
        rows: None,
        detail,
    };
    let spelled = spelled_differently(values).map(|detail| found("spelled_differently", detail));
    let is_key = is_key_name(column.name.as_str());
    let numbers = mostly_numbers(values).filter(|_| !is_key);
    let numbers = numbers.map(|detail| found("mostly_numbers", detail));
    spelled.into_iter().chain(numbers).collect()
}

/// Values that differ by case and spaces alone.
fn spelled_differently(values: &[String]) -> Option<String> {
    let mut groups: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for value in values {
        let words: Vec<&str> = value.split_whitespace().collect();
        groups.entry(words.join(" ").to_lowercase()).or_default().push(value);
    }
    let several: Vec<Vec<&str>> = groups.into_values().filter(|group| group.len() > 1).collect();
    if several.is_empty() {
        return None;
    }
    let told: Vec<String> = several.iter().take(MOST_TOLD).map(|group| listed(group)).collect();
    let more = several.len().saturating_sub(MOST_TOLD);
    let more = if more > 0 { format!("; and {more} more") } else { String::new() };
    Some(format!("The same is written in several ways: {}{more}.", told.join("; ")))
}

/// Texts that are numbers, but for a few.
fn mostly_numbers(values: &[String]) -> Option<String> {
    let is_number = |value: &&String| {
        let text = value.trim().replace(',', ".");
        !text.is_empty() && text.parse::<f64>().is_ok_and(f64::is_finite)
    };
    let numbers = values.iter().filter(is_number).count();
    let enough = values.len() >= FEWEST && numbers * 100 >= values.len() * MOSTLY;
    if !enough || numbers == values.len() {
        return None;
    }
    let others: Vec<&str> = values
        .iter()
        .filter(|value| !is_number(value))
        .map(String::as_str)
        .take(MOST_TOLD)
        .collect();
    Some(format!(
        "{numbers} of its {} different texts are numbers; others are {}.",
        values.len(),
        listed(&others)
    ))
}

fn listed(values: &[&str]) -> String {
    let quoted: Vec<String> = values.iter().map(|value| format!("\"{value}\"")).collect();
    quoted.join(", ")
}
