//! What a refusal says of words that nothing here is called.

use std::ops::Range;

use super::{
    Relations,
    pieces::{Item, Mention, Piece},
    typed,
    vocabulary::Key,
};
use crate::token::Token;

impl Relations<'_> {
    /// Names what would have to be there: the column of a table where the words say whose it is.
    pub(super) fn missing(
        &self,
        question: &str,
        tokens: &[Token],
        pieces: &[Piece],
        strange: &[Range<usize>],
    ) -> String {
        let mut words: Vec<String> = Vec::new();
        for range in strange {
            let word = format!("\"{}\"", typed(question, tokens, range));
            if !words.contains(&word) {
                words.push(word);
            }
        }
        if let ([word], [range]) = (words.as_slice(), strange)
            && let Some(table) = self.owner_of(pieces, range)
        {
            return format!("The table {table} has no column called {word}, nor such a value.");
        }
        let words = match words.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, first)) => format!("{} or {last}", first.join(", ")),
            None => return "The question is empty.".to_owned(),
        };
        format!("No table, column, value or date here is called {words}.")
    }

    /// "The weight of books", "book weight": the table that the words are put to.
    fn owner_of(&self, pieces: &[Piece], range: &Range<usize>) -> Option<&str> {
        let at = pieces.iter().position(|piece| piece.tokens == *range)?;
        let stop = |piece: &&Piece| piece.item == Item::Key(Key::Stop);
        let mut after = pieces[at + 1..].iter().skip_while(stop);
        let of = after.next().is_some_and(|piece| piece.item == Item::Key(Key::Of) && !piece.pause);
        let owner = after.find(|piece| !stop(piece)).filter(|_| of);
        let before = at.checked_sub(1).and_then(|before| pieces.get(before));
        let before = before.filter(|_| !pieces[at].pause && !of);
        let Item::Mention(mention) = &owner.or(before)?.item else { return None };
        let (table, quality) = mention.best_table()?;
        let sure = quality > 0.9 && quality + 0.05 > Mention::column_quality(mention);
        sure.then(|| self.schema.tables[table].entry.name.as_str())
    }
}
