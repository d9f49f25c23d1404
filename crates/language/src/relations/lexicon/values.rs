//! The values of a catalog, and what a question may call them.

use super::{KnownValue, LONGEST, Lexicon, name_words};
use crate::{
    countries,
    relations::{
        nations,
        schema::{ColumnId, Schema},
        thesaurus::{lemma, same},
    },
    spelling::fold,
    token::tokenise,
};

/// A word that is in more names than this tells none of them.
const COMMON: usize = 500;

/// A column with at most so many values says what kind of row it is.
const FEW: usize = 40;

/// A column with at most so many values may hold codes: M and F.
const CODES: usize = 3;

impl Lexicon {
    pub(super) fn add_values(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let values = schema.columns[column].column.profile.values.as_deref().unwrap_or_default();
        let few = values.len() <= FEW;
        if values.len() <= CODES {
            self.coded.insert(column);
        }
        for text in values {
            self.add_value(text, KnownValue { column, text: text.clone(), few });
        }
        self.add_sexes(schema, column);
        self.add_denied(schema, column);
    }

    /// "Unbilled" and "non-billable" say no of what `billable` says yes of.
    fn add_denied(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let mut words = name_words(&schema.columns[column].column.label);
        words.retain(|word| word != "is");
        let ([only], Some(no)) = (words.as_slice(), schema.denies(column)) else { return };
        let base = ["able", "ed", "d"].iter().find_map(|tail| only.strip_suffix(tail));
        let base = base.unwrap_or(only);
        let value = KnownValue { column, text: no.to_owned(), few: true };
        for said in [format!("un{only}"), format!("un{base}ed"), format!("non {only}")] {
            if !self.values.contains_key(&said) {
                self.add_value(&said, value.clone());
            }
        }
    }

    /// `is_male` says of a woman that she is none.
    fn add_sexes(&mut self, schema: &Schema<'_>, column: ColumnId) {
        let mut words = name_words(&schema.columns[column].column.label);
        words.retain(|word| word != "is");
        let other = match words.as_slice() {
            [only] if only == "male" => "female",
            [only] if only == "female" => "male",
            _ => return,
        };
        if let (Some(yes), Some(no)) = (schema.affirms(column), schema.denies(column)) {
            for (said, text) in [(words[0].as_str(), yes), (other, no)] {
                self.add_value(said, KnownValue { column, text: text.to_owned(), few: true });
            }
        }
    }

    pub(super) fn add_value(&mut self, text: &str, value: KnownValue) {
        let words: Vec<String> = tokenise(text).into_iter().map(|token| token.word).collect();
        if words.is_empty() || words.len() > LONGEST {
            return;
        }
        let key = words.join(" ");
        if words.len() > 1 {
            for word in &words {
                let phrases = self.value_words.entry(word.clone()).or_default();
                if phrases.last() != Some(&key) {
                    phrases.push(key.clone());
                }
            }
        }
        let known = self.values.entry(key).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }

    /// Values that a phrase of folded words is, and how well.
    pub(crate) fn values(&self, words: &[&str]) -> Vec<(KnownValue, f64)> {
        let exact = self.values.get(&words.join(" ")).into_iter().flatten();
        let spaced = |value: &KnownValue| if value.text.trim() == value.text { 1.0 } else { 0.97 };
        let mut found: Vec<(KnownValue, f64)> =
            exact.map(|value| (value.clone(), spaced(value))).collect();
        let mut add = |phrase: &str, quality: f64| {
            let coded = |value: &&KnownValue| {
                phrase.len() > 1
                    || words.len() == 1 && words[0].len() == 1
                    || self.coded.contains(&value.column)
            };
            for value in self.values.get(phrase).into_iter().flatten().filter(coded) {
                if !found.iter().any(|(known, _)| known == value) {
                    found.push((value.clone(), quality));
                }
            }
        };
        let joined = words.join(" ");
        if let Some((last, head)) = words.split_last() {
            let singular = lemma(last);
            add(&[head, &[singular.as_str()]].concat().join(" "), 0.95);
            add(&[head, &[&format!("{last}s")]].concat().join(" "), 0.9);
            add(&words.concat(), 0.9);
        }
        let singular = lemma(&joined);
        for other in same(&singular).filter(|_| words.len() == 1) {
            add(other, 0.85);
        }
        for name in countries::other_names(&joined) {
            add(&fold(name), 0.95);
        }
        if let Some(code) = nations::of_state(&joined) {
            add(code, 0.92);
        }
        for name in nations::of_adjective(&joined) {
            add(name, 0.93);
            for other in countries::other_names(name) {
                add(&fold(other), 0.9);
            }
        }
        found
    }

    /// Values that a phrase is a part of.
    pub(crate) fn parts(&self, words: &[&str]) -> Vec<KnownValue> {
        let Some(first) = words.first() else { return Vec::new() };
        let phrase = words.join(" ");
        let known = self.value_words.get(*first).filter(|wholes| wholes.len() <= COMMON);
        let holds = |whole: &&String| format!(" {whole} ").contains(&format!(" {phrase} "));
        let wholes = known.into_iter().flatten().filter(holds);
        let mut found: Vec<KnownValue> =
            wholes.filter_map(|whole| self.values.get(whole)).flatten().take(20).cloned().collect();
        found.dedup();
        found
    }
}
