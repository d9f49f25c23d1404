//! How long a question takes over 500 tables and 200,000 values: `cargo run --release --example speed`.

use std::{error::Error, io::Write as _, time::Instant};

use pacioli_language::{Context, Translator};
use pacioli_model::Catalog;
use serde_json::{Value, json};

const TABLES: usize = 500;
const VALUES: usize = 400;
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// Words that tables and values are named from.
const NOUNS: &[&str] = &[
    "customer", "order", "invoice", "product", "ship", "stock", "payment", "ledger", "project",
    "asset", "contract", "budget", "visit", "route", "batch", "claim", "lease", "ticket", "survey",
    "course",
];
const QUESTIONS: &[&str] = &[
    "how many customer order 7 rows are there",
    "names of customer order 12 with amount over 100 in Nordholm 3",
    "average amount by status for invoice product 20 last year",
    "which ship stock has the most rows",
    "list all payment ledger names that do not have a batch claim",
    "total amount by month this year in Aldermere 77",
    "custmer ordrs with staus open",
    "for each route batch, how many visit route are there sorted by the number in descending order",
];

fn column(name: &str, data_type: &str, values: Option<&[String]>) -> Value {
    let distinct = values.map_or(1000, <[String]>::len);
    let profile = json!({"nulls": 0, "distinct": {"exactly": distinct}, "min": null, "max": null, "values": values});
    json!({"name": name, "label": name, "data_type": data_type, "profile": profile})
}

fn catalog() -> Result<Catalog, serde_json::Error> {
    let towns = ["Nordholm", "Aldermere", "Westfold", "Sandrick", "Oakhaven"];
    let mut tables = Vec::new();
    let mut relationships = Vec::new();
    for place in 0..TABLES {
        let name = format!(
            "{}_{}_{place}",
            NOUNS[place % NOUNS.len()],
            NOUNS[(place * 7 + 3) % NOUNS.len()]
        );
        let values: Vec<String> = (0..VALUES)
            .map(|value| format!("{} {}", towns[value % towns.len()], place * VALUES + value))
            .collect();
        let columns = vec![
            column("id", "integer", None),
            column("name", "text", Some(&values)),
            column("amount", "float", None),
            column("status", "text", Some(&["open".to_owned(), "closed".to_owned()])),
            column("created_on", "date", None),
            column("parent_id", "integer", None),
        ];
        tables.push(json!({
            "name": name, "version": NIL, "origin": {"kind": "push"}, "columns": columns, "rows": 1000, "bytes": 0,
            "loaded_at": "1970-01-01T00:00:00Z", "loaded_by": NIL, "notes": [], "primary_key": ["id"], "foreign_keys": []
        }));
        if place > 0 {
            let to = &tables[(place - 1) / 3]["name"];
            relationships.push(json!({
                "name": format!("r{place}"), "table": name, "columns": ["parent_id"], "to": to, "references": ["id"],
                "one_to_one": false, "known": "foreign_key"
            }));
        }
    }
    serde_json::from_value(
        json!({"tables": tables, "relationships": relationships, "semantics": {}}),
    )
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let catalog = catalog()?;
    let started = Instant::now();
    let translator = Translator::new(&catalog);
    writeln!(out, "made ready in {:?}", started.elapsed())?;
    let context = Context { today: "2026-06-17".parse()?, table: None };
    let mut times = Vec::new();
    for question in QUESTIONS {
        for _ in 0..5 {
            let started = Instant::now();
            let _ = translator.translate(question, &context);
            times.push(started.elapsed());
        }
        writeln!(out, "{:>10.1?}  {question}", times[times.len() - 1])?;
    }
    times.sort();
    writeln!(out, "p50 {:?}, p95 {:?}", times[times.len() / 2], times[times.len() * 95 / 100])?;
    Ok(())
}
