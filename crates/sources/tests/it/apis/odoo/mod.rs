//! Odoo, new and old.

mod server;

use std::{collections::BTreeMap, sync::Arc};

use pacioli_sources::{
    SourceError,
    apis::{Odoo, OdooApi, OdooSettings},
    source::{Source, Watermark},
};
use secrecy::SecretString;
use serde_json::{Value, json};

pub use server::{Records, Server};

use super::{
    SECRET, described, is_clean, load, load_some, only, pace::Moved, reach, references, table,
};

/// Orders of one page, in these tests.
const PAGE: u32 = 3;

pub fn settings(server: &Server) -> OdooSettings {
    let text = json!({
        "url": server.serving.url(), "database": "books", "user": "reader", "page_rows": PAGE,
        "overlap_seconds": 60,
    });
    serde_json::from_value(text).unwrap()
}

/// How many orders the server has.
pub fn orders() -> usize {
    17
}

/// The server's records. Orders are of two companies and two are archived.
pub fn rows() -> Records {
    let order = |id: i64| {
        json!({
            "id": id * 10,
            "name": format!("S{id:05}"),
            "partner_id": if id == 4 { json!(false) } else { json!([7, "Azure Interior"]) },
            "company_id": [1 + id % 2, "Company"],
            "date_order": format!("2026-01-{id:02} 09:30:00"),
            "commitment_date": false,
            "amount_total": 100.1 * f64::from(i32::try_from(id).unwrap()),
            "currency_rate": 1.25,
            "state": "sale",
            "active": id % 8 != 0,
            "locked": false,
            "write_date": format!("2026-02-01 08:00:{:02}.{id:06}", id % 3),
        })
    };
    let lines = [
        json!({ "id": 1, "order_id": [10, "S00001"], "product_uom_qty": 2.5, "write_date": "2026-02-01 08:00:00.5" }),
    ];
    BTreeMap::from([
        ("sale.order".to_owned(), (1..=17).map(order).collect()),
        ("sale.order.line".to_owned(), lines.to_vec()),
        (
            "res.partner".to_owned(),
            vec![json!({ "id": 7, "name": "Azure Interior", "active": true, "write_date": false })],
        ),
        (
            "res.company".to_owned(),
            vec![json!({ "id": 1, "name": "One" }), json!({ "id": 2, "name": "Two" })],
        ),
        (
            "ir.model".to_owned(),
            vec![json!({ "id": 1, "model": "sale.order", "name": "Sales Order" })],
        ),
    ])
}

/// What `fields_get` tells.
pub fn fields(model: &str) -> Value {
    let plain = |kind: &str| json!({ "type": kind, "string": kind, "store": true });
    let mut fields = json!({
        "id": { "type": "integer", "string": "ID", "store": true },
        "name": { "type": "char", "string": "Reference", "store": true },
        "write_date": { "type": "datetime", "string": "Last Updated on", "store": true },
        "display_name": { "type": "char", "string": "Display Name", "store": false },
        "active": plain("boolean"),
    });
    let more = match model {
        "sale.order" => json!({
            "partner_id": { "type": "many2one", "string": "Customer", "relation": "res.partner", "store": true },
            "company_id": { "type": "many2one", "string": "Company", "relation": "res.company", "store": true },
            "team_id": { "type": "many2one", "string": "Team", "relation": "crm.team", "store": true },
            "date_order": plain("datetime"),
            "commitment_date": plain("datetime"),
            "amount_total": { "type": "monetary", "string": "Total", "store": true, "currency_field": "currency_id" },
            "currency_rate": { "type": "float", "string": "Rate", "store": true, "digits": false },
            "state": { "type": "selection", "string": "Status", "store": true, "selection": [["sale", "Sales Order"]] },
            "locked": plain("boolean"),
            "order_line": { "type": "one2many", "relation": "sale.order.line", "store": true },
            "tag_ids": { "type": "many2many", "relation": "crm.tag", "store": true },
            "signature": { "type": "binary", "store": true },
        }),
        "sale.order.line" => json!({
            "order_id": { "type": "many2one", "string": "Order", "relation": "sale.order", "store": true },
            "product_uom_qty": { "type": "float", "string": "Quantity", "store": true, "digits": [16, 2] },
        }),
        "ir.model" => json!({ "model": plain("char") }),
        _ => json!({}),
    };
    for (name, field) in more.as_object().unwrap() {
        fields[name] = field.clone();
    }
    fields
}

#[tokio::test]
async fn models_become_tables_with_their_types_keys_and_references() {
    for version in [12, 18, 19] {
        let server = Server::start(version).await;
        let tables = server.source(&Arc::new(Moved::default())).discover().await.unwrap();
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(names, ["res.company", "res.partner", "sale.order", "sale.order.line"]);
        let order = table(&tables, "sale.order");
        assert_eq!(
            described(order),
            [
                "id: integer -> id",
                "active: boolean -> active",
                "amount_total: decimal -> amount_total",
                "commitment_date: timestamp -> commitment_date",
                "company_id: integer -> company_id",
                "currency_rate: float -> currency_rate",
                "date_order: timestamp -> date_order",
                "locked: boolean -> locked",
                "name: text -> name",
                "partner_id: integer -> partner_id",
                "state: text -> state",
                "team_id: integer -> team_id",
                "write_date: timestamp -> write_date",
            ]
        );
        assert_eq!(
            references(order),
            ["company_id -> res.company(id)", "partner_id -> res.partner(id)"]
        );
        assert_eq!(
            (order.label.as_str(), order.rows),
            ("Sales Order", Some(17)),
            "archived ones count"
        );
        assert_eq!(order.primary_key[0].as_str(), "id");
        assert_eq!(order.changes_by.as_ref().unwrap().as_str(), "write_date");
    }
}

#[tokio::test]
async fn every_record_comes_once_archived_ones_and_those_of_all_companies_too() {
    for version in [12, 18, 19] {
        let server = Server::start(version).await;
        let source = server.source(&Arc::new(Moved::default()));
        let tables = source.discover().await.unwrap();
        let wanted =
            ["id", "name", "partner_id", "date_order", "commitment_date", "amount_total", "locked"];
        let loaded =
            load(&source, &only(table(&tables, "sale.order"), &wanted), None).await.whole();
        let keys: Vec<String> = (1..=17).map(|id| (id * 10).to_string()).collect();
        assert_eq!(loaded.keys(), keys);
        assert_eq!(loaded.batches, [3, 3, 3, 3, 3, 2]);
        assert_eq!(loaded.expected, Some(17));
        assert_eq!(
            loaded.rows[2],
            ["30", "S00003", "7", "2026-01-03T09:30:00", "∅", "300.3000", "false"]
        );
        assert_eq!(loaded.rows[3][2], "∅", "no partner");
    }
}

#[tokio::test]
async fn records_that_change_come_and_go_between_pages_are_neither_lost_nor_doubled() {
    let server = Server::start(19).await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let orders = table(&tables, "sale.order");
    // Page 0 asks for the newest change; the rows are pages 1 to 6.
    server.before_page(3, |records| {
        let rows = records.get_mut("sale.order").unwrap();
        rows.retain(|row| row["id"] != json!(10) && row["id"] != json!(160));
        rows[0]["name"] = json!("changed after it was read");
        rows[0]["write_date"] = json!("2026-02-02 00:00:00.000001");
        rows.push(json!({ "id": 175, "name": "new", "write_date": "2026-02-02 00:00:01.000000" }));
        rows.push(
            json!({ "id": 5, "name": "new behind us", "write_date": "2026-02-02 00:00:02.000000" }),
        );
    });
    let loaded = load(&source, orders, None).await.whole();
    let keys: Vec<String> = (1..=17)
        .filter(|id| *id != 16)
        .map(|id| (id * 10).to_string())
        .chain(["175".into()])
        .collect();
    assert_eq!(loaded.keys(), keys);
    let next = load(&source, orders, loaded.last_mark()).await.whole();
    let changed: Vec<&str> = next.keys();
    assert!(
        changed.contains(&"5") && changed.contains(&"20") && changed.contains(&"175"),
        "{changed:?}"
    );
}

#[tokio::test]
async fn an_incremental_load_takes_what_changed_since_and_a_while_before() {
    let server = Server::start(19).await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let orders = table(&tables, "sale.order");
    let full = load(&source, orders, None).await.whole();
    {
        let mut records = server.odoo.records.lock().unwrap();
        for row in records.get_mut("sale.order").unwrap() {
            row["write_date"] = match row["id"].as_i64().unwrap() {
                50 => json!("2026-02-01 08:00:01.900000"), // committed late
                90 => json!("2026-03-01 00:00:00.000000"),
                _ => json!("2026-01-01 00:00:00.000000"),
            };
        }
    }
    let next = load(&source, orders, full.last_mark()).await.whole();
    assert_eq!(next.keys(), ["50", "90"]);
    assert_eq!(next.expected, Some(2));
    let after = load(&source, orders, next.last_mark()).await.whole();
    assert_eq!(after.keys(), ["90"], "what lies at the mark comes again");
    assert_eq!(after.last_mark(), next.last_mark());
}

#[tokio::test]
async fn a_load_that_was_cut_off_goes_on_where_it_was() {
    let server = Server::start(19).await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let orders = table(&tables, "sale.order");
    let whole = load(&source, orders, None).await.whole();
    for batches in 1..=5 {
        let first = load_some(&source, orders, None, batches).await.whole();
        let rest = load(&source, orders, first.last_mark()).await.whole();
        let keys: Vec<&str> = first.keys().into_iter().chain(rest.keys()).collect();
        assert_eq!(keys, whole.keys(), "after {batches}");
        assert_eq!(rest.last_mark(), whole.last_mark());
    }
}

#[tokio::test]
async fn a_table_of_exactly_full_pages_ends_with_an_empty_one_that_carries_the_mark() {
    let server = Server::start(19).await;
    server.odoo.records.lock().unwrap().get_mut("sale.order").unwrap().truncate(6);
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let loaded = load(&source, table(&tables, "sale.order"), None).await.whole();
    assert_eq!(loaded.batches, [3, 3, 0]);
    assert!(loaded.last_mark().unwrap().0.contains("until"));
    server.odoo.records.lock().unwrap().get_mut("sale.order").unwrap().clear();
    let empty = load(&source, table(&tables, "sale.order"), None).await.whole();
    assert_eq!((empty.batches.as_slice(), empty.last_mark()), ([0].as_slice(), None));
}

#[tokio::test]
async fn what_may_not_be_read_is_left_out_unless_a_person_named_it() {
    let server = Server::start(19).await;
    server.odoo.closed.lock().unwrap().extend(["res.partner", "ir.model", "res.company"]);
    let pace = Arc::new(Moved::default());
    let tables = server.source(&pace).discover().await.unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["sale.order", "sale.order.line"]);
    assert_eq!(tables[0].label, "sale.order");
    for (model, denied) in [("res.partner", true), ("x_missing", false)] {
        let chosen = OdooSettings { more_models: vec![model.to_owned()], ..settings(&server) };
        let source = Odoo::new(chosen, &SecretString::from(SECRET), &reach(&pace)).unwrap();
        let error = source.discover().await.unwrap_err();
        assert_eq!(matches!(error, SourceError::Denied { .. }), denied, "{error}");
        assert!(error.to_string().contains(model), "{error}");
    }
}

#[tokio::test]
async fn wrong_credentials_are_denied_once_and_in_words() {
    // The version twice and the login; the version and the first call.
    for (version, requests) in [(17, 3), (19, 2)] {
        let server = Server::start(version).await;
        let pace = Arc::new(Moved::default());
        let wrong = SecretString::from("wrong-s3cr3t");
        let source = Odoo::new(settings(&server), &wrong, &reach(&pace)).unwrap();
        let error = source.discover().await.unwrap_err();
        is_clean(&error);
        assert!(matches!(error, SourceError::Denied { .. }), "{error}");
        assert_eq!((server.faults.requests(), pace.waits().len()), (requests, 0));
    }
}

#[tokio::test]
async fn a_login_whose_connection_breaks_is_not_repeated_but_a_throttled_one_is() {
    use super::faults::Fault;
    let server = Server::start(17).await;
    let pace = Arc::new(Moved::default());
    // `/web/version`, `common.version`, then the login.
    server.faults.after(2, Fault::Dropped);
    let error = server.source(&pace).discover().await.unwrap_err();
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error}");
    assert_eq!(server.faults.requests(), 3);
    server.faults.after(2, Fault::Later(429, Some("5")));
    server.source(&pace).discover().await.unwrap();
    assert_eq!(pace.waits(), [5.0]);
}

#[tokio::test]
async fn the_way_to_speak_can_be_forced_and_what_it_needs_is_asked_for() {
    let server = Server::start(19).await;
    let pace = Arc::new(Moved::default());
    let with = |settings: OdooSettings| {
        Odoo::new(settings, &SecretString::from(SECRET), &reach(&pace)).unwrap()
    };
    let forced = with(OdooSettings { api: OdooApi::JsonRpc, ..settings(&server) });
    assert_eq!(forced.discover().await.unwrap().len(), 4);
    assert!(server.faults.seen().iter().all(|seen| !seen.target.contains("/json/2/")));
    let nameless = with(OdooSettings { api: OdooApi::JsonRpc, user: None, ..settings(&server) });
    let error = nameless.discover().await.unwrap_err();
    assert!(error.to_string().contains("`user`"), "{error}");
    let text = json!({ "url": "https://x", "pasword": "oops" });
    assert!(serde_json::from_value::<OdooSettings>(text).is_err(), "unknown settings are refused");
}

#[tokio::test]
async fn a_mark_of_something_else_is_refused() {
    let server = Server::start(19).await;
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    for mark in [
        "2026-01-01",
        "{\"until\":\"soon\"}",
        "{\"until\":\"2026-01-01 00:00:00\",\"after\":\"x\"}",
        "{\"x\":1}",
    ] {
        let loaded =
            load(&source, table(&tables, "sale.order"), Some(Watermark(mark.into()))).await;
        let Some(SourceError::Invalid { code, .. }) = loaded.error else { panic!("{mark}") };
        assert_eq!(code, "watermark", "{mark}");
    }
}

#[tokio::test]
async fn a_server_that_gives_fewer_records_than_asked_for_loses_none() {
    let server = Server::start(19).await;
    server.odoo.most.store(2, std::sync::atomic::Ordering::SeqCst);
    let source = server.source(&Arc::new(Moved::default()));
    let tables = source.discover().await.unwrap();
    let loaded = load(&source, table(&tables, "sale.order"), None).await.whole();
    assert_eq!(loaded.rows.len(), orders());
}

#[tokio::test]
async fn a_server_of_several_databases_wants_to_be_told_which() {
    let server = Server::start(19).await;
    let pace = Arc::new(Moved::default());
    for (database, expect) in
        [(None, "set `database`"), (Some("boks".to_owned()), "no Odoo database boks")]
    {
        let settings = OdooSettings { database, ..settings(&server) };
        let source = Odoo::new(settings, &SecretString::from(SECRET), &reach(&pace)).unwrap();
        let error = source.discover().await.unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}

/// Numbers that look like chance and are the same each time.
fn chance(state: &mut u64, below: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % below
}

#[tokio::test]
async fn whatever_happens_between_pages_each_record_that_stays_comes_exactly_once() {
    for seed in 1..=6 {
        let server = Server::start(19).await;
        let source = server.source(&Arc::new(Moved::default()));
        let tables = source.discover().await.unwrap();
        let mut state = seed;
        let mut gone = Vec::new();
        for page in 1..8 {
            let (victim, fresh) =
                (chance(&mut state, 17) * 10 + 10, chance(&mut state, 200) * 10 + 5);
            gone.push(victim.to_string());
            server.before_page(page, move |records| {
                let rows = records.get_mut("sale.order").unwrap();
                rows.retain(|row| row["id"] != json!(victim));
                for row in rows.iter_mut().step_by(3) {
                    row["write_date"] = json!("2026-02-03 00:00:00.000000");
                }
                if rows.iter().all(|row| row["id"] != json!(fresh)) {
                    rows.push(json!({ "id": fresh, "name": "new", "write_date": "2026-02-03 00:00:01.000000" }));
                }
            });
        }
        let loaded = load(&source, table(&tables, "sale.order"), None).await.whole();
        let mut keys = loaded.keys();
        let count = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), count, "seed {seed}: doubled");
        for key in (1..=17).map(|id| (id * 10).to_string()).filter(|key| !gone.contains(key)) {
            assert!(keys.contains(&key.as_str()), "seed {seed}: {key} is lost");
        }
    }
}
