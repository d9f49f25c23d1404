//! The first record: what the columns are called.

use std::collections::HashSet;

use super::{
    CsvLimits,
    records::{Record, Records},
};
use crate::SourceError;

/// The labels, trimmed; each there and each different.
pub(super) fn read(records: &mut Records, limits: &CsvLimits) -> Result<Vec<String>, SourceError> {
    let mut record = Record::default();
    if !records.read(&mut record)? {
        return Err(SourceError::invalid("csv_empty", "The file is empty."));
    }
    if record.len() > limits.columns {
        return Err(SourceError::invalid(
            "csv_too_many_columns",
            format!(
                "The file has {} columns; at most {} are read. Leave out the ones that nobody asks about.",
                record.len(),
                limits.columns,
            ),
        ));
    }
    let labels: Vec<String> = record.fields().map(|label| label.trim().to_owned()).collect();
    let empty: Vec<usize> = labels
        .iter()
        .enumerate()
        .filter(|(_, label)| label.is_empty())
        .map(|(at, _)| at + 1)
        .collect();
    if !empty.is_empty() {
        return Err(SourceError::invalid(
            "csv_empty_header",
            format!(
                "The header is empty in {}. Give every column a name.",
                listed("column", &empty)
            ),
        ));
    }
    let mut seen = HashSet::new();
    let repeated: Vec<&String> =
        labels.iter().filter(|label| !seen.insert(label.to_lowercase())).collect();
    if !repeated.is_empty() {
        return Err(SourceError::invalid(
            "csv_duplicate_header",
            format!(
                "The header repeats {}. Give every column its own name.",
                listed("", &repeated)
            ),
        ));
    }
    Ok(labels)
}

const LISTED: usize = 5;
const SHOWN: usize = 60;

/// The first few, so that the sentence stays one.
fn listed<T: ToString>(noun: &str, items: &[T]) -> String {
    let names: Vec<String> = items
        .iter()
        .take(LISTED)
        .map(|item| item.to_string().chars().take(SHOWN).collect::<String>())
        .collect();
    let more = match items.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let space = if noun.is_empty() { "" } else { " " };
    format!("{noun}{space}{}{more}", names.join(", "))
}
