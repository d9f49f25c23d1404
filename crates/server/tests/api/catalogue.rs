//! How a company's tables belong together, as it is found when they are loaded.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{Person, Server};

const CUSTOMERS: &str = "id,name\n1,Ada\n2,Bo\n3,Cy\n4,Di\n";

/// Orders of every customer, `strangers` of them by nobody who is known.
fn orders(strangers: usize) -> String {
    let known =
        (0..40).map(|row| format!("{},{},2025-{:02}-10\n", 100 + row, 1 + row % 4, 1 + row % 3));
    let unknown = (0..strangers).map(|row| format!("{},{},2025-06-10\n", 900 + row, 70 + row));
    let rows: String = known.chain(unknown).collect();
    format!("order_no,customer_id,ordered_on\n{rows}")
}

async fn relationships(server: &Server, person: &Person, table: &str) -> Value {
    let answer = server.get(person, &format!("/tables/{table}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.body["relationships"].clone()
}

#[tokio::test]
async fn two_tables_are_related_whichever_comes_first_and_both_show_it() {
    let server = Server::start().await;
    for (name, files) in [("one", ["orders", "customers"]), ("two", ["customers", "orders"])] {
        let owner = server.sign_up(name).await;
        for file in files {
            let content = if file == "orders" { orders(2) } else { CUSTOMERS.to_owned() };
            server.load(&owner, &format!("{file}.csv"), &content).await;
        }
        let expect = json!([{
            "name": "orders_customer_id", "table": "orders", "columns": ["customer_id"],
            "to": "customers", "references": ["id"], "cardinality": "many_to_one",
            "known": "found", "match_rate": 0.5, "orphans": 2,
        }]);
        for table in ["orders", "customers"] {
            let mut seen = relationships(&server, &owner, table).await;
            let rate = seen[0]["match_rate"].as_f64().unwrap();
            assert!((rate - 40.0 / 42.0).abs() < 1e-9, "{rate}");
            seen[0]["match_rate"] = json!(0.5);
            assert_eq!(seen, expect);
        }
        let keys = ["orders", "customers"].map(|table| format!("/tables/{table}"));
        let [of_orders, of_customers] = [&keys[0], &keys[1]];
        assert_eq!(server.get(&owner, of_orders).await.body["primary_key"], json!(["order_no"]));
        assert_eq!(server.get(&owner, of_customers).await.body["primary_key"], json!(["id"]));
    }
}

#[tokio::test]
async fn a_relationship_follows_its_tables_loads() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    server.load(&owner, "customers.csv", CUSTOMERS).await;
    server.load(&owner, "orders.csv", &orders(0)).await;
    assert_eq!(relationships(&server, &owner, "orders").await[0]["orphans"], 0);
    // Half of the customers are nobody who is known.
    server.load(&owner, "orders.csv", &orders(40)).await;
    assert_eq!(relationships(&server, &owner, "orders").await, json!([]));
    server.load(&owner, "orders.csv", &orders(1)).await;
    assert_eq!(relationships(&server, &owner, "orders").await[0]["orphans"], 1);
    // A customer who is there twice would count every order twice.
    server.load(&owner, "customers.csv", &format!("{CUSTOMERS}4,Di again\n")).await;
    assert_eq!(relationships(&server, &owner, "orders").await, json!([]));
    server.load(&owner, "customers.csv", CUSTOMERS).await;
    assert_eq!(relationships(&server, &owner, "orders").await[0]["name"], "orders_customer_id");
    let gone = server.send(&owner, Method::DELETE, "/tables/customers", Value::Null).await;
    assert_eq!(gone.status, 204, "{}", gone.text);
    assert_eq!(relationships(&server, &owner, "orders").await, json!([]));
}

#[tokio::test]
async fn tables_of_two_companies_are_never_related() {
    let server = Server::start().await;
    let (one, other) = (server.sign_up("one").await, server.sign_up("other").await);
    server.load(&one, "customers.csv", CUSTOMERS).await;
    server.load(&other, "orders.csv", &orders(0)).await;
    assert_eq!(relationships(&server, &one, "customers").await, json!([]));
    assert_eq!(relationships(&server, &other, "orders").await, json!([]));
}

#[tokio::test]
async fn keys_of_more_rows_than_are_counted_are_proved_by_reading_them_all() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let customers: String = (0..12_000).map(|id| format!("{id},Name {id}\n")).collect();
    server.load(&owner, "customers.csv", &format!("customer_id,name\n{customers}")).await;
    let orders: String =
        (0..13_000).map(|row| format!("{},{}\n", row + 5_000, row * 7 % 12_000)).collect();
    server.load(&owner, "orders.csv", &format!("order_id,customer_id\n{orders}")).await;
    let orders = server.get(&owner, "/tables/orders").await;
    assert_eq!(orders.body["primary_key"], json!(["order_id"]), "{}", orders.text);
    assert_eq!(orders.body["relationships"][0]["to"], "customers", "{}", orders.text);
    assert_eq!(orders.body["relationships"][0]["match_rate"], 1.0);
}

#[tokio::test]
async fn a_table_shows_which_months_it_covers_and_which_it_lacks() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let rows = "day,seen_at,amount\n2024-11-03,2025-01-05T10:00:00Z,1\n2025-02-28,2025-01-06T11:00:00Z,2\n\
                2025-01-01,2025-01-31T23:59:59Z,3\n";
    server.load(&owner, "events.csv", rows).await;
    let coverage = server.get(&owner, "/tables/events").await.body["date_coverage"].clone();
    assert_eq!(
        coverage,
        json!([
            {"column": "day", "from": "2024-11-03", "to": "2025-02-28", "months": 3,
             "missing_months": ["2024-12"]},
            {"column": "seen_at", "from": "2025-01-05T10:00:00Z", "to": "2025-01-31T23:59:59Z",
             "months": 1, "missing_months": []},
        ])
    );
}
