//! Words of a question to everything they may mean in one table. All meanings are kept, each with
//! its words, until the grammar decides.

use std::ops::Range;

use chrono::NaiveDate;
use pacioli_model::Decimal;

use crate::{
    calendar::{self, Period},
    countries,
    keywords::{self, Keyword, keyword},
    lexicon::{Form, Match, TableWords, match_value},
    spelling::{is_slip_of, stem},
    synonyms,
    token::{Kind, Token},
};

/// What some words may mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    Key(Keyword),
    Dates(Period),
    Number(Decimal),
    /// A column by its place in the table.
    Column(usize),
    /// Values of one column.
    Values {
        column: usize,
        values: Vec<String>,
    },
    /// What one row of the table is called.
    Rows,
    /// Nothing known.
    Unknown,
}

/// Some words and one thing they may mean.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Segment {
    /// Which tokens.
    pub(crate) tokens: Range<usize>,
    pub(crate) meaning: Meaning,
    /// How well the words fit, 0 to 1.
    pub(crate) quality: f64,
}

/// A question seen from one table.
#[derive(Debug)]
pub(crate) struct Segmentation {
    /// One choice of meanings each; they cover all tokens in order.
    pub(crate) alternatives: Vec<Vec<Segment>>,
    /// Words that were read as others.
    pub(crate) notes: Vec<String>,
}

/// More alternatives than this are not looked at: a question with so many is refused or clear.
const MOST_ALTERNATIVES: usize = 48;
/// Columns and values that fit nearly as well as the best stay in the game.
const MARGIN: f64 = 0.06;
/// Values that fit less well than this were only named in part.
const WHOLE: f64 = 0.8;
/// A column called "total" is rarely what "total" means.
const AGGREGATE_FIRST: f64 = 0.7;
/// What a mended slip costs.
const SLIP: f64 = 0.85;
/// With more unknown words than this, mending is pointless.
const MOST_SLIPS: usize = 8;

/// Reads `tokens` against one table.
pub(crate) fn segment(
    question: &str,
    tokens: &[Token],
    today: NaiveDate,
    table: &TableWords<'_>,
) -> Segmentation {
    let mut finder = Finder { question, tokens: tokens.to_vec(), today, table, mended: Vec::new() };
    let notes = finder.mend();
    let mut alternatives = vec![Vec::new()];
    let mut at = 0;
    while at < finder.tokens.len() {
        let candidates = finder.at(at);
        let length = candidates.first().map_or(1, |candidate| candidate.tokens.len());
        let room = (MOST_ALTERNATIVES / alternatives.len()).max(1);
        let chosen: Vec<Segment> = if candidates.is_empty() {
            vec![Segment { tokens: at..at + 1, meaning: Meaning::Unknown, quality: 0.0 }]
        } else {
            candidates.into_iter().take(room).collect()
        };
        alternatives = alternatives
            .into_iter()
            .flat_map(|path: Vec<Segment>| {
                chosen.iter().map(move |segment| {
                    let mut longer = path.clone();
                    longer.push(segment.clone());
                    longer
                })
            })
            .collect();
        at += length;
    }
    for path in &mut alternatives {
        forget_loose_parts(path);
    }
    Segmentation { alternatives, notes }
}

/// A part of a name next to an unknown word is no name: "blue widgets" is not Blue Ocean Ltd.
fn forget_loose_parts(path: &mut [Segment]) {
    let unknown =
        |segment: Option<&Segment>| segment.is_some_and(|s| s.meaning == Meaning::Unknown);
    for at in 0..path.len() {
        let part = matches!(path[at].meaning, Meaning::Values { .. }) && path[at].quality < WHOLE;
        if part && (unknown(path.get(at + 1)) || at > 0 && unknown(path.get(at - 1))) {
            path[at].meaning = Meaning::Unknown;
        }
    }
}

struct Finder<'a> {
    question: &'a str,
    tokens: Vec<Token>,
    today: NaiveDate,
    table: &'a TableWords<'a>,
    /// Which tokens were mended.
    mended: Vec<usize>,
}

impl Finder<'_> {
    fn phrase(&self, at: usize, length: usize) -> Option<String> {
        let tokens = self.tokens.get(at..at + length)?;
        Some(tokens.iter().map(|token| token.word.as_str()).collect::<Vec<_>>().join(" "))
    }

    /// All meanings of the longest run of tokens that has any, best first.
    fn at(&self, at: usize) -> Vec<Segment> {
        let mut found = self.keywords(at);
        found.extend(self.columns(at));
        found.extend(self.rows(at));
        found.extend(self.values(at));
        found.extend(self.dates(at));
        let longest = found.iter().map(|segment| segment.tokens.len()).max();
        let Some(longest) = longest else { return self.last_resort(at) };
        found.retain(|segment| segment.tokens.len() == longest);
        self.settle(found)
    }

    /// What is only tried when words mean nothing else: a number, a part of a value.
    fn last_resort(&self, at: usize) -> Vec<Segment> {
        match self.tokens[at].kind {
            Kind::Number(value) => {
                let unit = self.tokens.get(at + 1).map_or("", |token| token.word.as_str());
                let scaled = crate::token::scaled(value, unit).map(|value| (value, 2));
                let (value, length) = scaled.unwrap_or((value, 1));
                vec![Segment {
                    tokens: at..at + length,
                    meaning: Meaning::Number(value),
                    quality: 1.0,
                }]
            }
            _ => match keywords::count_word(&self.tokens[at].word) {
                Some(count) => {
                    let value = Decimal::new(i128::from(count), 0);
                    vec![Segment {
                        tokens: at..at + 1,
                        meaning: Meaning::Number(value),
                        quality: 1.0,
                    }]
                }
                None => self.parts_of_values(at),
            },
        }
    }

    fn keywords(&self, at: usize) -> Vec<Segment> {
        let mut lengths = (1..=keywords::LONGEST).rev();
        let first = lengths.find_map(|length| Some((length, keyword(&self.phrase(at, length)?)?)));
        let knows = |word: &Keyword| match word {
            Keyword::Event(names) => self.table.mentions(names),
            _ => true,
        };
        let segment = |(length, word)| Segment {
            tokens: at..at + length,
            meaning: Meaning::Key(word),
            quality: self.slipped(at, length, 1.0),
        };
        first.filter(|(_, word)| knows(word)).map(segment).into_iter().collect()
    }

    fn dates(&self, at: usize) -> Option<Segment> {
        if self.follows_comparison(at) {
            return None;
        }
        let (length, period) = calendar::read(&self.tokens[at..], self.today)?;
        Some(Segment { tokens: at..at + length, meaning: Meaning::Dates(period), quality: 1.0 })
    }

    /// "over 2025" is a number.
    fn follows_comparison(&self, at: usize) -> bool {
        let before = |length: usize| keyword(&self.phrase(at.checked_sub(length)?, length)?);
        (1..=3).any(|length| matches!(before(length), Some(Keyword::Compare(_))))
    }

    fn columns(&self, at: usize) -> Vec<Segment> {
        let mut found: Vec<Segment> = Vec::new();
        for (index, column) in self.table.columns.iter().enumerate() {
            let matches = column.forms.iter().filter_map(|form| self.match_form(form, at));
            let best =
                matches.max_by(|left, right| left.0.cmp(&right.0).then(left.1.total_cmp(&right.1)));
            found.extend(best.map(|(length, quality)| Segment {
                tokens: at..at + length,
                meaning: Meaning::Column(index),
                quality: self.slipped(at, length, quality),
            }));
        }
        found
    }

    fn rows(&self, at: usize) -> Option<Segment> {
        let matches = self.table.nouns.iter().filter_map(|form| self.match_form(form, at));
        let (length, quality) = matches.max_by_key(|(length, _)| *length)?;
        let quality = self.slipped(at, length, quality);
        Some(Segment { tokens: at..at + length, meaning: Meaning::Rows, quality })
    }

    fn values(&self, at: usize) -> Vec<Segment> {
        let mut found = self.whole_values(at, &self.tokens[at..]);
        for length in (1..=4).rev() {
            let Some(phrase) = self.phrase(at, length) else { continue };
            for name in countries::other_names(&phrase) {
                let tokens = crate::token::tokenise(name);
                let whole = self.whole_values(0, &tokens).into_iter();
                let named = whole.filter(|segment| segment.tokens.len() == tokens.len());
                found.extend(named.map(|segment| Segment {
                    tokens: at..at + length,
                    quality: 0.95,
                    ..segment
                }));
            }
        }
        found
    }

    fn whole_values(&self, at: usize, tokens: &[Token]) -> Vec<Segment> {
        let lonely_number =
            |length: usize| length == 1 && matches!(tokens[0].kind, Kind::Number(_));
        let mut found = Vec::new();
        for index in self.table.value_index.get(&stem(&tokens[0].word)).into_iter().flatten() {
            let value = &self.table.values[*index];
            let Some((length, Match::Whole(quality))) = match_value(value, tokens) else {
                continue;
            };
            let shadowed = self.phrase(at, length).is_some_and(|phrase| {
                keyword(&phrase)
                    .is_some_and(|word| !self.is_name(at, value.text, value.column, word))
            });
            if !lonely_number(length) && !shadowed {
                let meaning =
                    Meaning::Values { column: value.column, values: vec![value.text.to_owned()] };
                let quality = self.slipped(at, length, quality);
                found.push(Segment { tokens: at..at + length, meaning, quality });
            }
        }
        found
    }

    /// Whether a word of the closed list is written just like a value that is no ordinary word:
    /// `IT` in "orders in IT".
    fn is_name(&self, at: usize, value: &str, column: usize, word: Keyword) -> bool {
        if matches!(word, Keyword::Currency(_)) {
            return self.table.currency_column != Some(column);
        }
        let typed = self.tokens.get(at).map_or("", |token| &self.question[token.at.clone()]);
        let shouting = !self.question.chars().any(char::is_lowercase);
        let mid_sentence = at > 0;
        typed == value && mid_sentence && !shouting && value.starts_with(char::is_uppercase)
    }

    fn parts_of_values(&self, at: usize) -> Vec<Segment> {
        let token = &self.tokens[at];
        if token.word.chars().count() < 4 || token.kind != Kind::Word {
            return Vec::new();
        }
        let mut found = Vec::new();
        for index in self.table.value_index.get(&stem(&token.word)).into_iter().flatten() {
            let value = &self.table.values[*index];
            if let Some((length, Match::Part(quality))) = match_value(value, &self.tokens[at..]) {
                let meaning =
                    Meaning::Values { column: value.column, values: vec![value.text.to_owned()] };
                found.push(Segment { tokens: at..at + length, meaning, quality });
            }
        }
        let longest = found.iter().map(|segment| segment.tokens.len()).max().unwrap_or(0);
        found.retain(|segment| segment.tokens.len() == longest);
        // Offering more than a handful of names helps nobody.
        if found.len() > 5 { Vec::new() } else { found }
    }

    /// How many tokens from `at` are one way to call something, and how well.
    fn match_form(&self, form: &Form, at: usize) -> Option<(usize, f64)> {
        let mut next = at;
        let mut quality = form.quality;
        for word in &form.words {
            let typed = &self.tokens.get(next)?.word;
            if stem(typed) == word.stem {
                // "Units" are a quantity; a column called unit says which.
                quality *= if word.stem == "unit" && typed != "unit" { 0.5 } else { 1.0 };
                next += 1;
                continue;
            }
            let meaning = word.meaning?;
            let length = (1..=synonyms::LONGEST).rev().find(|length| {
                self.phrase(next, *length)
                    .is_some_and(|phrase| synonyms::meaning(&phrase) == Some(meaning))
            })?;
            quality *= 0.92;
            next += length;
        }
        (quality >= 0.55).then_some((next - at, quality))
    }

    /// Keeps what can win: keywords that do nothing give way to names, weak names to strong ones.
    fn settle(&self, mut found: Vec<Segment>) -> Vec<Segment> {
        let named = |segment: &Segment| {
            matches!(segment.meaning, Meaning::Column(_) | Meaning::Values { .. } | Meaning::Rows)
        };
        let has_name = found.iter().any(named);
        let has_time = !self.table.time_columns().is_empty();
        let dated = found.iter().any(|segment| matches!(segment.meaning, Meaning::Dates(_)));
        found.retain(|segment| match &segment.meaning {
            Meaning::Key(
                Keyword::Beyond(_) | Keyword::Stop | Keyword::Event(_) | Keyword::Rows,
            ) => !has_name,
            Meaning::Key(Keyword::Grain(_)) => !dated && (has_time || !has_name),
            Meaning::Key(_) => !dated,
            _ => true,
        });
        if found
            .iter()
            .any(|segment| matches!(segment.meaning, Meaning::Key(Keyword::Aggregate(_))))
        {
            for segment in found.iter_mut().filter(|segment| named(segment)) {
                segment.quality *= AGGREGATE_FIRST;
            }
        }
        let grain = |segment: &Segment| matches!(segment.meaning, Meaning::Key(Keyword::Grain(_)));
        if found.iter().any(grain) {
            found.retain(grain);
        }
        let best = |kind: fn(&Meaning) -> bool, found: &[Segment]| {
            found.iter().filter(|s| kind(&s.meaning)).map(|s| s.quality).fold(0.0, f64::max)
        };
        let columns = best(|meaning| matches!(meaning, Meaning::Column(_)), &found);
        let values = best(|meaning| matches!(meaning, Meaning::Values { .. }), &found);
        found.retain(|segment| match segment.meaning {
            Meaning::Column(_) => segment.quality > columns - MARGIN,
            Meaning::Values { .. } => segment.quality > values - MARGIN,
            _ => true,
        });
        found.sort_by(|left, right| right.quality.total_cmp(&left.quality));
        found
    }

    fn slipped(&self, at: usize, length: usize, quality: f64) -> f64 {
        let mended = self.mended.iter().any(|index| (at..at + length).contains(index));
        if mended { quality * SLIP } else { quality }
    }

    /// Reads words that mean nothing as the one known word that they are a slip of.
    fn mend(&mut self) -> Vec<String> {
        let unknown = self.unknown_words();
        if unknown.is_empty() || unknown.len() > MOST_SLIPS {
            return Vec::new();
        }
        let mut notes = Vec::new();
        for index in unknown {
            let typed = self.tokens[index].word.clone();
            if let Some(meant) = self.meant(&typed) {
                notes.push(format!("\"{typed}\" was read as \"{meant}\"."));
                self.tokens[index].word = meant;
                self.mended.push(index);
            }
        }
        notes
    }

    fn unknown_words(&self) -> Vec<usize> {
        let mut unknown = Vec::new();
        let mut at = 0;
        while at < self.tokens.len() {
            let candidates = self.at(at);
            if candidates.is_empty() {
                unknown.push(at);
            }
            at += candidates.first().map_or(1, |segment| segment.tokens.len());
        }
        unknown
    }

    /// The one known word that `typed` is a slip of. Values must be closer than words of the
    /// language, for one name is easily another's slip.
    fn meant(&self, typed: &str) -> Option<String> {
        let length = typed.chars().count();
        if length < 4 || countries::is_country(typed) || LOOK_ALIKES.contains(&typed) {
            return None;
        }
        let most = if length >= 8 { 2 } else { 1 };
        let fits = |word: &str| word.len() > 3 && is_slip_of(typed, word, most);
        let fitting = keywords::words().filter(|word| fits(word));
        let mut found: Vec<&str> = fitting.map(|word| -> &str { word }).collect();
        let header_words = self.table.columns.iter().flat_map(|column| &column.header);
        let table_words = self.table.nouns.iter().flat_map(|noun| &noun.words);
        let known: Vec<_> = header_words.chain(table_words).collect();
        found.extend(known.iter().map(|word| word.stem.as_str()).filter(|word| fits(word)));
        let named = |word: &&str| {
            let meaning = synonyms::meaning(word);
            meaning.is_some() && known.iter().any(|header| header.meaning == meaning)
        };
        let business = synonyms::words().filter(|word| fits(word)).filter(named);
        found.extend(business.map(|word| -> &str { word }));
        if length >= 6 {
            let words = self.table.values.iter().flat_map(|value| &value.words);
            found.extend(words.map(String::as_str).filter(|word| is_slip_of(typed, word, 1)));
        }
        // A plural and its singular are one word.
        found.sort_unstable_by_key(|word| (stem(word), word.len().abs_diff(typed.len()), *word));
        found.dedup_by_key(|word| stem(word));
        match found.as_slice() {
            [only] => Some((*only).to_owned()),
            several => several.iter().find(|word| is_slip_of(typed, word, 1)).and_then(|first| {
                let close = several.iter().filter(|word| is_slip_of(typed, word, 1)).count();
                (close == 1).then(|| (*first).to_owned())
            }),
        }
    }
}

/// Words that are right as they are, though they look like a slip of a common header.
pub(crate) const LOOK_ALIKES: &[&str] = &[
    "county",
    "counties",
    "quality",
    "profile",
    "profiles",
    "scales",
    "customs",
    "costume",
    "costumes",
    "prize",
    "prizes",
    "mouth",
    "stuff",
    "policy",
    "address",
    "contract",
    "contracts",
    "contact",
    "contacts",
    "model",
    "colour",
    "color",
    "weather",
    "reason",
    "religion",
    "legion",
    "border",
    "borders",
    "state",
    "states",
    "stage",
    "class",
    "status",
    "sector",
    "factor",
    "tales",
    "scale",
    "cites",
    "unites",
    "unity",
    "united",
    "discounted",
    "produce",
    "produced",
    "producer",
    "production",
    "productivity",
    "promotion",
    "promotions",
];
