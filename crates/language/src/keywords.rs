//! The closed list of words that carry the shape of a question. A word that is not here, in the
//! calendar or in the catalog is not understood.

mod phrases;

use std::{collections::HashMap, sync::LazyLock};

use pacioli_model::{Aggregate, Comparison, Direction, TimeGrain};

use phrases::PHRASES;

/// What a word of the closed list does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Keyword {
    /// Nothing: articles, politeness, the verbs of asking.
    Stop,
    /// `in`, `for`, `of`: what follows narrows what came before.
    Preposition,
    /// `by`, `grouped by`: what follows groups.
    By,
    /// `per`, `each`: groups, and makes an average ambiguous.
    Each,
    And,
    Or,
    Not,
    /// `with`, `having`: introduces a condition or a rank.
    With,
    Where,
    /// `which`, `what`: a column that follows is listed.
    Which,
    HowMany,
    List,
    Distinct,
    Aggregate(Aggregate),
    /// `top`, `lowest`.
    Rank(Direction),
    Compare(Comparison),
    Between,
    Grain(TimeGrain),
    /// `monthly`: groups wherever it stands.
    Every(TimeGrain),
    /// `over time`.
    Trend,
    Sort,
    /// `descending`, `lowest first`.
    Towards(Direction),
    /// `alphabetically`.
    Alphabetical,
    /// `rows`, `records`.
    Rows,
    /// A verb for something that happened: understood where the table records it.
    Event(&'static [&'static str]),
    /// ISO 4217 code.
    Currency(&'static str),
    /// Understood, and out of reach.
    Beyond(&'static str),
}

static BY_PHRASE: LazyLock<HashMap<&'static str, Keyword>> = LazyLock::new(|| {
    let all = PHRASES
        .iter()
        .flat_map(|(keyword, phrases)| phrases.iter().map(|phrase| (*phrase, *keyword)));
    all.collect()
});

/// How many words the longest phrase has.
pub(crate) const LONGEST: usize = 4;

/// What a phrase of folded words does.
pub(crate) fn keyword(phrase: &str) -> Option<Keyword> {
    BY_PHRASE.get(phrase).copied()
}

/// All single words, for mending slips and for leaving right words alone.
pub(crate) fn words() -> impl Iterator<Item = &'static str> {
    PHRASES
        .iter()
        .flat_map(|(_, phrases)| phrases.iter().copied())
        .filter(|phrase| !phrase.contains(' '))
}

/// A count written as a word.
pub(crate) fn count_word(word: &str) -> Option<u32> {
    let words = [
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
        "twelve",
    ];
    let found = words.iter().position(|candidate| *candidate == word)?;
    u32::try_from(found + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_phrase_does_two_things() {
        let mut seen = std::collections::BTreeSet::new();
        for (_, phrases) in PHRASES {
            for phrase in *phrases {
                assert!(seen.insert(*phrase), "{phrase}");
                assert!(phrase.split(' ').count() <= LONGEST, "{phrase}");
            }
        }
    }
}
