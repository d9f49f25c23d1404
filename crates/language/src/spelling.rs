//! One spelling for words that people write differently.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// Lower case, without accents, ligatures spelled out: `Köln` and `KOLN` become `koln`.
pub(crate) fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfkd().filter(|letter| !is_combining_mark(*letter)) {
        for lower in letter.to_lowercase() {
            match lower {
                'ß' => folded.push_str("ss"),
                'æ' => folded.push_str("ae"),
                'œ' => folded.push_str("oe"),
                'ø' => folded.push('o'),
                'ł' => folded.push('l'),
                'đ' => folded.push('d'),
                'ı' => folded.push('i'),
                '\'' | '’' | '\u{307}' => {}
                _ => folded.push(lower),
            }
        }
    }
    folded
}

/// The singular of a regular English plural; other words as they are.
pub(crate) fn stem(word: &str) -> String {
    let cut = |count: usize| word[..word.len() - count].to_owned();
    let ends = |suffix: &str| word.len() > 3 && word.ends_with(suffix);
    if matches!(word, "series" | "species") {
        word.to_owned()
    } else if word.len() > 4 && ends("ies") {
        cut(3) + "y"
    } else if ["sses", "xes", "ches", "shes"].into_iter().any(ends) {
        cut(2)
    } else if ends("s") && !["ss", "us", "is"].into_iter().any(|tail| word.ends_with(tail)) {
        cut(1)
    } else {
        word.to_owned()
    }
}

/// Whether `typed` is `meant` with few slips of the finger: a letter left out, doubled, changed, or
/// two letters swapped. Short words and words with digits must be right.
pub(crate) fn is_slip_of(typed: &str, meant: &str, most: usize) -> bool {
    if typed.chars().next() != meant.chars().next() || typed.bytes().any(|b| b.is_ascii_digit()) {
        return false;
    }
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().collect(), meant.chars().collect());
    typed.len().abs_diff(meant.len()) <= most && distance(&typed, &meant) <= most
}

/// Edit distance in which swapping two neighbours costs one.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row];
        for column in 1..=right.len() {
            let change = usize::from(left[row - 1] != right[column - 1]);
            let mut best =
                (above[column - 1] + change).min(above[column] + 1).min(current[column - 1] + 1);
            let swapped = row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1];
            if swapped {
                best = best.min(before[column - 2] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_one_spelling() {
        for (text, expect) in [
            ("Köln", "koln"),
            ("STRASSE", "strasse"),
            ("Straße", "strasse"),
            ("ＲＥＶ", "rev"),
            ("İ", "i"),
        ] {
            assert_eq!(fold(text), expect, "{text}");
        }
        for (plural, expect) in [
            ("orders", "order"),
            ("countries", "country"),
            ("branches", "branch"),
            ("boxes", "box"),
            ("status", "status"),
            ("class", "class"),
            ("gas", "gas"),
            ("invoices", "invoice"),
        ] {
            assert_eq!(stem(plural), expect, "{plural}");
        }
    }

    #[test]
    fn slips_are_few_and_start_right() {
        for (typed, meant, expect) in [
            ("revenu", "revenue", true),
            ("regoin", "region", true),
            ("costs", "posts", false),
            ("model11", "model12", false),
            ("austria", "australia", false),
        ] {
            assert_eq!(is_slip_of(typed, meant, 1), expect, "{typed} {meant}");
        }
    }
}
