//! Words that are more, or less, than they look: parts of names, slips, names cut short or turned
//! around.

use std::{cell::RefCell, ops::Range};

use super::{
    super::{
        lexicon::{KnownValue, Name},
        schema::{ColumnId, TableId},
        thesaurus,
        vocabulary::{Key, key},
    },
    Cutter, Item, Mention, Piece,
};
use crate::token::Kind;

impl Cutter<'_> {
    /// "never ordered": the rows that the verb makes.
    pub(super) fn deed(&self, at: usize) -> Option<Mention> {
        let word = self.tokens[at].word.as_str();
        if key(word) != Some(Key::Verb) || self.tokens.len() > at + 2 {
            return None;
        }
        let stems = ["ed", "d", "ing", "ted"].iter().filter_map(|tail| word.strip_suffix(tail));
        stems.filter(|stem| stem.len() > 2).find_map(|stem| {
            let names = self.lexicon.names(&[stem]).into_iter();
            let tables: Vec<(TableId, f64)> = names
                .filter_map(|(name, quality)| match name {
                    Name::Table(table) if quality > 0.9 => Some((table, quality)),
                    _ => None,
                })
                .collect();
            (!tables.is_empty()).then(|| Mention { tables, ..Mention::default() })
        })
    }

    /// A quoted name that is none itself, and whose words are: "Linda Smith".
    pub(super) fn is_person(&self, at: usize, length: usize) -> bool {
        let Some(words) = self.words(at, length).filter(|words| words.len() == 2) else {
            return false;
        };
        self.lexicon.values(&words).is_empty()
            && words.iter().all(|word| !self.lexicon.values(&[word]).is_empty())
    }

    /// "first" in "first and last name", "first, middle, and last names".
    pub(super) fn elliptic(&self, at: usize) -> Option<(usize, Mention)> {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        let part = |word: &str| {
            matches!(word, "first" | "last" | "middle" | "given" | "family" | "christian")
        };
        if !part(word(at)) || matches!(word(at + 1), "name" | "names") {
            return self.shares_head(at);
        }
        let mut next = at + 1;
        while part(word(next)) || matches!(word(next), "and" | "the") {
            next += 1;
        }
        if next == at + 1 || !matches!(word(next), "name" | "names") {
            return self.shares_head(at);
        }
        let columns =
            self.lexicon.names(&[word(at), "name"]).into_iter().filter_map(|(name, quality)| {
                match name {
                    Name::Column(column) => Some((column, quality)),
                    _ => None,
                }
            });
        let columns: Vec<(ColumnId, f64)> = columns.collect();
        (!columns.is_empty()).then(|| (1, Mention { columns, ..Mention::default() }))
    }

    /// "Start" in "start and end dates": the head is that of the next.
    fn shares_head(&self, at: usize) -> Option<(usize, Mention)> {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        // "Support, consider and oppose rates"
        let and = (at + 1..at + 4).find(|next| word(*next) == "and")?;
        let (one, other, head) = (word(at), word(and + 1), word(and + 2));
        let listed = (at + 1..and).all(|next| self.pause_before(next));
        if !listed || other.is_empty() || head.is_empty() {
            return None;
        }
        let columns = |words: &[&str]| -> Vec<(ColumnId, f64)> {
            let names = self.lexicon.names(words).into_iter();
            names
                .filter_map(|(name, quality)| match name {
                    Name::Column(column) if quality >= 0.9 => Some((column, quality)),
                    _ => None,
                })
                .collect()
        };
        let itself = self.lexicon.names(&[one]).iter().any(|(_, quality)| *quality >= 0.9);
        let first = columns(&[one, head]);
        let whole = !itself && !first.is_empty() && !columns(&[other, head]).is_empty();
        whole.then(|| (1, Mention { columns: first, ..Mention::default() }))
    }

    /// "Name" in "the name and the release year of the song": the song's, where a column is called so.
    pub(super) fn turned_with(&self, at: usize) -> Option<(usize, Mention)> {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        let joins = |at: usize| word(at) == "and" || self.pause_before(at);
        if !joins(at + 1) {
            return None;
        }
        let of = (at + 2..at + 7)
            .take_while(|next| !self.pause_before(*next) || *next == at + 2)
            .find(|next| matches!(word(*next), "of" | "for"))?;
        let (_, last) = self.turned(of - 1).or_else(|| self.turned(of - 2))?;
        let start =
            (of + 1..of + 4).find(|at| !matches!(word(*at), "the" | "all" | "each" | "every"))?;
        let names = self.lexicon.names(&[word(start), word(at)]).into_iter();
        let table = |columns: &[(ColumnId, f64)]| {
            columns.first().and_then(|(column, _)| self.lexicon.owner(*column))
        };
        let columns: Vec<(ColumnId, f64)> = names
            .filter_map(|(name, quality)| match name {
                Name::Column(column) if quality >= 0.94 => Some((column, quality)),
                _ => None,
            })
            .collect();
        (!columns.is_empty() && table(&columns) == table(&last.columns))
            .then(|| (1, Mention { columns, ..Mention::default() }))
    }

    /// "rank of the winner" for a column called winner rank.
    pub(super) fn turned(&self, at: usize) -> Option<(usize, Mention)> {
        let of = (1..=2).find(|length| {
            let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
            word(at + length) == "of"
                || word(at + length) == "for" && matches!(word(at + length + 1), "the" | "all")
        })?;
        let mut start = at + of + 1;
        while self
            .tokens
            .get(start)
            .is_some_and(|token| matches!(token.word.as_str(), "the" | "all" | "each" | "every"))
        {
            start += 1;
        }
        let head = self.words(at, of)?;
        // "The number of transactions" counts them.
        let counts = head.last().is_some_and(|word| matches!(*word, "number" | "count"));
        (1..=2).rev().find_map(|length| {
            let owner = self.words(start, length)?;
            let next = start + length;
            let compound = self
                .tokens
                .get(next)
                .is_some_and(|token| !self.pause_before(next) && key(&token.word).is_none());
            let plural = owner.last().is_some_and(|word| thesaurus::lemma(word) != *word);
            if counts && (plural || compound) {
                return None;
            }
            let tables = self.lexicon.names(&owner);
            if tables.iter().any(|(name, quality)| matches!(name, Name::Table(_)) && *quality > 0.9)
            {
                return None;
            }
            let (names, loss) = self.lexicon.named(&[owner, head.clone()].concat());
            // "The code of the nation" is the country code; only near in meaning is not enough.
            let least = if loss > 1.0 - thesaurus::NEAR + 0.01 { 0.94 } else { 0.92 };
            let columns: Vec<(ColumnId, f64)> = names
                .into_iter()
                .filter_map(|(name, quality)| match name {
                    Name::Column(column) if quality >= least => Some((column, quality)),
                    _ => None,
                })
                .collect();
            (!columns.is_empty())
                .then(|| (start + length - at, Mention { columns, ..Mention::default() }))
        })
    }

    /// "Who have once earned 5 points": at some time, and no number of times.
    pub(super) fn is_formerly(&self, at: usize) -> bool {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        let bounds = ["than", "least", "most", "exactly", "only", "just"];
        let before = at.checked_sub(1).map_or("", word);
        word(at) == "once"
            && !bounds.contains(&before)
            && matches!(key(word(at + 1)), Some(Key::Verb | Key::With))
    }

    /// "the one with the most": no number.
    pub(super) fn is_pronoun(&self, at: usize) -> bool {
        let word = |at: usize| self.tokens.get(at).map_or("", |token| token.word.as_str());
        let before = at.checked_sub(1).map_or("", word);
        let last = self.tokens.get(at + 1).is_none() || self.pause_before(at + 1);
        let counted = matches!(
            before,
            "than"
                | "least"
                | "most"
                | "exactly"
                | "only"
                | "is"
                | "are"
                | "to"
                | "of"
                | "over"
                | "under"
                | "="
                | "equals"
                | "has"
                | "have"
                | "number"
        );
        matches!(word(at), "one" | "ones")
            && (last && !counted
                || matches!(before, "the" | "which" | "this" | "that" | "each" | "every")
                || matches!(word(at + 1), "with" | "that" | "whose" | "who" | "which"))
    }

    /// What is only tried when words mean nothing: a part of a name, a slip of the finger, a word that
    /// is a known one with an ending.
    pub(super) fn mended(&self, at: usize, notes: &mut Vec<String>) -> Option<(usize, Item)> {
        if let Some((length, item)) = self.part_of_value(at) {
            if let Item::Mention(Mention { values, .. }) = &item {
                let words =
                    &self.question[self.tokens[at].at.start..self.tokens[at + length - 1].at.end];
                notes.extend(
                    values
                        .first()
                        .map(|(value, _)| format!("\"{words}\" was read as \"{}\".", value.text)),
                );
            }
            return Some((length, item));
        }
        let typed = self.tokens[at].word.as_str();
        if self.tokens[at].kind != Kind::Word {
            return None;
        }
        let mut known = self.lexicon.mended(typed).map(str::to_owned);
        if let Some(stem) = typed.strip_suffix("ly").filter(|stem| self.lexicon.knows(stem)) {
            // "Permanently" tells one way of living somewhere from another; it is no noun itself.
            return (stem.len() > 4).then_some((1, Item::Key(Key::Stop)));
        }
        if known.is_none() {
            // "prerequisites" of a table called prereq; "majoring" in a major.
            let tails = ["ing", "ed", "d"].iter().filter_map(|tail| typed.strip_suffix(tail));
            let bare = tails.filter(|stem| stem.len() > 3).find(|stem| self.lexicon.knows(stem));
            known =
                bare.map(str::to_owned).or_else(|| self.lexicon.begun(typed).map(str::to_owned));
        }
        if known.is_none() && (typed.len() > 6 || typed.len() == 4) {
            known = vocabulary_slip(typed).map(str::to_owned);
        }
        if known.is_none() && typed.len() > 5 && !crate::segment::LOOK_ALIKES.contains(&typed) {
            known = super::super::vocabulary::slip_of(typed).map(str::to_owned);
        }
        let known = known?;
        let note =
            format!("\"{}\" was read as \"{known}\".", &self.question[self.tokens[at].at.clone()]);
        if !notes.contains(&note) {
            notes.push(note);
        }
        let word = key(&known);
        let mut tokens = self.tokens.to_vec();
        tokens[at].word = known;
        let quotes = self.quotes.clone();
        let again = Cutter { tokens: &tokens, quotes, mentions: RefCell::default(), ..*self };
        if word.is_some() {
            // "Msot common" is one phrase.
            return again.keyword(at).map(|(length, word)| (length, Item::Key(word)));
        }
        again.mention(at).map(|(length, mention)| (length, Item::Mention(mention)))
    }

    /// "American Tool" of a company called American Tool Works, though "American" alone is a word too:
    /// the next one is none.
    pub(super) fn begins_name(&self, at: usize, piece: &Piece) -> bool {
        let next = piece.tokens.end;
        let capital = |at: usize| {
            self.tokens.get(at).is_some_and(|token| {
                self.question[token.at.clone()].starts_with(char::is_uppercase)
            })
        };
        let word = matches!(piece.item, Item::Mention(_) | Item::Adjective { .. });
        word && piece.tokens.len() == 1
            && capital(at)
            && capital(next)
            && !self.pause_before(next)
            && self.mention(next).is_none()
            && self.keyword(next).is_none()
            && self.part_of_value(at).is_some_and(|(length, _)| length > 1)
    }

    /// The values that a quoted text of several words is a part of, where one column has one such.
    pub(super) fn longer(&self, tokens: &Range<usize>) -> Vec<(KnownValue, f64)> {
        let words = self.words(tokens.start, tokens.len()).unwrap_or_default();
        if words.len() < 2 {
            return Vec::new();
        }
        let values = self.lexicon.parts(&words);
        let mut columns: Vec<ColumnId> = values.iter().map(|value| value.column).collect();
        columns.sort_unstable();
        columns.dedup();
        let sole = values.len() == columns.len();
        values.into_iter().filter(|_| sole).map(|value| (value, 0.75)).collect()
    }

    pub(super) fn part_of_value(&self, at: usize) -> Option<(usize, Item)> {
        for length in (1..=4).rev() {
            let Some(words) = self.words(at, length) else { continue };
            let capital = self.question[self.tokens[at].at.clone()].starts_with(char::is_uppercase);
            if words.iter().all(|word| word.len() < 4) || !capital {
                continue;
            }
            let values = self.lexicon.parts(&words);
            let mut columns: Vec<ColumnId> = values.iter().map(|value| value.column).collect();
            columns.sort_unstable();
            columns.dedup();
            // Two names that share a word must be asked back, not guessed.
            if !values.is_empty() && values.len() == columns.len() {
                let values = values.into_iter().map(|value| (value, 0.75)).collect();
                return Some((length, Item::Mention(Mention { values, ..Mention::default() })));
            }
        }
        None
    }
}

fn vocabulary_slip(typed: &str) -> Option<&'static str> {
    const OFTEN: &[&str] = &[
        "average",
        "maximum",
        "minimum",
        "different",
        "distinct",
        "number",
        "descending",
        "ascending",
        "alphabetical",
        "between",
        "without",
    ];
    // Short words are only mended where two letters are swapped.
    const SHORT: &[&str] = &["most", "with", "that", "from", "have", "what", "than", "more"];
    if typed.len() == 4 {
        let swapped = |word: &&&str| {
            crate::spelling::is_slip_of(typed, word, 1)
                && word.bytes().all(|letter| typed.as_bytes().contains(&letter))
        };
        return SHORT.iter().find(swapped).copied();
    }
    OFTEN.iter().copied().find(|word| crate::spelling::is_slip_of(typed, word, 2))
}
