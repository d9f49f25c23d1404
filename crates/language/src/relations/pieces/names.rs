//! Words that name something of the catalog.

use super::{Cutter, Mention};
use crate::{
    relations::{
        lexicon::{self, KnownValue, Lexicon, Name},
        nations,
        schema::{ColumnId, TableId},
        vocabulary::{Key, key},
    },
    token::Kind,
};

impl Mention {
    pub(crate) fn best_table(&self) -> Option<(TableId, f64)> {
        self.tables.first().copied()
    }

    pub(crate) fn column_quality(&self) -> f64 {
        self.columns.first().map_or(0.0, |(_, quality)| *quality)
    }

    pub(crate) fn table_quality(&self) -> f64 {
        self.tables.first().map_or(0.0, |(_, quality)| *quality)
    }

    /// The same without its first table, where another is called so just as well and nothing is more so.
    pub(crate) fn without_namesake(&self) -> Option<Self> {
        let [(_, best), (_, second), ..] = self.tables.as_slice() else { return None };
        let tied = best - second < 0.005 && *best < 0.9;
        let tables = self.tables[1..].to_vec();
        (tied && self.column_quality() < *best).then(|| Self { tables, ..self.clone() })
    }

    pub(crate) fn only_values(&self) -> bool {
        self.tables.is_empty()
            && self.columns.is_empty()
            && self.metrics.is_empty()
            && !self.values.is_empty()
    }

    /// "Open" is a state of rows rather than part of the name of some column.
    fn prefer_states(&mut self) {
        let state = self.values.iter().any(|(value, quality)| value.few && *quality >= 0.99);
        if state && self.table_quality() < 0.86 && self.column_quality() < 0.86 {
            self.tables.clear();
            self.columns.clear();
        }
    }

    /// "Professors" are those of the staff whose rank says so, where only other words for the staff are the
    /// same.
    fn prefer_kinds(&mut self, loss: f64, lexicon: &Lexicon) {
        let Some((table, _)) = self.best_table().filter(|_| loss > 0.0) else { return };
        let kind = self.values.iter().any(|(value, quality)| {
            value.few && *quality >= 0.95 && lexicon.owner(value.column) == Some(table)
        });
        if kind && self.column_quality() <= self.table_quality() {
            self.tables.clear();
            self.columns.clear();
        }
    }

    /// "States" typed small are no department called State, where a column's name ends so.
    fn prefer_nouns(&mut self) {
        if self.column_quality() >= 0.69 {
            // Codes of one letter are no names.
            let capital = |value: &KnownValue| {
                value.text.len() > 1 && value.text.starts_with(char::is_uppercase)
            };
            self.values.retain(|(value, quality)| *quality >= 0.99 || !capital(value));
        }
    }

    pub(super) fn quality(&self) -> f64 {
        let values = self.values.first().map_or(0.0, |(_, quality)| *quality);
        let metrics = if self.metrics.is_empty() { 0.0 } else { 1.0 };
        let named = self.table_quality().max(self.column_quality()) * (1.0 - self.loss);
        named.max(values).max(metrics)
    }
}

/// How well a name fits that is the same in other words.
const AS_WELL: f64 = 0.92;

impl Cutter<'_> {
    pub(super) fn mention(&self, at: usize) -> Option<(usize, Mention)> {
        if let Some(known) = self.mentions.borrow().get(&at) {
            return known.clone();
        }
        let found = self.looked_up(at);
        self.mentions.borrow_mut().insert(at, found.clone());
        found
    }

    fn looked_up(&self, at: usize) -> Option<(usize, Mention)> {
        for length in (1..=lexicon::LONGEST).rev() {
            let Some(words) = self.words(at, length) else { continue };
            if self.reaches_into_quotes(at, length) {
                continue;
            }
            let mut mention = Mention::default();
            let paused = (at + 1..at + length).any(|inner| self.pause_before(inner));
            let asking = length > 1 && asks(words[0]) && !Lexicon::is_phrase(&words);
            // "Max velocity" where a column is called max speed.
            let extreme = matches!(words.as_slice(), ["max" | "maximum" | "min" | "minimum", _]);
            let (names, loss) = if paused { (Vec::new(), 0.0) } else { self.lexicon.named(&words) };
            let numeric = length == 1 && !matches!(self.tokens[at].kind, Kind::Word);
            for (name, quality) in names {
                // A number by itself is no part of a name: "2" of a second line.
                if numeric && quality < 0.95 {
                    continue;
                }
                if asking
                    && quality * (1.0 - loss) < 0.9
                    && !(extreme && quality >= AS_WELL)
                    && !self.is_called(&words, name)
                {
                    continue;
                }
                match name {
                    // "Number of attendees" is a figure, or a count of rows, and never the rows.
                    Name::Table(_) if length > 2 && words.starts_with(&["number", "of"]) => {}
                    Name::Table(table) => mention.tables.push((table, quality)),
                    Name::Column(column) => mention.columns.push((column, quality)),
                    Name::Metric(metric) if quality > 0.9 => mention.metrics.push(metric),
                    Name::Metric(_) => {}
                }
            }
            if mention.quality() < 0.94 && self.is_owned(&words, &mention) {
                continue;
            }
            // "Tournament type": the value of a type, and no other word for what the type is of.
            let head =
                if loss > 0.0 { self.lexicon.values(&words[..length - 1]) } else { Vec::new() };
            if head.iter().any(|(value, quality)| {
                *quality >= 0.99 && mention.columns.iter().any(|(it, _)| *it == value.column)
            }) {
                continue;
            }
            if !numeric {
                mention.values = self.lexicon.values(&words);
            }
            if self.is_nationality_of(at, length) && mention.only_values() {
                continue;
            }
            if length == 1 && self.is_nationality_of(at, 2) {
                // "american airlines": by their country, though some row is called American.
                mention.values.retain(|(_, quality)| *quality < 0.95);
            }
            mention.prefer_states();
            mention.prefer_kinds(loss, self.lexicon);
            let capital = self.question[self.tokens[at].at.clone()].starts_with(char::is_uppercase);
            if !capital && length == 1 {
                mention.prefer_nouns();
            }
            if mention != Mention::default() {
                return Some((length, Mention { loss, ..mention }));
            }
        }
        None
    }

    /// Whether words begin outside a quotation and go on inside; first and last name of a person may be told apart there.
    fn reaches_into_quotes(&self, at: usize, length: usize) -> bool {
        let person = self.quoted(at).is_some_and(|(length, _)| self.is_person(at, length));
        let (start, end) = (self.tokens[at].at.start, self.tokens[at + length - 1].at.end);
        self.quotes.iter().any(|range| {
            (range.start > start || !person && range.start == start) && range.start < end
        })
    }

    /// "american airlines": airlines of that country, where the words are typed small and some row is called
    /// so.
    fn is_nationality_of(&self, at: usize, length: usize) -> bool {
        let small =
            |at: usize| self.question[self.tokens[at].at.clone()].starts_with(char::is_lowercase);
        let words = self.words(at, length).unwrap_or_default();
        let Some((first, rest)) = words.split_first().filter(|(_, rest)| !rest.is_empty()) else {
            return false;
        };
        let rows = self
            .lexicon
            .names(rest)
            .first()
            .is_some_and(|(name, quality)| matches!(name, Name::Table(_)) && *quality >= 0.9);
        // Letters stand for no country: "female dogs" are those whose sex is F.
        let places = nations::of_adjective(first);
        rows && small(at) && !places.is_empty() && places.iter().all(|place| place.len() > 1)
    }

    /// "Total score" where a column itself is called total.
    fn is_called(&self, words: &[&str], name: Name) -> bool {
        let [word, _] = words else { return false };
        matches!(key(word), Some(Key::Aggregate(_)))
            && self.lexicon.names(&[word]).iter().any(|(known, fit)| *known == name && *fit > 0.99)
    }

    /// "invoice amount" is the amount of invoices, whatever else is called nearly so; "client status" is
    /// what is called customer status, and "vehicle manufacturers" are car makers.
    fn is_owned(&self, words: &[&str], mention: &Mention) -> bool {
        let plain = words.iter().all(|word| key(word).is_none());
        let best = mention.columns.first().map(|(column, _)| *column).filter(|_| plain);
        let mut owned = false;
        for split in 1..words.len() {
            let tables = self.lexicon.names(&words[..split]);
            let columns = self.lexicon.names(&words[split..]);
            let of = |column: ColumnId| {
                let owner = self.lexicon.owner(column);
                tables.iter().any(|(table, sure)| {
                    *sure >= 0.9 && matches!(table, Name::Table(table) if Some(*table) == owner)
                })
            };
            for (name, quality) in columns {
                let Name::Column(column) = name else { continue };
                if quality >= 0.69 && of(column) {
                    if best == Some(column) {
                        return false;
                    }
                    owned = true;
                }
            }
        }
        owned && !(plain && mention.table_quality() >= 0.9)
    }
}

/// Whether a word says what is asked, and so begins no name; some words of questions are parts of names too.
fn asks(word: &str) -> bool {
    key(word).is_some_and(|word| {
        !matches!(
            word,
            Key::Verb
                | Key::Everything
                | Key::Common(_)
                | Key::Order
                | Key::Grain(_)
                | Key::Every(_)
                | Key::Change(_)
        )
    })
}
