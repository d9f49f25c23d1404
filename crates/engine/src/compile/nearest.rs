//! Names that are not there, refused with the name that was probably meant.

use crate::EngineError;

/// The refusal of something that does not hold.
pub(super) fn invalid(detail: impl Into<String>) -> EngineError {
    EngineError::Invalid { detail: detail.into() }
}

/// `what is missing`, and the one of `names` that is most like `name`.
pub(super) fn missing<'a>(
    what: &str,
    name: &str,
    names: impl Iterator<Item = &'a str>,
) -> EngineError {
    match nearest(name, names) {
        Some(nearest) => invalid(format!("{what} {name}; the nearest is {nearest}.")),
        None => invalid(format!("{what} {name}.")),
    }
}

/// The name with the fewest changes to `name`, where it is more like it than not.
fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = name.len().div_ceil(2);
    let ranked = names.map(|other| {
        let part = other.contains(name) || name.contains(other);
        (if part { 1 } else { changes(name, other) }, other)
    });
    ranked.filter(|(changes, _)| *changes <= close).min().map(|(_, other)| other)
}

/// Letters to put in, take out or replace (Levenshtein).
fn changes(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (position, letter) in left.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], position + 1);
        for (at, other) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(*other != letter);
            diagonal = row[at + 1];
            row[at + 1] = replaced.min(diagonal + 1).min(row[at] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_where_one_is_near() {
        let check = |name: &str, expect: Option<&str>| {
            let names = ["amount", "customer_id", "ordered_on", "region"];
            assert_eq!(nearest(name, names.into_iter()), expect, "{name}");
        };
        check("amuont", Some("amount"));
        check("customer", Some("customer_id"));
        check("order_on", Some("ordered_on"));
        check("regions", Some("region"));
        check("colour", None);
    }
}
