//! `/semantics`: what a company declares about its tables, what it is refused, and who sees what.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    checks::refused,
    server::{Answer, Person, Server},
};

const ORDERS: &str = "id,customer_id,state,ordered_on,amount\n\
                      1,1,sale,2025-01-10,10.50\n2,2,draft,2025-01-11,7.00\n3,1,sale,2025-02-12,5.25\n";
const CUSTOMERS: &str = "id,name,region\n1,Ada,North\n2,Bo,South\n3,Cy,North\n";

/// A company with orders and customers.
async fn company(server: &Server, name: &str) -> Person {
    let owner = server.sign_up(name).await;
    for (file, content) in [("orders.csv", ORDERS), ("customers.csv", CUSTOMERS)] {
        let loaded = server.upload(&owner, file, content).await;
        assert_eq!(loaded.status, StatusCode::CREATED, "{}", loaded.text);
    }
    owner
}

async fn patch(server: &Server, person: &Person, body: Value) -> Answer {
    server.send(person, Method::PATCH, "/semantics", body).await
}

async fn put(server: &Server, person: &Person, tag: &str, toml: &str) -> Answer {
    let request = server.request(Method::PUT, "/semantics").bearer_auth(&person.token);
    let request = request.header("content-type", "text/toml").header("if-match", tag);
    Answer::of(request.body(toml.to_owned()).send().await.unwrap()).await
}

async fn toml(server: &Server, person: &Person) -> Answer {
    let request = server.request(Method::GET, "/semantics").bearer_auth(&person.token);
    Answer::of(request.header("accept", "application/toml").send().await.unwrap()).await
}

fn revenue() -> Value {
    json!({"revenue": {
        "label": "Sales revenue", "synonyms": ["turnover", "Umsatz"], "unit": "EUR",
        "expression": "SUM(orders.amount) where state in ('sale') on ordered_on",
    }})
}

#[tokio::test]
async fn declarations_are_written_in_one_way_counted_and_kept() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let before = server.get(&owner, "/semantics").await;
    assert_eq!(before.status, StatusCode::OK, "{}", before.text);
    assert_eq!((&before.body["version"], &before.body["declared"]), (&json!(0), &json!({})));
    assert_eq!(before.header("etag"), "\"0\"");

    let body = json!({
        "version": 0, "currency": "EUR", "metrics": revenue(),
        "tables": {"orders": {"default_filter": "not state = 'draft'", "date": "ordered_on"}},
    });
    let done = patch(&server, &owner, body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    assert_eq!((&done.body["version"], done.header("etag")), (&json!(1), "\"1\""));
    assert_eq!(done.body["changed_by"], owner.id.as_str());
    let declared = json!({
        "currency": "EUR",
        "metrics": {"revenue": {
            "label": "Sales revenue", "synonyms": ["turnover", "Umsatz"], "unit": "currency EUR",
            "expression": "sum(orders.amount) where orders.state in ('sale') on orders.ordered_on",
        }},
        "tables": {"orders": {"default_filter": "not state = 'draft'", "date": "ordered_on"}},
    });
    assert_eq!(done.body["declared"], declared);
    assert_eq!(done.body["in_effect"], declared);

    // A member that is named changes, one that is null goes, all others stay.
    server.advance(chrono::Duration::seconds(1));
    let body = json!({
        "version": 1, "metrics": {"revenue": {"label": "Revenue", "synonyms": null}},
        "tables": {"orders": null},
    });
    let done = patch(&server, &owner, body).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let kept = &done.body["declared"];
    assert_eq!(kept["metrics"]["revenue"]["unit"], "currency EUR");
    assert_eq!(kept["metrics"]["revenue"].get("label"), None, "its name in words");
    assert_eq!((kept.get("tables"), &kept["currency"]), (None, &json!("EUR")));

    // What changes nothing is no change.
    let same = patch(&server, &owner, json!({"version": 2, "currency": "EUR"})).await;
    assert_eq!(same.body["version"], 2, "{}", same.text);
    let versions = server.get(&owner, "/semantics/versions").await;
    let listed: Vec<_> = versions.body["items"].as_array().unwrap().iter().collect();
    assert_eq!(listed.iter().map(|it| &it["version"]).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(listed[0]["declared"], declared);
    let log = server.get(&owner, "/audit?action=semantics_changed").await;
    let details: Vec<_> =
        log.body["items"].as_array().unwrap().iter().map(|it| it["detail"].clone()).collect();
    assert_eq!(
        details,
        ["metrics.revenue, tables.orders", "currency, metrics.revenue, tables.orders"]
    );
}

#[tokio::test]
async fn two_who_change_the_same_version_do_not_overwrite_each_other() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let first = patch(&server, &owner, json!({"version": 0, "currency": "EUR"})).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.text);
    // Who does not say which version is changed is told where to say it.
    for (method, at) in
        [(Method::PATCH, json!(["body", "version"])), (Method::PUT, json!(["header", "If-Match"]))]
    {
        let done = server.send(&owner, method, "/semantics", json!({"currency": "USD"})).await;
        assert_eq!(
            (done.status, &done.body["errors"][0]["loc"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &at)
        );
    }
    let second = patch(&server, &owner, json!({"version": 0, "currency": "USD"})).await;
    refused(&second, 409, "conflict");
    refused(&put(&server, &owner, "\"0\"", "currency = \"USD\"").await, 409, "conflict");
    refused(&patch(&server, &owner, json!({"currency": "USD"})).await, 422, "invalid");
    refused(&put(&server, &owner, "first", "currency = \"USD\"").await, 422, "invalid");
    assert_eq!(put(&server, &owner, "\"1\"", "currency = \"USD\"").await.body["version"], 2);
    assert_eq!(put(&server, &owner, "*", "currency = \"CHF\"").await.body["version"], 3);
}

#[tokio::test]
async fn what_is_wrong_is_told_with_its_place_and_the_nearest_name() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let wrong = patch(
        &server,
        &owner,
        json!({
            "version": 0,
            "metrics": {
                "one": {"expression": "sum(orders.amuont)"},
                "two": {"expression": "sum(orders.amount"},
            },
            "tables": {"oders": {"label": "x"}},
        }),
    )
    .await;
    refused(&wrong, 422, "invalid");
    assert_eq!(wrong.body["errors"][0]["loc"], json!(["body", "metrics", "two", "expression"]));
    let body = json!({"version": 0, "metrics": {"one": {"expression": "sum(orders.amuont)"}},
                      "tables": {"oders": {"label": "x"}}});
    let wrong = patch(&server, &owner, body).await;
    let told: Vec<_> =
        wrong.body["errors"].as_array().unwrap().iter().map(|it| &it["msg"]).collect();
    assert_eq!(
        told,
        [
            "there is no column orders.amuont; did you mean orders.amount?.",
            "there is no table oders; did you mean orders?.",
        ]
    );
    for (body, loc) in [
        (json!({"version": 0, "metrics": {"one": {"expresion": "x"}}}), "expresion"),
        (json!({"version": 0, "metric": {}}), "metric"),
        (json!({"version": "one"}), "version"),
        (json!({"version": 0, "fiscal_year_start": 13}), "fiscal_year_start"),
    ] {
        let wrong = patch(&server, &owner, body).await;
        refused(&wrong, 422, "invalid");
        let at = wrong.body["errors"][0]["loc"].as_array().unwrap().last().unwrap().clone();
        assert_eq!(at, loc, "{}", wrong.text);
    }
    refused(&put(&server, &owner, "*", "a = [").await, 400, "malformed_body");
    assert_eq!(server.get(&owner, "/semantics").await.body["version"], 0);
}

#[tokio::test]
async fn a_relationship_is_declared_only_where_values_name_rows() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let declare = |to: &str| {
        json!({"version": 0, "relationships": {"bought_by": {
            "from": "orders.customer_id", "to": to, "label": "bought by"}}})
    };
    let loaded = server.upload(&owner, "notes.csv", "customer,text\n1,a\n1,b\n2,c\n").await;
    assert_eq!(loaded.status, StatusCode::CREATED);
    let wrong = patch(&server, &owner, declare("notes.customer")).await;
    refused(&wrong, 422, "invalid");
    assert!(wrong.text.contains("2 rows of notes share one value"), "{}", wrong.text);
    let done = patch(&server, &owner, declare("customers.id")).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let table = server.get(&owner, "/tables/orders").await;
    let declared = &table.body["relationships"][0];
    assert_eq!((&declared["name"], &declared["known"]), (&json!("bought_by"), &json!("declared")));
    assert_eq!((&declared["match_rate"], &declared["label"]), (&json!(1.0), &json!("bought by")));
}

#[tokio::test]
async fn a_file_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let body = json!({"version": 0, "metrics": revenue(), "policies": {"own": {
        "roles": ["user"], "table": "customers", "rows": "name = caller.email"}}});
    assert_eq!(patch(&server, &owner, body).await.status, StatusCode::OK);
    let file = toml(&server, &owner).await;
    assert_eq!((file.status, file.header("content-type")), (StatusCode::OK, "application/toml"));
    assert!(file.text.contains("[metrics.revenue]"), "{}", file.text);
    let cleared = put(&server, &owner, file.header("etag"), "").await;
    assert_eq!(cleared.body["declared"], json!({}), "{}", cleared.text);
    let restored = put(&server, &owner, cleared.header("etag"), &file.text).await;
    assert_eq!(restored.status, StatusCode::OK, "{}", restored.text);
    assert_eq!(toml(&server, &owner).await.text, file.text);
}

#[tokio::test]
async fn people_read_what_holds_and_no_policies() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let body = json!({"version": 0, "metrics": revenue(), "policies": {"own": {
        "roles": ["user"], "table": "customers", "rows": "region = 'North'"}}});
    assert_eq!(patch(&server, &owner, body).await.status, StatusCode::OK);
    let user = server.add_user(&owner, "user").await;
    let seen = server.get(&user, "/semantics").await;
    assert_eq!(seen.status, StatusCode::OK, "{}", seen.text);
    assert_eq!(seen.body["in_effect"]["metrics"]["revenue"]["unit"], "currency EUR");
    assert!(!seen.text.contains("region"), "{}", seen.text);
    assert!(!toml(&server, &user).await.text.contains("policies"));
    // How much there is in all is told to nobody who sees a part of it.
    for (person, is_told) in [(&owner, true), (&user, false)] {
        let table = server.get(person, "/tables/customers").await;
        for key in ["rows", "bytes"] {
            assert_eq!(table.body[key].is_u64(), is_told, "{}", table.text);
        }
        assert!(server.get(person, "/tables/orders").await.body["rows"].is_u64());
    }
    refused(&patch(&server, &user, json!({"version": 1})).await, 403, "insufficient_role");
    refused(&server.get(&user, "/semantics/versions").await, 403, "insufficient_role");
}

#[tokio::test]
async fn a_metric_whose_table_is_gone_is_unavailable_until_it_is_back() {
    let server = Server::start().await;
    let owner = company(&server, "owner").await;
    let done = patch(&server, &owner, json!({"version": 0, "metrics": revenue()})).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    server.send(&owner, Method::DELETE, "/tables/orders", Value::Null).await;
    let seen = server.get(&owner, "/semantics").await;
    assert_eq!(seen.body["in_effect"].get("metrics"), None, "{}", seen.text);
    assert_eq!(
        seen.body["unavailable"],
        json!([{"name": "revenue", "label": "Sales revenue", "pack": "", "missing":
            ["orders", "orders.amount", "orders.state", "orders.ordered_on"]}])
    );
    // It is no reason to refuse another change.
    let other = patch(&server, &owner, json!({"version": 1, "currency": "EUR"})).await;
    assert_eq!(other.status, StatusCode::OK, "{}", other.text);
    server.upload(&owner, "orders.csv", ORDERS).await;
    let seen = server.get(&owner, "/semantics").await;
    assert_eq!(seen.body["unavailable"], json!([]));
    assert!(seen.body["in_effect"]["metrics"].get("revenue").is_some(), "{}", seen.text);
}

#[tokio::test]
async fn what_one_company_declares_is_unknown_to_another() {
    let server = Server::start().await;
    let (one, other) = (company(&server, "one").await, company(&server, "other").await);
    let done = patch(&server, &one, json!({"version": 0, "metrics": revenue()})).await;
    assert_eq!(done.status, StatusCode::OK);
    for path in ["/semantics", "/semantics/versions"] {
        let seen = server.get(&other, path).await;
        assert!(!seen.text.contains("revenue") && !seen.text.contains("Umsatz"), "{}", seen.text);
    }
    let theirs = patch(&server, &other, json!({"version": 0, "currency": "USD"})).await;
    assert_eq!(theirs.status, StatusCode::OK);
    assert_eq!(server.get(&one, "/semantics").await.body["in_effect"].get("currency"), None);
    assert_eq!(server.get(&one, "/semantics").await.body["version"], 1);
}

const OINV: &str = "DocEntry,CardCode,DocTotal,VatSum,CANCELED,DocDate\n\
                    1,C1,119.00,19.00,N,2025-01-10\n2,C1,238.00,38.00,Y,2025-01-11\n3,C2,59.50,9.50,N,2025-02-01\n";
const INV1: &str =
    "DocEntry,ItemCode,Quantity,LineTotal\n1,A,2,100.00\n2,A,4,200.00\n3,B,1,50.00\n";

#[tokio::test]
async fn a_known_system_is_recognised_with_its_reason_and_forgotten_with_its_tables() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for (file, content) in [("OINV.csv", OINV), ("INV1.csv", INV1)] {
        assert_eq!(server.upload(&owner, file, content).await.status, StatusCode::CREATED);
    }
    let seen = server.get(&owner, "/semantics").await;
    assert_eq!(
        seen.body["packs"],
        json!([{"pack": "sap_business_one", "reason": "oinv has doc_entry, card_code, doc_total"}])
    );
    let metrics = &seen.body["in_effect"]["metrics"];
    assert!(metrics.get("gross_invoiced").is_some(), "{}", seen.text);
    assert_eq!(seen.body["metric_packs"]["gross_invoiced"], "sap_business_one");
    assert_eq!(seen.body["declared"], json!({}));
    let unavailable = seen.body["unavailable"].as_array().unwrap();
    let revenue = unavailable.iter().find(|it| it["name"] == "invoiced_revenue").unwrap();
    assert!(revenue["missing"].as_array().unwrap().contains(&json!("orin")), "{revenue}");
    // Its relationships are measured like all others.
    let table = server.get(&owner, "/tables/inv1").await;
    let lines = &table.body["relationships"][0];
    assert_eq!(
        (&lines["to"], &lines["known"]),
        (&json!("oinv"), &json!("declared")),
        "{}",
        table.text
    );
    assert_eq!(lines["match_rate"], 1.0);
    server.send(&owner, Method::DELETE, "/tables/oinv", Value::Null).await;
    assert_eq!(server.get(&owner, "/semantics").await.body["packs"], json!([]));
}
