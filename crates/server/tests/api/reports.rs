//! Reports: what is planted in a company's figures is found, everybody has their own, and bad requests are
//! told what is wrong with them.

use std::fmt::Write as _;

use calamine::{Data, Reader as _, Xlsx};
use chrono::{Datelike, NaiveDate};
use pacioli_model::{Job, JobKind};
use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Answer, PASSWORD, Person, Server};

/// Three years of sales in four regions; the South orders a third from the given month on.
pub fn books(south_falls: &str) -> String {
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

/// What becomes of `POST /report`; a report that is not made at once is waited for.
pub async fn asked(server: &Server, person: &Person, body: Value) -> Answer {
    let mut answer = server.send(person, Method::POST, "/report", body).await;
    let path = format!("/reports/{}", answer.body["id"].as_str().unwrap_or_default());
    while answer.status == 202 && answer.body["status"] != "failed" {
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        answer = server.get(person, &path).await;
    }
    answer
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
    let empty = server.upload(&owner, "empty.csv", "sale_date,region,revenue_eur\n").await;
    assert_eq!(empty.status, 422, "a table without rows is none: {}", empty.text);
    let flat = (1..=12).map(|month| format!("2025-{month:02}-05,North,5.00\n"));
    let flat = flat.collect::<Vec<_>>().concat();
    server.load(&owner, "flat.csv", &format!("sale_date,region,revenue_eur\n{flat}")).await;
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
        (json!({"kind": "sales", "grain": "day"}), "grain"),
        (json!({"kind": "sales", "grain": "week", "period": "2025-11"}), "grain"),
        (json!({"kind": "sales", "grain": "quarter", "period": "2025-11"}), "grain"),
        (json!({"kind": "sales", "period": "2025-W54"}), "period"),
        (json!({"kind": "sales", "formats": ["pdf", "exe"]}), "formats"),
        (json!({"kind": "sales", "formats": "pdf"}), "formats"),
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

#[tokio::test]
async fn figures_are_looked_at_by_weeks_and_quarters_too() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let revenue = |from: &str, to: &str| -> f64 {
        let books = books("2025-07-01");
        let lines = books.lines().skip(1).filter(|line| (from..to).contains(&&line[..10]));
        lines.map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    for (more, from, to, grain, before) in [
        (json!({"grain": "week"}), "2025-12-22", "2025-12-29", "week", "2024-12-23"),
        (json!({"grain": "quarter"}), "2025-10-01", "2026-01-01", "quarter", "2024-10-01"),
        (json!({"period": "2025-W40"}), "2025-09-29", "2025-10-06", "week", "2024-09-30"),
        (json!({"period": "2025"}), "2025-01-01", "2026-01-01", "month", "2024-01-01"),
        (
            json!({"period": "2025", "grain": "quarter"}),
            "2025-01-01",
            "2026-01-01",
            "quarter",
            "2024-01-01",
        ),
    ] {
        let mut body = json!({"kind": "sales", "today": "2026-01-10"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let made = asked(&server, &owner, body).await;
        let report = &made.body;
        assert_eq!(
            (&report["period"]["from"], &report["period"]["to"]),
            (&json!(from), &json!(to)),
            "{more}: {}",
            made.text
        );
        assert_eq!(report["comparison"]["from"], before, "{more}");
        let value = report["headline"][0]["value"].as_f64().unwrap();
        assert!((value - revenue(from, to)).abs() < 1e-6, "{more}: {value}");
        let series = report["headline"][0]["series"].as_array().unwrap();
        let days: Vec<NaiveDate> = series
            .iter()
            .rev()
            .take(2)
            .map(|it| it["at"].as_str().unwrap().parse().unwrap())
            .collect();
        let apart = (days[0] - days[1]).num_days();
        let expect = match grain {
            "week" => 7..=7,
            "month" => 28..=31,
            _ => 90..=92,
        };
        assert!(expect.contains(&apart), "{more}: {apart}");
    }
}

#[tokio::test]
async fn files_that_are_asked_for_with_a_report_are_named_in_it() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let body =
        json!({"kind": "sales", "today": "2026-01-10", "formats": ["pdf", "json", "xlsx", "pdf"]});
    let made = asked(&server, &owner, body).await;
    let files = made.body["files"].as_array().unwrap();
    let formats: Vec<&str> = files.iter().map(|it| it["format"].as_str().unwrap()).collect();
    assert_eq!(formats, ["pdf", "xlsx"], "{}", made.text);
    for file in files {
        let request = server.request(Method::GET, file["href"].as_str().unwrap());
        let answer = request.bearer_auth(&owner.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{file}");
        assert!(answer.bytes().await.unwrap().len() > 1000, "{file}");
    }
    let plain = asked(&server, &owner, json!({"kind": "sales", "today": "2026-01-10"})).await;
    assert_eq!(plain.body["files"], json!([]));
}

#[tokio::test]
async fn a_report_whose_server_died_is_not_there_in_part() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let data = server.app.store.tenant(owner.company.parse().unwrap());
    let now = server.clock.now();
    let id = pacioli_model::JobId(pacioli_server::Random.uuid());
    // As it is recorded while the report is made; nobody gives a sign of life after that.
    let whose = (owner.company.parse().unwrap(), owner.id.parse().unwrap());
    let times = (chrono::Duration::seconds(30), chrono::Duration::days(30));
    let job = Job::begun(JobKind::Report, id, whose, now, times);
    data.put_job(&job).await.unwrap();
    let path = format!("/reports/{id}");
    let running = server.get(&owner, &path).await;
    assert_eq!((running.status.as_u16(), &running.body["status"]), (202, &json!("running")));
    server.advance(chrono::Duration::minutes(2));
    for ending in ["", ".pdf", ".xlsx"] {
        let gone = server.get(&owner, &format!("{path}{ending}")).await;
        assert_eq!(
            (gone.status.as_u16(), &gone.body["status"]),
            (202, &json!("failed")),
            "{}",
            gone.text
        );
    }
    assert_eq!(server.get(&owner, "/reports").await.body["items"], json!([]));
}

#[tokio::test]
async fn a_report_that_was_left_is_made_for_who_may_still_see_it() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let company = owner.company.parse().unwrap();
    let data = server.app.store.tenant(company);
    let (now, times) = (server.clock.now(), (chrono::Duration::zero(), chrono::Duration::days(1)));
    let left = async |person: &Person, tries: u32| {
        let (id, kind) = (pacioli_model::JobId(pacioli_server::Random.uuid()), JobKind::Report);
        let job = Job::begun(kind, id, (company, person.id.parse().unwrap()), now, times);
        let order = json!({
            "spec": {"kind": "sales", "language": "de"}, "formats": ["pdf"], "today": "2026-01-10",
            "days": {"from": "2025-11-01", "to": "2025-12-01", "grain": "month"},
        });
        let (report, resume_at) = (serde_json::from_value(order).unwrap(), Some(now));
        data.put_job(&Job { report, resume_at, tries, ..job }).await.unwrap();
        id
    };
    let (made, gone) = (left(&owner, 1).await, left(&user, 1).await);
    let (deadly, cancelled) = (left(&owner, 3).await, left(&owner, 1).await);
    server.advance(chrono::Duration::seconds(1));
    let waiting = server.get(&owner, &format!("/reports/{made}")).await;
    assert_eq!((waiting.status.as_u16(), &waiting.body["status"]), (202, &json!("queued")));
    let ended = server.send(&owner, Method::DELETE, &format!("/jobs/{cancelled}"), json!({})).await;
    assert_eq!(ended.status, 202, "{}", ended.text);
    let shut = server.send(&owner, Method::DELETE, &format!("/users/{}", user.id), json!({})).await;
    assert!(shut.status.is_success(), "{}", shut.text);
    let taken = pacioli_server::resume_reports(&server.app, server.clock.now()).await.unwrap();
    assert_eq!(taken, 4);
    let report = loop {
        let answer = server.get(&owner, &format!("/reports/{made}")).await;
        if answer.status == 200 {
            break answer.body;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!((&report["kind"], &report["language"]), (&json!("sales"), &json!("de")));
    assert_eq!(report["period"]["from"], "2025-11-01");
    assert_eq!(report["files"][0]["format"], "pdf");
    for (id, status, detail) in [
        (gone, "failed", "Whoever asked for the report is not active any more."),
        (deadly, "failed", "ask for it again"),
        (cancelled, "cancelled", ""),
    ] {
        let job = server.get(&owner, &format!("/jobs/{id}")).await;
        assert_eq!(job.body["status"], status, "{}", job.text);
        let told = job.body["error"]["detail"].as_str().unwrap_or_default();
        assert!(told.contains(detail), "{}", job.text);
    }
    server.advance(chrono::Duration::days(1));
    let again = pacioli_server::resume_reports(&server.app, server.clock.now()).await.unwrap();
    assert_eq!(again, 0, "all of them have ended");
    let owner = server.log_in(&owner.email, PASSWORD).await;
    assert_eq!(server.get(&owner, "/reports").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_reports_queries_are_run_again_by_its_reader_within_what_they_may_see() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = server.sign_up("other").await;
    for person in [&owner, &other] {
        server.load(person, "sales.csv", &books("2025-07-01")).await;
    }
    let made = asked(&server, &user, json!({"kind": "overview", "today": "2026-01-10"})).await;
    let queries = made.body["queries"].as_array().unwrap().clone();
    assert!(queries.len() > 2, "{}", made.text);
    let run = async |person: &Person, path: &str| {
        server.send(person, Method::POST, path, json!({})).await
    };
    for (place, query) in queries.iter().enumerate() {
        let path = query["href"].as_str().unwrap();
        assert_eq!(
            path,
            format!("/reports/{}/run?query={place}", made.body["id"].as_str().unwrap())
        );
        let again = run(&user, path).await;
        assert_eq!(again.status, 200, "{}", again.text);
        assert_eq!(again.body["row_count"], query["rows"], "{}", again.text);
        assert_eq!(again.body["sql"], query["sql"]);
        // Who runs SQL is told the same.
        let sql = json!({"sql": query["sql"]});
        let sql = server.send(&owner, Method::POST, "/sql", sql).await;
        assert_eq!(sql.body["rows"], again.body["rows"], "{}", sql.text);
        // Whose report it is not, of this company or another, has none.
        for person in [&owner, &other] {
            assert_eq!(run(person, path).await.status, 404);
        }
    }
    let first = queries[0]["href"].as_str().unwrap();
    let none = first.replace("query=0", &format!("query={}", queries.len()));
    assert_eq!(run(&user, &none).await.status, 404);
    let text = json!({"sql": "SELECT 1"});
    let text = server.send(&user, Method::POST, &format!("{first}&sql=SELECT+1"), text).await;
    assert_eq!(text.status, 422, "{}", text.text);

    // What they are not to see any more they do not see, whatever the report knew.
    let by_region = queries.iter().find(|it| it["sql"].as_str().unwrap().contains("region"));
    let by_region = by_region.unwrap()["href"].as_str().unwrap();
    let rows = run(&user, by_region).await.body["row_count"].as_u64().unwrap();
    let own = json!({"roles": ["user"], "table": "sales", "rows": "region = 'North'"});
    let patch = json!({"policies": {"own": own}, "version": 0});
    assert_eq!(server.send(&owner, Method::PATCH, "/semantics", patch).await.status, 200);
    let fewer = run(&user, by_region).await;
    assert_eq!(fewer.status, 200, "{}", fewer.text);
    assert!(fewer.body["row_count"].as_u64().unwrap() < rows, "{}", fewer.text);
    assert!(!fewer.text.contains("South") && fewer.text.contains("North"), "{}", fewer.text);
    let hidden = json!({"roles": ["user"], "table": "sales", "hidden_columns": ["region"]});
    let patch = json!({"policies": {"own": null, "hidden": hidden}, "version": 1});
    let answer = server.send(&owner, Method::PATCH, "/semantics", patch).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let hidden = run(&user, by_region).await;
    assert_eq!((hidden.status.as_u16(), hidden.code()), (422, "invalid_query"), "{}", hidden.text);
    assert!(!hidden.text.contains("North"), "{}", hidden.text);
}
