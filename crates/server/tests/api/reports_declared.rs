//! What a company declares about its figures, and what reports make of it: names by language, kinds, targets,
//! parts of ratios.

use chrono::{Datelike as _, NaiveDate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    reports::{asked, books},
    server::{Person, Server},
};

/// A company with books, and metrics of them.
async fn company(server: &Server) -> Person {
    let owner = server.sign_up("owner").await;
    server.load(&owner, "sales.csv", &books("2025-07-01")).await;
    let metrics = json!({
        "revenue": {"label": "Revenue", "labels": {"de": "Umsatz"}, "unit": "currency EUR",
            "expression": "sum(sales.revenue_eur) on sales.sale_date",
            "reports": ["overview", "sales"], "place": 1, "better": "higher"},
        "bookings": {"expression": "count(sales) on sales.sale_date", "reports": ["cash"],
            "better": "neither"},
        "basket": {"label": "Basket", "expression": "revenue / bookings",
            "unit": "currency EUR", "reports": ["sales"], "place": 2, "better": "higher"},
    });
    let tables = json!({"sales": {"columns": {"region": {"labels": {"de": "Gebiet"}}}}});
    let body = json!({"version": 0, "metrics": metrics, "tables": tables});
    let declared = server.send(&owner, Method::PATCH, "/semantics", body).await;
    assert_eq!(declared.status, 200, "{}", declared.text);
    assert_eq!(declared.body["in_effect"]["metrics"]["revenue"]["labels"]["de"], "Umsatz");
    owner
}

fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|it| it["fact"]["kind"] == kind).collect()
}

#[tokio::test]
async fn kinds_look_at_what_is_declared_for_them_and_names_are_told_in_their_language() {
    let server = Server::start().await;
    let owner = company(&server).await;
    let names = async |kind: &str| {
        let made = asked(&server, &owner, json!({"kind": kind, "today": "2026-01-10"})).await;
        let head =
            made.body["headline"].as_array().unwrap_or_else(|| panic!("{}", made.text)).clone();
        head.iter().map(|it| it["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("sales").await, ["revenue", "basket"]);
    assert_eq!(names("cash").await, ["bookings"]);
    assert_eq!(names("inventory").await, Vec::<String>::new());
    let made = asked(&server, &owner, json!({"kind": "sales", "today": "2026-01-10"})).await;
    let path = format!("/reports/{}.html", made.body["id"].as_str().unwrap());
    let english = server.get(&owner, &path).await.text;
    let german = server.get(&owner, &format!("{path}?language=de")).await.text;
    assert!(english.contains("Revenue") && !english.contains("Umsatz"), "{english}");
    assert!(german.contains("Umsatz") && german.contains("Gebiet"), "{german}");
    // What has no name in German keeps its own.
    assert!(german.contains("Basket"), "{german}");
}

#[tokio::test]
async fn the_parts_of_a_ratio_say_where_its_change_lies() {
    let server = Server::start().await;
    let owner = company(&server).await;
    let made = asked(&server, &owner, json!({"kind": "sales", "today": "2026-01-10"})).await;
    let found = of_kind(&made.body, "ratio_drivers");
    let fact = &found.first().unwrap_or_else(|| panic!("{}", made.text))["fact"];
    let first = &fact["components"][0];
    assert_eq!(first["member"], "South", "{fact}");
    let parts = fact["components"].as_array().unwrap().iter();
    let sum: f64 = parts.map(|it| it["rate"].as_f64().unwrap() + it["mix"].as_f64().unwrap()).sum();
    let number = |name: &str| fact[name].as_f64().unwrap();
    assert!((sum - (number("value") - number("before"))).abs() < 1e-6, "{fact}");
    // The same from a question.
    let answer = server
        .send(
            &owner,
            Method::POST,
            "/query",
            json!({"question": "why did basket fall in December 2025", "today": "2026-01-10"}),
        )
        .await;
    assert_eq!(answer.body["status"], "answered", "{}", answer.text);
    let columns: Vec<&str> = answer.body["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    assert_eq!(columns[..2], ["member", "numerator_before"], "{}", answer.text);
}

#[tokio::test]
async fn the_pace_of_the_month_that_runs_is_held_against_its_target() {
    let server = Server::start().await;
    let owner = company(&server).await;
    let plan = (1..=12).map(|month| format!("2025-{month:02}-01,40000.00\n"));
    let plan = plan.collect::<Vec<_>>().concat();
    server.load(&owner, "plan.csv", &format!("month,amount\n{plan}")).await;
    let target = json!({"version": 1, "metrics": {"revenue_target":
        {"expression": "sum(plan.amount) on plan.month", "unit": "currency EUR"}}});
    let declared = server.send(&owner, Method::PATCH, "/semantics", target).await;
    assert_eq!(declared.status, 200, "{}", declared.text);
    let made = asked(&server, &owner, json!({"kind": "overview", "today": "2025-12-20"})).await;
    let found = of_kind(&made.body, "pace");
    let fact = &found.first().unwrap_or_else(|| panic!("{}", made.text))["fact"];
    let revenue = |from: &str, to: &str| -> f64 {
        let (from, to): (NaiveDate, NaiveDate) = (from.parse().unwrap(), to.parse().unwrap());
        let books = books("2025-07-01");
        let lines = books.lines().skip(1).filter(|line| {
            let day: NaiveDate = line.split(',').next().unwrap().parse().unwrap();
            from <= day && day < to
        });
        lines.map(|line| line.rsplit(',').next().unwrap().parse::<f64>().unwrap()).sum()
    };
    let number = |name: &str| fact[name].as_f64().unwrap();
    assert!((number("so_far") - revenue("2025-12-01", "2025-12-20")).abs() < 1e-6, "{fact}");
    assert_eq!((&fact["days"], &fact["days_in_all"]), (&json!(19), &json!(31)));
    assert_eq!((&fact["is_target"], number("reference")), (&json!(true), 40_000.0));
    // As the same first days of the twelve months before let expect.
    let shares: Vec<f64> = (0..12)
        .map(|back| {
            let from: NaiveDate = "2024-12-01".parse().unwrap();
            let from = from + chrono::Months::new(back);
            let to = from + chrono::Months::new(1);
            let same = from.with_day(20).unwrap();
            revenue(&from.to_string(), &same.to_string())
                / revenue(&from.to_string(), &to.to_string())
        })
        .collect();
    let expected = number("so_far") / (shares.iter().sum::<f64>() / 12.0);
    assert!((number("projected") - expected).abs() < 1e-6 * expected, "{expected} {fact}");
    // Figures that ended long ago do not hold the others back.
    let old = "hired_on,name\n2024-01-02,Ada\n2024-05-03,Bea\n2024-06-30,Cid\n";
    server.load(&owner, "hires.csv", old).await;
    let hires = json!({"version": 2, "metrics": {"hires":
        {"expression": "count(hires) on hires.hired_on", "reports": ["overview"], "place": 9}}});
    let declared = server.send(&owner, Method::PATCH, "/semantics", hires).await;
    assert_eq!(declared.status, 200, "{}", declared.text);
    let made = asked(&server, &owner, json!({"kind": "overview", "today": "2025-12-20"})).await;
    assert_eq!(
        (&made.body["period"]["from"], &made.body["data_until"]),
        (&json!("2025-11-01"), &json!("2025-12-19")),
        "{}",
        made.text
    );
    // A month that is over has no pace.
    let over = asked(
        &server,
        &owner,
        json!({"kind": "overview", "period": "2025-10", "today": "2025-12-20"}),
    )
    .await;
    assert_eq!(of_kind(&over.body, "pace").len(), 0, "{}", over.text);
}

#[tokio::test]
async fn what_is_paid_is_no_open_item_and_days_outstanding_show_both_their_sides() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let invoices = "invoice_number,invoice_date,due_date,total_eur,paid_eur\n\
                    R1,2025-12-01,2025-12-20,100.00,100.00\n\
                    R2,2025-12-05,2025-12-20,50.00,0.00\n\
                    R3,2025-10-01,2025-10-10,70.00,20.00\n\
                    R4,2025-12-30,2026-01-30,30.00,0.00\n";
    server.load(&owner, "invoices.csv", invoices).await;
    let metrics = json!({
        "receivables": {"unit": "currency EUR", "better": "lower",
            "expression": "sum(invoices.total_eur - invoices.paid_eur) on invoices.invoice_date"},
        "revenue": {"unit": "currency EUR",
            "expression": "sum(invoices.total_eur) on invoices.invoice_date"},
    });
    let body = json!({"version": 0, "metrics": metrics});
    let declared = server.send(&owner, Method::PATCH, "/semantics", body).await;
    assert_eq!(declared.status, 200, "{}", declared.text);
    let body = json!({"kind": "receivables_payables", "currency": "EUR", "today": "2026-01-10"});
    let made = asked(&server, &owner, body).await;
    let ageing = of_kind(&made.body, "ageing");
    let fact = &ageing.first().unwrap_or_else(|| panic!("{}", made.text))["fact"];
    let each = |name: &str| {
        let buckets = fact["buckets"].as_array().unwrap().iter();
        buckets.map(|it| it[name].as_f64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(each("amount"), [30.0, 50.0, 0.0, 50.0, 0.0], "{fact}");
    assert_eq!(each("items"), [1.0, 1.0, 0.0, 1.0, 0.0], "R1 is paid: {fact}");
    let outstanding = of_kind(&made.body, "days_outstanding");
    let days = outstanding.first().unwrap_or_else(|| panic!("{}", made.text));
    // 130 open; R3 was billed more than 90 days before the last invoice.
    assert_eq!(days["fact"]["days"], 65.0, "{days}");
    assert_eq!(days["evidence"]["rows"], json!([["2025-12-30", 130.0, 180.0]]), "{days}");
    // When R1 was paid is not told: what was open earlier is not known.
    assert!(days["fact"]["before"].is_null(), "{days}");
    assert_eq!(days["queries"].as_array().unwrap().len(), 2, "{days}");
    let path = format!("/reports/{}.html", made.body["id"].as_str().unwrap());
    let english = server.get(&owner, &path).await.text;
    let german = server.get(&owner, &format!("{path}?language=de")).await.text;
    assert!(english.contains("which is 65\u{a0}days of sales"), "{english}");
    assert!(german.contains("das sind 65\u{a0}Tage Umsatz"), "{german}");
}

/// An invoice a month that is paid after ten days in the first year and after 75 in the second; what is not paid by
/// the tenth of January 2026 is open.
#[tokio::test]
async fn days_outstanding_say_what_they_were_where_the_days_of_payments_are_known() {
    let day = |text: &str| text.parse::<NaiveDate>().unwrap();
    let rows = |known: &str| {
        let mut rows =
            "invoice_number,invoice_date,due_date,total_eur,paid_eur,paid_on\n".to_owned();
        for month in 0..24 {
            let issued = day("2024-01-05") + chrono::Months::new(month);
            let paid = issued + chrono::Days::new(if month < 12 { 10 } else { 75 });
            let due = issued + chrono::Days::new(30);
            let (amount, on) = match paid < day("2026-01-10") {
                true if known.is_empty() => ("90.00", paid.to_string()),
                true => ("90.00", known.to_owned()),
                false => ("0.00", String::new()),
            };
            rows.extend([format!("R{month},{issued},{due},90.00,{amount},{on}\n")]);
        }
        rows
    };
    let server = Server::start().await;
    // All paid on a day that cannot be: what is open now does not come out of that.
    for (name, known) in [("owner", ""), ("other", "2026-05-05")] {
        let owner = server.sign_up(name).await;
        server.load(&owner, "invoices.csv", &rows(known)).await;
        let metrics = json!({
            "receivables": {"unit": "currency EUR", "better": "lower",
                "expression": "sum(invoices.total_eur - invoices.paid_eur) on invoices.invoice_date"},
            "revenue": {"unit": "currency EUR",
                "expression": "sum(invoices.total_eur) on invoices.invoice_date"},
        });
        let body = json!({"version": 0, "metrics": metrics});
        let declared = server.send(&owner, Method::PATCH, "/semantics", body).await;
        assert_eq!(declared.status, 200, "{}", declared.text);
        let body =
            json!({"kind": "receivables_payables", "currency": "EUR", "today": "2026-01-10"});
        let made = asked(&server, &owner, body).await;
        let found = of_kind(&made.body, "days_outstanding");
        let found = found.first().unwrap_or_else(|| panic!("{}", made.text));
        assert_eq!(found["fact"]["days"], 60.0, "{found}");
        if known.is_empty() {
            assert_eq!(found["fact"]["before"], 30.0, "{found}");
            let rows = json!([["2024-12-05", 90.0, 270.0], ["2025-12-05", 180.0, 270.0]]);
            assert_eq!(found["evidence"]["rows"], rows, "{found}");
            let said = found["sentences"][1].as_str().unwrap();
            assert_eq!(said, "On 5 December 2024, it was 30\u{a0}days.");
        } else {
            assert!(found["fact"]["before"].is_null(), "{found}");
        }
    }
}

#[tokio::test]
async fn saved_questions_are_shown_with_declared_names_and_units() {
    let server = Server::start().await;
    let owner = company(&server).await;
    for question in ["revenue by region in 2025", "revenue by month in 2025"] {
        let saved = json!({"name": question, "question": question});
        let saved = server.send(&owner, Method::POST, "/questions", saved).await;
        assert_eq!(saved.status, 201, "{}", saved.text);
    }
    let made = asked(&server, &owner, json!({"kind": "custom", "today": "2026-01-10"})).await;
    assert_eq!(made.body["answers"].as_array().unwrap().len(), 2, "{}", made.text);
    let path = format!("/reports/{}.html", made.body["id"].as_str().unwrap());
    let english = server.get(&owner, &path).await.text;
    let german = server.get(&owner, &format!("{path}?language=de")).await.text;
    for (page, words) in [
        (&english, ["Revenue by region in 2025", "Revenue by Region", "Revenue by Month", "€"]),
        (&german, ["Umsatz nach Gebiet", "Umsatz nach Monat", ">Monat<", "\u{a0}€"]),
    ] {
        for word in words {
            assert!(page.contains(word), "{word}: {page}");
        }
    }
}
