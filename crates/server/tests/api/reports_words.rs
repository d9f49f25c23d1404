//! The words and pictures of a report's JSON are those of its page.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    reports::{asked, books},
    server::Server,
};

/// As a page writes it.
fn escaped(text: &Value) -> String {
    let text = text.as_str().unwrap().replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// Every specification is one by Vega-Lite's own schema, where the tools are there to look.
#[expect(clippy::print_stderr, reason = "says that it was not looked at")]
fn are_by_the_schema(charts: &[Value]) {
    for chart in charts {
        assert_eq!(chart["$schema"], "https://vega.github.io/schema/vega-lite/v5.json", "{chart}");
    }
    let tools = std::env::var_os("PACIOLI_TOOLS").map_or_else(PathBuf::new, PathBuf::from);
    let python = tools.join("python/bin/python");
    let looked = Command::new(&python).args(["-c", "import altair, jsonschema"]).output();
    if !looked.is_ok_and(|run| run.status.success()) {
        assert!(std::env::var_os("CI").is_none(), "altair, which carries the schema, is missing");
        eprintln!("SKIPPED: altair is missing ($PACIOLI_TOOLS/python); scripts/tools installs it");
        return;
    }
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../report/tests/vega_schema.py");
    let (stdin, stdout) = (Stdio::piped(), Stdio::piped());
    let mut check = Command::new(&python).arg(script).stdin(stdin).stdout(stdout).spawn().unwrap();
    check.stdin.take().unwrap().write_all(&serde_json::to_vec(charts).unwrap()).unwrap();
    let run = check.wait_with_output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[tokio::test]
async fn findings_are_told_and_drawn_in_json_as_on_the_page() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let body = json!({"kind": "overview", "today": "2026-01-10", "language": "de"});
    let made = asked(&server, &owner, body).await;
    assert_eq!((made.status.as_u16(), &made.body["language"]), (200, &json!("de")));
    let path = format!("/reports/{}", made.body["id"].as_str().unwrap());
    let mut charts = Vec::new();
    for language in ["de", "en"] {
        let report = server.get(&owner, &format!("{path}?language={language}")).await.body;
        let page = server.get(&owner, &format!("{path}.html?language={language}")).await.text;
        assert_eq!(report["language"], language);
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.len() >= 3, "{report}");
        for (place, finding) in findings.iter().enumerate() {
            let told = made.body["findings"][place]["title"] == finding["title"];
            assert_eq!(told, language == "de", "{finding}");
            let sentences = finding["sentences"].as_array().unwrap();
            let notes = finding["notes"].as_array().unwrap();
            assert!(!sentences.is_empty(), "{finding}");
            let advice = Some(&finding["advice"]).filter(|advice| !advice.is_null());
            for words in sentences.iter().chain(notes).chain(advice).chain([&finding["title"]]) {
                assert!(page.contains(&escaped(words)), "{words} is not on the page");
            }
            charts.extend(finding.get("chart").filter(|chart| !chart.is_null()).cloned());
        }
        for part in ["chart", "advice"] {
            let with = findings.iter().filter(|it| !it[part].is_null()).count();
            assert!(with >= 2, "{part}: {report}");
        }
    }
    assert_eq!(charts[0]["config"]["locale"]["number"]["decimal"], ",", "{}", charts[0]);

    let saved = json!({"name": "Months", "question": "revenue by month"});
    let saved = server.send(&owner, reqwest::Method::POST, "/questions", saved).await;
    assert_eq!(saved.status, 201, "{}", saved.text);
    let custom = asked(&server, &owner, json!({"kind": "custom", "today": "2026-01-10"})).await;
    charts.push(custom.body["answers"][0]["chart"].clone());
    are_by_the_schema(&charts);
}
