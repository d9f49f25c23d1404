//! Every shape of one-to-many: each answer equals what was worked out by hand and what a statement
//! written by hand gives. No row is ever counted twice in a group.

use pacioli_engine::EngineError;
use pacioli_model::{
    Aggregate::{Count, Sum},
    Ask,
    Comparison::{Equal, Greater, GreaterOrEqual},
    GroupKey, Literal, Operation, OverTime, Predicate, Shift, TimeGrain,
};

use crate::{books::*, world::*};

struct Shape {
    name: &'static str,
    ask: Ask,
    reference: &'static str,
    rows: &'static [&'static str],
}

fn shape(
    name: &'static str,
    ask: Ask,
    reference: &'static str,
    rows: &'static [&'static str],
) -> Shape {
    Shape { name, ask, reference, rows }
}

fn one_and_many() -> Vec<Shape> {
    vec![
        shape(
            "a measure on the many side, by the one side",
            about("orders")
                .with("revenue", sum("orders.amount"))
                .group("region", "customers.region"),
            "SELECT c.region, sum(o.amount) FROM orders o LEFT JOIN customers c ON c.id = o.customer_id \
             GROUP BY c.region ORDER BY c.region",
            &["North|30.75", "South|5.00", "∅|10.00"],
        ),
        shape(
            "a measure on the one side, by the many side",
            about("customers")
                .with("credit", sum("customers.credit"))
                .group("status", "orders.status"),
            "SELECT status, sum(credit) FROM (SELECT DISTINCT c.id, c.credit, o.status FROM customers c \
             LEFT JOIN orders o ON o.customer_id = c.id) AS once GROUP BY status ORDER BY status",
            &["done|19.00", "open|115.00", "∅|1.00"],
        ),
        shape(
            "measures on both sides, by the one side",
            about("customers")
                .with("credit", sum("customers.credit"))
                .with("revenue", sum("orders.amount"))
                .group("region", "customers.region"),
            "SELECT region, sum(credit), sum(revenue) FROM (SELECT region, credit, CAST(NULL AS DECIMAL(38, 2)) AS revenue FROM customers \
             UNION ALL SELECT c.region, NULL, o.amount FROM orders o LEFT JOIN customers c ON c.id = o.customer_id) AS one \
             GROUP BY region ORDER BY region",
            &["North|16.00|30.75", "South|4.00|5.00", "∅|100.00|10.00"],
        ),
        shape(
            "a price of the one side times a quantity of the many side",
            about("lines")
                .with(
                    "value",
                    over_table(
                        Sum,
                        "lines",
                        arithmetic(
                            Operation::Multiply,
                            value("lines.quantity"),
                            value("products.price"),
                        ),
                    ),
                )
                .group("category", "products.category"),
            "SELECT p.category, sum(l.quantity * p.price) FROM lines l LEFT JOIN products p ON p.id = l.product_id \
             GROUP BY p.category ORDER BY p.category",
            &["Home|15.00", "Office|45.75"],
        ),
        shape(
            "rows without a key and with an unknown one",
            about("lines").with("n", count("lines")).group("status", "orders.status"),
            "SELECT o.status, count(*) FROM lines l LEFT JOIN orders o ON o.id = l.order_id \
             GROUP BY o.status ORDER BY o.status",
            &["done|2", "open|4", "∅|2"],
        ),
        shape(
            "the total is that of all rows, duplicates too",
            about("lines").with("n", count("lines")).with("pieces", sum("lines.quantity")),
            "SELECT count(*), sum(quantity) FROM lines",
            &["8|29"],
        ),
    ]
}

fn siblings() -> Vec<Shape> {
    vec![
        shape(
            "two facts of one customer",
            about("orders")
                .with("revenue", sum("orders.amount"))
                .with("paid", sum("payments.paid"))
                .group("region", "customers.region"),
            "SELECT region, sum(revenue), sum(paid) FROM (SELECT c.region, o.amount AS revenue, CAST(NULL AS DECIMAL(38, 2)) AS paid FROM orders o \
             LEFT JOIN customers c ON c.id = o.customer_id UNION ALL SELECT c.region, NULL, p.paid FROM payments p \
             LEFT JOIN customers c ON c.id = p.customer_id) AS one GROUP BY region ORDER BY region",
            &["North|30.75|10.00", "South|5.00|5.00", "∅|10.00|1.00"],
        ),
        shape(
            "two facts by two groups",
            about("orders")
                .with("orders", count("orders"))
                .with("pieces", sum("lines.quantity"))
                .group("region", "customers.region")
                .group("status", "orders.status"),
            "SELECT region, status, sum(o), sum(l) FROM (SELECT c.region, o.status, 1 AS o, CAST(NULL AS BIGINT) AS l FROM orders o \
             LEFT JOIN customers c ON c.id = o.customer_id UNION ALL SELECT c.region, o.status, 0, l.quantity FROM lines l \
             LEFT JOIN orders o ON o.id = l.order_id LEFT JOIN customers c ON c.id = o.customer_id) AS one \
             GROUP BY region, status ORDER BY region, status",
            &[
                "North|done|1|3",
                "North|open|1|4",
                "South|done|1|4",
                "∅|done|1|∅",
                "∅|open|2|5",
                "∅|∅|0|13",
            ],
        ),
        shape(
            "two facts in all",
            about("orders")
                .with("revenue", sum("orders.amount"))
                .with("paid", sum("payments.paid"))
                .with("pieces", sum("lines.quantity")),
            "SELECT (SELECT sum(amount) FROM orders), (SELECT sum(paid) FROM payments), (SELECT sum(quantity) FROM lines)",
            &["45.75|16.00|29"],
        ),
    ]
}

fn chains() -> Vec<Shape> {
    vec![
        shape(
            "three levels",
            about("lines")
                .with("pieces", sum("lines.quantity"))
                .group("region", "customers.region"),
            "SELECT c.region, sum(l.quantity) FROM lines l LEFT JOIN orders o ON o.id = l.order_id \
             LEFT JOIN customers c ON c.id = o.customer_id GROUP BY c.region ORDER BY c.region",
            &["North|7", "South|4", "∅|18"],
        ),
        shape(
            "a count at each of three levels",
            about("customers")
                .with("lines", count("lines"))
                .with("orders", count("orders"))
                .with("customers", count("customers"))
                .group("region", "customers.region"),
            "SELECT region, sum(l), sum(o), sum(c) FROM (SELECT region, 0 AS l, 0 AS o, 1 AS c FROM customers UNION ALL \
             SELECT c.region, 0, 1, 0 FROM orders o LEFT JOIN customers c ON c.id = o.customer_id UNION ALL \
             SELECT c.region, 1, 0, 0 FROM lines l LEFT JOIN orders o ON o.id = l.order_id \
             LEFT JOIN customers c ON c.id = o.customer_id) AS one GROUP BY region ORDER BY region",
            &["North|4|2|2", "South|1|1|1", "∅|3|3|1"],
        ),
        shape(
            "a count of nothing is none, a sum of nothing is unknown",
            about("customers")
                .with("customers", count("customers"))
                .with("orders", count("orders"))
                .with("revenue", sum("orders.amount"))
                .group("customer", "customers.name")
                .where_(is("customers.name", GreaterOrEqual, text("Cy"))),
            "SELECT c.name, 1 AS n, count(o.id) AS orders, sum(o.amount) AS revenue FROM customers c \
             LEFT JOIN orders o ON o.customer_id = c.id WHERE c.name >= 'Cy' GROUP BY c.name ORDER BY c.name",
            &["Cy|1|1|2.00", "Dee|1|0|∅"],
        ),
        shape(
            "a table that refers to itself",
            about("customers")
                .with("n", count("customers"))
                .group("parent", "customers_parent>customers.name"),
            "SELECT p.name, count(*) FROM customers c LEFT JOIN customers p ON p.id = c.parent_id \
             GROUP BY p.name ORDER BY p.name",
            &["Ada|2", "Bob|1", "∅|1"],
        ),
    ]
}

fn bridges() -> Vec<Shape> {
    vec![
        shape(
            "rows by what they have several of",
            about("products").with("n", count("products")).group("tag", "tags.label"),
            "SELECT label, count(*) FROM (SELECT DISTINCT p.id, t.label FROM products p \
             LEFT JOIN product_tags b ON b.product_id = p.id LEFT JOIN tags t ON t.id = b.tag_id) AS once \
             GROUP BY label ORDER BY label",
            &["blue|1", "red|2", "∅|2"],
        ),
        shape(
            "rows without a key by what they have several of",
            about("lines")
                .with("pieces", sum("lines.quantity"))
                .with("lines", count("lines"))
                .group("tag", "tags.label"),
            "SELECT label, sum(quantity), count(*) FROM (SELECT DISTINCT l.place, l.quantity, t.label FROM \
             (SELECT *, row_number() OVER () AS place FROM lines) AS l LEFT JOIN product_tags b ON b.product_id = l.product_id \
             LEFT JOIN tags t ON t.id = b.tag_id) AS once GROUP BY label ORDER BY label",
            &["blue|11|3", "red|24|7", "∅|5|1"],
        ),
        shape(
            "a filter and a group of the same row",
            about("customers")
                .with("n", count("customers"))
                .group("status", "orders.status")
                .where_(is("orders.ordered_on", GreaterOrEqual, date("2025-01-01"))),
            "SELECT status, count(*) FROM (SELECT DISTINCT c.id, o.status FROM customers c \
             LEFT JOIN orders o ON o.customer_id = c.id WHERE o.ordered_on >= DATE '2025-01-01') AS once \
             GROUP BY status ORDER BY status",
            &["done|1"],
        ),
        shape(
            "both ends of a bridge, each by its own grain",
            about("tags")
                .with("tags", count("tags"))
                .with("products", count("products"))
                .group("tag", "tags.label"),
            "SELECT label, sum(t), sum(p) FROM (SELECT label, 1 AS t, 0 AS p FROM tags UNION ALL \
             SELECT DISTINCT_ONES.label, 0, 1 FROM (SELECT DISTINCT p.id, t.label FROM products p \
             LEFT JOIN product_tags b ON b.product_id = p.id LEFT JOIN tags t ON t.id = b.tag_id) AS DISTINCT_ONES) AS one \
             GROUP BY label ORDER BY label",
            &["blue|1|1", "green|1|0", "red|1|2", "∅|0|2"],
        ),
    ]
}

/// Customers, and what they may owe.
fn credit() -> Ask {
    about("customers").with("n", count("customers")).with("credit", sum("customers.credit"))
}

fn filters() -> Vec<Shape> {
    let done = || is("orders.status", Equal, text("done"));
    let open = || is("orders.status", Equal, text("open"));
    let late = || is("orders.ordered_on", GreaterOrEqual, date("2024-02-01"));
    vec![
        shape(
            "one of several holds",
            credit().where_(done()),
            "SELECT count(*), sum(credit) FROM customers WHERE id IN (SELECT customer_id FROM orders WHERE status = 'done')",
            &["2|19.00"],
        ),
        shape(
            "none of several holds",
            credit().where_(not(done())),
            "SELECT count(*), sum(credit) FROM customers WHERE id NOT IN \
             (SELECT customer_id FROM orders WHERE status = 'done' AND customer_id IS NOT NULL)",
            &["2|101.00"],
        ),
        shape(
            "parts hold for the same one of several",
            credit().where_(Predicate::All(vec![open(), late()])),
            "SELECT count(*), sum(credit) FROM customers WHERE id IN \
             (SELECT customer_id FROM orders WHERE status = 'open' AND ordered_on >= DATE '2024-02-01')",
            &["0|∅"],
        ),
        shape(
            "either of two holds for one of several",
            credit().where_(Predicate::Any(vec![
                Predicate::All(vec![done(), late()]),
                is("customers.name", Equal, text("Dee")),
            ])),
            "SELECT count(*), sum(credit) FROM customers WHERE name = 'Dee' OR id IN \
             (SELECT customer_id FROM orders WHERE status = 'done' AND ordered_on >= DATE '2024-02-01')",
            &["3|20.00"],
        ),
        shape(
            "one here and none there",
            credit().where_(Predicate::All(vec![open(), not(done())])),
            "SELECT count(*), sum(credit) FROM customers c WHERE EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND status = 'open') \
             AND NOT EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND status = 'done')",
            &["1|100.00"],
        ),
        shape(
            "several of several",
            credit().where_(is("lines.quantity", Greater, Literal::Integer(2))),
            "SELECT count(*), sum(credit) FROM customers WHERE id IN (SELECT o.customer_id FROM orders o \
             JOIN lines l ON l.order_id = o.id WHERE l.quantity > 2)",
            &["2|19.00"],
        ),
        shape(
            "across a bridge",
            about("lines").with("pieces", sum("lines.quantity")).where_(is(
                "tags.label",
                Equal,
                text("blue"),
            )),
            "SELECT sum(quantity) FROM lines WHERE product_id IN (SELECT b.product_id FROM product_tags b \
             JOIN tags t ON t.id = b.tag_id WHERE t.label = 'blue')",
            &["11"],
        ),
        shape(
            "against a column of the row itself",
            credit().where_(Predicate::Compare {
                left: value("orders.amount"),
                comparison: Greater,
                right: value("customers.credit"),
            }),
            "SELECT count(*), sum(credit) FROM customers c WHERE (SELECT max(amount) FROM orders WHERE customer_id = c.id) > credit",
            &["2|19.00"],
        ),
    ]
}

fn related_rows() -> Vec<Shape> {
    let related = |table: &str, via: &[&str], filter: Option<Predicate>| Predicate::Related {
        table: table_name(table),
        via: via.iter().map(|name| name.parse().unwrap()).collect(),
        filter: filter.map(Box::new),
    };
    vec![
        shape(
            "customers without orders",
            credit().where_(not(related("orders", &[], None))),
            "SELECT count(*), sum(credit) FROM customers c LEFT JOIN (SELECT DISTINCT customer_id FROM orders) AS o \
             ON o.customer_id = c.id WHERE o.customer_id IS NULL",
            &["1|1.00"],
        ),
        shape(
            "orders of an unknown customer",
            about("orders").with("n", count("orders")).where_(not(related("customers", &[], None))),
            "SELECT count(*) FROM orders o LEFT JOIN customers c ON c.id = o.customer_id WHERE c.id IS NULL",
            &["2"],
        ),
        shape(
            "customers with an order that has a large line",
            credit().where_(related(
                "lines",
                &[],
                Some(Predicate::All(vec![
                    is("lines.quantity", GreaterOrEqual, Literal::Integer(3)),
                    is("products.name", Equal, text("Pen")),
                ])),
            )),
            "SELECT count(*), sum(credit) FROM customers WHERE id IN (SELECT o.customer_id FROM orders o JOIN lines l \
             ON l.order_id = o.id JOIN products p ON p.id = l.product_id WHERE l.quantity >= 3 AND p.name = 'Pen')",
            &["1|15.00"],
        ),
        shape(
            "customers that are a parent",
            credit().where_(related("customers", &["customers_parent"], None)),
            "SELECT count(*), sum(credit) FROM customers WHERE id IN (SELECT parent_id FROM customers)",
            &["2|19.00"],
        ),
    ]
}

fn stock() -> pacioli_model::Aggregation {
    let mut stock = sum("stock.pieces");
    stock.date = Some(at("stock.day"));
    stock.over_time = OverTime::Snapshot;
    stock
}

fn balance() -> pacioli_model::Aggregation {
    let mut balance = sum("ledger.change");
    balance.date = Some(at("ledger.posted_on"));
    balance.over_time = OverTime::ToDate;
    balance
}

fn states() -> Vec<Shape> {
    vec![
        shape(
            "stock is that of the last day",
            about("stock").with("pieces", stock()),
            "SELECT sum(pieces) FROM stock WHERE day = DATE '2024-02-28'",
            &["6"],
        ),
        shape(
            "stock of each month is that of its last day",
            about("stock").with("pieces", stock()).period("month", TimeGrain::Month),
            "SELECT CAST(date_trunc('month', day) AS DATE), sum(pieces) FROM stock \
             WHERE day IN (DATE '2024-01-31', DATE '2024-02-28') GROUP BY 1 ORDER BY 1",
            &["2024-01-01|14", "2024-02-01|6"],
        ),
        shape(
            "stock of each month and place",
            about("stock")
                .with("pieces", stock())
                .period("month", TimeGrain::Month)
                .group("warehouse", "stock.warehouse"),
            "SELECT CAST(date_trunc('month', day) AS DATE) AS m, warehouse, sum(pieces) FROM stock \
             WHERE day IN (DATE '2024-01-31', DATE '2024-02-28') GROUP BY m, warehouse ORDER BY m, warehouse",
            &["2024-01-01|W1|13", "2024-01-01|W2|1", "2024-02-01|W1|4", "2024-02-01|W2|2"],
        ),
        shape(
            "stock of one product is what it is among all",
            about("stock").with("pieces", stock()).period("month", TimeGrain::Month).where_(is(
                "products.name",
                Equal,
                text("Pen"),
            )),
            "SELECT CAST(date_trunc('month', day) AS DATE) AS m, sum(pieces) FROM stock \
             WHERE day IN (DATE '2024-01-31', DATE '2024-02-28') AND product_id = 1 GROUP BY m ORDER BY m",
            &["2024-01-01|9", "2024-02-01|2"],
        ),
        shape(
            "stock at the end of a range",
            about("stock").with("pieces", stock()).days("2024-01-01", "2024-01-31"),
            "SELECT sum(pieces) FROM stock WHERE day = DATE '2024-01-10'",
            &["15"],
        ),
    ]
}

fn balances() -> Vec<Shape> {
    vec![
        shape(
            "a balance is all changes",
            about("ledger").with("balance", balance()).days("2024-02-01", "2024-04-01"),
            "SELECT sum(change) FROM ledger WHERE posted_on < DATE '2024-04-01'",
            &["125.00"],
        ),
        shape(
            "a balance of each month is all changes up to its end",
            about("ledger").with("balance", balance()).period("month", TimeGrain::Month),
            "SELECT m, sum(change) FROM (SELECT DISTINCT CAST(date_trunc('month', posted_on) AS DATE) AS m FROM ledger) AS months \
             JOIN ledger ON date_trunc('month', posted_on) <= m GROUP BY m ORDER BY m",
            &["2024-01-01|120.00", "2024-03-01|125.00", "2024-05-01|105.00"],
        ),
        shape(
            "a balance is carried on where an account did not change",
            about("ledger")
                .with("balance", balance())
                .period("month", TimeGrain::Month)
                .group("account", "ledger.account"),
            "SELECT * FROM (VALUES (DATE '2024-01-01', 'bank', 50.00), (DATE '2024-01-01', 'cash', 70.00), \
             (DATE '2024-03-01', 'bank', 50.00), (DATE '2024-03-01', 'cash', 75.00), \
             (DATE '2024-05-01', 'bank', 30.00), (DATE '2024-05-01', 'cash', 75.00)) AS rows (m, a, b) ORDER BY m, a",
            &[
                "2024-01-01|bank|50.00",
                "2024-01-01|cash|70.00",
                "2024-03-01|bank|50.00",
                "2024-03-01|cash|75.00",
                "2024-05-01|bank|30.00",
                "2024-05-01|cash|75.00",
            ],
        ),
        shape(
            "the start of a range hides periods, no changes",
            about("ledger")
                .with("balance", balance())
                .period("month", TimeGrain::Month)
                .days("2024-02-01", "2024-04-01"),
            "SELECT * FROM (VALUES (DATE '2024-02-01', 120.00), (DATE '2024-03-01', 125.00)) AS rows (m, b) ORDER BY m",
            &["2024-02-01|120.00", "2024-03-01|125.00"],
        ),
        shape(
            "a balance is carried on where only another figure has rows",
            {
                let mut pieces = count("stock");
                pieces.date = Some(at("stock.day"));
                about("ledger")
                    .with("balance", balance())
                    .with("stocked", pieces)
                    .period("month", TimeGrain::Month)
            },
            "SELECT * FROM (VALUES (DATE '2024-01-01', 120.00, 5), (DATE '2024-02-01', 120.00, 3), \
             (DATE '2024-03-01', 125.00, 0), (DATE '2024-05-01', 105.00, 0)) AS rows (m, b, n) ORDER BY m",
            &[
                "2024-01-01|120.00|5",
                "2024-02-01|120.00|3",
                "2024-03-01|125.00|0",
                "2024-05-01|105.00|0",
            ],
        ),
        shape(
            "the year before stands beside",
            {
                let mut revenue = sum("orders.amount");
                revenue.date = Some(at("orders.ordered_on"));
                let mut before = revenue.clone();
                before.shift = Some(Shift::years(1));
                about("orders")
                    .with("revenue", revenue)
                    .with("before", before)
                    .period("month", TimeGrain::Month)
                    .days("2025-01-01", "2026-01-01")
            },
            "SELECT m, sum(now), sum(before) FROM (SELECT CAST(date_trunc('month', ordered_on) AS DATE) AS m, amount AS now, \
             CAST(NULL AS DECIMAL(38, 2)) AS before FROM orders WHERE ordered_on >= DATE '2025-01-01' UNION ALL \
             SELECT CAST(date_trunc('month', ordered_on + INTERVAL '1 year') AS DATE), NULL, amount FROM orders \
             WHERE ordered_on < DATE '2025-01-01') AS both GROUP BY m ORDER BY m",
            &["2025-01-01|5.00|10.50", "2025-02-01|8.00|20.25"],
        ),
    ]
}

#[tokio::test]
async fn every_shape_of_one_to_many_gives_the_rows_of_a_hand_written_query() {
    let books = Books::open().await;
    let shapes = [
        one_and_many(),
        siblings(),
        chains(),
        bridges(),
        filters(),
        related_rows(),
        states(),
        balances(),
    ];
    let mut wrong = Vec::new();
    for shape in shapes.into_iter().flatten() {
        let reference = books.reference(shape.reference).await;
        assert_eq!(reference, shape.rows, "the reference of {}", shape.name);
        match books.run(&shape.ask).await {
            Ok(answer) if lines(&answer.table) == shape.rows => {}
            Ok(answer) => wrong.push(format!(
                "{}: {:?} and not {:?}\n{}",
                shape.name,
                lines(&answer.table),
                shape.rows,
                answer.sql
            )),
            Err(error) => wrong.push(format!("{}: {error}", shape.name)),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[tokio::test]
async fn of_several_ways_one_has_to_be_chosen() {
    let books = Books::open().await.with_two_ways();
    let by = |of: &str| {
        let ask = about("orders").with("revenue", sum("orders.amount"));
        ask.with("pieces", sum("lines.quantity")).group("region", of)
    };
    let Err(EngineError::Ambiguous { from, to, choices, detail }) =
        books.run(&by("customers.region")).await
    else {
        panic!("one was taken");
    };
    assert_eq!((from.as_str(), to.as_str()), ("orders", "customers"));
    let via: Vec<&str> = choices.iter().map(|choice| choice.via[0].as_str()).collect();
    assert_eq!(via, ["orders_customer", "orders_ship_to"]);
    assert_eq!(choices[1].label, "shipped to");
    assert!(detail.contains("by orders_customer; by shipped to"), "{detail}");

    let answer = books.run(&by("orders_ship_to>customers.region")).await.unwrap();
    assert_eq!(lines(&answer.table), ["North|27.25|8", "South|15.50|8", "∅|3.00|13"]);
    let answer = books.run(&by("orders_customer>customers.region")).await.unwrap();
    assert_eq!(lines(&answer.table), ["North|30.75|7", "South|5.00|4", "∅|10.00|18"]);
}

#[tokio::test]
async fn both_ways_can_be_asked_for_at_once() {
    let books = Books::open().await.with_two_ways();
    let ask = about("orders")
        .with("n", count("orders"))
        .group("buyer", "orders_customer>customers.name")
        .group("receiver", "orders_ship_to>customers.name");
    let expect = ["Ada|Ada|1", "Ada|Bob|1", "Bob|Bob|1", "Cy|Cy|1", "∅|Ada|1", "∅|Cy|1"];
    assert_eq!(lines(&books.run(&ask).await.unwrap().table), expect);
}

#[tokio::test]
async fn a_one_side_that_repeats_never_multiplies_whatever_was_declared() {
    let mut books = Books::open().await;
    let wrong = relationship("stock_line", "stock.product_id", "lines.product_id");
    books.catalog.relationships.push(wrong);
    let pieces = || about("stock").with("pieces", sum("stock.pieces"));
    let filtered = pieces().where_(is("lines.quantity", Greater, Literal::Integer(0)));
    assert_eq!(lines(&books.run(&filtered).await.unwrap().table), ["41"]);
    let grouped = pieces().group("quantity", "lines.quantity");
    // Pen: 2, 3, 6; Ink: 1, 4, 7; each row of stock once in each.
    let expect = ["1|14", "2|27", "3|27", "4|14", "6|27", "7|14"];
    assert_eq!(lines(&books.run(&grouped).await.unwrap().table), expect);
    let value = about("stock").with("x", over_table(Sum, "stock", value("lines.quantity")));
    assert!(books.refusal(&value).await.contains("several of lines"));
}

#[tokio::test]
async fn a_declared_key_that_repeats_tells_no_rows_apart() {
    let mut books = Books::open().await;
    let lines_table = |entry: &&mut pacioli_model::TableEntry| entry.name.as_str() == "lines";
    let entry = books.catalog.tables.iter_mut().find(lines_table).unwrap();
    entry.primary_key = vec![name("product_id")];
    let ask = about("lines").with("pieces", sum("lines.quantity")).group("tag", "tags.label");
    assert_eq!(lines(&books.run(&ask).await.unwrap().table), ["blue|11", "red|24", "∅|5"]);
}

#[tokio::test]
async fn columns_that_cannot_be_equal_lead_nowhere() {
    let mut books = Books::open().await;
    let wrong = relationship("ledger_account", "ledger.account", "customers.id");
    books.catalog.relationships.push(wrong);
    let by = |of: &str| about("ledger").with("n", count("ledger")).group("x", of);
    assert!(books.refusal(&by("customers.name")).await.contains("cannot be reached"));
    let chosen = by("ledger_account>customers.name");
    assert!(books.refusal(&chosen).await.contains("no relationship ledger_account"));
}

#[tokio::test]
async fn what_a_row_has_several_of_is_no_value_of_it() {
    let books = Books::open().await;
    let amount = about("customers").with("x", over_table(Sum, "customers", value("orders.amount")));
    assert!(books.refusal(&amount).await.contains("A row of customers has several of orders"));
    let grouped = amount.group("status", "orders.status");
    assert!(books.refusal(&grouped).await.contains("A row of customers has several of orders"));
    let mut listed = about("customers").group("status", "orders.status");
    listed.each_row = true;
    assert!(books.refusal(&listed).await.contains("has several of orders"));
    let mut dated = count("customers");
    dated.date = Some(at("orders.ordered_on"));
    let ranged = about("customers").with("n", dated.clone()).days("2024-01-01", "2025-01-01");
    assert!(books.refusal(&ranged).await.contains("has several of orders"));
    let dated = about("customers").with("n", dated).period("month", TimeGrain::Month);
    assert!(books.refusal(&dated).await.contains("has several of orders"));
    let both = about("customers").with("n", count("customers")).where_(Predicate::Compare {
        left: value("orders.amount"),
        comparison: Equal,
        right: value("payments.paid"),
    });
    assert!(books.refusal(&both).await.contains("ask two questions"));
}

#[tokio::test]
async fn groups_that_overlap_are_said_to() {
    let books = Books::open().await;
    let ask = about("products").with("n", count("products")).group("tag", "tags.label");
    let compiled = pacioli_engine::compile::compile(&books.catalog, &ask).unwrap();
    assert_eq!(compiled.notes.len(), 1);
    assert!(compiled.notes[0].contains("counts once in every group"), "{:?}", compiled.notes);
    let plain = about("products")
        .with("n", over(Count, "products"))
        .key("category", GroupKey::Value(value("products.category")));
    let compiled = pacioli_engine::compile::compile(&books.catalog, &plain).unwrap();
    assert!(compiled.notes.is_empty());
    assert_eq!(compiled.tables, [table_name("products")]);
}

#[tokio::test]
async fn what_a_row_has_one_of_is_known() {
    let books = Books::open().await;
    let check = |from: &str, expect: &[&str]| {
        let from = table_name(from);
        let reached = pacioli_engine::compile::reachable(&books.catalog, &from);
        assert_eq!(reached.iter().map(|table| table.as_str()).collect::<Vec<_>>(), expect);
    };
    check("lines", &["lines", "orders", "products", "customers"]);
    check("product_tags", &["product_tags", "products", "tags"]);
    check("customers", &["customers"]);
}
