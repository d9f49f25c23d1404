//! Whether what stands after a column bounds it.

use super::super::Parser;
use crate::relations::{pieces::Item, vocabulary::Key};

impl Parser<'_> {
    /// Whether a column is at once compared: "teachers aged 32".
    pub(super) fn bounds_next(&self, at: usize) -> bool {
        let mut next = self.solid(at);
        if self.is_named(next) {
            // "The governor was named 'Kim'"
            next = self.solid(next + 1);
        }
        let mut of = false;
        while matches!(self.key_at(next), Some(Key::Either | Key::Of | Key::Both)) {
            of = true;
            next = self.solid(next + 1);
        }
        match self.item(next) {
            Some(Item::Mention(mention)) => {
                (of || next == at) && self.narrowing && mention.only_values()
            }
            // "The last name of the 'CTO'": a value of something else.
            Some(Item::Quoted(_, values)) if of && !values.is_empty() => {
                let columns = at.checked_sub(1).and_then(|column| self.mention_at(column));
                let own = columns.is_some_and(|mention| {
                    mention
                        .columns
                        .iter()
                        .any(|(column, _)| values.iter().any(|(value, _)| value.column == *column))
                });
                own && !self.pieces[next].pause
            }
            Some(Item::Number(_) | Item::Quoted(..)) => !self.pieces[next].pause,
            Some(Item::Key(Key::Between)) => true,
            Some(Item::Key(Key::In)) => {
                self.holds_next(at.saturating_sub(1), next)
                    || matches!(self.item(self.solid(next + 1)), Some(Item::Days(_)))
                        && self.is_of_years(at.saturating_sub(1))
            }
            Some(Item::Days(_)) => self.is_of_years(at.saturating_sub(1)),
            Some(Item::Key(Key::Compare(_))) => matches!(
                self.item(self.solid(next + 1)),
                Some(Item::Number(_) | Item::Quoted(..) | Item::Key(Key::Aggregate(_) | Key::Than))
            ),
            _ => false,
        }
    }

    fn is_named(&self, at: usize) -> bool {
        let word = self.pieces.get(at).map(|piece| self.words[piece.tokens.start].to_lowercase());
        word.is_some_and(|word| matches!(word.as_str(), "named" | "called" | "titled"))
    }

    /// "Built in the last two years": when it was built bounds, and is not asked for.
    fn is_of_years(&self, column: usize) -> bool {
        let best = self.mention_at(column).and_then(|mention| mention.columns.first());
        best.is_some_and(|(column, _)| self.schema.is_year(*column))
    }

    /// "headquartered in the US": a value of the column stands after the preposition.
    fn holds_next(&self, column: usize, preposition: usize) -> bool {
        let value = self.mention_at(self.solid(preposition + 1));
        let columns = self.mention_at(column).map(|mention| mention.columns.as_slice());
        value.filter(|value| value.only_values()).is_some_and(|value| {
            value.values.iter().any(|(value, _)| {
                columns.unwrap_or_default().iter().any(|(column, _)| *column == value.column)
            })
        })
    }
}
