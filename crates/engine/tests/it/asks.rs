//! Everything that an Ask can say, at least once, and what it can say but what does not hold.

use pacioli_model::{
    Aggregate::{Average, Count, CountDistinct, Max, Min, Sum},
    Aggregation, Ask,
    Comparison::{Equal, Greater, GreaterOrEqual, Less},
    DatePart, Definition,
    Direction::{Ascending, Descending},
    Figure, GroupKey, Grouping, InReports, Labels, Literal, Metric, Operation, OverTime, Predicate,
    Shift, TextPlace, TimeGrain, Unit, Value,
};

use crate::{books::*, world::*};

async fn check(ask: &Ask, expect: &[&str]) {
    check_in(&declared().await, ask, expect).await;
}

async fn check_in(books: &Books, ask: &Ask, expect: &[&str]) {
    let answer = books.run(ask).await.unwrap_or_else(|error| panic!("{ask:?}\n{error}"));
    assert_eq!(lines(&answer.table), expect, "{}", answer.sql);
}

fn metric(name: &str, definition: Definition) -> Metric {
    Metric {
        name: name.parse().unwrap(),
        label: name.to_owned(),
        labels: Labels::new(),
        description: String::new(),
        synonyms: Vec::new(),
        definition,
        unit: Unit::Number,
        in_reports: InReports::default(),
        pack: None,
    }
}

fn of_metric(name: &str) -> Value {
    Value::Metric(name.parse().unwrap())
}

fn ratio(left: Value, right: Value) -> Value {
    arithmetic(Operation::Divide, left, right)
}

fn revenue() -> Aggregation {
    let mut revenue = sum("orders.amount");
    revenue.date = Some(at("orders.ordered_on"));
    revenue
}

/// The books with metrics.
async fn declared() -> Books {
    let mut books = Books::open().await;
    books.declare(|semantics| {
        let mut done = revenue();
        done.filter = Some(is("orders.status", Equal, text("done")));
        let mut number = count("orders");
        number.date = Some(at("orders.ordered_on"));
        let average = ratio(of_metric("revenue"), of_metric("order_count"));
        let loops = |other: &str| Definition::Calculation(ratio(of_metric(other), whole_number(1)));
        let of_output = Definition::Calculation(output("revenue"));
        semantics.metrics = vec![
            metric("average_order", Definition::Calculation(average)),
            metric("done_revenue", Definition::Aggregate(done)),
            metric("left", loops("right")),
            metric("of_output", of_output),
            metric("order_count", Definition::Aggregate(number)),
            metric("revenue", Definition::Aggregate(revenue())),
            metric("right", loops("left")),
        ];
    });
    books
}

fn figure(name: &str) -> Figure {
    Figure::Metric { metric: name.parse().unwrap(), shift: None }
}

#[tokio::test]
async fn metrics_are_what_they_are_defined_as() {
    check(
        &about("orders")
            .computed("done", figure("done_revenue"))
            .computed("average", figure("average_order"))
            .group("region", "customers.region"),
        &["North|20.25|15.375", "South|5.00|5.0", "∅|1.00|3.3333333333333335"],
    )
    .await;
    let before = Some(Shift::years(1));
    let average = |shift| Figure::Metric { metric: "average_order".parse().unwrap(), shift };
    let growth = arithmetic(Operation::Subtract, output("now"), output("before"));
    check(
        &about("orders")
            .computed("now", average(None))
            .computed("before", average(before))
            .computed("growth", Figure::Calculation(growth))
            .days("2025-02-01", "2025-03-01"),
        &["4.0|20.25|-16.25"],
    )
    .await;
    check(
        &about("orders")
            .group("region", "customers.region")
            .computed("done", figure("done_revenue"))
            .having(Predicate::Compare {
                left: of_metric("average_order"),
                comparison: Greater,
                right: whole_number(4),
            }),
        &["North|20.25", "South|5.00"],
    )
    .await;
}

#[tokio::test]
async fn a_ratio_of_whole_numbers_has_its_fraction_and_nothing_is_divided_by_zero() {
    let none = arithmetic(Operation::Subtract, output("n"), output("n"));
    check(
        &about("orders")
            .with("n", count("orders"))
            .computed("half", Figure::Calculation(ratio(output("n"), whole_number(4))))
            .computed("nothing", Figure::Calculation(ratio(output("n"), none))),
        &["6|1.5|∅"],
    )
    .await;
}

#[tokio::test]
async fn a_part_is_of_the_whole_whatever_is_shown() {
    let share = |within: &[&str]| Figure::Share {
        of: name("revenue"),
        within: within.iter().map(|one| name(one)).collect(),
    };
    let by_region = || {
        about("orders").with("revenue", sum("orders.amount")).group("region", "customers.region")
    };
    let part = |of: f64, all: f64| format!("{:?}", of / all);
    let north = format!("North|30.75|{}", part(30.75, 45.75));
    let south = format!("South|5.00|{}", part(5.0, 45.75));
    let unknown = format!("∅|10.00|{}", part(10.0, 45.75));
    let all = by_region().computed("share", share(&[]));
    check(&all, &[&north, &south, &unknown]).await;
    check(&all.clone().sorted("share", Descending).top(1), &[&north]).await;
    let small = Predicate::Compare {
        left: output("share"),
        comparison: Less,
        right: Value::Literal(decimal("0.5")),
    };
    check(&all.having(small), &[&south, &unknown]).await;
    check(
        &by_region().group("status", "orders.status").computed("share", share(&["region"])),
        &[
            &format!("North|done|20.25|{}", part(20.25, 30.75)),
            &format!("North|open|10.50|{}", part(10.5, 30.75)),
            "South|done|5.00|1.0",
            "∅|done|1.00|0.1",
            "∅|open|9.00|0.9",
        ],
    )
    .await;
}

#[tokio::test]
async fn totals_run_and_figures_are_put_against_all_rows() {
    let running = Figure::Running { of: name("revenue"), within: vec![] };
    let across = Figure::Across { aggregate: Average, of: name("revenue"), within: vec![] };
    check(
        &about("orders")
            .with("revenue", revenue())
            .computed("so_far", running)
            .computed("mean", across)
            .period("month", TimeGrain::Month),
        &[
            "2024-01-01|10.50|10.50|9.150000",
            "2024-02-01|20.25|30.75|9.150000",
            "2025-01-01|5.00|35.75|9.150000",
            "2025-02-01|8.00|43.75|9.150000",
            "∅|2.00|45.75|9.150000",
        ],
    )
    .await;
    let best = Figure::Across { aggregate: Max, of: name("revenue"), within: vec![name("year")] };
    let is_best =
        Predicate::Compare { left: output("revenue"), comparison: Equal, right: output("best") };
    check(
        &about("orders")
            .with("revenue", revenue())
            .computed("best", best)
            .hide()
            .period("year", TimeGrain::Year)
            .group("status", "orders.status")
            .having(is_best),
        &["2024-01-01|done|20.25", "2025-01-01|open|7.00", "∅|open|2.00"],
    )
    .await;
}

#[tokio::test]
async fn groups_are_chosen_by_their_figures() {
    let by_region = || {
        about("orders").with("revenue", sum("orders.amount")).group("region", "customers.region")
    };
    let more =
        |right: Value| Predicate::Compare { left: output("revenue"), comparison: Greater, right };
    check(&by_region().having(more(whole_number(6))), &["North|30.75", "∅|10.00"]).await;
    let mean = about("orders").with("mean", over(Average, "orders.amount"));
    let above = more(Value::Figure(Box::new(mean)));
    check(&by_region().having(above), &["North|30.75", "∅|10.00"]).await;
    let named = Predicate::Compare {
        left: output("region"),
        comparison: Equal,
        right: Value::Literal(text("South")),
    };
    check(
        &by_region().having(Predicate::Any(vec![named, more(whole_number(30))])),
        &["North|30.75", "South|5.00"],
    )
    .await;
    let regions = about("customers").group("region", "customers.region").where_(is(
        "customers.name",
        Equal,
        text("Bob"),
    ));
    let among = Predicate::Among { values: vec![output("region")], ask: Box::new(regions) };
    check(&by_region().having(among.clone()), &["South|5.00"]).await;
    check(&by_region().having(not(among)), &["North|30.75", "∅|10.00"]).await;
}

#[tokio::test]
async fn rows_are_chosen_by_figures_of_their_own_kind() {
    let orders = || about("orders").with("n", count("orders"));
    let amount = |comparison, ask: Ask| Predicate::Compare {
        left: value("orders.amount"),
        comparison,
        right: Value::Figure(Box::new(ask)),
    };
    let mean = about("orders").with("mean", over(Average, "orders.amount"));
    check(&orders().where_(amount(Greater, mean)), &["2"]).await;
    let mut largest =
        about("orders").group("amount", "orders.amount").sorted("amount", Descending).top(1);
    largest.each_row = true;
    check(&orders().where_(amount(Equal, largest)), &["1"]).await;
}

#[tokio::test]
async fn hidden_outputs_sort_and_tell_apart() {
    check(
        &about("orders")
            .with("n", count("orders"))
            .hide()
            .group("region", "customers.region")
            .sorted("n", Descending)
            .top(2),
        &["∅", "North"],
    )
    .await;
    let mut by_id = about("orders")
        .with("n", count("orders"))
        .group("id", "customers.id")
        .group("customer", "customers.name");
    by_id.group_by[0].hidden = true;
    check(&by_id, &["Ada|2", "Bob|1", "Cy|1", "∅|2"]).await;
}

#[tokio::test]
async fn the_first_of_each_group() {
    let mut ask = about("orders")
        .with("revenue", sum("orders.amount"))
        .group("region", "customers.region")
        .group("status", "orders.status")
        .sorted("revenue", Descending)
        .top(1);
    ask.limit_per = vec![name("region")];
    check(&ask, &["North|done|20.25", "∅|open|9.00", "South|done|5.00"]).await;
}

#[tokio::test]
async fn rows_are_listed_one_by_one() {
    let mut ask = about("orders")
        .group("amount", "orders.amount")
        .group("customer", "customers.name")
        .where_(is("orders.status", Equal, text("open")))
        .sorted("amount", Descending);
    ask.each_row = true;
    check(&ask, &["10.50|Ada", "7.00|∅", "2.00|Cy"]).await;
    check(&ask.clone().top(2), &["10.50|Ada", "7.00|∅"]).await;
    let double = arithmetic(Operation::Multiply, output("amount"), whole_number(2));
    let large =
        Predicate::Compare { left: output("double"), comparison: Greater, right: whole_number(10) };
    let doubled = ask.computed("double", Figure::Calculation(double)).having(large);
    check(&doubled, &["10.50|Ada|21.00", "7.00|∅|14.00"]).await;
    let mut lines =
        about("lines").group("quantity", "lines.quantity").sorted("quantity", Ascending).top(3);
    lines.each_row = true;
    check(&lines, &["1", "1", "2"]).await;
}

#[tokio::test]
async fn groups_alone_are_the_different_ones() {
    check(&about("orders").group("region", "customers.region"), &["North", "South", "∅"]).await;
    check(
        &about("customers").group("status", "orders.status").sorted("status", Descending),
        &["open", "done", "∅"],
    )
    .await;
}

#[tokio::test]
async fn numbers_are_parted_by_size_and_dates_by_age() {
    let edges = |edges: &[&str]| edges.iter().map(|edge| edge.parse().unwrap()).collect();
    let size = GroupKey::Bucket { value: value("orders.amount"), edges: edges(&["5", "10"]) };
    check(&about("orders").with("n", count("orders")).key("size", size), &["0|2", "1|2", "2|2"])
        .await;
    let age = Value::Days {
        from: Box::new(value("orders.ordered_on")),
        to: Box::new(Value::Literal(date("2025-03-01"))),
    };
    let age = GroupKey::Bucket { value: age, edges: edges(&["28", "60"]) };
    check(
        &about("orders").with("n", count("orders")).key("age", age),
        &["0|1", "1|2", "2|2", "∅|1"],
    )
    .await;
    let weekday =
        |part| GroupKey::Value(Value::Part { part, of: Box::new(value("orders.ordered_on")) });
    check(
        &about("orders").with("n", count("orders")).key("weekday", weekday(DatePart::Weekday)),
        &["3|2", "4|1", "5|1", "6|1", "∅|1"],
    )
    .await;
    for (part, expect) in [
        (DatePart::Year, ["2024|2", "2025|3", "∅|1"].as_slice()),
        (DatePart::Quarter, &["1|5", "∅|1"]),
        (DatePart::Month, &["1|2", "2|3", "∅|1"]),
        (DatePart::Week, &["3|1", "5|2", "9|2", "∅|1"]),
        (DatePart::Day, &["1|1", "15|1", "28|1", "29|1", "31|1", "∅|1"]),
    ] {
        check(&about("orders").with("n", count("orders")).key("part", weekday(part)), expect).await;
    }
}

#[tokio::test]
async fn texts_match_wherever_they_stand_and_stand_for_themselves() {
    let products = |place, text: &str| {
        about("products").with("n", count("products")).where_(Predicate::Matches {
            value: value("products.name"),
            place,
            text: text.to_owned(),
        })
    };
    for (place, text, expect) in [
        (TextPlace::Anywhere, "_50%", "1"),
        (TextPlace::Anywhere, "%", "1"),
        (TextPlace::Anywhere, "_", "1"),
        (TextPlace::Anywhere, "\\", "0"),
        (TextPlace::Anywhere, "'", "0"),
        (TextPlace::Start, "P", "1"),
        (TextPlace::Start, "p", "1"),
        (TextPlace::End, "N", "1"),
        (TextPlace::Start, "n", "0"),
        (TextPlace::Anywhere, "", "4"),
    ] {
        check(&products(place, text), &[expect]).await;
    }
}

#[tokio::test]
async fn sets_are_put_against_each_other() {
    let buyers = |from: &str, to: &str| {
        let bought =
            about("orders").group("customer", "orders.customer_id").where_(Predicate::All(vec![
                is("orders.ordered_on", GreaterOrEqual, date(from)),
                is("orders.ordered_on", Less, date(to)),
            ]));
        Predicate::Among { values: vec![value("customers.id")], ask: Box::new(bought) }
    };
    let first = || buyers("2024-01-01", "2025-01-01");
    let second = || buyers("2025-01-01", "2026-01-01");
    let customers = |filter| about("customers").with("n", count("customers")).where_(filter);
    check(&customers(first()), &["1"]).await;
    check(&customers(Predicate::All(vec![first(), not(second())])), &["1"]).await;
    check(&customers(not(second())), &["3"]).await;
    let pairs = about("orders")
        .group("customer", "orders.customer_id")
        .group("receiver", "orders.ship_to_id");
    let own = Predicate::Among {
        values: vec![value("customers.id"), value("customers.id")],
        ask: Box::new(pairs),
    };
    check(&customers(own), &["3"]).await;
}

#[tokio::test]
async fn each_figure_goes_by_its_own_date_and_filter() {
    let mut paid = sum("payments.paid");
    paid.date = Some(at("payments.paid_on"));
    check(
        &about("orders")
            .with("revenue", revenue())
            .with("paid", paid)
            .period("month", TimeGrain::Month),
        &[
            "2024-01-01|10.50|∅",
            "2024-02-01|20.25|8.00",
            "2024-03-01|∅|2.00",
            "2025-01-01|5.00|6.00",
            "2025-02-01|8.00|∅",
            "∅|2.00|∅",
        ],
    )
    .await;
    let mut done = count("orders");
    done.filter = Some(is("orders.status", Equal, text("done")));
    check(
        &about("orders")
            .with("n", count("orders"))
            .with("done", done)
            .group("customer", "customers.name"),
        &["Ada|2|1", "Bob|1|1", "Cy|1|0", "∅|2|1"],
    )
    .await;
    check(
        &about("orders")
            .with("customers", over(CountDistinct, "orders.customer_id"))
            .with("known", over(Count, "orders.customer_id")),
        &["4|5"],
    )
    .await;
}

#[tokio::test]
async fn one_plain_figure_is_one_plain_statement() {
    let books = declared().await;
    let sql = |ask: &Ask| pacioli_engine::compile::compile(&books.catalog, ask).unwrap().sql;
    assert_eq!(
        sql(&about("orders")
            .computed("revenue", figure("done_revenue"))
            .group("region", "customers.region")
            .where_(is("products.name", Equal, text("Pen")))
            .days("2024-01-01", "2025-01-01")
            .having(Predicate::Compare {
                left: output("revenue"),
                comparison: Greater,
                right: whole_number(1)
            })
            .sorted("revenue", Descending)
            .top(3)),
        "SELECT customers.region AS region, sum(orders.amount) AS revenue\n\
         FROM orders\n\
         LEFT JOIN customers ON orders.customer_id = customers.id\n\
         WHERE orders.status = 'done' AND EXISTS (SELECT 1 FROM lines LEFT JOIN products ON lines.product_id = products.id \
         WHERE lines.order_id = orders.id AND products.name = 'Pen') \
         AND orders.ordered_on >= DATE '2024-01-01' AND orders.ordered_on < DATE '2025-01-01'\n\
         GROUP BY customers.region\n\
         HAVING sum(orders.amount) > 1\n\
         ORDER BY revenue DESC NULLS LAST, region DESC NULLS LAST\n\
         LIMIT 3"
    );
    assert_eq!(
        sql(&about("orders")
            .with("revenue", revenue())
            .with("n", count("customers"))
            .group("region", "customers.region")
            .computed("each", Figure::Calculation(ratio(output("revenue"), output("n"))))),
        "WITH orders_figures AS (\n  \
           SELECT customers.region AS region, sum(orders.amount) AS revenue\n  \
           FROM orders\n  \
           LEFT JOIN customers ON orders.customer_id = customers.id\n  \
           GROUP BY customers.region\n\
         ),\n\
         customers_figures AS (\n  \
           SELECT region, count(*) AS n\n  \
           FROM customers\n  \
           GROUP BY region\n\
         ),\n\
         figures AS (\n  \
           SELECT coalesce(orders_figures.region, customers_figures.region) AS region, orders_figures.revenue AS revenue, coalesce(customers_figures.n, 0) AS n\n  \
           FROM orders_figures\n  \
           FULL JOIN customers_figures ON orders_figures.region IS NOT DISTINCT FROM customers_figures.region\n\
         )\n\
         SELECT region, revenue, n, CAST(revenue AS DOUBLE PRECISION) / NULLIF(CAST(n AS DOUBLE PRECISION), 0) AS each\n\
         FROM figures\n\
         ORDER BY region"
    );
}

async fn refuse(cases: Vec<(Ask, &'static str)>) {
    let books = declared().await;
    for (ask, reason) in cases {
        let detail = books.refusal(&ask).await;
        assert!(detail.contains(reason), "{reason}: {detail}");
    }
}

fn n() -> Ask {
    about("orders").with("n", count("orders"))
}

fn only_where(left: Value, right: Value) -> Ask {
    n().where_(Predicate::Compare { left, comparison: Equal, right })
}

#[tokio::test]
async fn names_that_are_not_there_are_refused_with_the_nearest() {
    let via = |text: &str| n().group("x", text);
    let mut per = n().top(1);
    per.limit_per = vec![name("regoin")];
    let both = n().with("b", sum("ledger.change")).group("x", "customers.region");
    let ledger = || about("ledger").with("b", sum("ledger.change"));
    refuse(vec![
        (
            about("order").with("n", count("order")),
            "There is no table order; the nearest is orders.",
        ),
        (via("orders.amuont"), "orders has no column amuont; the nearest is amount."),
        (via("ledger.account"), "ledger cannot be reached from orders"),
        (both, "customers cannot be reached from ledger"),
        (
            ledger().where_(is("tags.label", Equal, text("red"))),
            "tags cannot be reached from ledger",
        ),
        (
            via("orders_custmer>customers.region"),
            "no relationship orders_custmer; the nearest is orders_customer",
        ),
        (
            via("orders_customer>payments_customer>lines_order>tags.label"),
            "does not lead on from payments",
        ),
        (n().computed("x", figure("revenues")), "no metric revenues; the nearest is revenue"),
        (n().computed("x", Figure::Calculation(output("m"))), "no figure m; the nearest is n"),
        (n().sorted("m", Ascending), "not to be sorted by m; the nearest is n"),
        (per, "not grouped by regoin"),
    ])
    .await;
}

#[tokio::test]
async fn figures_that_mean_nothing_are_refused() {
    let share = |of: &str| Figure::Share { of: name(of), within: vec![] };
    let running = |of: &str| Figure::Running { of: name(of), within: vec![] };
    let across = Figure::Across { aggregate: CountDistinct, of: name("n"), within: vec![] };
    let within = Figure::Share { of: name("n"), within: vec![name("region")] };
    let calculation = Figure::Calculation;
    let half = n().computed("half", calculation(ratio(whole_number(1), output("n"))));
    let tagged = about("products").with("n", count("products")).group("tag", "tags.label");
    let mean = about("orders").with("mean", over(Average, "orders.amount"));
    let status = arithmetic(Operation::Add, value("orders.amount"), value("orders.status"));
    let days = Value::Days {
        from: Box::new(value("orders.amount")),
        to: Box::new(value("orders.ordered_on")),
    };
    refuse(vec![
        (n().computed("x", figure("left")), "is computed of itself"),
        (n().computed("x", figure("of_output")), "which is no metric"),
        (
            n().computed("x", calculation(ratio(output("x"), whole_number(1)))),
            "x is computed of itself",
        ),
        (n().computed("x", calculation(value("orders.amount"))), "a column of single rows"),
        (n().computed("x", share("m")), "no figure m"),
        (mean.computed("x", share("mean")), "it is an average"),
        (half.computed("x", share("half")), "computed anew"),
        (n().computed("x", running("n")), "goes by one calendar period"),
        (tagged.computed("x", share("n")), "count in several groups"),
        (n().computed("x", across), "cannot be counted across rows"),
        (n().computed("x", within), "not grouped by region"),
        (about("orders").computed("x", calculation(whole_number(1))), "measures nothing"),
        (n().with("x", over_table(Sum, "orders", status)), "only numbers are added"),
        (n().with("x", over_table(Sum, "orders", days)), "days are counted from"),
    ])
    .await;
}

#[tokio::test]
async fn times_that_are_not_known_are_refused() {
    let mut snapshot = sum("stock.pieces");
    snapshot.over_time = OverTime::Snapshot;
    let mut dated = snapshot.clone();
    dated.date = Some(at("stock.day"));
    let mut balance = over(Average, "ledger.change");
    (balance.over_time, balance.date) = (OverTime::ToDate, Some(at("ledger.posted_on")));
    let stock = about("stock").with("s", dated).period("m", TimeGrain::Month);
    let so_far = Figure::Running { of: name("s"), within: vec![] };
    let part = |part, of: &str| {
        n().key("x", GroupKey::Value(Value::Part { part, of: Box::new(value(of)) }))
    };
    refuse(vec![
        (n().days("2024-01-01", ""), "orders is counted by no date"),
        (n().period("month", TimeGrain::Month), "so it has no periods"),
        (about("stock").with("s", snapshot), "stock is counted by no date"),
        (
            about("ledger").with("b", balance).period("month", TimeGrain::Month),
            "cannot be carried from period to period",
        ),
        (stock.computed("x", so_far), "never added up over time"),
        (part(DatePart::Hour, "orders.ordered_on"), "has no hours"),
        (part(DatePart::Year, "orders.amount"), "only dates have"),
    ])
    .await;
}

#[tokio::test]
async fn filters_that_do_not_hold_are_refused() {
    let among = |ask: Ask| {
        n().where_(Predicate::Among { values: vec![value("orders.id")], ask: Box::new(ask) })
    };
    let figure = |ask: Ask| Value::Figure(Box::new(ask));
    let mut deep = n();
    for _ in 0..6 {
        deep = only_where(value("orders.id"), figure(deep));
    }
    let starts = Predicate::Matches {
        value: value("orders.amount"),
        place: TextPlace::Start,
        text: "1".to_owned(),
    };
    let related = Predicate::Related { table: table_name("lines"), via: vec![], filter: None };
    let caller = Value::Caller(pacioli_model::CallerAttribute::Email);
    let ids = about("orders").group("id", "orders.id");
    refuse(vec![
        (deep, "nested more than 4 deep"),
        (among(ids.clone().top(3)), "a limit and no order"),
        (among(n().with("b", count("orders"))), "1 values cannot be among"),
        (among(about("orders").group("status", "orders.status")), "cannot be compared"),
        (
            only_where(value("orders.id"), figure(n().group("region", "customers.region"))),
            "has one column, not 2",
        ),
        (only_where(value("orders.id"), figure(ids)), "has several rows"),
        (only_where(output("n"), whole_number(1)), "use it in having"),
        (only_where(of_metric("revenue"), whole_number(1)), "computed over many rows"),
        (only_where(value("orders.status"), caller), "row policies alone"),
        (
            only_where(value("orders.status"), value("orders.amount")),
            "cannot be compared with amount, which is a number",
        ),
        (n().where_(starts), "only texts"),
        (n().having(is("orders.amount", Equal, Literal::Integer(1))), "a column of single rows"),
        (n().having(related), "Groups have no rows"),
    ])
    .await;
}

#[tokio::test]
async fn groups_that_tell_nothing_apart_are_refused() {
    let mut listed = n();
    listed.each_row = true;
    let mut no_limit = n().group("region", "customers.region");
    no_limit.limit_per = vec![name("region")];
    let bucket = |of: &str, edges: &[&str]| {
        let edges = edges.iter().map(|edge| edge.parse().unwrap()).collect();
        n().key("x", GroupKey::Bucket { value: value(of), edges })
    };
    refuse(vec![
        (listed, "nothing is counted or added up"),
        (no_limit, "not said how many"),
        (n().key("x", GroupKey::Value(whole_number(1))), "told apart by a column"),
        (bucket("orders.amount", &[]), "ascending order"),
        (bucket("orders.amount", &["2", "1.5"]), "ascending order"),
        (bucket("orders.status", &["1"]), "holds no numbers"),
    ])
    .await;
}

#[tokio::test]
async fn a_month_before_ends_with_its_last_day() {
    let mut before = revenue();
    before.shift = Some(Shift { months: 1, days: 0 });
    check(
        &about("orders").with("before", before.clone()).days("2024-02-01", "2024-03-01"),
        &["10.50"],
    )
    .await;
    // The 29th of February is what the end of March is compared with.
    check(
        &about("orders").with("before", before.clone()).days("2024-03-31", "2024-04-01"),
        &["20.25"],
    )
    .await;
    let mut by_day = about("orders").with("before", before).days("2024-02-01", "2024-03-01");
    by_day
        .group_by
        .push(Grouping::new(name("day"), GroupKey::Period { column: None, grain: TimeGrain::Day }));
    check(&by_day, &["2024-02-29|10.50"]).await;
}

#[tokio::test]
async fn products_of_large_numbers_have_room() {
    let world = World::new();
    let csv = format!("v,w\n{0},123456789012345678.25\n{0},2.50\n", i64::MAX);
    let entry = world.load(company(1), 1, &csv).await;
    let product = |aggregate, left: &str, right: &str| {
        over_table(aggregate, "t", arithmetic(Operation::Multiply, column(left), column(right)))
    };
    let twice = over_table(Sum, "t", arithmetic(Operation::Add, column("v"), column("v")));
    let ask = ask()
        .with("square", product(Max, "v", "v"))
        .with("mixed", product(Min, "v", "w"))
        .with("twice", twice);
    let answer = world.run(&entry, &ask).await.unwrap();
    assert_eq!(
        lines(&answer.table),
        [format!(
            "{}|{}|{}",
            i128::from(i64::MAX) * i128::from(i64::MAX),
            "23058430092136939517.50",
            i128::from(i64::MAX) * 4
        )]
    );
}

#[tokio::test]
async fn moments_are_asked_of_like_days_and_fractions_like_numbers() {
    let world = World::new();
    let csv = "at,day,weight,n\n2024-01-31 23:30:00,2024-01-30,1.5e0,1\n\
               2024-02-29 08:00:00,2024-02-28,2.5e0,2\n2025-02-28 10:00:00,2025-02-01,,3\n";
    let entry = world.load(company(1), 1, csv).await;
    let boxed = |of: &str| Box::new(column(of));
    let dated = |aggregate, value: Value| Aggregation {
        date: Some(of("at")),
        ..over_table(aggregate, "t", value)
    };
    let n = || dated(Sum, column("n"));
    let before = Aggregation { shift: Some(Shift::years(1)), ..n() };
    let state = Aggregation { over_time: OverTime::Snapshot, ..n() };
    let later =
        |comparison| Predicate::Compare { left: column("at"), comparison, right: column("day") };
    let hour = GroupKey::Value(Value::Part { part: DatePart::Hour, of: boxed("at") });
    let days = Value::Days { from: boxed("day"), to: boxed("at") };
    let weighed = arithmetic(Operation::Multiply, column("weight"), column("n"));
    for (asked, expect) in [
        (ask().with("n", count("t")).key("hour", hour), ["8|1", "10|1", "23|1"].as_slice()),
        (ask().with("days", dated(Sum, days)), &["29"]),
        (
            ask()
                .with("n", n())
                .with("before", before)
                .period("month", TimeGrain::Month)
                .days("2025-01-01", "2026-01-01"),
            &["2025-01-01|∅|1", "2025-02-01|3|2"],
        ),
        (ask().with("n", state).period("year", TimeGrain::Year), &["2024-01-01|2", "2025-01-01|3"]),
        (
            ask().with("n", n()).period("day", TimeGrain::Day).days("2024-02-01", "2024-03-01"),
            &["2024-02-29|2"],
        ),
        (ask().with("weight", dated(Sum, weighed)), &["6.5"]),
        (ask().with("n", count("t")).where_(later(Greater)), &["3"]),
        (ask().with("n", count("t")).where_(later(Equal)), &["0"]),
    ] {
        let answer = world.run(&entry, &asked).await.unwrap();
        assert_eq!(lines(&answer.table), expect, "{}", answer.sql);
    }
}
