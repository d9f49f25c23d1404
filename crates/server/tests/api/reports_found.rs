//! What is planted in a company's tables is found by the kinds of analysis that need several of them, or many members.

use std::fmt::Write as _;

use chrono::{Months, NaiveDate};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    reports::{asked, books},
    server::{Person, Server},
};

fn first_of(month: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2023, 1, 1).unwrap() + Months::new(month)
}

/// Something that looks like chance, 0 to `below`, and the same each time (the mixer of `SplitMix64`).
fn chance(number: u32, below: u32) -> u32 {
    let mut mixed = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    u32::try_from((mixed ^ (mixed >> 31)) % u64::from(below)).unwrap()
}

async fn company(server: &Server, tables: &[(&str, String)], declared: Value) -> Person {
    let owner = server.sign_up("owner").await;
    for (name, rows) in tables {
        server.load(&owner, name, rows).await;
    }
    let answer = server.send(&owner, Method::PATCH, "/semantics", declared).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    owner
}

fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a Value> {
    let findings = report["findings"].as_array().unwrap();
    findings.iter().filter(|it| it["fact"]["kind"] == kind).collect()
}

/// More customers than can be followed each; the largest are, by how often they pay.
#[tokio::test]
async fn one_of_many_customers_who_pays_later_is_told_of() {
    let mut payments = "payment_date,invoice_date,customer\n".to_owned();
    for month in 0..36 {
        for customer in 0..320 {
            for number in 0..if customer < 12 { 4 } else { 1 } {
                let paid = first_of(month) + chrono::Days::new(27 - u64::from(number) * 6);
                let days = 25 + chance(month * 10_000 + customer * 10 + number, 11);
                let late = if customer == 3 && month >= 31 { 40 } else { 0 };
                let sent = paid - chrono::Days::new(u64::from(days + late));
                writeln!(payments, "{paid},{sent},Customer {customer}").unwrap();
            }
        }
    }
    let server = Server::start().await;
    let metrics = json!({"days_to_pay": {"label": "Days to pay", "unit": "days", "better": "lower",
        "expression": "average(days(payments.invoice_date, payments.payment_date)) on payments.payment_date",
        "reports": ["receivables_payables"]}});
    let declared = json!({"version": 0, "metrics": metrics});
    let owner = company(&server, &[("payments.csv", payments)], declared).await;
    let body = json!({"kind": "receivables_payables", "period": "2025-Q4", "today": "2026-01-10"});
    let made = asked(&server, &owner, body).await;
    let shifts = of_kind(&made.body, "change_point");
    let of_members: Vec<_> =
        shifts.iter().filter(|it| !it["subject"]["member"].is_null()).collect();
    let told: Vec<&Value> = of_members.iter().map(|it| &it["subject"]["member"]).collect();
    assert_eq!(told, ["Customer 3"], "{}", made.text);
    assert_eq!(of_members[0]["fact"]["at"], "2025-08-01", "{}", made.text);
}

#[tokio::test]
async fn returns_of_one_product_that_pile_up_are_told_with_their_rows() {
    let mut lines = "line_date,kind,product,amount\n".to_owned();
    for month in 0..30 {
        for product in 0..20 {
            let day = first_of(month) + chrono::Days::new(u64::from(product) + 8);
            let mut row = |kind: &str, sign: &str, number: u32| {
                let amount = 40 + chance(month * 7919 + product * 104 + number, 30);
                writeln!(lines, "{day},{kind},Product {product},{sign}{amount}.00").unwrap();
            };
            let sold = 12 + product + chance(month * 31 + product, 6);
            (0..sold).for_each(|number| row("sale", "", number));
            let usual = u32::from(chance(month * 613 + product * 17, 100) < 3 * sold);
            let faulty = if product == 7 && month >= 28 { 7 } else { 0 };
            (0..usual + faulty).for_each(|number| row("return", "-", 500 + number));
        }
    }
    let server = Server::start().await;
    let metrics = json!({
        "revenue": {"expression": "sum(lines.amount) on lines.line_date", "unit": "currency EUR",
            "reports": ["products"], "place": 1, "better": "higher"},
        "returns": {"label": "Returns", "expression": "sum(-lines.amount) where lines.kind = 'return' on lines.line_date",
            "unit": "currency EUR", "reports": ["products"], "place": 2, "better": "lower"},
        "before_returns": {"expression": "revenue + returns", "unit": "currency EUR",
            "reports": ["products"], "place": 3, "better": "higher"},
        "returned": {"expression": "returns / before_returns", "unit": "percent",
            "reports": ["products"], "place": 4, "better": "lower"},
    });
    let declared = json!({"version": 0, "metrics": metrics});
    let owner = company(&server, &[("lines.csv", lines)], declared).await;
    let body = json!({"kind": "products", "period": "2025-Q2", "today": "2025-07-10"});
    let made = asked(&server, &owner, body).await;
    // A sum of sums adds up over the months of a quarter, which a ratio does not: it is asked for anew.
    let headline = made.body["headline"].as_array().unwrap();
    let asked_for: Vec<usize> =
        headline.iter().map(|it| it["queries"].as_array().unwrap().len()).collect();
    assert_eq!(asked_for, [1, 1, 1, 4], "{}", made.text);
    let bursts = of_kind(&made.body, "burst");
    let told: Vec<&Value> = bursts.iter().map(|it| &it["subject"]["member"]).collect();
    assert_eq!(told, ["Product 7"], "{}", made.text);
    let fact = &bursts[0]["fact"];
    assert_eq!((&fact["at"], &fact["to"]), (&json!("2025-05-01"), &json!("2025-07-01")), "{fact}");
    let number = |name: &str| fact[name].as_f64().unwrap();
    assert!(number("rows") >= 14.0 && number("expected_rows") < 4.0, "{fact}");
    assert!(number("value") > 3.0 * number("expected"), "{fact}");
    let path = format!("/reports/{}.html?language=de", made.body["id"].as_str().unwrap());
    let german = server.get(&owner, &path).await.text;
    assert!(german.contains("häufiger als üblich"), "{german}");
}

#[tokio::test]
async fn what_runs_out_and_what_nobody_takes_is_told() {
    let products = "product_id,product\nP1,Lamp\nP2,Desk\nP3,Vase\n";
    let mut stock = "stock_date,product_id,on_hand\n".to_owned();
    let mut sales = "sale_date,product_id,quantity\n".to_owned();
    for month in 0..24 {
        let last = first_of(month + 1).pred_opt().unwrap();
        for (product, on_hand) in [("P1", 20), ("P2", 600), ("P3", 50)] {
            writeln!(stock, "{last},{product},{on_hand}").unwrap();
        }
        for day in first_of(month).iter_days().take_while(|day| *day <= last) {
            // Lamps for ten days, desks for three hundred, and a vase two years ago.
            writeln!(sales, "{day},P1,2\n{day},P2,2").unwrap();
        }
    }
    writeln!(sales, "2023-01-05,P3,1").unwrap();
    let server = Server::start().await;
    let metrics = json!({
        "units_sold": {"expression": "sum(sales.quantity) on sales.sale_date", "unit": "pieces"},
        "stock_on_hand": {"expression": "sum(stock.on_hand) on stock.stock_date as snapshot", "unit": "pieces"},
    });
    let tables = json!({"products": {"label": "Products", "display": "product"}});
    let declared = json!({"version": 0, "metrics": metrics, "tables": tables});
    let files = [("products.csv", products.to_owned()), ("stock.csv", stock), ("sales.csv", sales)];
    let owner = company(&server, &files, declared).await;
    let made = asked(&server, &owner, json!({"kind": "inventory", "today": "2025-01-10"})).await;
    let found = of_kind(&made.body, "stock_cover");
    let fact = &found.first().unwrap_or_else(|| panic!("{}", made.text))["fact"];
    assert_eq!((&fact["short"], &fact["dead"]), (&json!(1), &json!(1)), "{fact}");
    let rows = found[0]["evidence"]["rows"].as_array().unwrap();
    let lamp = rows.iter().find(|row| row[0] == "Lamp").unwrap();
    assert_eq!(lamp[1].as_f64(), Some(20.0), "{lamp}");
    assert_eq!(lamp[3].as_f64(), Some(10.0), "{lamp}");
}

#[tokio::test]
async fn a_figure_that_follows_another_two_months_later_is_told() {
    let visits_of = |month: u32| 1000 + 10 * chance(month, 60);
    let (mut visits, mut sales) =
        ("visit_date,visits\n".to_owned(), "sale_date,amount\n".to_owned());
    for month in 0..36 {
        let day = first_of(month + 1).pred_opt().unwrap();
        writeln!(visits, "{day},{}", visits_of(month + 2)).unwrap();
        writeln!(sales, "{day},{}.00", 50 * visits_of(month) + chance(900 + month, 900)).unwrap();
    }
    let server = Server::start().await;
    let metrics = json!({
        "revenue": {"expression": "sum(sales.amount) on sales.sale_date", "unit": "currency EUR",
            "reports": ["overview"], "place": 1, "better": "higher"},
        "visits": {"expression": "sum(visits.visits) on visits.visit_date",
            "reports": ["overview"], "place": 2, "better": "higher"},
    });
    let declared = json!({"version": 0, "metrics": metrics});
    let files = [("visits.csv", visits), ("sales.csv", sales)];
    let owner = company(&server, &files, declared).await;
    let body = json!({"kind": "overview", "period": "2025-12", "today": "2026-01-10"});
    let made = asked(&server, &owner, body).await;
    let found = of_kind(&made.body, "lead_lag");
    let it = found.first().unwrap_or_else(|| panic!("{}", made.text));
    assert_eq!(it["subject"]["metric"]["name"], "revenue", "{it}");
    assert_eq!((&it["fact"]["other"]["name"], &it["fact"]["lag"]), (&json!("visits"), &json!(2)));
    assert!(it["fact"]["rho"].as_f64().unwrap() > 0.9, "{it}");
}

#[tokio::test]
async fn what_a_reader_mutes_is_left_out_for_the_whole_company_and_that_is_said() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let user = server.add_user(&owner, "user").await;
    let other = server.sign_up("other").await;
    for person in [&owner, &other] {
        server.load(person, "sales.csv", &books("2025-07-01")).await;
    }
    let overview = json!({"kind": "overview", "today": "2026-01-10"});
    let report = async |person: &Person| asked(&server, person, overview.clone()).await.body;
    let subject = |it: &Value| {
        (it["fact"]["kind"].clone(), it["subject"]["metric"]["name"].as_str().unwrap().to_owned())
    };
    let has = |report: &Value, wanted: &(Value, String)| {
        report["findings"].as_array().unwrap().iter().any(|it| subject(it) == *wanted)
    };
    let first = report(&user).await;
    let findings = first["findings"].as_array().unwrap();
    let (muted, useful) = (subject(&findings[0]), subject(findings.last().unwrap()));
    assert_ne!(muted, useful, "{first}");
    let path = format!("/reports/{}/votes", first["id"].as_str().unwrap());
    let vote = async |finding: &Value, vote: &str| {
        let body = json!({"finding": finding["id"], "vote": vote});
        let answer = server.send(&user, Method::POST, &path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.body
    };
    // What was said last holds.
    vote(&findings[0], "useful").await;
    let mute = vote(&findings[0], "mute").await;
    assert_eq!((&mute["kind"], mute["figure"].as_str().unwrap()), (&muted.0, &*muted.1));
    vote(findings.last().unwrap(), "useful").await;
    let listed = server.get(&owner, "/votes").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 2, "{}", listed.text);
    for person in [&user, &owner] {
        let later = report(person).await;
        assert!(!has(&later, &muted), "{later}");
        let told = later["missing"].as_array().unwrap().iter().find(|it| it["what"] == "muted");
        assert!(told.is_some_and(|it| !it["names"].as_array().unwrap().is_empty()), "{later}");
        let page = format!("/reports/{}.html?language=de", later["id"].as_str().unwrap());
        let page = server.get(person, &page).await.text;
        assert!(page.contains("Befunde stummgeschaltet, die hier stünden"), "{page}");
        let again = later["findings"].as_array().unwrap().iter().find(|it| subject(it) == useful);
        // It was told before to the one; a reader found it useful.
        let expect = if person.id == user.id { 0.75 } else { 1.0 };
        let novelty = again.map(|it| it["score"]["novelty"].as_f64().unwrap());
        assert!(novelty.is_none_or(|it| it >= expect), "{novelty:?}");
    }
    // Nobody else hears of it, and withdrawn it is told again.
    assert!(has(&report(&other).await, &muted));
    assert_eq!(server.get(&other, "/votes").await.body["items"], json!([]));
    let withdrawn = format!("/votes/{}", mute["id"].as_str().unwrap());
    let delete =
        async |person: &Person| server.send(person, Method::DELETE, &withdrawn, json!({})).await;
    assert_eq!(delete(&other).await.status, 404);
    assert_eq!(delete(&user).await.status, 204);
    let later = report(&owner).await;
    assert!(has(&later, &muted), "{later}");
    assert!(later["missing"].as_array().unwrap().iter().all(|it| it["what"] != "muted"), "{later}");
    let none = json!({"finding": "trend:nothing:-:-", "vote": "mute"});
    assert_eq!(server.send(&user, Method::POST, &path, none).await.status, 422);
}
