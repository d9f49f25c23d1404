//! What two tables say beside each other.

use super::{Builder, Output, misfit};
use crate::relations::{resolve::Misfit, schema::TableId, sketch::Target};

/// Words that say how what is listed beside each other belongs together.
const TOGETHER: &[&str] = &[
    "their",
    "its",
    "they",
    "it",
    "each",
    "every",
    "which",
    "that",
    "who",
    "whom",
    "where",
    "with",
    "corresponding",
    "respective",
    "alongside",
    "pairs",
    "combinations",
];
const OF_TWO: &str = "These are rows of two tables: ask for each of them by itself.";

impl Builder<'_> {
    /// Rows of two tables are listed one below the other, and no pairs of both: "the phone numbers of
    /// customers and staff", "the newspapers and magazines from Oslo".
    pub(super) fn must_be_of_one(&self) -> Result<(), Misfit> {
        if let [(Output::Entity(one), _), (Output::Entity(other), _)] = self.outputs.as_slice() {
            let apart = self.sketch.groups.is_empty() && self.are_apart(*one, *other);
            let all = 0..self.resolver.tokens.len();
            return if apart { Err(misfit(all, OF_TWO)) } else { Ok(()) };
        }
        let [(Output::Column(column), tokens), (Output::Entity(other), _)] =
            self.outputs.as_slice()
        else {
            return Ok(());
        };
        let asked = self.sketch.targets.iter().find_map(|target| match target {
            Target::Column(pick) if pick.tokens == *tokens => Some(&pick.candidates),
            _ => None,
        });
        let best = asked.into_iter().flatten().map(|(_, quality)| *quality).fold(0.0, f64::max);
        let table = self.schema.table_of(*column);
        let both = table != *other
            && !self.schema.reaches_one(table, *other)
            && asked.into_iter().flatten().any(|(own, quality)| {
                self.schema.table_of(*own) == *other && *quality > best - 0.05
            })
            && !matches!(self.sketch.targets.first(), Some(Target::Entity(_)))
            && self.sketch.groups.is_empty();
        if both {
            return Err(misfit(tokens.clone(), OF_TWO));
        }
        Ok(())
    }

    /// Whether neither of two tables names rows of the other, and nothing says how they belong together.
    fn are_apart(&self, one: TableId, other: TableId) -> bool {
        let said = |token: &crate::token::Token| TOGETHER.contains(&token.word.as_str());
        !self.schema.refers_to(one, other)
            && !self.schema.refers_to(other, one)
            && !self.resolver.tokens.iter().any(said)
            && !self.are_of_another(one, other)
    }

    /// "What building and room is the course in": each is of a third row that is spoken of.
    fn are_of_another(&self, one: TableId, other: TableId) -> bool {
        let third = self.resolver.base(&[one, other], one);
        let third = third.filter(|third| ![one, other].contains(third));
        third.is_some_and(|third| {
            let tested =
                |test| matches!(self.settle(third, test), Ok(Some(it)) if it.table == third);
            let mut tests = self.sketch.clauses.iter().flat_map(|clause| &clause.tests);
            self.resolver.mentioned.contains(&third) || tests.any(tested)
        })
    }
}
