//! Participles that say what became of a row, where no value of the catalog does.

use super::super::Parser;
use crate::relations::{pieces::Item, vocabulary::Key};

/// Participles that say what became of a row.
const STATES: &[&str] = &[
    "paid",
    "shipped",
    "delivered",
    "sold",
    "opened",
    "completed",
    "processed",
    "accepted",
    "rented",
    "booked",
    "reserved",
    "assigned",
    "settled",
    "charged",
    "reviewed",
    "affected",
    "injured",
    "killed",
    "damaged",
    "nominated",
    "elected",
    "hired",
    "left",
    "submitted",
    "checked",
    "certified",
    "approved",
    "signed",
    "tested",
    "obtained",
    "launched",
    "ended",
    "finished",
    "started",
];

impl Parser<'_> {
    /// "Paid invoices", "orders that were shipped": a state that no value of the catalog is, and that
    /// must not be passed over as a mere verb.
    pub(in crate::relations::parse) fn says_state(&self, here: usize) -> bool {
        let word = |at: usize| self.words[self.pieces[at].tokens.start].to_lowercase();
        if !STATES.contains(&word(here).as_str()) {
            return false;
        }
        let noun_before =
            here.checked_sub(1).is_some_and(|before| self.mention_at(before).is_some());
        let noun_after = self
            .mention_at(here + 1)
            .is_some_and(|mention| !mention.tables.is_empty() && !self.pieces[here + 1].pause);
        let is_before = here.checked_sub(1).is_some_and(|before| {
            matches!(
                word(before).as_str(),
                "is" | "are" | "was" | "were" | "been" | "be" | "not" | "never" | "yet"
            ) || matches!(self.key_at(before), Some(Key::Not))
        });
        let ends = self
            .pieces
            .get(here + 1)
            .is_none_or(|piece| piece.pause || matches!(piece.item, Item::Key(Key::And | Key::Or)));
        noun_after && !noun_before || is_before && ends
    }
}
