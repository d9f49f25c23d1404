//! Reports: what is planted in a company's figures is found, everybody has their own, and bad requests are
//! told what is wrong with them.

use std::fmt::Write as _;

use calamine::{Data, Reader as _, Xlsx};
use chrono::{Datelike, NaiveDate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, Person, Server};

/// Three years of sales in four regions; the South orders a third from the given month on.
fn books(south_falls: &str) -> String {
    let from: NaiveDate = south_falls.parse().unwrap();
    let mut text = "sale_date,region,product,revenue_eur\n".to_owned();
    let first: NaiveDate = "2023-01-01".parse().unwrap();
    for day in
        first.iter_days().take_while(|day| day.year() < 2026).filter(|day| day.day() % 5 == 1)
    {
        for (place, region) in ["North", "South", "East", "West"].iter().enumerate() {
            let place = u32::try_from(place).unwrap();
            // Something that looks like chance, and the same each time.
            let noise = (day.ordinal() * 37 + place * 53 + day.year().unsigned_abs() * 11) % 17;
            let mut cents = 90_000 + noise * 1_000;
            if *region == "South" && day >= from {
                cents /= 3;
            }
            let product = ["Lamp", "Desk"][(day.ordinal() as usize + place as usize) % 2];
            writeln!(text, "{day},{region},{product},{}.{:02}", cents / 100, cents % 100).unwrap();
        }
    }
    text
}

async fn asked(server: &Server, person: &Person, body: Value) -> Answer {
    server.send(person, Method::POST, "/report", body).await
}

#[tokio::test]
async fn a_report_names_what_fell_and_everybody_has_their_own() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = server.sign_up("other").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let body = json!({"kind": "overview", "today": "2026-01-10"});
    let made = asked(&server, &owner, body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let report = &made.body;
    assert_eq!(
        report["period"],
        json!({"from": "2025-12-01", "to": "2026-01-01", "complete": true})
    );
    assert_eq!(report["comparison"]["from"], "2024-12-01");
    let findings = report["findings"].as_array().unwrap();
    assert!((1..=10).contains(&findings.len()), "{}", made.text);
    let south = findings.iter().find(|it| it["subject"]["member"] == "South");
    let south = south.unwrap_or_else(|| panic!("{}", made.text));
    assert_eq!(south["subject"]["metric"]["better"], "higher");
    assert!(south["test"]["p_value"].as_f64().unwrap() < 0.05, "{south}");

    // What is left in the others is not said to have risen.
    let risen = findings.iter().any(|it| it["subject"]["member"] == "North");
    assert!(!risen, "{}", made.text);

    // The figure at the head is what its query gives.
    let head = &report["headline"][0];
    let december = books("2025-07-01")
        .lines()
        .filter(|line| line.starts_with("2025-12"))
        .fold(0.0, |sum, line| sum + line.rsplit(',').next().unwrap().parse::<f64>().unwrap());
    assert!((head["value"].as_f64().unwrap() - december).abs() < 1e-6, "{head}");
    assert!(report["queries"][0]["sql"].as_str().unwrap().contains("revenue_eur"));

    let path = format!("/reports/{}", report["id"].as_str().unwrap());
    assert_eq!(server.get(&owner, &path).await.body, made.body);
    for stranger in [&user, &other] {
        assert_eq!(server.get(stranger, &path).await.status, 404);
        assert_eq!(server.get(stranger, "/reports").await.body["items"], json!([]));
    }
    assert_eq!(server.get(&owner, "/reports").await.body["items"][0]["kind"], "overview");

    // What was said is new no more.
    let again = asked(&server, &owner, json!({"kind": "overview", "today": "2026-01-10"})).await;
    let same = again.body["findings"].as_array().unwrap().iter().find(|it| it["id"] == south["id"]);
    assert!(same.is_none_or(|it| it["score"]["novelty"].as_f64().unwrap() < 1.0), "{}", again.text);
}

#[tokio::test]
async fn what_a_company_cannot_tell_is_said_to_be_missing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let empty = asked(&server, &owner, json!({"kind": "sales"})).await;
    assert_eq!((empty.status.as_u16(), &empty.body["missing"][0]["what"]), (200, &json!("sales")));
    server.load(&owner, "one.csv", "sale_date,region,revenue_eur\n2025-01-05,North,1.00\n").await;
    let nulls = "sale_date,region,revenue_eur\n2025-01-05,,\n2025-02-05,,\n2025-03-05,,\n";
    server.load(&owner, "nulls.csv", nulls).await;
    for kind in [
        "overview",
        "sales",
        "customers",
        "products",
        "purchasing",
        "inventory",
        "receivables_payables",
        "cash",
        "people",
        "production",
        "data_quality",
        "custom",
    ] {
        let made = asked(&server, &owner, json!({ "kind": kind })).await;
        assert_eq!(made.status, 200, "{kind}: {}", made.text);
        assert_eq!(made.body["kind"], kind);
        let tells =
            made.body["findings"].as_array().unwrap().iter().any(|it| it["test"] != Value::Null);
        assert!(!tells, "one row proves nothing: {}", made.text);
    }
    let stock = asked(&server, &owner, json!({"kind": "inventory"})).await;
    assert_eq!(stock.body["missing"][0]["what"], "stock");
}

#[tokio::test]
async fn filters_hold_for_every_figure_and_bad_requests_are_told_why() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2030-01-01")).await;
    let filters = json!([{"table": "sales", "column": "region", "values": ["North"]}]);
    let body = json!({"kind": "sales", "period": "2025-Q4", "compare": "previous", "filters": filters, "today": "2026-01-10"});
    let made = asked(&server, &owner, body).await;
    let north = books("2030-01-01").lines().filter(|line| line.contains(",North,")).fold(
        0.0,
        |sum, line| {
            let quarter =
                ["2025-10", "2025-11", "2025-12"].iter().any(|month| line.starts_with(month));
            sum + if quarter {
                line.rsplit(',').next().unwrap().parse::<f64>().unwrap()
            } else {
                0.0
            }
        },
    );
    let value = made.body["headline"][0]["value"].as_f64().unwrap();
    assert!((value - north).abs() < 1e-6, "{value} is not {north}");
    assert_eq!(made.body["filters"], json!(["region: North"]));
    assert_eq!(made.body["comparison"]["from"], "2025-07-01");

    for (body, place) in [
        (json!({"kind": "everything"}), "kind"),
        (json!({"kind": "sales", "period": "soon"}), "period"),
        (json!({"kind": "sales", "period": "2999"}), "period"),
        (json!({"kind": "sales", "currency": "eur"}), "currency"),
        (json!({"kind": "sales", "language": "fr"}), "language"),
        (json!({"kind": "sales", "more": 1}), "more"),
        (
            json!({"kind": "sales", "filters": [{"table": "none", "column": "a", "values": ["b"]}]}),
            "table",
        ),
        (
            json!({"kind": "sales", "filters": [{"table": "sales", "column": "a", "values": ["b"]}]}),
            "column",
        ),
        (
            json!({"kind": "sales", "filters": [{"table": "sales", "column": "region", "values": []}]}),
            "values",
        ),
    ] {
        let refused = asked(&server, &owner, body.clone()).await;
        assert_eq!(refused.status, 422, "{body}: {}", refused.text);
        assert!(refused.body["errors"].to_string().contains(place), "{body}: {}", refused.text);
    }
    let foreign =
        asked(&server, &owner, json!({"kind": "sales", "currency": "USD", "today": "2026-01-10"}))
            .await;
    assert_eq!(
        (foreign.status.as_u16(), foreign.body["headline"].clone()),
        (200, json!([])),
        "{}",
        foreign.text
    );
}

#[tokio::test]
async fn a_report_comes_as_files_for_whoever_asked_for_it_alone() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let other = server.sign_up("other").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let body = json!({"kind": "sales", "today": "2026-01-10", "language": "de"});
    let made = asked(&server, &owner, body).await;
    let path = format!("/reports/{}", made.body["id"].as_str().unwrap());
    let file = async |person: &Person, ending: &str, accept: &str| {
        let request = server.request(Method::GET, &format!("{path}{ending}"));
        let request = request.bearer_auth(&person.token).header("accept", accept);
        let answer = request.send().await.unwrap();
        let kind = answer.headers()["content-type"].to_str().unwrap().to_owned();
        (answer.status().as_u16(), kind, answer.bytes().await.unwrap())
    };
    let xlsx = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    for (ending, accept, kind, start) in [
        (".html", "*/*", "text/html", "<!doctype html>\n<html lang=\"de\">"),
        ("", "text/html,*/*;q=0.8", "text/html", "<!doctype html>\n<html lang=\"de\">"),
        (".html?language=en", "*/*", "text/html", "<!doctype html>\n<html lang=\"en\">"),
        (".pdf", "*/*", "application/pdf", "%PDF-1.7"),
        (".xlsx", "*/*", xlsx, "PK"),
        (".csv", "*/*", "text/csv", "#,Befund,"),
        (".zip", "*/*", "application/zip", "PK"),
        (".json", "text/html", "application/json", "{"),
    ] {
        let (status, told, bytes) = file(&owner, ending, accept).await;
        assert_eq!((status, told.as_str()), (200, kind), "{ending} {accept}");
        assert!(bytes.starts_with(start.as_bytes()), "{ending} {accept}");
        assert_eq!(file(&other, ending, accept).await.0, 404, "{ending}");
    }
    assert_eq!(file(&owner, ".exe", "*/*").await.0, 404);
    assert_eq!(file(&owner, ".html?language=fr", "*/*").await.0, 422);

    // The workbook has the figure that the report has.
    let (_, _, bytes) = file(&owner, ".xlsx", "*/*").await;
    let mut book: Xlsx<_> = Xlsx::new(std::io::Cursor::new(bytes)).unwrap();
    let cover = book.worksheet_range_at(0).unwrap().unwrap();
    let head = &made.body["headline"][0];
    let label = Data::String(head["label"].as_str().unwrap().to_owned());
    let row = cover.rows().find(|row| row[0] == label);
    let row = row.unwrap_or_else(|| panic!("{label:?} in {cover:?}"));
    assert_eq!(row[1], Data::Float(head["value"].as_f64().unwrap()));
}
