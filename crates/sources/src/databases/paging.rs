//! The rows after a key.

/// A column of a key in a condition.
pub(super) struct Compared<'a> {
    /// The column, quoted.
    pub(super) column: &'a str,
    /// What stands for its value in the last row that came.
    pub(super) place: &'a str,
}

/// The condition, and which of the key's values it asks for, in the order of their places. It is spelled
/// out: servers do not look `(a, b) > (?, ?)` up in an index, or have no such comparison. The first one
/// repeats what follows from the others, for the index's sake.
pub(super) fn beyond(key: &[Compared<'_>]) -> (String, Vec<usize>) {
    let mut condition = String::new();
    let mut values = Vec::new();
    for (number, Compared { column, place }) in key.iter().enumerate().rev() {
        if condition.is_empty() {
            condition = format!("{column} > {place}");
            values = vec![number];
        } else {
            condition = format!("({column} > {place} OR ({column} = {place} AND {condition}))");
            values.splice(0..0, [number, number]);
        }
    }
    if let [first, _, ..] = key {
        condition = format!("{} >= {} AND {condition}", first.column, first.place);
        values.insert(0, 0);
    }
    (condition, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_after_a_key_are_spelled_out() {
        for (key, expect, places) in [
            (vec!["a"], "a > ?", vec![0]),
            (vec!["a", "b"], "a >= ? AND (a > ? OR (a = ? AND b > ?))", vec![0, 0, 0, 1]),
            (
                vec!["a", "b", "c"],
                "a >= ? AND (a > ? OR (a = ? AND (b > ? OR (b = ? AND c > ?))))",
                vec![0, 0, 0, 1, 1, 2],
            ),
        ] {
            let compared = |column| Compared { column, place: "?" };
            let key: Vec<Compared<'_>> = key.into_iter().map(compared).collect();
            assert_eq!(beyond(&key), (expect.to_owned(), places));
        }
    }
}
