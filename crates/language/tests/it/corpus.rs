//! Runs the question files. In a file, `@ name` chooses a catalog, `today 2026-06-17` the day, `? …` is a
//! question, `> …` one that goes on from the last, and the line after it what must come of it: `= ask`, `* kind days
//! of ask` for an analysis, `~ label | label` for a
//! clarification, `! words; words` for a refusal. `+ text` lines name notes that must be given.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use chrono::NaiveDate;
use pacioli_language::{Context, Translation, Translator};
use pacioli_model::{Ask, Catalog, DayRange};

use crate::{catalog, notation};

pub(crate) fn catalogs() -> BTreeMap<String, Catalog> {
    let mut semantics: BTreeMap<String, String> = files("semantics").into_iter().collect();
    let read = |(name, text): (String, String)| {
        let mut catalog = catalog::read(&text);
        if let Some(text) = semantics.remove(&name) {
            catalog.semantics = serde_json::from_str(&text).unwrap();
        }
        (name, catalog)
    };
    files("catalogs").into_iter().map(read).collect()
}

fn files(folder: &str) -> Vec<(String, String)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it").join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect();
    files.sort();
    files
}

fn shown(translation: &Translation) -> String {
    match translation {
        Translation::Understood(understood) => format!("= {}", notation::line(&understood.ask)),
        Translation::Analyse(analysed) => {
            let analysis = &analysed.analysis;
            let days = |days: &DayRange| {
                let day = |day: Option<NaiveDate>| day.map_or(String::new(), |d| d.to_string());
                format!("{}..{}", day(days.from), day(days.to))
            };
            let period = analysis.period.as_ref().map_or("any days".to_owned(), days);
            let compare = analysis.compare.as_ref().map(days);
            let compare = compare.map_or(String::new(), |compare| format!(" against {compare}"));
            let series = notation::line(&analysis.ask);
            format!("* {:?} {period}{compare} of {series}", analysis.kind)
        }
        Translation::Clarify { choices, .. } => {
            let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
            format!("~ {}", labels.join(" | "))
        }
        Translation::Refuse { not_understood, .. } => format!("! {}", not_understood.join("; ")),
    }
}

fn told(translation: &Translation) -> String {
    match translation {
        Translation::Understood(understood) => {
            let words = &understood.interpretation;
            let mut all = [&words.notes[..], &words.filters, &words.measures].concat();
            all.extend(words.currency.iter().map(|code| format!("currency {code}")));
            all.extend(
                words.date_range.iter().map(|days| format!("{} in {}", days.column, days.words)),
            );
            all.join("\n")
        }
        Translation::Analyse(analysed) => analysed.interpretation.notes.join("\n"),
        Translation::Clarify { question, .. } => question.clone(),
        Translation::Refuse { reason, .. } => reason.clone(),
    }
}

#[test]
fn every_question_gets_its_answer() {
    let catalogs = catalogs();
    let translators: BTreeMap<&str, Translator<'_>> =
        catalogs.iter().map(|(name, catalog)| (name.as_str(), Translator::new(catalog))).collect();
    let (mut failed, mut count) = (String::new(), 0);
    for (file, text) in files("questions") {
        let mut translator = None;
        let mut context = Context { today: NaiveDate::MIN, table: None };
        let mut translation = None;
        let mut last: Option<Ask> = None;
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty()) {
            let (sign, rest) = line.split_once(' ').unwrap_or((line, ""));
            match sign {
                "#" => {}
                "@" => translator = Some(&translators[rest]),
                "today" => context.today = rest.parse().unwrap(),
                "?" => {
                    count += 1;
                    last = None;
                    translation = Some((rest, translator.unwrap().translate(rest, &context)));
                }
                ">" => {
                    count += 1;
                    let last = last.as_ref().expect("a question before it");
                    let answer = translator.unwrap().translate_after(rest, &context, last);
                    translation = Some((rest, answer));
                }
                "=" | "*" | "~" | "!" => {
                    let (question, found) = translation.as_ref().unwrap();
                    if let Translation::Understood(understood) = found {
                        last = Some(understood.ask.clone());
                    }
                    let found = shown(found);
                    if found.trim_end() != line {
                        writeln!(failed, "{file}: {question}\n  want {line}\n  got  {found}")
                            .unwrap();
                    }
                }
                "+" => {
                    let (question, found) = translation.as_ref().unwrap();
                    let told = told(found);
                    if !told.contains(rest) {
                        writeln!(failed, "{file}: {question}\n  want {rest}\n  told {told}")
                            .unwrap();
                    }
                }
                _ => panic!("{file}: not understood: {line}"),
            }
        }
    }
    assert!(failed.is_empty(), "\n{failed}");
    assert!(count >= 120, "only {count} questions");
}
