//! What is told of a set whose questions are graded, as the project's own in `eval/` is.

use std::{
    collections::{BTreeMap, HashMap},
    io,
};

use super::{Outcome, score::Expected, share};

/// Writes the shares that were right by grade, wrong when answered, handled where no answer is due, and
/// the same however they are asked.
pub fn report(
    out: &mut impl io::Write,
    outcomes: &[Outcome],
    expected: &HashMap<String, Expected>,
) -> io::Result<()> {
    let known: Vec<(&Outcome, &Expected)> =
        outcomes.iter().filter_map(|one| Some((one, expected.get(&one.id.to_string())?))).collect();
    let declines = |expected: &Expected| {
        !expected.expect.is_empty()
            && expected.expect.iter().all(|one| matches!(one.as_str(), "ask" | "refuse"))
    };
    let right = |(outcome, _): &&(&Outcome, &Expected)| outcome.right == Some(true);
    for grade in ["easy", "medium", "hard"] {
        let of_grade: Vec<_> = known
            .iter()
            .filter(|(_, one)| one.grade.as_deref() == Some(grade) && !declines(one))
            .collect();
        let correct = of_grade.iter().filter(|one| right(one)).count();
        writeln!(out, "correct, {grade:<6}           {}", share(correct, of_grade.len()))?;
    }
    let answered: Vec<_> = known.iter().filter(|(one, _)| one.status == "answered").collect();
    let wrong = answered.iter().filter(|one| !right(one)).count();
    writeln!(out, "wrong when answered       {}", share(wrong, answered.len()))?;
    for (name, what) in [("must ask", "ask"), ("must refuse", "refuse")] {
        let due: Vec<_> = known
            .iter()
            .filter(|(_, one)| declines(one) && one.expect.first().is_some_and(|one| one == what))
            .collect();
        let handled = due.iter().filter(|one| right(one)).count();
        writeln!(out, "{name:<11} handled       {}", share(handled, due.len()))?;
    }
    let (same, asked) = consistency(&known);
    writeln!(out, "paraphrases alike         {}", share(same, asked))
}

/// Of questions that are another one in other words, how many came to the same as the first that was
/// put so: the same rows, or none for want of the same understanding.
fn consistency(known: &[(&Outcome, &Expected)]) -> (usize, usize) {
    let mut groups: BTreeMap<&str, Vec<&Outcome>> = BTreeMap::new();
    for (outcome, expected) in known {
        if let Some(group) = &expected.group {
            groups.entry(group).or_default().push(outcome);
        }
    }
    let (mut same, mut asked) = (0, 0);
    for group in groups.values() {
        let (first, others) = (group[0], &group[1..]);
        asked += others.len();
        let alike = |one: &&&Outcome| {
            let both_right = first.right == Some(true) && one.right == Some(true);
            both_right || one.status == first.status && one.rows == first.rows
        };
        same += others.iter().filter(alike).count();
    }
    (same, asked)
}
