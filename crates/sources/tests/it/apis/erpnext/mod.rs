//! ERPNext.

mod server;

use std::{collections::BTreeMap, sync::Arc};

use pacioli_sources::{
    SourceError,
    apis::{ErpNext, ErpNextSettings},
    source::Source,
};
use secrecy::SecretString;
use serde_json::{Value, json};

pub use server::{Documents, Server};

use super::{
    SECRET, described, faults::Fault, is_clean, load, load_some, only, pace::Moved, reach,
    references, table,
};

pub fn settings(server: &Server) -> ErpNextSettings {
    let text = json!({
        "url": server.serving.url(), "api_key": "the-key", "page_rows": 4, "overlap_seconds": 60,
    });
    serde_json::from_value(text).unwrap()
}

/// The types of the site; a type is told with its child tables.
pub fn doctypes(name: &str) -> Vec<Value> {
    let field = |name: &str, kind: &str, options: Value| json!({ "fieldname": name, "fieldtype": kind, "label": name, "options": options });
    let item = |name: &str| {
        json!({ "name": name, "istable": 1, "fields": [
            field("item_code", "Link", json!("Item")),
            field("qty", "Float", json!(null)),
            field("base_net_amount", "Currency", json!("Company:company:default_currency")),
        ]})
    };
    let taxes = json!({ "name": "Sales Taxes and Charges", "istable": 1, "fields": [field("rate", "Percent", json!(null))] });
    match name {
        "Sales Invoice" => vec![
            json!({ "name": "Sales Invoice", "issingle": 0, "fields": [
                field("title_section", "Section Break", json!(null)),
                field("customer", "Link", json!("Customer")),
                field("posting_date", "Date", json!(null)),
                field("posting_time", "Time", json!(null)),
                field("base_grand_total", "Currency", json!(null)),
                field("is_return", "Check", json!(null)),
                field("amended_from", "Link", json!("Sales Invoice")),
                field("project", "Link", json!("Project")),
                field("gateway_key", "Password", json!(null)),
                field("items", "Table", json!("Sales Invoice Item")),
                field("taxes", "Table", json!("Sales Taxes and Charges")),
                json!({ "fieldname": "total_words", "fieldtype": "Data", "is_virtual": 1 }),
            ]}),
            item("Sales Invoice Item"),
            taxes,
        ],
        "Sales Order" => vec![
            json!({ "name": "Sales Order", "fields": [field("taxes", "Table", json!("Sales Taxes and Charges"))] }),
            taxes,
        ],
        "Customer" => vec![
            json!({ "name": "Customer", "fields": [field("customer_name", "Data", json!(null))] }),
        ],
        "Sales Invoice Item" => vec![item("Sales Invoice Item")],
        "Sales Taxes and Charges" => vec![taxes],
        "System Settings" => {
            vec![json!({ "name": "System Settings", "issingle": 1, "fields": [] })]
        }
        "Log" => {
            vec![json!({ "name": "Log", "fields": [field("note", "Small Text", json!(null))] })]
        }
        _ => Vec::new(),
    }
}

fn document(name: &Value, minute: usize, more: &Value) -> Value {
    let mut row = json!({
        "name": name, "creation": "2026-01-01 10:00:00.000001",
        "modified": format!("2026-01-02 10:{minute:02}:00.000001"),
        "owner": "reader@example.com", "modified_by": "reader@example.com", "docstatus": 1, "idx": 0,
    });
    for (name, value) in more.as_object().unwrap() {
        row[name] = value.clone();
    }
    row
}

/// 11 invoices of two lines each, and others.
pub fn documents() -> Documents {
    let invoice = |number: usize| {
        // Names are of mixed case, which the database's collation does not tell apart.
        let name = if number.is_multiple_of(2) {
            format!("SINV-{number:03}")
        } else {
            format!("sinv-{number:03}")
        };
        document(
            &json!(name),
            number % 3,
            &json!({
                "customer": "Palmer", "posting_date": "2026-01-31", "posting_time": "9:05:00.5",
                "base_grand_total": 1234.56, "is_return": number % 2, "amended_from": null, "project": null,
            }),
        )
    };
    let line = |number: usize| {
        document(
            &json!(format!("row{number:04}")),
            number % 3,
            &json!({
                "parent": format!("SINV-{:03}", number / 2 + 1), "parenttype": "Sales Invoice", "parentfield": "items",
                "item_code": "Chair", "qty": 2.5, "base_net_amount": "0.123456789",
            }),
        )
    };
    let tax = |number: usize, kind: &str| {
        document(
            &json!(format!("tax{number}")),
            0,
            &json!({ "parent": "X", "parenttype": kind, "parentfield": "taxes", "rate": 19 }),
        )
    };
    BTreeMap::from([
        ("Sales Invoice".to_owned(), (1..=11).map(invoice).collect()),
        ("Sales Invoice Item".to_owned(), (0..22).map(line).collect()),
        (
            "Sales Taxes and Charges".to_owned(),
            vec![tax(1, "Sales Invoice"), tax(2, "Sales Order"), tax(3, "Quotation")],
        ),
        ("Sales Order".to_owned(), vec![document(&json!("SO-1"), 0, &json!({}))]),
        (
            "Customer".to_owned(),
            vec![document(&json!("Palmer"), 0, &json!({ "customer_name": "Palmer" }))],
        ),
        (
            "Log".to_owned(),
            (1..=11).map(|number| document(&json!(number), 0, &json!({ "note": "x" }))).collect(),
        ),
    ])
}

#[tokio::test]
async fn document_types_become_tables_and_their_child_tables_come_with_them() {
    let server = Server::start().await;
    let tables = server.source(&Arc::new(Moved::default())).discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "Customer",
            "Sales Invoice",
            "Sales Invoice Item",
            "Sales Order",
            "Sales Taxes and Charges"
        ]
    );
    let invoice = table(&tables, "Sales Invoice");
    assert_eq!(
        described(invoice),
        [
            "name: text -> name",
            "creation: timestamp -> creation",
            "modified: timestamp -> modified",
            "owner: text -> owner",
            "modified_by: text -> modified_by",
            "docstatus: integer -> docstatus",
            "idx: integer -> idx",
            "customer: text -> customer",
            "posting_date: date -> posting_date",
            "posting_time: text -> posting_time",
            "base_grand_total: decimal -> base_grand_total",
            "is_return: boolean -> is_return",
            "amended_from: text -> amended_from",
            "project: text -> project",
        ]
    );
    assert_eq!(
        references(invoice),
        ["customer -> Customer(name)", "amended_from -> Sales Invoice(name)"]
    );
    let item = table(&tables, "Sales Invoice Item");
    assert_eq!(references(item), ["parent -> Sales Invoice(name)"], "items are not read");
    assert!(described(item).contains(&"parenttype: text -> parenttype".to_owned()));
    assert!(
        references(table(&tables, "Sales Taxes and Charges")).is_empty(),
        "they have two parents"
    );
}

#[tokio::test]
async fn every_document_comes_once_with_exact_amounts_and_times_in_utc() {
    let server = Server::start().await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let wanted = [
        "name",
        "creation",
        "posting_date",
        "base_grand_total",
        "is_return",
        "project",
        "docstatus",
    ];
    let loaded = load(&source, &only(table(&tables, "Sales Invoice"), &wanted), None).await.whole();
    assert_eq!(loaded.batches, [4, 4, 3, 0]);
    assert_eq!(
        loaded.rows[0],
        [
            "sinv-001",
            "2026-01-01T04:30:00.000001",
            "2026-01-31",
            "1234.560000000",
            "true",
            "∅",
            "1"
        ]
    );
    let names: Vec<String> = loaded.keys().iter().map(|name| name.to_lowercase()).collect();
    assert_eq!(names, (1..=11).map(|number| format!("sinv-{number:03}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn child_rows_are_read_through_their_parents_and_those_of_other_parents_are_not() {
    let server = Server::start().await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let wanted = ["name", "parent", "idx", "qty", "base_net_amount"];
    let items =
        load(&source, &only(table(&tables, "Sales Invoice Item"), &wanted), None).await.whole();
    assert_eq!(items.rows.len(), 22);
    assert_eq!(items.rows[2], ["row0002", "SINV-002", "0", "2.500000000", "0.123456789"]);
    // A new source, as after a restart, finds the parents by itself.
    let fresh = server.source(&Arc::new(Moved::default()));
    let taxes = load(&fresh, table(&tables, "Sales Taxes and Charges"), None).await.whole();
    assert_eq!(taxes.keys(), ["tax1", "tax2"]);
}

#[tokio::test]
async fn documents_that_change_between_pages_are_neither_lost_nor_doubled() {
    let server = Server::start().await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let invoices = table(&tables, "Sales Invoice");
    // List 0 asks for the newest change.
    server.before_list(2, |documents| {
        let rows = documents.get_mut("Sales Invoice").unwrap();
        rows.remove(1);
        rows[0]["modified"] = json!("2026-01-03 00:00:00.000000");
        rows[9]["modified"] = json!("2026-01-03 00:00:01.000000");
    });
    let loaded = load(&source, invoices, None).await.whole();
    assert_eq!(loaded.rows.len(), 11);
    let next = load(&source, invoices, loaded.last_mark()).await.whole();
    assert!(
        next.keys().contains(&"sinv-001") && next.keys().contains(&"sinv-011"),
        "{:?}",
        next.keys()
    );
}

#[tokio::test]
async fn an_incremental_load_takes_what_changed_since_and_a_load_that_was_cut_off_goes_on() {
    let server = Server::start().await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    for (name, changed) in [("Sales Invoice", 8), ("Sales Invoice Item", 14)] {
        let whole = load(&source, table(&tables, name), None).await.whole();
        let next = load(&source, table(&tables, name), whole.last_mark()).await.whole();
        assert_eq!(next.rows.len(), changed, "minutes 1 and 2 of 0, 1 and 2: {name}");
        let first = load_some(&source, table(&tables, name), None, 2).await.whole();
        let rest = load(&source, table(&tables, name), first.last_mark()).await.whole();
        let keys: Vec<&str> = first.keys().into_iter().chain(rest.keys()).collect();
        assert_eq!(keys, whole.keys());
        assert_eq!(rest.last_mark(), whole.last_mark());
    }
}

#[tokio::test]
async fn documents_that_are_numbered_are_paged_by_their_number() {
    let server = Server::start().await;
    let pace = Arc::new(Moved::default());
    let named = ErpNextSettings { doctypes: vec!["Log".to_owned()], ..settings(&server) };
    let source = ErpNext::new(named, &SecretString::from(SECRET), &reach(&pace)).unwrap();
    let tables = source.discover().await.unwrap();
    let loaded = load(&source, &tables[0], None).await.whole();
    assert_eq!(loaded.keys(), (1..=11).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_may_not_be_read_is_left_out_unless_a_person_named_it() {
    let server = Server::start().await;
    server.site.closed.lock().unwrap().push("Customer");
    let pace = Arc::new(Moved::default());
    let tables = server.source(&pace).discover().await.unwrap();
    assert!(tables.iter().all(|table| table.name != "Customer"));
    for name in ["Customer", "No Such Thing", "System Settings"] {
        let named = ErpNextSettings { more_doctypes: vec![name.to_owned()], ..settings(&server) };
        let source = ErpNext::new(named, &SecretString::from(SECRET), &reach(&pace)).unwrap();
        let error = source.discover().await.unwrap_err();
        assert!(error.to_string().contains(name), "{error}");
        assert_eq!(matches!(error, SourceError::Denied { .. }), name == "Customer", "{error}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_denied_at_the_first_request() {
    let server = Server::start().await;
    let pace = Arc::new(Moved::default());
    let source =
        ErpNext::new(settings(&server), &SecretString::from("wrong-s3cr3t"), &reach(&pace))
            .unwrap();
    let error = source.discover().await.unwrap_err();
    is_clean(&error);
    assert!(matches!(error, SourceError::Denied { .. }), "{error}");
    assert_eq!(server.faults.requests(), 1);
}

#[tokio::test]
async fn a_zone_that_the_site_does_not_tell_must_be_set() {
    let server = Server::start().await;
    let pace = Arc::new(Moved::default());
    let source = server.source(&pace);
    let tables = source.discover().await.unwrap();
    *server.site.time_zone.lock().unwrap() = "";
    let loaded = load(&source, table(&tables, "Customer"), None).await;
    assert!(loaded.error.unwrap().to_string().contains("`time_zone`"));
    let set = ErpNextSettings { time_zone: Some("Europe/Rome".to_owned()), ..settings(&server) };
    let source = ErpNext::new(set, &SecretString::from(SECRET), &reach(&pace)).unwrap();
    let loaded =
        load(&source, &only(table(&tables, "Customer"), &["creation"]), None).await.whole();
    assert_eq!(loaded.rows[0], ["2026-01-01T09:00:00.000001"]);
}

#[tokio::test]
async fn a_throttled_site_is_waited_for() {
    let server = Server::start().await;
    let pace = Arc::new(Moved::default());
    let source = server.source(&pace);
    let tables = source.discover().await.unwrap();
    for (number, fault) in
        [Fault::Later(429, Some("11")), Fault::Dropped, Fault::Truncated].into_iter().enumerate()
    {
        server.faults.after(2 * number + 1, fault);
    }
    let loaded = load(&source, table(&tables, "Sales Invoice Item"), None).await.whole();
    assert_eq!(loaded.rows.len(), 22);
    assert_eq!(pace.waits(), [11.0, 0.5, 0.5]);
}

#[tokio::test]
async fn a_type_of_very_many_fields_is_asked_for_as_a_whole() {
    let server = Server::start().await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let mut wide = only(table(&tables, "Customer"), &["name", "customer_name"]);
    for number in 0..150 {
        let mut column = wide.columns[1].clone();
        column.source_name = format!("custom_field_number_{number}");
        column.name = column.source_name.parse().unwrap();
        wide.columns.push(column);
    }
    let loaded = load(&source, &wide, None).await.whole();
    assert_eq!(loaded.rows[0][..3], ["Palmer", "Palmer", "∅"]);
    assert!(server.faults.seen().iter().all(|seen| seen.target.len() < 4000));
}

#[test]
fn settings_that_cannot_work_are_refused_when_they_are_made() {
    let pace = Arc::new(Moved::default());
    let settings = |more: Value| {
        let mut text = json!({ "url": "https://erp.example.com", "api_key": "k" });
        for (name, value) in more.as_object().unwrap() {
            text[name] = value.clone();
        }
        serde_json::from_value::<ErpNextSettings>(text).unwrap()
    };
    for (more, code) in [
        (json!({ "page_rows": 0 }), "source_page_rows"),
        (json!({ "certificate_authority": "no certificate" }), "source_certificate"),
        (json!({ "url": "erp" }), "source_address"),
        (json!({ "api_key": "two\nlines" }), "source_secret"),
    ] {
        let made = ErpNext::new(settings(more), &SecretString::from(SECRET), &reach(&pace));
        let Err(SourceError::Invalid { code: found, .. }) = made else { panic!("{code}") };
        assert_eq!(found, code);
    }
}
