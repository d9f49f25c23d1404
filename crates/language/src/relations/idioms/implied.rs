//! Questions that say what is measured by a verb alone: "how many people live in Vienna" is its
//! population, "how much does a ticket cost" its price.

use super::Idioms;
use crate::relations::{lexicon::Name, thesaurus::measured_by};

const PEOPLE: &[&str] = &["people", "persons", "inhabitants", "residents", "spectators", "fans"];
const LIVE: &[&str] = &["live", "lives", "lived", "living", "reside", "resides"];
const HOLD: &[&str] = &["hold", "holds", "seat", "accommodate", "fit", "host"];
const IS: &[&str] = &["is", "are", "was", "were"];
const CAN: &[&str] = &["can", "could", "does", "do", "will"];
/// Words after which no single thing is meant.
const WE: &[&str] = &["we", "our", "us", "i", "you", "each", "every", "they", "it", "there"];

impl Idioms<'_> {
    /// The question with the column that its verb implies, where the catalog has one.
    pub(super) fn implied(&self) -> Option<String> {
        (self.is(0, &["how"]) && !self.relations.has_metrics()).then_some(())?;
        self.people_live().or_else(|| self.people_held()).or_else(|| self.amount_implied())
    }

    /// "How many people live in Vienna": no rows are people.
    fn people_live(&self) -> Option<String> {
        (self.is(1, &["many"]) && self.is(2, PEOPLE) && !self.are_rows(2)).then_some(())?;
        let at = 3 + usize::from(self.is(3, &["who", "that", "are"]));
        (self.is(at, LIVE) && self.is(at + 1, &["in", "on"])).then_some(())?;
        self.column_called(&["population"])?;
        Some(format!("what is the total population of {}", self.said(at + 2..self.tokens.len())))
    }

    /// "How many people can the arena hold".
    fn people_held(&self) -> Option<String> {
        (self.is(1, &["many"]) && self.is(2, PEOPLE) && !self.are_rows(2)).then_some(())?;
        let last = self.tokens.len().checked_sub(1)?;
        (self.is(3, CAN) && last > 4 && self.is(last, HOLD)).then_some(())?;
        let column = self.column_called(&["capacity", "seating capacity", "seats"])?;
        Some(format!("what is the {column} of {}", self.said(4..last)))
    }

    /// "How much does the lamp cost", "how much is the most expensive wine".
    fn amount_implied(&self) -> Option<String> {
        (self.is(1, &["much"]) && self.tokens.len() > 3 && !self.is(3, WE)).then_some(())?;
        let last = self.tokens.len() - 1;
        let (columns, end) = if self.is(2, IS) {
            // "How much are the fees": what is called so itself is no price of it.
            let noun = 3 + usize::from(self.is(3, &["the", "our"]));
            let next = self.is(noun + 1, &["for", "of", "in", "at", "on", ""]);
            if next && self.column_called(&[self.word(noun)]).is_some() {
                return Some(format!("what is the {}", self.said(noun..=last)));
            }
            (measured_by("cost")?, last + 1)
        } else {
            (self.is(2, &["does", "do", "did"]) && last > 3).then_some(())?;
            (measured_by(self.word(last))?, last)
        };
        let column = self.column_called(&columns)?;
        Some(format!("what is the {column} of {}", self.said(3..end)))
    }

    /// Whether rows of a table are called so.
    fn are_rows(&self, at: usize) -> bool {
        let names = self.relations.lexicon.names(&[self.word(at)]);
        names.iter().any(|(name, fit)| matches!(name, Name::Table(_)) && *fit > 0.9)
    }

    /// The first of some names that a column of the catalog has.
    pub(super) fn column_called<'n>(&self, names: &[&'n str]) -> Option<&'n str> {
        names.iter().copied().find(|name| {
            let words: Vec<&str> = name.split(' ').collect();
            let known = self.relations.lexicon.names(&words);
            known.iter().any(|(name, fit)| matches!(name, Name::Column(_)) && *fit >= 0.9)
        })
    }
}
