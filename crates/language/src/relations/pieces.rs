//! A question cut into pieces, each with everything that it may be.

mod closed;
mod doers;
mod mend;
mod quotes;

use std::{cell::RefCell, collections::HashMap, ops::Range};

use pacioli_model::{Decimal, Direction};

use super::{
    lexicon::{self, KnownValue, Lexicon, Name},
    schema::{ColumnId, TableId},
    thesaurus,
    vocabulary::{self, Key, key},
};
use crate::{
    calendar::{self, Company, Period},
    keywords::count_word,
    token::{Kind, Token},
};

/// Everything of the catalog that some words may name.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Mention {
    pub(crate) tables: Vec<(TableId, f64)>,
    pub(crate) columns: Vec<(ColumnId, f64)>,
    pub(crate) values: Vec<(KnownValue, f64)>,
    pub(crate) metrics: Vec<usize>,
    /// How much is lost because the names are said in other words, 0 to 1.
    pub(crate) loss: f64,
}

/// `old`, `older`, `oldest`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Degree {
    Plain,
    More,
    Most,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Key(Key),
    Mention(Mention),
    Adjective {
        direction: Direction,
        degree: Degree,
        columns: Vec<&'static str>,
    },
    Number(Decimal),
    /// With the values of the catalog that it is.
    Quoted(String, Vec<(KnownValue, f64)>),
    Days(Period),
    Unknown,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Piece {
    pub(crate) tokens: Range<usize>,
    pub(crate) item: Item,
    /// A comma or another stop stands before it.
    pub(crate) pause: bool,
    /// How well the words fit.
    pub(crate) quality: f64,
}

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

    /// "States" typed small are no department called State, where a column's name ends so.
    fn prefer_nouns(&mut self) {
        if self.column_quality() >= 0.69 {
            let capital = |value: &KnownValue| value.text.starts_with(char::is_uppercase);
            self.values.retain(|(value, quality)| *quality >= 0.99 || !capital(value));
        }
    }

    fn quality(&self) -> f64 {
        let values = self.values.first().map_or(0.0, |(_, quality)| *quality);
        let metrics = if self.metrics.is_empty() { 0.0 } else { 1.0 };
        let named = self.table_quality().max(self.column_quality()) * (1.0 - self.loss);
        named.max(values).max(metrics)
    }
}

/// Cuts a question. Words that were read as others are noted.
pub(crate) fn cut(
    question: &str,
    tokens: &[Token],
    company: Company,
    lexicon: &Lexicon,
) -> (Vec<Piece>, Vec<String>) {
    let quotes = quotes::quotes(question);
    let mentions = RefCell::default();
    let cutter = Cutter { question, tokens, company, lexicon, quotes, mentions };
    let (mut pieces, mut notes) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let mut piece = cutter.piece(at, pieces.last());
        if (piece.item == Item::Unknown || cutter.begins_name(at, &piece))
            && let Some((length, item)) = cutter.mended(at, &mut notes)
        {
            piece = Piece { tokens: at..at + length, item, pause: piece.pause, quality: 0.8 };
        }
        at = piece.tokens.end;
        if !cutter.repeats(&piece, pieces.last()) {
            pieces.push(piece);
        }
    }
    (pieces, notes)
}

/// What numbers are counted in.
const UNITS: &[&str] = &[
    "dollar",
    "lb",
    "lbs",
    "dollars",
    "usd",
    "euro",
    "euros",
    "pound",
    "pounds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "second",
    "seconds",
    "meter",
    "meters",
    "metre",
    "metres",
    "kilometer",
    "kilometers",
    "km",
    "mile",
    "miles",
    "feet",
    "foot",
    "inch",
    "inches",
    "kg",
    "kilogram",
    "kilograms",
    "degree",
    "degrees",
    "percent",
    "million",
    "millions",
    "stories",
    "points",
    "point",
    "unit",
    "units",
    "square",
    "cm",
    "mph",
    "times",
    "time",
];

struct Cutter<'a> {
    question: &'a str,
    tokens: &'a [Token],
    company: Company,
    lexicon: &'a Lexicon,
    quotes: Vec<Range<usize>>,
    /// What was looked up before, by the first word.
    mentions: RefCell<HashMap<usize, Option<(usize, Mention)>>>,
}

impl Cutter<'_> {
    fn piece(&self, at: usize, before: Option<&Piece>) -> Piece {
        let pause = self.pause_before(at);
        let made = |length: usize, item: Item, quality: f64| Piece {
            tokens: at..at + length,
            item,
            pause,
            quality,
        };
        if let Some((length, mention)) = self.elliptic(at) {
            return made(length, Item::Mention(mention), 1.0);
        }
        let counted = before.is_some_and(|piece| matches!(piece.item, Item::Number(_)));
        let bounded = at.checked_sub(2).is_some_and(|before| {
            let word = self.tokens[before].word.as_str();
            ["over", "above", "under", "below", "than", "least", "most", "exceeds"].contains(&word)
        });
        let days = bounded && matches!(self.tokens[at].word.as_str(), "day" | "days");
        let word = self.tokens[at].word.as_str();
        let unit = UNITS.contains(&word) || thesaurus::measured_in(word).is_some();
        if counted && unit && (days || self.mention(at).is_none()) {
            return made(1, Item::Key(Key::Stop), 1.0);
        }
        if let Some((length, text)) =
            self.quoted(at).filter(|(length, _)| !self.is_person(at, *length))
        {
            let words: Vec<&str> = self.words(at, length).unwrap_or_default();
            let values = self.lexicon.values(&words);
            return made(length, Item::Quoted(text, values), 1.0);
        }
        let next = self.tokens.get(at + 1).map_or("", |token| token.word.as_str());
        if self.tokens[at].word == "how" && thesaurus::adjective(next).is_some() {
            return made(1, Item::Key(Key::Ask), 1.0);
        }
        let denied = before.is_some_and(|piece| piece.item == Item::Key(Key::Not));
        if let Some(mention) = denied.then(|| self.deed(at)).flatten() {
            return made(1, Item::Mention(mention), 0.9);
        }
        if let Some(mention) = self.doer(at) {
            return made(1, Item::Mention(mention), 0.9);
        }
        let keyword = self.keyword(at);
        let turned = self.turned(at).or_else(|| self.turned_with(at));
        let mention = turned.or_else(|| self.mention(at));
        let days = self.days(at);
        if let Some((length, period)) = days {
            // "Last year" is no weak guess at a column of last days.
            let named = mention
                .as_ref()
                .filter(|(named, mention)| *named > length || length < 2 || mention.quality() > 0.8)
                .map_or(0, |(length, _)| *length);
            if length > named && length > keyword.map_or(0, |(length, _)| length) {
                return made(length, Item::Days(period), 1.0);
            }
        }
        match (keyword, mention) {
            (Some((long, word)), Some((length, mention))) => {
                let row_before = word == Key::Verb && before.is_some_and(|piece| matches!(&piece.item, Item::Mention(before) if before.table_quality() > 0.9));
                // "share of performances" where a column is called share.
                let amount = word == Key::HowMany
                    && long == 2
                    && matches!(self.tokens[at].word.as_str(), "amount" | "quantity");
                let exact =
                    (matches!(word, Key::Change(_)) || amount) && mention.column_quality() > 0.99;
                if length > long
                    || exact
                    || length == long
                        && !(row_before && mention.values.is_empty())
                        && self.outranks(at, word, &mention)
                {
                    let quality = mention.quality();
                    made(length, Item::Mention(mention), quality)
                } else {
                    made(long, Item::Key(word), 1.0)
                }
            }
            (None, Some((length, mention))) => {
                let quality = mention.quality();
                self.adjective(at).filter(|_| length == 1 && quality < 0.95).map_or_else(
                    || made(length, Item::Mention(mention), quality),
                    |item| made(1, item, 1.0),
                )
            }
            (Some((length, word)), None) => self
                .adjective(at)
                .filter(|_| length == 1)
                .map_or_else(|| made(length, Item::Key(word), 1.0), |item| made(1, item, 1.0)),
            (None, None) => self.bare(at).map_or_else(
                || made(1, Item::Unknown, 0.0),
                |(length, item)| made(length, item, 1.0),
            ),
        }
    }

    /// "miles per gallon (mpg)": in brackets, the same once more.
    fn repeats(&self, piece: &Piece, before: Option<&Piece>) -> bool {
        let bracket = self.question[..self.tokens[piece.tokens.start].at.start].ends_with('(');
        let (Item::Mention(mention), Some(Item::Mention(known))) =
            (&piece.item, before.map(|piece| &piece.item))
        else {
            return false;
        };
        bracket
            && mention
                .columns
                .iter()
                .any(|(column, _)| known.columns.iter().any(|(other, _)| other == column))
    }

    fn pause_before(&self, at: usize) -> bool {
        let Some(before) = at.checked_sub(1) else { return false };
        let Some(token) = self.tokens.get(at) else { return true };
        let between = &self.question[self.tokens[before].at.end..token.at.start];
        between.contains([',', ';', '.', '?', '!', ':'])
    }

    fn words(&self, at: usize, length: usize) -> Option<Vec<&str>> {
        let tokens = self.tokens.get(at..at + length)?;
        Some(tokens.iter().map(|token| token.word.as_str()).collect())
    }

    fn quoted(&self, at: usize) -> Option<(usize, String)> {
        let start = self.tokens[at].at.start;
        let range = self.quotes.iter().find(|range| range.contains(&start))?;
        let inside =
            self.tokens[at..].iter().take_while(|token| token.at.start < range.end).count();
        Some((inside, self.question[range.clone()].trim().to_owned()))
    }

    fn keyword(&self, at: usize) -> Option<(usize, Key)> {
        (1..=vocabulary::LONGEST).rev().find_map(|length| {
            let word = key(&self.words(at, length)?.join(" "))?;
            let paused = (at + 1..at + length).any(|inner| self.pause_before(inner));
            (!paused).then_some((length, word))
        })
    }

    fn mention(&self, at: usize) -> Option<(usize, Mention)> {
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
            if self.quotes.iter().any(|range| {
                range.start >= self.tokens[at].at.start
                    && range.start < self.tokens[at + length - 1].at.end
            }) {
                continue;
            }
            let mut mention = Mention::default();
            let paused = (at + 1..at + length).any(|inner| self.pause_before(inner));
            let asking = length > 1
                && key(words[0]).is_some_and(|word| {
                    !matches!(
                        word,
                        Key::Verb
                            | Key::Everything
                            | Key::Common(_)
                            | Key::Order
                            | Key::Grain(_)
                            | Key::Change(_)
                    )
                })
                && !Lexicon::is_phrase(&words);
            let (names, loss) = if paused { (Vec::new(), 0.0) } else { self.lexicon.named(&words) };
            let numeric = length == 1 && !matches!(self.tokens[at].kind, Kind::Word);
            for (name, quality) in names {
                // A number by itself is no part of a name: "2" of a second line.
                if numeric && quality < 0.95 {
                    continue;
                }
                if asking && quality * (1.0 - loss) < 0.9 && !self.is_called(&words, name) {
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
            if mention.quality() < 0.94 && self.is_owned(&words) {
                continue;
            }
            if !numeric {
                mention.values = self.lexicon.values(&words);
            }
            mention.prefer_states();
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

    /// "Total score" where a column itself is called total.
    fn is_called(&self, words: &[&str], name: Name) -> bool {
        let [word, _] = words else { return false };
        matches!(key(word), Some(Key::Aggregate(_)))
            && self.lexicon.names(&[word]).iter().any(|(known, fit)| *known == name && *fit > 0.99)
    }

    /// "invoice amount" is the amount of invoices, whatever else is called nearly so.
    fn is_owned(&self, words: &[&str]) -> bool {
        (1..words.len()).any(|split| {
            let tables = self.lexicon.names(&words[..split]);
            let columns = self.lexicon.names(&words[split..]);
            tables.iter().any(|(table, sure)| {
                *sure >= 0.9
                    && columns.iter().any(|(column, quality)| match (table, column) {
                        (Name::Table(table), Name::Column(column)) => {
                            *quality >= 0.69 && self.lexicon.owner(*column) == Some(*table)
                        }
                        _ => false,
                    })
            })
        })
    }

    fn adjective(&self, at: usize) -> Option<Item> {
        let word = self.tokens[at].word.as_str();
        let (direction, columns) = thesaurus::adjective(word)?;
        let before = at.checked_sub(1).map(|before| self.tokens[before].word.as_str());
        let degree = match before {
            _ if word.ends_with("est") || matches!(word, "first" | "last") => Degree::Most,
            Some("most" | "least") => Degree::Most,
            Some("more" | "less") => Degree::More,
            _ if word.ends_with("er") => Degree::More,
            _ => Degree::Plain,
        };
        Some(Item::Adjective { direction, degree, columns })
    }

    fn days(&self, at: usize) -> Option<(usize, Period)> {
        let (length, period) = calendar::read_for(&self.tokens[at..], self.company)?;
        // A year alone may be a number in a column of years.
        let year = self.tokens[at..at + length].iter().all(|token| {
            matches!(token.kind, Kind::Number(_))
                || matches!(
                    token.word.as_str(),
                    "in" | "year"
                        | "of"
                        | "the"
                        | "since"
                        | "before"
                        | "after"
                        | "between"
                        | "and"
                        | "from"
                        | "to"
                        | "until"
                )
        });
        (!year).then_some((length, period))
    }

    fn bare(&self, at: usize) -> Option<(usize, Item)> {
        if let Some(adjective) = self.adjective(at) {
            return Some((1, adjective));
        }
        let token = &self.tokens[at];
        match token.kind {
            Kind::Number(value) => {
                let unit = self.tokens.get(at + 1).map_or("", |token| token.word.as_str());
                let scaled = crate::token::scaled(value, unit).map(|value| (value, 2));
                let (value, length) = scaled.unwrap_or((value, 1));
                Some((length, Item::Number(value)))
            }
            Kind::Date(_) => None,
            _ if self.is_pronoun(at) => Some((1, Item::Key(Key::Stop))),
            _ => times(&token.word)
                .or_else(|| count_word(&token.word))
                .or_else(|| (token.word == "zero").then_some(0))
                .map(|count| (1, Item::Number(Decimal::new(i128::from(count), 0)))),
        }
    }
}

fn times(word: &str) -> Option<u32> {
    match word {
        "once" => Some(1),
        "twice" => Some(2),
        "thrice" => Some(3),
        _ => None,
    }
}
