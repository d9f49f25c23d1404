//! Answers that were worked out by hand.

use pacioli_engine::EngineError;
use pacioli_model::{
    Aggregate::{Average, Count, CountDistinct, Max, Min, Sum},
    Ask, Cell, ColumnType, Comparison,
    Direction::{Ascending, Descending},
    Literal, Predicate, TimeGrain,
};

use crate::world::*;

const SALES: &str = "\
order_date,region,quantity,amount,weight,paid,note
2024-01-03,North,2,10.50,1.5e0,true,it's \"big\"
2024-01-20,South,3,20.25,2.5e0,false,a\\b; DROP TABLE t
2024-02-01,North,1,5.00,,true,
2024-02-29,,4,,3.0e0,,%
9999-12-31,South,,0.01,0.25e0,false,ünï
";

async fn check(ask: &Ask, sql: &str, expect: &[&str]) {
    let world = World::new();
    let entry = world.load(company(1), 1, SALES).await;
    let answer = world.run(&entry, ask).await.unwrap();
    assert_eq!(lines(&answer.table), expect, "{}", answer.sql);
    assert_eq!(answer.sql, sql);
    assert!(!answer.table.truncated);
}

#[tokio::test]
async fn totals_are_exact_and_leave_nulls_out() {
    check(
        &ask()
            .measure("orders", Count, None)
            .measure("amounts", Count, Some("amount"))
            .measure("regions", CountDistinct, Some("region"))
            .measure("pieces", Sum, Some("quantity"))
            .measure("revenue", Sum, Some("amount"))
            .measure("mean_amount", Average, Some("amount"))
            .measure("mean_quantity", Average, Some("quantity"))
            .measure("first", Min, Some("order_date"))
            .measure("last_region", Max, Some("region"))
            .measure("heaviest", Max, Some("weight"))
            .measure("any_paid", Max, Some("paid")),
        "SELECT count(*) AS orders, count(amount) AS amounts, count(DISTINCT region) AS regions, sum(quantity) AS pieces, \
         sum(amount) AS revenue, avg(amount) AS mean_amount, avg(quantity) AS mean_quantity, min(order_date) AS first, \
         max(region) AS last_region, max(weight) AS heaviest, max(paid) AS any_paid\nFROM t",
        &["5|4|2|10|35.76|8.940000|2.5|2024-01-03|South|3.0|true"],
    )
    .await;
}

#[tokio::test]
async fn periods_come_as_their_first_day_and_nulls_last() {
    check(
        &ask().by("month", "order_date", Some(TimeGrain::Month)).measure("revenue", Sum, Some("amount")),
        "SELECT CAST(date_trunc('month', order_date) AS DATE) AS month, sum(amount) AS revenue\nFROM t\n\
         GROUP BY CAST(date_trunc('month', order_date) AS DATE)\nORDER BY month",
        &["2024-01-01|30.75", "2024-02-01|5.00", "9999-12-01|0.01"],
    )
    .await;
    for (direction, sql, expect) in [
        (Ascending, "ORDER BY region", ["North|15.50", "South|20.26", "∅|∅"]),
        (Descending, "ORDER BY region DESC NULLS LAST", ["South|20.26", "North|15.50", "∅|∅"]),
    ] {
        check(
            &ask()
                .by("region", "region", None)
                .measure("amount", Sum, Some("amount"))
                .order("region", direction),
            &format!("SELECT region, sum(amount) AS amount\nFROM t\nGROUP BY region\n{sql}"),
            &expect,
        )
        .await;
    }
}

#[tokio::test]
async fn the_top_is_cut_after_sorting_and_ties_are_settled() {
    check(
        &ask().by("region", "region", None).measure("n", Count, None).order("n", Descending).top(2),
        "SELECT region, count(*) AS n\nFROM t\nGROUP BY region\nORDER BY n DESC NULLS LAST, region DESC NULLS LAST\nLIMIT 2",
        &["South|2", "North|2"],
    )
    .await;
    check(
        &ask().by("order_date", "order_date", Some(TimeGrain::Quarter)).top(1),
        "SELECT CAST(date_trunc('quarter', order_date) AS DATE) AS order_date\nFROM t\n\
         GROUP BY CAST(date_trunc('quarter', order_date) AS DATE)\nORDER BY order_date\nLIMIT 1",
        &["2024-01-01"],
    )
    .await;
}

#[tokio::test]
async fn texts_are_compared_as_they_stand() {
    for (value, shown) in [
        ("it's \"big\"", "'it''s \"big\"'"),
        ("a\\b; DROP TABLE t", "'a\\b; DROP TABLE t'"),
        ("%", "'%'"),
        ("ünï", "'ünï'"),
    ] {
        check(
            &ask().measure("n", Count, None).only(compare("note", Comparison::Equal, text(value))),
            &format!("SELECT count(*) AS n\nFROM t\nWHERE note = {shown}"),
            &["1"],
        )
        .await;
    }
}

#[tokio::test]
async fn conditions_nest_as_they_read() {
    let paid = || compare("paid", Comparison::Equal, Literal::Boolean(true));
    let large = || compare("amount", Comparison::Greater, decimal("10.499"));
    let north = || compare("region", Comparison::Equal, text("North"));
    check(
        &ask().measure("n", Count, None).only(Predicate::All(vec![
            Predicate::Any(vec![paid(), large()]),
            Predicate::Not(Box::new(Predicate::All(vec![north(), large()]))),
        ])),
        "SELECT count(*) AS n\nFROM t\nWHERE (paid = TRUE OR amount > 10.499) AND NOT (region = 'North' AND amount > 10.499)",
        &["2"],
    )
    .await;
    check(
        &ask()
            .measure("n", Count, None)
            .only(Predicate::Not(Box::new(Predicate::IsNull { value: column("region") }))),
        "SELECT count(*) AS n\nFROM t\nWHERE region IS NOT NULL",
        &["4"],
    )
    .await;
    check(
        &ask().measure("n", Count, None).only(Predicate::Not(Box::new(north()))),
        "SELECT count(*) AS n\nFROM t\nWHERE NOT (region = 'North')",
        &["2"],
    )
    .await;
}

#[tokio::test]
async fn a_day_against_moments_is_all_of_the_day() {
    let world = World::new();
    let csv = "at\n2024-01-31 00:00:00\n2024-01-31 23:59:59.999999\n2024-02-01 00:00:00\n2024-01-30 23:59:59\n";
    let entry = world.load(company(1), 1, csv).await;
    for (comparison, count) in [
        (Comparison::Equal, 2),
        (Comparison::NotEqual, 2),
        (Comparison::Less, 1),
        (Comparison::LessOrEqual, 3),
        (Comparison::Greater, 1),
        (Comparison::GreaterOrEqual, 3),
    ] {
        let ask =
            ask().measure("n", Count, None).only(compare("at", comparison, date("2024-01-31")));
        let answer = world.run(&entry, &ask).await.unwrap();
        assert_eq!(answer.table.rows, [[Cell::Integer(count)]], "{}", answer.sql);
    }
}

#[tokio::test]
async fn whole_numbers_add_up_beyond_64_bits() {
    let world = World::new();
    let csv = format!("v,w\n{0},1\n{0},2\n{0},3\n", i64::MAX);
    let entry = world.load(company(1), 1, &csv).await;
    let ask = ask().measure("v", Sum, Some("v")).measure("w", Sum, Some("w")).measure(
        "mean",
        Average,
        Some("v"),
    );
    let answer = world.run(&entry, &ask).await.unwrap();
    assert_eq!(lines(&answer.table), ["27670116110564327421|6|9223372036854775807.0000"]);
    assert_eq!(answer.table.columns[0].data_type, ColumnType::Decimal { scale: 0 });
    assert_eq!(answer.table.columns[1].data_type, ColumnType::Integer);
    let one = ask.clone().only(compare("w", Comparison::Equal, Literal::Integer(2)));
    let answer = world.run(&entry, &one).await.unwrap();
    assert_eq!(
        answer.table.rows[0][0],
        Cell::Integer(i64::MAX),
        "a total that fits is a whole number"
    );
}

#[tokio::test]
async fn decimals_with_little_room_are_added_up_in_more() {
    let world = World::new();
    let mut entry = world.load(company(1), 1, "v\n1.25\n2.50\n").await;
    entry.columns[0].profile.max =
        Some(Cell::Decimal(format!("9{}", "0".repeat(37)).parse().unwrap()));
    let ask = ask().measure("s", Sum, Some("v")).measure("a", Average, Some("v"));
    let answer = world.run(&entry, &ask).await.unwrap();
    assert!(answer.sql.contains("sum(CAST(v AS DECIMAL(76, 2)))"), "{}", answer.sql);
    assert_eq!(lines(&answer.table), ["3.75|1.875000"]);
}

#[tokio::test]
async fn more_rows_than_the_limit_are_said() {
    let world = World::new();
    let rows: Vec<String> = (0..ROW_LIMIT + 5).map(|row| row.to_string()).collect();
    let entry = world.load(company(1), 1, &format!("v\n{}", rows.join("\n"))).await;
    let all = ask().by("v", "v", None);
    let answer = world.run(&entry, &all).await.unwrap();
    assert_eq!((answer.table.rows.len(), answer.table.truncated), (1000, true));
    assert_eq!(answer.table.rows[999], [Cell::Integer(999)]);
    let answer = world.run(&entry, &all.clone().top(1000)).await.unwrap();
    assert_eq!((answer.table.rows.len(), answer.table.truncated), (1000, false));
    let Err(EngineError::Invalid { detail }) = world.run(&entry, &all.top(1001)).await else {
        panic!()
    };
    assert_eq!(detail, "An answer has at most 1000 rows, not 1001.");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_the_reason() {
    let world = World::new();
    let entry = world.load(company(1), 1, SALES).await;
    let count = || ask().measure("n", Count, None);
    let mut deep = Predicate::IsNull { value: column("region") };
    for _ in 0..40 {
        deep = Predicate::Not(Box::new(deep));
    }
    let mut other_table = count();
    other_table.table = "orders".parse().unwrap();
    for (ask, reason) in [
        (ask(), "1 to 64 columns"),
        (other_table, "no table orders"),
        (count().by("x", "colour", None), "no column colour"),
        (count().by("region", "region", Some(TimeGrain::Month)), "region is no date"),
        (count().by("n", "region", None), "Two columns of the answer are called n"),
        (count().by("a", "region", None).by("b", "region", None), "grouped by region twice"),
        (
            count().by("a", "order_date", None).by("b", "order_date", Some(TimeGrain::Day)),
            "by order_date twice",
        ),
        (ask().measure("s", Sum, Some("region")), "region holds no numbers"),
        (ask().measure("s", Average, Some("order_date")), "order_date holds no numbers"),
        (ask().measure("s", Sum, None), "s is over no column"),
        (count().order("amount", Ascending), "sorted by amount"),
        (
            count().only(compare("amount", Comparison::Equal, text("x"))),
            "amount is a number and cannot",
        ),
        (
            count().only(compare("order_date", Comparison::Less, text("2024-01-01"))),
            "is a date and cannot",
        ),
        (
            count().only(compare("order_date", Comparison::Less, moment("2024-01-01T00:00:00Z"))),
            "with a time",
        ),
        (
            count().only(compare("paid", Comparison::Less, Literal::Boolean(true))),
            "neither is greater",
        ),
        (
            count().only(compare("amount", Comparison::Less, decimal("0.12345678901234"))),
            "more digits",
        ),
        (
            count().only(Predicate::OneOf { value: column("region"), values: vec![] }),
            "names no value",
        ),
        (count().only(deep), "more than 32 deep"),
    ] {
        let Err(EngineError::Invalid { detail }) = world.run(&entry, &ask).await else {
            panic!("{reason}: it was run");
        };
        assert!(detail.contains(reason), "{detail}");
    }
}
