//! Names said in other words than the catalog has for them.

use super::{Lexicon, Name};
use crate::relations::thesaurus::{NEAR, alike};

/// How well a name fits that is only written together or apart.
const SPELLED: f64 = 0.96;
/// How much is lost where two words of a name are said in others.
const BOTH: f64 = 0.97;

impl Lexicon {
    /// The same words written together or apart: "lap time" and `laptime`.
    pub(super) fn run_together(&self, stems: &[String]) -> Vec<(Name, f64)> {
        let other = match stems {
            [only] => self.joined.get(only).and_then(|apart| self.names.get(apart)),
            several if several.len() <= 3 => {
                self.names.get(&several.concat()).filter(|_| several.concat().len() > 5)
            }
            _ => None,
        };
        let spelled = |(name, quality): &(Name, f64)| (*name, quality * SPELLED);
        other.into_iter().flatten().map(spelled).collect()
    }

    /// What stems may call when they, or one or two of them, are said in other words: how well the
    /// name fits by itself, and how well the words fit it.
    pub(super) fn in_other_words(&self, stems: &[String]) -> Vec<(Name, f64, f64)> {
        let mut found = Vec::new();
        let mut look = |phrase: &str, fit: f64| {
            let entries = self.names.get(phrase).filter(|_| fit >= NEAR || !self.declared);
            found.extend(
                entries.into_iter().flatten().map(|(name, quality)| (*name, *quality, fit)),
            );
        };
        for (other, fit) in alike(&stems.join(" ")) {
            look(other, *fit);
        }
        if let [only] = stems
            && alike(only).is_empty()
        {
            // "Weighed" and "weighing" are the weight as "weigh" is.
            for (other, fit) in verb_bases(only).flat_map(|base| alike(&base).iter()) {
                look(other, *fit);
            }
        }
        // Words that no name has must be among those that change.
        let strange = |stem: &String| !self.parts.contains(stem);
        let first = stems.iter().position(strange).unwrap_or(stems.len());
        let end = stems.iter().rposition(strange).map_or(0, |last| last + 1);
        for length in 1..stems.len().min(3) {
            for place in end.saturating_sub(length)..=first.min(stems.len() - length) {
                for (other, fit) in alike(&stems[place..place + length].join(" ")) {
                    let (head, tail) = (&stems[..place], &stems[place + length..]);
                    let changed: Vec<&str> = head
                        .iter()
                        .map(String::as_str)
                        .chain([other.as_str()])
                        .chain(tail.iter().map(String::as_str))
                        .collect();
                    look(&changed.join(" "), *fit);
                }
            }
        }
        if found.is_empty() { self.in_two_other_words(stems) } else { found }
    }

    /// "Vehicle manufacturers" are car makers: both words are said in others.
    fn in_two_other_words(&self, stems: &[String]) -> Vec<(Name, f64, f64)> {
        let [one, other] = stems else { return Vec::new() };
        if self.declared || self.parts.contains(one) || self.parts.contains(other) {
            return Vec::new();
        }
        let known = |of: &str| alike(of).iter().filter(|(word, _)| self.parts.contains(word));
        let both = known(one).flat_map(|(one, fit)| {
            known(other).map(move |(other, also)| (format!("{one} {other}"), fit.min(*also) * BOTH))
        });
        let named = both.flat_map(|(phrase, fit)| {
            let entries = self.names.get(&phrase).into_iter().flatten();
            entries.map(move |(name, quality)| (*name, *quality, fit))
        });
        named.collect()
    }
}

/// What a verb's form may be a form of: `weigh` of weighed, `require` of requiring.
fn verb_bases(word: &str) -> impl Iterator<Item = String> {
    let tails = ["ed", "ing"].iter().filter_map(|tail| word.strip_suffix(tail));
    tails.filter(|base| base.len() > 3).flat_map(|base| [base.to_owned(), format!("{base}e")])
}
