use chrono::TimeZone;
use pacioli_model::{
    Cell, Column, ColumnProfile, ColumnType, Distinct, MeasuredRelationship, Origin, TableVersion,
    Timestamp, UserId, ValueMatch,
};
use uuid::Uuid;

use super::*;

fn today() -> NaiveDate {
    "2026-06-17".parse().unwrap()
}

fn column(name: &str, nulls: u64, distinct: u64) -> Column {
    Column {
        name: ColumnName::parse(name).unwrap(),
        label: name.to_owned(),
        data_type: ColumnType::Text,
        profile: ColumnProfile {
            nulls,
            distinct: Distinct::Exactly(distinct),
            min: None,
            max: None,
            values: None,
            ascending: false,
        },
    }
}

fn texts(name: &str, values: &[&str]) -> Column {
    let mut column = column(name, 0, values.len() as u64);
    column.profile.values = Some(values.iter().map(|value| (*value).to_owned()).collect());
    column
}

fn days(name: &str, min: &str, max: &str) -> Column {
    let mut column = column(name, 0, 50);
    column.data_type = ColumnType::Date;
    column.profile.min = Some(Cell::Date(min.parse().unwrap()));
    column.profile.max = Some(Cell::Date(max.parse().unwrap()));
    column
}

fn table(name: &str, rows: u64, columns: Vec<Column>) -> TableEntry {
    TableEntry {
        name: TableName::parse(name).unwrap(),
        version: TableVersion(Uuid::from_u128(1)),
        origin: Origin::Push,
        columns,
        rows,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    }
}

/// What is found, as short lines.
fn found(tables: Vec<TableEntry>, measured: &Measurements) -> Vec<String> {
    let catalog = Catalog { tables, ..Catalog::default() };
    shown(&findings(&catalog, measured, today()))
}

fn shown(findings: &[Finding]) -> Vec<String> {
    let line = |it: &Finding| {
        let columns: Vec<_> = it.columns.iter().map(ColumnName::as_str).collect();
        let (severity, kind) = (it.severity.as_str(), it.kind);
        format!("{severity} {kind} {}.{}: {}", it.table, columns.join("+"), it.detail)
    };
    findings.iter().map(line).collect()
}

fn check(column: Column, expect: &[&str]) {
    let name = column.name.clone();
    let table = table("orders", 100, vec![column]);
    assert_eq!(found(vec![table], &Measurements::default()), expect, "{name}");
}

#[test]
fn clean_columns_raise_nothing() {
    check(column("region", 0, 7), &[]);
    check(column("order_id", 0, 100), &[]);
    check(texts("city", &["Berlin", "Bern", "Wien"]), &[]);
    check(days("ordered_on", "2024-01-01", "2026-06-17"), &[]);
    check(days("due_date", "2024-01-01", "2026-09-01"), &[]);
    check(texts("postal_code", &["1010", "1020", "1030", "1040", "A-1"]), &[]);
}

#[test]
fn keys_that_repeat_or_are_missing_come_first() {
    check(
        column("order_id", 0, 97),
        &[
            "high duplicate_key orders.order_id: 3 rows repeat the key of another: sums may count them twice.",
        ],
    );
    check(
        column("order_id", 2, 98),
        &["high missing_key orders.order_id: 2 rows have no value, and it names rows."],
    );
    // Of an order's lines, most repeat the order's number.
    check(column("order_no", 0, 40), &[]);
    let mut declared = table("lines", 10, vec![column("code", 0, 4)]);
    declared.primary_key = vec![ColumnName::parse("code").unwrap()];
    let expect = "high duplicate_key lines.code: 6 rows repeat the key of another: sums may count them twice.";
    assert_eq!(found(vec![declared], &Measurements::default()), [expect]);
}

#[test]
fn empty_and_constant_columns_are_told_last() {
    check(column("fax", 100, 0), &["low empty_column orders.fax: It has no values."]);
    check(column("fax", 60, 30), &["low many_nulls orders.fax: 60 % of the rows have no value."]);
    check(column("fax", 49, 30), &[]);
    check(column("company", 0, 1), &["low constant orders.company: Every row has the same value."]);
    let empty = table("orders", 0, vec![column("fax", 0, 0)]);
    let expect = "medium empty_table orders.: The table has no rows.";
    assert_eq!(found(vec![empty], &Measurements::default()), [expect]);
}

#[test]
fn days_that_cannot_be_are_told() {
    check(
        days("ordered_on", "2024-01-01", "2026-06-18"),
        &["medium future_days orders.ordered_on: Its last day, 2026-06-18, lies ahead of today."],
    );
    check(
        days("due_date", "2024-01-01", "9999-12-31"),
        &["medium strange_days orders.due_date: 9999-12-31 is among its days."],
    );
    check(
        days("ordered_on", "1900-01-01", "2025-01-01"),
        &["medium strange_days orders.ordered_on: 1900-01-01 is among its days."],
    );
    let mut moments = days("seen_at", "2024-01-01", "2024-01-01");
    let moment = chrono::Utc.with_ymd_and_hms(2027, 1, 1, 0, 0, 0).unwrap();
    moments.profile.max = Some(Cell::Timestamp(moment));
    check(
        moments,
        &["medium future_days orders.seen_at: Its last day, 2027-01-01, lies ahead of today."],
    );
    // An absence may last still.
    let lasting = ["first_day", "last_day"].map(|name| days(name, "2024-01-01", "2026-06-18"));
    let [first, last] = lasting;
    let alone =
        "medium future_days orders.last_day: Its last day, 2026-06-18, lies ahead of today.";
    check(last.clone(), &[alone]);
    let both = found(vec![table("orders", 100, vec![first, last])], &Measurements::default());
    assert_eq!(both, [alone.replace("last_day", "first_day")]);
}

#[test]
fn values_that_mean_the_same_are_told() {
    check(
        texts("city", &["Berlin", "berlin ", "New  York", "New York", "Wien"]),
        &[
            "medium spelled_differently orders.city: The same is written in several ways: \"Berlin\", \"berlin \"; \"New  York\", \"New York\".",
        ],
    );
    check(
        texts("weight", &["1", "2.5", "3,75", "40", "n/a"]),
        &[
            "medium mostly_numbers orders.weight: 4 of its 5 different texts are numbers; others are \"n/a\".",
        ],
    );
}

fn related(orphans: u64, rate: f64, known: Known) -> Relationship {
    let (table, columns) =
        (TableName::parse("orders").unwrap(), vec![ColumnName::parse("customer_id").unwrap()]);
    Relationship {
        name: Relationship::usual_name(&table, &columns),
        table,
        columns,
        to: TableName::parse("customers").unwrap(),
        references: vec![ColumnName::parse("id").unwrap()],
        one_to_one: false,
        known,
        label: None,
        match_rate: Some(rate),
        orphans: Some(orphans),
    }
}

fn two_tables() -> Vec<TableEntry> {
    vec![
        table("customers", 9, vec![column("id", 0, 9)]),
        table("orders", 100, vec![column("customer_id", 0, 9)]),
    ]
}

#[test]
fn references_that_lead_nowhere_are_told_the_worse_the_more() {
    for (orphans, rate, severity) in [(1, 0.99, "medium"), (10, 0.9, "high")] {
        let mut catalog = Catalog { tables: two_tables(), ..Catalog::default() };
        catalog.relationships = vec![related(orphans, rate, Known::Found)];
        let found = shown(&findings(&catalog, &Measurements::default(), today()));
        let rows = counted(orphans, "row");
        assert_eq!(
            found,
            [format!(
                "{severity} orphans orders.customer_id: {rows} name nothing that is in customers."
            )]
        );
    }
}

#[test]
fn declared_references_that_name_several_rows_are_told_and_found_ones_are_not() {
    for (known, count) in [(Known::ForeignKey, 1), (Known::Declared, 1), (Known::Found, 0)] {
        let version = TableVersion(Uuid::from_u128(1));
        let values = ValueMatch { rows: 9, found: 9, most_on_one_side: 2, most_on_many_side: 3 };
        let relationship = related(0, 1.0, known);
        let to_version = version;
        let seen = MeasuredRelationship { relationship, version, to_version, values, holds: false };
        let measured = Measurements { relationships: vec![seen], ..Measurements::default() };
        let found = found(two_tables(), &measured);
        assert_eq!(found.len(), count, "{found:?}");
        assert!(
            found.iter().all(|it| it.starts_with("high ambiguous_reference orders.customer_id"))
        );
    }
}

#[test]
fn months_without_rows_are_told_where_the_others_are_a_series() {
    let coverage = |months: &[&str], rows: u64| {
        let months = months.iter().map(|month| (format!("{month}-01").parse().unwrap(), rows));
        let dates = DateCoverage {
            table: TableName::parse("orders").unwrap(),
            version: TableVersion(Uuid::from_u128(1)),
            column: ColumnName::parse("ordered_on").unwrap(),
            months: months.collect(),
        };
        let measured = Measurements { dates: vec![dates], ..Measurements::default() };
        let orders = table("orders", 100, vec![days("ordered_on", "2025-01-01", "2025-09-01")]);
        found(vec![orders], &measured)
    };
    let series = ["2025-01", "2025-02", "2025-03", "2025-05", "2025-06", "2025-07", "2025-09"];
    let expect = "medium missing_months orders.ordered_on: There are no rows of 2025-04, 2025-08.";
    assert_eq!(coverage(&series, 5), [expect]);
    assert_eq!(coverage(&["2025-01", "2025-05"], 5), Vec::<String>::new());
    assert_eq!(coverage(&series[..3], 5), Vec::<String>::new());
    // With a row or two in a month some months have none.
    assert_eq!(coverage(&series, 2), Vec::<String>::new());
}

#[test]
fn the_worst_comes_first() {
    let orders = table(
        "orders",
        100,
        vec![
            column("fax", 100, 0),
            days("ordered_on", "2024-01-01", "2027-06-18"),
            column("order_id", 0, 97),
        ],
    );
    let catalog = Catalog { tables: vec![orders], ..Catalog::default() };
    let all = findings(&catalog, &Measurements::default(), today());
    let kinds: Vec<_> = all.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, ["duplicate_key", "future_days", "empty_column"]);
}
