//! A question cut into pieces, each with everything that it may be.

mod closed;
mod doers;
mod mend;
mod names;
mod quotes;

use std::{cell::RefCell, collections::HashMap, ops::Range};

use pacioli_model::{Decimal, Direction};

use super::{
    lexicon::{KnownValue, Lexicon},
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
        if let Item::Quoted(text, values) = &mut piece.item
            && values.is_empty()
            && !matches!(pieces.last().map(|before| &before.item), Some(Item::Key(Key::Text(_))))
        {
            // "Ford Motor", where one name alone goes on from that.
            *values = cutter.longer(&piece.tokens);
            let known = values.first();
            notes.extend(
                known.map(|(known, _)| format!("\"{text}\" was read as \"{}\".", known.text)),
            );
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
    "%",
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

/// How well people fit who are only called a person.
const PERSON: f64 = 0.8;

/// How many words, what they are, and how well they fit.
type Cut = (usize, Item, f64);

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
        let (length, item, quality) =
            self.set_phrase(at, before).unwrap_or_else(|| self.word_or_name(at, before));
        Piece { tokens: at..at + length, item, pause: self.pause_before(at), quality }
    }

    /// What stands as it is, whatever its words mean elsewhere: quotes, units after numbers, doers.
    fn set_phrase(&self, at: usize, before: Option<&Piece>) -> Option<Cut> {
        if let Some((length, mention)) = self.elliptic(at) {
            return Some((length, Item::Mention(mention), 1.0));
        }
        if self.is_unit(at, before) {
            return Some((1, Item::Key(Key::Stop), 1.0));
        }
        if let Some(number) = self.spelled(at) {
            return Some((1, Item::Number(number), 1.0));
        }
        if let Some((length, text)) =
            self.quoted(at).filter(|(length, _)| !self.is_person(at, *length))
        {
            let words: Vec<&str> = self.words(at, length).unwrap_or_default();
            let values = self.lexicon.values(&words);
            return Some((length, Item::Quoted(text, values), 1.0));
        }
        if self.is_each_person(at) {
            // "For each person": the only people that there are.
            return Some(match self.lexicon.people() {
                [only] => {
                    let tables = vec![(*only, PERSON)];
                    (1, Item::Mention(Mention { tables, ..Mention::default() }), PERSON)
                }
                _ => (1, Item::Unknown, 0.0),
            });
        }
        let next = self.tokens.get(at + 1).map_or("", |token| token.word.as_str());
        if self.tokens[at].word == "how" && thesaurus::adjective(next).is_some() {
            return Some((1, Item::Key(Key::Ask), 1.0));
        }
        let denied = before.is_some_and(|piece| piece.item == Item::Key(Key::Not));
        let deed = denied.then(|| self.deed(at)).flatten().or_else(|| self.doer(at));
        deed.map(|mention| (1, Item::Mention(mention), 0.9))
    }

    /// "Two or more", though some row is called Two.
    fn spelled(&self, at: usize) -> Option<Decimal> {
        let small = self.question[self.tokens[at].at.clone()].starts_with(char::is_lowercase);
        let count = count_word(&self.tokens[at].word).filter(|_| small)?;
        let value = self.mention(at).is_some_and(|(length, it)| length == 1 && it.only_values());
        (value && !self.is_pronoun(at)).then(|| Decimal::new(i128::from(count), 0))
    }

    fn is_each_person(&self, at: usize) -> bool {
        let before = at.checked_sub(1).map_or("", |before| self.tokens[before].word.as_str());
        matches!(self.tokens[at].word.as_str(), "person" | "individual")
            && matches!(before, "each" | "every" | "per")
            && self.mention(at).is_none_or(|(_, mention)| mention.quality() < PERSON)
    }

    /// What the number before is counted in, where nothing here is called so.
    fn is_unit(&self, at: usize, before: Option<&Piece>) -> bool {
        let word = self.tokens[at].word.as_str();
        let counted = before.is_some_and(|piece| matches!(piece.item, Item::Number(_)));
        let bounded = at.checked_sub(2).is_some_and(|before| {
            let word = self.tokens[before].word.as_str();
            ["over", "above", "under", "below", "than", "least", "most", "exceeds"].contains(&word)
        });
        let days = bounded && matches!(word, "day" | "days");
        let unit = UNITS.contains(&word) || thesaurus::measured_in(word).is_some();
        counted && unit && (days || self.mention(at).is_none())
    }

    /// The longest of days, a word of the closed list, and something of the catalog.
    fn word_or_name(&self, at: usize, before: Option<&Piece>) -> Cut {
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
                return (length, Item::Days(period), 1.0);
            }
        }
        match (keyword, mention) {
            (Some((long, word)), Some((length, mention))) => {
                if self.names_more(at, (long, word), (length, &mention), before) {
                    let quality = mention.quality();
                    (length, Item::Mention(mention), quality)
                } else {
                    (long, Item::Key(word), 1.0)
                }
            }
            (None, Some((length, mention))) => {
                let quality = mention.quality();
                self.adjective(at)
                    .filter(|_| length == 1 && quality < 0.95)
                    .map_or((length, Item::Mention(mention), quality), |item| (1, item, 1.0))
            }
            (Some((1, Key::Ask | Key::Verb)), None) if self.must_be_noun(at) => {
                (1, Item::Unknown, 0.0)
            }
            (Some((length, word)), None) => self
                .adjective(at)
                .filter(|_| length == 1)
                .map_or((length, Item::Key(word), 1.0), |item| (1, item, 1.0)),
            (None, None) => {
                self.bare(at).map_or((1, Item::Unknown, 0.0), |(length, item)| (length, item, 1.0))
            }
        }
    }

    /// Whether words that are on the closed list rather name something of the catalog.
    fn names_more(
        &self,
        at: usize,
        (long, word): (usize, Key),
        (length, mention): (usize, &Mention),
        before: Option<&Piece>,
    ) -> bool {
        let row_before = word == Key::Verb
            && !self.is_said_of_rows(at)
            && before.is_some_and(|piece| {
                matches!(&piece.item, Item::Mention(before) if before.table_quality() > 0.9)
            });
        // "share of performances" where a column is called share.
        let amount = word == Key::HowMany
            && long == 2
            && matches!(self.tokens[at].word.as_str(), "amount" | "quantity");
        let exact = (matches!(word, Key::Change(_)) || amount) && mention.column_quality() > 0.99;
        length > long
            || exact
            || length == long
                && !(row_before && mention.values.is_empty())
                && self.outranks(at, word, mention)
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
            // "In the US" is a country.
            if length == 1 && &self.question[self.tokens[at].at.clone()] == "US" {
                return None;
            }
            let words = self.words(at, length)?;
            let word = key(&words.join(" "))?;
            // "The minimum number of people" where that is the population.
            let figure =
                matches!(words.as_slice(), ["maximum" | "minimum" | "total", "number", "of"])
                    && self.mention(at + 1).is_some_and(|(length, mention)| {
                        length > 2 && mention.column_quality() > mention.table_quality()
                    })
                    && self.mention(at + 3).is_none_or(|(_, rows)| rows.table_quality() < PERSON);
            if figure {
                return None;
            }
            let paused = (at + 1..at + length).any(|inner| self.pause_before(inner));
            (!paused).then_some((length, word))
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
            _ if self.is_pronoun(at) || self.is_formerly(at) => Some((1, Item::Key(Key::Stop))),
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
