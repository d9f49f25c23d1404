//! Every text of a report, in each language. Names in braces are replaced by names and numbers from
//! the tables; nothing here says why something happened.

mod advice;
mod answers;
mod findings;
mod labels;
mod others;
mod questions;

use advice::{ADVICE, CAVEATS, GLOSSARY, MISSING, TESTS};
use answers::{ANSWERS, SCOPE};
use findings::FINDINGS;
use labels::{COLUMNS, KINDS, LABELS};
pub(crate) use others::known;
pub use others::retold;

use crate::locale::Language;

/// Key, English, German.
type Text = (&'static str, &'static str, &'static str);

/// A text in a language, its names replaced. A value is never looked into again: a customer called
/// `{value}` stays so. Empty for a key that there is not.
pub fn say(language: Language, key: &str, values: &[(&str, &str)]) -> String {
    filled(text(language, key), values)
}

fn filled(template: &str, values: &[(&str, &str)]) -> String {
    let mut rest = template;
    let mut said = String::new();
    while let Some((before, after)) = rest.split_once('{') {
        said.push_str(before);
        let (name, after) = after.split_once('}').unwrap_or((after, ""));
        said.push_str(
            values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value),
        );
        rest = after;
    }
    said.push_str(rest);
    said
}

/// A text in a language as it stands; empty for a key that there is not.
pub(crate) fn text(language: Language, key: &str) -> &'static str {
    let known = TEXTS.iter().flat_map(|part| part.iter()).find(|(known, _, _)| *known == key);
    known.map_or("", |(_, english, german)| language.either(english, german))
}

/// All texts, by what they are for.
const TEXTS: &[&[Text]] =
    &[LABELS, KINDS, COLUMNS, FINDINGS, ADVICE, TESTS, CAVEATS, GLOSSARY, MISSING, ANSWERS, SCOPE];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(text: &str) -> BTreeSet<&str> {
        text.split('{').skip(1).filter_map(|part| part.split('}').next()).collect()
    }

    #[test]
    fn both_languages_say_the_same_of_each_thing_once() {
        let mut keys = BTreeSet::new();
        for (key, english, german) in TEXTS.iter().flat_map(|part| part.iter()) {
            assert!(keys.insert(key), "{key} twice");
            assert!(!english.is_empty() && !german.is_empty(), "{key} is empty");
            // `{lag}` of one language may stand elsewhere in the other, but never be left out.
            assert_eq!(names(english), names(german), "{key}");
            for word in ["because", "caused", "due to", "weil", "wegen", "dank"] {
                let told = format!(" {} {} ", english.to_lowercase(), german.to_lowercase());
                assert!(!told.contains(&format!(" {word} ")), "{key} says {word}");
            }
        }
    }

    #[test]
    fn every_test_that_is_made_has_a_name() {
        for name in ["robust_z", "mann_kendall", "f_test", "student_t", "spearman", "gamma_poisson"]
        {
            assert!(!text(Language::German, &format!("test.{name}")).is_empty(), "{name}");
        }
    }

    #[test]
    fn every_method_and_every_problem_has_a_name() {
        let methods = "seasonal_naive drift ses damped_holt ets_additive ets_multiplicative theta \
                       arima seasonal_arima mstl croston tsb";
        let problems = "orphans ambiguous_reference empty_table missing_months duplicate_key \
                        missing_key empty_column many_nulls future_days strange_days \
                        spelled_differently mostly_numbers";
        let of = |kind: &str, names: &str| {
            names.split(' ').map(|name| format!("{kind}.{name}")).collect::<Vec<_>>()
        };
        for key in of("method", methods).into_iter().chain(of("problem", problems)) {
            assert!(!text(Language::German, &key).is_empty(), "{key}");
        }
    }

    #[test]
    fn a_value_is_never_looked_into_again() {
        let said =
            say(Language::English, "of_member", &[("metric", "{member}"), ("member", "{x}")]);
        assert_eq!(said, "{member} of {x}");
    }
}
