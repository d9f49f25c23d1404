//! Questions whose answers somebody has checked. Such a question is answered by its own Ask from then
//! on, and so is one that differs from it in nothing but days, numbers and values of the same columns.
//!
//! Nothing is guessed: every other word must be the same (in upper or lower case, singular or plural),
//! in the same order. What of the question is a *slot* is found when it is learned: words that name days,
//! a number or a value which the Ask says too. A slot's new words are read as the old ones were, and
//! take their place in the Ask.

mod constants;

use chrono::NaiveDate;
use pacioli_model::{Ask, Catalog, ColumnRef, Decimal, Literal};

use self::constants::{Constant, End, each, whole};
use crate::{
    calendar::{self, Company},
    keywords::count_word,
    spelling::stem,
    token::{Kind, Token, scaled, tokenise},
    translation::Span,
};

/// Words that change nothing.
const EMPTY: [&str; 4] = ["the", "a", "an", "please"];

/// Why a question cannot be answered by an Ask from now on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// There are no words.
    #[error("the question has no words")]
    Empty,
    /// Relative days that the Ask, or the SQL, does not follow.
    #[error("the answer would not follow what day it is: nothing in it is the days of \"{0}\"")]
    Days(String),
    /// Days that the Ask names and the question does not.
    #[error("the answer is of {0}, which the question does not say")]
    Unsaid(String),
}

/// A question that somebody has checked, ready to be compared with others.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    pieces: Vec<Piece>,
    /// Nothing where it is answered by SQL, which stays as it is.
    ask: Option<Ask>,
    /// The day that stands for "today" in the Ask, where one does.
    today: Option<NaiveDate>,
}

/// A question that was recognised.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognised {
    /// What to compute; nothing where the answer is SQL.
    pub ask: Option<Ask>,
    /// What the words in slots were taken as.
    pub spans: Vec<Span>,
    /// How many slots there are: the fewer, the closer is the question to the verified one.
    pub slots: usize,
}

/// When and for whom a question is read.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'c> {
    /// What is known of the company's tables, as far as the person may see it.
    pub catalog: &'c Catalog,
    /// The day that relative dates are counted from.
    pub today: NaiveDate,
}

#[derive(Debug, Clone, PartialEq)]
enum Piece {
    Word(String),
    /// Days in words; those of a slot are days of the Ask.
    Days {
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
        words: Vec<String>,
        is_slot: bool,
    },
    /// A value of a column, as the Ask spells it.
    Value {
        column: ColumnRef,
        text: String,
    },
    Number(Decimal),
}

impl Verified {
    /// Learns that `question`, asked on the day of `reader`, is answered by `ask`; without one, by SQL.
    /// With `are_days_fixed`, days that the Ask names and the question does not are meant for good.
    pub fn learn(
        question: &str,
        ask: Option<&Ask>,
        reader: Reader<'_>,
        are_days_fixed: bool,
    ) -> Result<Self, Unfit> {
        let tokens = words_of(question);
        if tokens.is_empty() {
            return Err(Unfit::Empty);
        }
        let mut learner = Learner::new(question, &tokens, ask, reader);
        learner.read()?;
        let Learner { pieces, mut days, .. } = learner;
        days.retain(|day| !pieces.iter().any(|piece| piece.explains(*day)));
        let is_today = |day: &(End, NaiveDate)| day.1 == reader.today;
        let today = (!are_days_fixed && days.iter().any(is_today)).then_some(reader.today);
        let unsaid = days.iter().find(|day| today.is_none() || !is_today(day));
        match unsaid {
            Some((_, day)) if !are_days_fixed => Err(Unfit::Unsaid(calendar::day_words(*day))),
            _ => Ok(Self { pieces, ask: ask.cloned(), today }),
        }
    }

    /// What answers `question`, where it is the verified one but for what stands in its slots.
    pub fn recognise(&self, question: &str, reader: Reader<'_>) -> Option<Recognised> {
        let tokens = words_of(question);
        let mut found = Recognised { ask: self.ask.clone(), spans: Vec::new(), slots: 0 };
        let mut at = 0;
        let mut changes = Vec::new();
        for piece in &self.pieces {
            let rest = tokens.get(at..)?;
            let (length, change) = piece.take(rest, reader)?;
            if let Some((change, meaning)) = change {
                let (first, last) = (rest.first()?, rest.get(length - 1)?);
                let text = question[first.at.start..last.at.end].to_owned();
                found.spans.push(Span { text, meaning });
                changes.push(change);
            }
            at += length;
        }
        found.slots = changes.len();
        let same_day = self.today.is_none_or(|day| day == reader.today);
        if let Some(ask) = &mut found.ask
            && !(changes.is_empty() && same_day)
            && !change(ask, &changes, self.today.map(|day| (day, reader.today)))
        {
            return None;
        }
        (at == tokens.len()).then_some(found)
    }

    /// The question as it is compared, with what a slot takes in the place of its words.
    pub fn pattern(&self) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Word(word) => word.clone(),
            Piece::Days { is_slot: true, .. } => "{days}".to_owned(),
            Piece::Days { words, .. } => words.join(" "),
            Piece::Value { column, .. } => format!("{{{}}}", column.column),
            Piece::Number(_) => "{number}".to_owned(),
        };
        self.pieces.iter().map(piece).collect::<Vec<_>>().join(" ")
    }
}

/// The words that count.
fn words_of(question: &str) -> Vec<Token> {
    let mut tokens = tokenise(question);
    tokens.retain(|token| !EMPTY.contains(&token.word.as_str()));
    tokens
}

/// A slot's old content and its new one.
enum Change {
    Days { before: [Option<NaiveDate>; 2], after: [Option<NaiveDate>; 2] },
    Value { column: ColumnRef, before: String, after: String },
    Number { before: Decimal, after: Decimal },
}

impl Piece {
    /// Whether a day of the Ask is one that these words say.
    fn explains(&self, (end, day): (End, NaiveDate)) -> bool {
        match self {
            Self::Days { from, to, is_slot: true, .. } => match end {
                End::From => *from == Some(day),
                End::To => *to == Some(day),
                End::Other => false,
            },
            _ => false,
        }
    }

    /// How many of the tokens it takes, and what they change.
    fn take(
        &self,
        tokens: &[Token],
        reader: Reader<'_>,
    ) -> Option<(usize, Option<(Change, String)>)> {
        match self {
            Self::Word(word) => (stem(&tokens.first()?.word) == *word).then_some((1, None)),
            Self::Days { from, to, words, is_slot } => {
                let (length, period) = calendar::read_for(tokens, company(reader))?;
                if !is_slot {
                    let same = tokens[..length].iter().map(|token| &token.word).eq(words);
                    return (same && (period.from, period.to) == (*from, *to))
                        .then_some((length, None));
                }
                let alike =
                    period.from.is_some() == from.is_some() && period.to.is_some() == to.is_some();
                let (before, after) = ([*from, *to], [period.from, period.to]);
                let words = calendar::words(period.from, period.to);
                alike.then_some((length, Some((Change::Days { before, after }, words))))
            }
            Self::Value { column, text } => {
                let (length, after) = value(column, text, tokens, reader.catalog)?;
                let meaning = format!("{} is {after}", column.column);
                let change = Change::Value { column: column.clone(), before: text.clone(), after };
                Some((length, Some((change, meaning))))
            }
            Self::Number(before) => {
                let (length, after) = number(tokens)?;
                let meaning = format!("number {after}");
                Some((length, Some((Change::Number { before: *before, after }, meaning))))
            }
        }
    }
}

fn company(reader: Reader<'_>) -> Company {
    let semantics = &reader.catalog.semantics;
    Company {
        today: reader.today,
        fiscal_year_start: semantics.fiscal_year_start,
        week_start: semantics.week_start,
    }
}

/// The number that the tokens begin with.
fn number(tokens: &[Token]) -> Option<(usize, Decimal)> {
    let first = tokens.first()?;
    match first.kind {
        Kind::Number(value) => {
            let unit = tokens.get(1).map_or("", |token| token.word.as_str());
            Some(scaled(value, unit).map_or((1, value), |scaled| (2, scaled)))
        }
        _ => count_word(&first.word).map(|count| (1, Decimal::new(i128::from(count), 0))),
    }
}

/// The value of `column` that the tokens begin with, the longest where there are several. Where the
/// column's values are not known, `before` alone. A value that other columns have too, which do not
/// have `before`, may mean one of those.
fn value(
    column: &ColumnRef,
    before: &str,
    tokens: &[Token],
    catalog: &Catalog,
) -> Option<(usize, String)> {
    let known = catalog.table(&column.table)?.column(&column.column)?.profile.values.as_deref();
    let known = known.unwrap_or_default().iter().map(String::as_str);
    let named = known.chain([before]).filter_map(|value| Some((begins(tokens, value)?, value)));
    let (length, after) = named.max_by_key(|(length, _)| *length)?;
    if after == before {
        return Some((length, after.to_owned()));
    }
    let columns = catalog.tables.iter().flat_map(|table| &table.columns);
    let mut values = columns.filter_map(|column| column.profile.values.as_ref());
    let is_alone = |values: &Vec<String>| {
        let has = |wanted: &str| values.iter().any(|value| value == wanted);
        has(before) || !has(after)
    };
    values.all(is_alone).then(|| (length, after.to_owned()))
}

/// How many tokens spell this text.
fn begins(tokens: &[Token], text: &str) -> Option<usize> {
    let wanted = tokenise(text);
    let given = tokens.get(..wanted.len()).filter(|_| !wanted.is_empty())?;
    given.iter().zip(&wanted).all(|(one, other)| one.word == other.word).then_some(wanted.len())
}

fn change(ask: &mut Ask, changes: &[Change], today: Option<(NaiveDate, NaiveDate)>) -> bool {
    let mut taken = true;
    each(ask, &mut |mut constant| {
        for change in changes {
            match change {
                Change::Days { before, after } => {
                    let Some((end, day)) = constant.day() else { continue };
                    let side = match end {
                        End::From => 0,
                        End::To => 1,
                        End::Other => continue,
                    };
                    if before[side] == Some(day) {
                        let Some(day) = after[side] else { continue };
                        constant.set_day(day);
                        return;
                    }
                }
                Change::Value { column, before, after } => {
                    if let Some(text) = constant.text_of(column)
                        && text == before
                    {
                        after.clone_into(text);
                        return;
                    }
                }
                Change::Number { before, after } => {
                    if constant.number().is_some_and(|number| is_same(number, *before)) {
                        taken &= constant.set_number(*after);
                        return;
                    }
                }
            }
        }
        if let Some((before, after)) = today
            && constant.day().is_some_and(|(_, day)| day == before)
        {
            constant.set_day(after);
        }
    });
    taken
}

fn is_same(one: Decimal, other: Decimal) -> bool {
    one == other || whole(one).is_some() && whole(one) == whole(other)
}

/// Finds which words of a question the Ask says too.
struct Learner<'a> {
    question: &'a str,
    tokens: &'a [Token],
    reader: Reader<'a>,
    days: Vec<(End, NaiveDate)>,
    texts: Vec<(ColumnRef, String)>,
    numbers: Vec<Decimal>,
    pieces: Vec<Piece>,
}

impl<'a> Learner<'a> {
    fn new(question: &'a str, tokens: &'a [Token], ask: Option<&Ask>, reader: Reader<'a>) -> Self {
        let (mut days, mut texts, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(mut ask) = ask.cloned() {
            each(&mut ask, &mut |constant| {
                days.extend(constant.day());
                numbers.extend(constant.number());
                if let Constant::Literal {
                    column: Some(column),
                    literal: Literal::Text(text),
                    ..
                } = constant
                {
                    texts.push((column.clone(), text.clone()));
                }
            });
        }
        Self { question, tokens, reader, days, texts, numbers, pieces: Vec::new() }
    }

    fn read(&mut self) -> Result<(), Unfit> {
        let mut at = 0;
        while at < self.tokens.len() {
            let rest = &self.tokens[at..];
            let found = self.value(rest).or_else(|| self.days(rest)).or_else(|| self.number(rest));
            let (length, piece) = match found {
                Some(found) => found,
                None => self.fixed(rest)?,
            };
            self.pieces.push(piece);
            at += length;
        }
        Ok(())
    }

    /// A value that the Ask compares one column with.
    fn value(&self, rest: &[Token]) -> Option<(usize, Piece)> {
        let named = self.texts.iter().filter_map(|it| Some((begins(rest, &it.1)?, it)));
        let (length, (column, text)) = named.max_by_key(|(length, _)| *length)?;
        let is_one = self.texts.iter().all(|(other, it)| it != text || other == column);
        let is_new = !self
            .pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Value { text: before, .. } if before == text));
        (is_one && is_new)
            .then(|| (length, Piece::Value { column: column.clone(), text: text.clone() }))
    }

    /// Days that the Ask is of.
    fn days(&self, rest: &[Token]) -> Option<(usize, Piece)> {
        let (length, period) = calendar::read_for(rest, company(self.reader))?;
        let (from, to) = (period.from, period.to);
        let piece = Piece::Days { from, to, words: words(&rest[..length]), is_slot: true };
        let is_new = !self.pieces.iter().any(|known| {
            matches!(known, Piece::Days { from: one, to: other, is_slot: true, .. }
                if (from.is_some() && *one == from) || (to.is_some() && *other == to))
        });
        (is_new && self.days.iter().any(|day| piece.explains(*day))).then_some((length, piece))
    }

    /// A number that stands once in the Ask and once in the question.
    fn number(&self, rest: &[Token]) -> Option<(usize, Piece)> {
        let (length, value) = number(rest)?;
        let in_ask = self.numbers.iter().filter(|number| is_same(**number, value)).count();
        let starts = (0..self.tokens.len()).filter_map(|at| number(&self.tokens[at..]));
        let said = starts.filter(|(_, number)| is_same(*number, value)).count();
        (in_ask == 1 && said == 1).then_some((length, Piece::Number(value)))
    }

    /// Words that must come again as they are.
    fn fixed(&self, rest: &[Token]) -> Result<(usize, Piece), Unfit> {
        let Some((length, period)) = calendar::read_for(rest, company(self.reader)) else {
            return Ok((1, Piece::Word(stem(&rest[0].word))));
        };
        if period.relative {
            let typed = &self.question[rest[0].at.start..rest[length - 1].at.end];
            return Err(Unfit::Days(typed.to_owned()));
        }
        let words = words(&rest[..length]);
        Ok((length, Piece::Days { from: period.from, to: period.to, words, is_slot: false }))
    }
}

fn words(tokens: &[Token]) -> Vec<String> {
    tokens.iter().map(|token| token.word.clone()).collect()
}
