//! `POST /uploads` of files that make several tables, and of what their sender says about types.

use reqwest::{Method, StatusCode, multipart};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    checks::{self, first_error, holds_nothing, refused},
    server::{Answer, Person, Server},
};

/// The bytes of the SQLite database that these statements make.
fn database(sql: &str) -> Vec<u8> {
    let file = tempfile::NamedTempFile::new().unwrap();
    Connection::open(file.path()).unwrap().execute_batch(sql).unwrap();
    std::fs::read(file.path()).unwrap()
}

const SHOP: &str = "
    CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT REFERENCES customers, revenue REAL);
    INSERT INTO customers VALUES (1, 'Ada'), (2, 'Bo');
    INSERT INTO orders VALUES (1, 1, 12.5), (2, 1, 0.25), (3, 2, 7);";

async fn upload(
    server: &Server,
    person: &Person,
    file: (&str, Vec<u8>),
    fields: &[(&'static str, &str)],
) -> Answer {
    let part = multipart::Part::bytes(file.1).file_name(file.0.to_owned());
    let mut form = multipart::Form::new().part("file", part);
    for (name, value) in fields {
        form = form.text(*name, (*value).to_owned());
    }
    let request = server.request(Method::POST, "/uploads").bearer_auth(&person.token);
    Answer::of(request.multipart(form).send().await.unwrap()).await
}

fn names(tables: &Value) -> Vec<&str> {
    tables.as_array().unwrap().iter().map(|table| table["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_database_becomes_its_tables_with_their_keys() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let answer = upload(&server, &owner, ("shop.db", database(SHOP)), &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    assert_eq!(answer.body["table"], Value::Null, "it made several");
    assert_eq!(names(&answer.body["tables"]), ["customers", "orders"]);
    assert_eq!(answer.body["tables"][1]["source"], "shop.db: orders");
    assert_eq!(answer.body["tables"][1]["rows"], 3);
    let job = answer.body["job_id"].as_str().unwrap();
    let job = server.get(&owner, &format!("/jobs/{job}")).await;
    assert_eq!(job.body["result"], json!({"tables": ["customers", "orders"]}), "{}", job.text);
    assert_eq!(job.body["progress"]["rows"], 5);
    assert_eq!(job.body["progress"]["percent"], 100);
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [["19.75"]], "{}", total.text);

    let company = owner.company.parse().unwrap();
    let catalog = server.app.store.tenant(company).catalog().await.unwrap();
    let [customers, orders] = catalog.tables.as_slice() else { panic!("{catalog:?}") };
    assert_eq!(customers.primary_key[0].as_str(), "id");
    assert_eq!(orders.foreign_keys[0].table, customers.name);
    assert_eq!(orders.foreign_keys[0].columns[0].as_str(), "customer_id");
    assert_eq!(orders.foreign_keys[0].references, customers.primary_key);
    let audit = server.get(&owner, "/audit?action=table_loaded").await;
    let mut targets: Vec<&str> = audit.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["target"].as_str().unwrap())
        .collect();
    targets.sort_unstable();
    assert_eq!(targets, ["customers", "orders"]);
}

#[tokio::test]
async fn a_table_without_rows_is_a_table() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let sql = format!("{SHOP} CREATE TABLE refunds (id INT, amount DECIMAL(9,2), day DATE);");
    let answer = upload(&server, &owner, ("shop.db", database(&sql)), &[]).await;
    assert_eq!(names(&answer.body["tables"]), ["customers", "orders", "refunds"]);
    let table = server.get(&owner, "/tables/refunds").await;
    assert_eq!(table.status, StatusCode::OK, "{}", table.text);
    assert_eq!(table.body["rows"], 0);
    assert_eq!(table.body["schema"][2]["type"], "date");
    assert_eq!(table.body["sample"]["rows"], json!([]));
}

#[tokio::test]
async fn an_archive_of_many_kinds_becomes_its_tables() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let json =
        br#"{"regions": [{"name": "North"}], "quotas": [{"region": "North", "quota": 7.5}]}"#;
    for (name, content) in [
        ("shop.db", database(SHOP)),
        ("plan.json", json.to_vec()),
        ("read me.pdf", b"%PDF-".to_vec()),
    ] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, &content).unwrap();
    }
    let bytes = archive.finish().unwrap().into_inner();
    let answer = upload(&server, &owner, ("all.zip", bytes), &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let tables = server.get(&owner, "/tables").await;
    assert_eq!(names(&tables.body["items"]), ["customers", "orders", "quotas", "regions"]);
    assert_eq!(tables.body["items"][0]["source"], "all.zip: shop.db: customers");
    let notes = tables.body["items"][0]["notes"].to_string();
    assert!(notes.contains("read me.pdf was left out: it is a PDF document."), "{notes}");
    assert_eq!(checks::files_under(&server.app.config.data_dir.join("spool")), 0);
    let total = server.ask(&owner, "total quota").await;
    assert_eq!(checks::rows(&total), [["7.5"]], "{}", total.text);
}

#[tokio::test]
async fn a_base_name_keeps_two_databases_apart() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for base in ["north", "south"] {
        let file = ("shop.db", database(SHOP));
        let answer = upload(&server, &owner, file, &[("table", base)]).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    }
    let tables = server.get(&owner, "/tables").await;
    let expect = ["north_customers", "north_orders", "south_customers", "south_orders"];
    assert_eq!(names(&tables.body["items"]), expect);
}

#[tokio::test]
async fn of_several_tables_all_are_replaced_or_none() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let orders = "id,revenue\n1,100\n";
    assert_eq!(server.upload(&owner, "orders.csv", orders).await.status, StatusCode::CREATED);
    let before = server.get(&owner, "/tables").await;
    let files = server.app.config.data_dir.join("files");
    let files_before = checks::files_under(&files);
    // The customers are whole, the orders are not.
    let bad = format!("{SHOP} INSERT INTO orders VALUES (4, 1, 'x' || hex(zeroblob(2000000)));");
    let answer = upload(&server, &owner, ("shop.db", database(&bad)), &[]).await;
    refused(&answer, 422, "unreadable_file");
    assert_eq!(first_error(&answer).1, "value_too_large");
    let types = r#"[{"table": "orders", "column": "revenue", "type": "date"}]"#;
    let answer = upload(&server, &owner, ("shop.db", database(SHOP)), &[("types", types)]).await;
    refused(&answer, 422, "unreadable_file");
    let after = server.get(&owner, "/tables").await;
    assert_eq!(after.body, before.body);
    assert_eq!(checks::files_under(&files), files_before, "files were left");
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [["100"]], "{}", total.text);
    let answer = upload(&server, &owner, ("shop.db", database(SHOP)), &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let total = server.ask(&owner, "total revenue").await;
    assert_eq!(checks::rows(&total), [["19.75"]], "{}", total.text);
}

#[tokio::test]
async fn types_can_be_chosen_and_are_said() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let content = "Report of today\nDay,Code,Amount\n01/02/2025,12,1.234\n03/04/2025,13,5.678\n";
    let types = r#"[{"header_row": 2},
        {"column": "Day", "type": "date", "date_order": "mdy"},
        {"column": "code", "type": "text"},
        {"column": "Amount", "type": "decimal(2)", "decimal_mark": ","}]"#;
    let file = || ("guess.csv", content.as_bytes().to_vec());
    let answer = upload(&server, &owner, file(), &[("types", types)]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let table = server.get(&owner, "/tables/guess").await;
    assert_eq!(
        table.body["sample"]["rows"],
        json!([["2025-01-02", "12", 1234.00], ["2025-03-04", "13", 5678.00]]),
        "{}",
        table.text
    );
    assert_eq!(
        table.body["notes"],
        json!([
            "Day: Read as date, as was chosen.",
            "Code: Read as text, as was chosen.",
            "Amount: Read as decimal(2), as was chosen."
        ])
    );
    let types = r#"[{"header_row": 2}, {"column": "Day", "type": "integer"}]"#;
    let answer = upload(&server, &owner, file(), &[("types", types)]).await;
    refused(&answer, 422, "unreadable_file");
    assert_eq!(first_error(&answer), ("body.file".to_owned(), "type_does_not_fit".to_owned()));
    let detail = answer.body["detail"].as_str().unwrap();
    assert!(detail.starts_with("Line 3: `01/02/2025` in the column Day"), "{detail}");
}

#[tokio::test]
async fn choices_that_are_none_are_refused() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    for types in [
        "x",
        "{}",
        "[1]",
        r#"[{"column": "a", "type": "money"}]"#,
        r#"[{"column": "a", "typ": "text"}]"#,
        r#"[{"column": "a", "date_order": "ydm"}]"#,
        r#"[{"column": "a", "decimal_mark": ";"}]"#,
        r#"[{"type": "text"}]"#,
        r#"[{"column": "a"}]"#,
        r#"[{"header_row": 0}]"#,
        r#"[{"column": "a", "type": "text"}, {"column": "a", "type": "date"}]"#,
        &" ".repeat(300 << 10),
    ] {
        let file = ("a.csv", b"a,b\n1,2\n".to_vec());
        let answer = upload(&server, &owner, file, &[("types", types)]).await;
        refused(&answer, 422, "invalid");
        assert_eq!(first_error(&answer).0, "body.types", "{types:.60}");
        holds_nothing(&server, &owner).await;
    }
    for (types, reason) in [
        (r#"[{"column": "c", "type": "text"}]"#, "unknown_column"),
        (r#"[{"table": "b", "column": "a", "type": "text"}]"#, "unknown_table"),
    ] {
        let file = ("a.csv", b"a,b\n1,2\n".to_vec());
        let answer = upload(&server, &owner, file, &[("types", types)]).await;
        refused(&answer, 422, "unreadable_file");
        assert_eq!(first_error(&answer).1, reason);
        holds_nothing(&server, &owner).await;
    }
}
