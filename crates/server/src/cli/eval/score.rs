//! Whether rows are those that were expected: as multisets, whatever the order of the columns; in
//! order only where the expected rows have one.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

/// The rows that a question's own query gives.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// The question's id.
    pub id: Value,
    /// Each as long as the others.
    #[serde(default)]
    pub rows: Vec<Vec<Value>>,
    /// The query sorts.
    #[serde(default)]
    pub ordered: bool,
    /// Not all rows are here: nothing can be said.
    #[serde(default)]
    pub truncated: bool,
    /// The query does not run: nothing can be said either.
    #[serde(default)]
    pub error: Option<String>,
    /// Of a graded set: how hard the question is.
    #[serde(default)]
    pub grade: Option<String>,
    /// What should become of it; `answer` where nothing stands here.
    #[serde(default)]
    pub expect: Vec<String>,
    /// Rows that are as right, where the question may be read in several ways.
    #[serde(default)]
    pub or: Vec<Vec<Vec<Value>>>,
    /// Questions that ask for the same in other words have one name.
    #[serde(default)]
    pub group: Option<String>,
}

impl Expected {
    /// Whether an answer is right. One to a graded question may show more than was asked for: further
    /// columns, but no other rows.
    pub fn is_met_by(&self, found: &[Vec<Value>]) -> bool {
        let more = self.grade.is_some();
        std::iter::once(&self.rows)
            .chain(&self.or)
            .any(|rows| matches(rows, found, self.ordered, more))
    }
}

/// Ways to match columns with each other that are tried; more are only possible where many columns
/// hold the same values.
const MOST_ORDERS: usize = 500;

/// Whether `found` are the `expected` rows, perhaps with more columns. Numbers are equal that agree to
/// four digits after the point, however they are written.
fn matches(expected: &[Vec<Value>], found: &[Vec<Value>], ordered: bool, more: bool) -> bool {
    if expected.len() != found.len() {
        return false;
    }
    let (Some(first), Some(shown)) = (expected.first(), found.first()) else { return true };
    let fits = if more { shown.len() >= first.len() } else { shown.len() == first.len() };
    if !fits {
        return false;
    }
    let width = shown.len();
    let (wanted, found) = (normal(expected), normal(found));
    let sorted = |rows: &[Vec<String>], column: usize| {
        let mut cells: Vec<String> = rows.iter().map(|row| row[column].clone()).collect();
        cells.sort();
        cells
    };
    let ours: Vec<_> = (0..width).map(|column| sorted(&found, column)).collect();
    let candidates: Vec<Vec<usize>> = (0..first.len())
        .map(|column| {
            let cells = sorted(&wanted, column);
            (0..width).filter(|other| ours[*other] == cells).collect()
        })
        .collect();
    let mut tries = MOST_ORDERS;
    any_order(&candidates, &mut Vec::new(), &mut tries, &mut |order| {
        let found: Vec<Vec<String>> = found
            .iter()
            .map(|row| order.iter().map(|column| row[*column].clone()).collect())
            .collect();
        if ordered { found == wanted } else { counted(&found) == counted(&wanted) }
    })
}

fn any_order(
    candidates: &[Vec<usize>],
    chosen: &mut Vec<usize>,
    tries: &mut usize,
    holds: &mut dyn FnMut(&[usize]) -> bool,
) -> bool {
    let Some(next) = candidates.get(chosen.len()) else {
        *tries = tries.saturating_sub(1);
        return holds(chosen);
    };
    for column in next {
        if *tries > 0 && !chosen.contains(column) {
            chosen.push(*column);
            let found = any_order(candidates, chosen, tries, holds);
            chosen.pop();
            if found {
                return true;
            }
        }
    }
    false
}

fn counted(rows: &[Vec<String>]) -> HashMap<&[String], usize> {
    let mut counts = HashMap::new();
    for row in rows {
        *counts.entry(row.as_slice()).or_insert(0) += 1;
    }
    counts
}

fn normal(rows: &[Vec<Value>]) -> Vec<Vec<String>> {
    rows.iter().map(|row| row.iter().map(cell).collect()).collect()
}

/// A cell as text: what differs in kind differs here too.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => format!("number {:.4}", f64::from(u8::from(*value))),
        Value::Number(number) => {
            let text = format!("number {:.4}", number.as_f64().unwrap_or(f64::NAN));
            if text == "number -0.0000" { "number 0.0000".to_owned() } else { text }
        }
        Value::String(text) => format!("text {text}"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn rows_are_compared_as_multisets_of_any_column_order() {
        let check = |ordered: bool, wanted: Value, found: Value, same: bool| {
            let wanted = json!({"id": 1, "rows": wanted, "ordered": ordered});
            let expected: Expected = serde_json::from_value(wanted.clone()).unwrap();
            let rows: Vec<Vec<Value>> = serde_json::from_value(found.clone()).unwrap();
            assert_eq!(expected.is_met_by(&rows), same, "{wanted} {found}");
        };
        check(false, json!([]), json!([]), true);
        check(false, json!([[1]]), json!([]), false);
        check(false, json!([[1], [2]]), json!([[2], [1]]), true);
        check(true, json!([[1], [2]]), json!([[2], [1]]), false);
        check(false, json!([[1], [1], [2]]), json!([[1], [2], [2]]), false);
        check(false, json!([["a", 1], ["b", 2]]), json!([[2, "b"], [1, "a"]]), true);
        check(false, json!([["a", 1], ["b", 2]]), json!([[1, "b"], [2, "a"]]), false);
        check(false, json!([[1]]), json!([[1, 2]]), false);
        check(false, json!([[0.333_333]]), json!([[0.333_34]]), true);
        check(false, json!([[0.3333]]), json!([[0.3335]]), false);
        check(false, json!([[1.0, null]]), json!([[null, 1]]), true);
        check(false, json!([["1"]]), json!([[1]]), false);
        check(false, json!([[true]]), json!([[1]]), true);
        check(true, json!([[1, 1, 2], [2, 1, 1]]), json!([[1, 2, 1], [1, 1, 2]]), true);
    }

    #[test]
    fn graded_questions_have_several_right_answers_and_may_show_more() {
        let expected = json!({"id": 1, "grade": "easy", "rows": [["a", 1]], "or": [[["b", 2]]]});
        let expected: Expected = serde_json::from_value(expected).unwrap();
        let check = |found: Value, right: bool| {
            let rows: Vec<Vec<Value>> = serde_json::from_value(found.clone()).unwrap();
            assert_eq!(expected.is_met_by(&rows), right, "{found}");
        };
        check(json!([["a", 1]]), true);
        check(json!([[2, "b"]]), true);
        check(json!([["EUR", 1, "a"]]), true);
        check(json!([["a"]]), false);
        check(json!([["a", 1], ["b", 2]]), false);
        check(json!([["a", 2]]), false);
    }
}
