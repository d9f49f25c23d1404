//! Translates a file of questions: `translate CATALOGS QUESTIONS`, where `CATALOGS/NAME.json` holds
//! `{"catalog": …}` and each line of `QUESTIONS` is `{"id", "db_id", "question"}`. Writes one JSON line
//! for each: what development looks at when a rule changes.

use std::{collections::BTreeMap, env, error::Error, fs, io::Write as _};

use pacioli_language::{Context, Translation, Translator};
use pacioli_model::Catalog;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(folder), Some(questions)) = (arguments.next(), arguments.next()) else {
        return Err("usage: translate CATALOGS QUESTIONS".into());
    };
    let mut by_database: BTreeMap<String, Vec<(Value, String)>> = BTreeMap::new();
    for line in fs::read_to_string(questions)?.lines() {
        let line: Value = serde_json::from_str(line)?;
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        by_database.entry(text("db_id")).or_default().push((line["id"].clone(), text("question")));
    }
    let mut output = std::io::stdout().lock();
    for (database, questions) in by_database {
        let text = fs::read_to_string(format!("{folder}/{database}.json"))?;
        let catalog: Catalog =
            serde_json::from_value(serde_json::from_str::<Value>(&text)?["catalog"].take())?;
        let translator = Translator::new(&catalog);
        for (id, question) in questions {
            let context = Context { today: "2026-06-17".parse()?, table: None };
            let line = match translator.translate(&question, &context) {
                Translation::Understood(understood) => {
                    json!({"id": id, "status": "answered", "confidence": understood.confidence, "ask": understood.ask, "info": understood.interpretation.notes})
                }
                Translation::Analyse(analysed) => {
                    json!({"id": id, "status": "analysed", "confidence": analysed.confidence, "ask": analysed.analysis.ask})
                }
                Translation::Clarify { choices, .. } => {
                    let labels: Vec<&str> =
                        choices.iter().map(|choice| choice.label.as_str()).collect();
                    json!({"id": id, "status": "asked", "info": labels})
                }
                Translation::Refuse { not_understood, reason } => {
                    json!({"id": id, "status": "refused", "info": [not_understood, vec![reason]]})
                }
            };
            writeln!(output, "{line}")?;
        }
    }
    Ok(())
}
