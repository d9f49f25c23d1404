use std::collections::{BTreeMap, BTreeSet};

use pacioli_model::{
    Cell, ColumnProfile, ColumnType, Distinct, ForeignKey, Origin, Semantics, TableVersion,
    Timestamp, UserId,
};
use uuid::Uuid;

use super::*;

/// A table with its rows, as texts; an empty text is no value.
struct Rows {
    entry: TableEntry,
    columns: Vec<Vec<String>>,
}

fn name(text: &str) -> ColumnName {
    ColumnName::parse(text).unwrap()
}

fn column(header: &str, values: &[String], counted: usize) -> Column {
    let given: Vec<&String> = values.iter().filter(|value| !value.is_empty()).collect();
    let numbers: Option<Vec<i64>> = given.iter().map(|value| value.parse().ok()).collect();
    let different: BTreeSet<&String> = given.iter().copied().collect();
    let (data_type, min, max) = match &numbers {
        Some(numbers) if !numbers.is_empty() => {
            let end = |it: Option<&i64>| it.map(|it| Cell::Integer(*it));
            (ColumnType::Integer, end(numbers.iter().min()), end(numbers.iter().max()))
        }
        _ => (ColumnType::Text, None, None),
    };
    let distinct = match different.len() {
        many if many > counted => Distinct::MoreThan(counted as u64),
        few => Distinct::Exactly(few as u64),
    };
    let values_kept = data_type == ColumnType::Text && different.len() <= counted;
    let profile = ColumnProfile {
        nulls: (values.len() - given.len()) as u64,
        distinct,
        min,
        max,
        values: values_kept.then(|| different.into_iter().cloned().collect()),
        ascending: false,
    };
    Column { name: name(header), label: header.to_owned(), data_type, profile }
}

/// Rows written as text, the header first; of more different values than `counted` no count is kept.
fn rows_counted(table: &str, text: &str, counted: usize) -> Rows {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let header: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    let mut columns = vec![Vec::new(); header.len()];
    for line in lines {
        let cells: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(cells.len(), header.len(), "{table}: {line}");
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push(if cell == "-" { String::new() } else { cell.to_owned() });
        }
    }
    let entry = TableEntry {
        name: TableName::parse(table).unwrap(),
        version: TableVersion(Uuid::from_u128(1)),
        origin: Origin::Push,
        columns: header
            .iter()
            .zip(&columns)
            .map(|(header, values)| column(header, values, counted))
            .collect(),
        rows: columns[0].len() as u64,
        bytes: 0,
        loaded_at: Timestamp::from_millis(0),
        loaded_by: UserId(Uuid::nil()),
        notes: Vec::new(),
        primary_key: Vec::new(),
        foreign_keys: Vec::new(),
    };
    Rows { entry, columns }
}

fn rows(table: &str, text: &str) -> Rows {
    rows_counted(table, text, 1000)
}

/// What a query would see.
fn compare(world: &[Rows], it: &Relationship) -> ValueMatch {
    let tuples = |table: &TableName, columns: &[ColumnName]| {
        let rows = world.iter().find(|rows| &rows.entry.name == table).unwrap();
        let places: Vec<usize> = columns
            .iter()
            .map(|name| rows.entry.columns.iter().position(|it| &it.name == name).unwrap())
            .collect();
        let mut times: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for row in 0..rows.columns[0].len() {
            let tuple: Vec<_> = places.iter().map(|at| rows.columns[*at][row].clone()).collect();
            if tuple.iter().all(|value| !value.is_empty()) {
                *times.entry(tuple).or_default() += 1;
            }
        }
        times
    };
    let (many, one) = (tuples(&it.table, &it.columns), tuples(&it.to, &it.references));
    ValueMatch {
        rows: many.values().sum(),
        found: many.iter().filter(|(key, _)| one.contains_key(*key)).map(|(_, n)| n).sum(),
        most_on_one_side: one.values().max().copied().unwrap_or(0),
        most_on_many_side: many.values().max().copied().unwrap_or(0),
    }
}

/// The relationships that hold in these tables.
fn found(world: &[Rows], semantics: Semantics) -> Vec<String> {
    let tables: Vec<TableEntry> = world.iter().map(|rows| rows.entry.clone()).collect();
    let catalog = Catalog { tables, relationships: Vec::new(), semantics };
    let compared: Vec<_> = candidates(&catalog)
        .into_iter()
        .map(|candidate| {
            let values = compare(world, &candidate.relationship);
            (candidate, values)
        })
        .collect();
    let settled = settle(&catalog, &compared);
    let Catalog { tables, semantics, .. } = catalog;
    let whole = Catalog::assemble(tables, &settled, semantics);
    let side = |table: &TableName, columns: &[ColumnName]| {
        let names: Vec<_> = columns.iter().map(ColumnName::as_str).collect();
        format!("{table}.{}", names.join("+"))
    };
    whole
        .relationships
        .iter()
        .map(|it| format!("{} -> {}", side(&it.table, &it.columns), side(&it.to, &it.references)))
        .collect()
}

fn check(world: &[Rows], expect: &[&str]) {
    assert_eq!(found(world, Semantics::default()), expect);
}

#[test]
fn a_column_named_after_a_table_refers_to_its_key_however_either_is_spelled() {
    let orders = |column: &str| {
        rows("orders", &format!("order_ref {column}\n7001 11\n7002 12\n7003 11\n7004 13"))
    };
    for (reference, table, key) in [
        ("customer_id", "customers", "customer_id"),
        ("customer_id", "customers", "id"),
        ("customer_id", "customer", "id"),
        ("customer", "customers", "id"),
        ("customer_number", "customers", "number"),
        ("customernumber", "customers", "number"),
        ("customer_code", "customers", "id"),
        ("customer_id", "dim_customer", "customer_id"),
        ("partner_id", "res_partner", "id"),
        ("company_id", "companies", "id"),
        ("person_id", "people", "id"),
        ("kunden_nr", "kunden", "kunden_nr"),
        ("kundennummer", "kunden", "nummer"),
        ("lieferant_id", "lieferanten", "id"),
        ("artikel_id", "artikel", "id"),
        ("rechnung_id", "rechnungen", "id"),
        ("salesperson_id", "employees", "employee_id"),
    ] {
        let other = rows(table, &format!("{key} town\n11 Oslo\n12 Rom\n13 Oslo\n14 Graz"));
        let expect = format!("orders.{reference} -> {table}.{key}");
        check(&[other, orders(reference)], &[&expect]);
    }
}

#[test]
fn columns_that_count_from_one_contain_each_other_and_mean_nothing() {
    let items = rows("items", "id position weight\n1 1 3\n2 2 1\n3 3 2");
    let people = rows("people", "id floor\n1 2\n2 1\n3 3\n4 2");
    check(&[items, people], &[]);
}

#[test]
fn two_numbers_of_one_table_say_nothing_about_each_other() {
    check(&[rows("customers", "id customer_no customer_code\n1 2 3\n2 3 1\n3 1 2")], &[]);
}

#[test]
fn a_row_may_name_another_row_of_its_own_table() {
    let accounts = rows("accounts", "id parent_id\n1 -\n2 1\n3 1\n4 2");
    check(&[accounts], &["accounts.parent_id -> accounts.id"]);
    let orders = rows("orders", "order_number returned_order_number\nA1 -\nA2 A1\nA3 -\nA4 A2");
    check(&[orders], &["orders.returned_order_number -> orders.order_number"]);
    let crew = rows("crew", "emp_no boss_emp_no age\n11 - 40\n12 11 40\n13 11 31\n14 12 31");
    check(&[crew], &["crew.boss_emp_no -> crew.emp_no"]);
}

#[test]
fn a_count_of_rows_names_none() {
    let guests = rows("guests", "guest_id\n1\n2\n3\n4");
    let types = rows("room_types", "code max_guests\nSGL 1\nDBL 2\nFAM 4");
    check(&[guests, types], &[]);
}

#[test]
fn the_one_side_must_be_unique_and_the_values_must_be_there() {
    let orders = || rows("orders", "order_ref customer_id\n1 11\n2 12\n3 11\n4 13");
    let twice = rows("customers", "id\n11\n12\n13\n13");
    check(&[twice, orders()], &[]);
    let strangers = rows("customers", "id\n12\n13\n14\n15\n16");
    check(&[strangers, orders()], &[]);
}

#[test]
fn a_few_orphans_are_borne_and_counted() {
    let text =
        (0..100).map(|row| format!("{row} {}\n", 10 + row % 20)).collect::<Vec<_>>().concat();
    let orders = rows("orders", &format!("order_ref customer_id\n{text}"));
    let known = (10..29).map(|id| format!("{id} x\n")).collect::<Vec<_>>().concat();
    let customers = rows("customers", &format!("id town\n{known}"));
    let values = compare(
        &[orders, customers],
        &relationship_between(("orders", "customer_id"), ("customers", "id")),
    );
    assert_eq!((values.rows, values.found, values.rate()), (100, 95, 0.95));
    let orders = rows("orders", &format!("order_ref customer_id\n{text}"));
    let customers = rows("customers", &format!("id town\n{known}"));
    check(&[orders, customers], &["orders.customer_id -> customers.id"]);
}

fn relationship_between(many: (&str, &str), one: (&str, &str)) -> Relationship {
    let (table, columns) = (TableName::parse(many.0).unwrap(), vec![name(many.1)]);
    Relationship {
        name: Relationship::usual_name(&table, &columns),
        table,
        columns,
        to: TableName::parse(one.0).unwrap(),
        references: vec![name(one.1)],
        one_to_one: false,
        known: Known::Declared,
        label: None,
        match_rate: None,
        orphans: None,
    }
}

#[test]
fn every_role_is_a_relationship_and_a_second_name_of_the_same_role_is_none() {
    let customers = rows("customers", "id customer_code\n1 K1\n2 K2\n3 K3");
    let orders = rows(
        "orders",
        "order_ref customer_id customer_code billing_customer_id shipping_customer_id
         7 1 K1 1 2
         8 2 K2 2 2
         9 3 K3 1 3
         10 3 K3 1 3",
    );
    check(
        &[customers, orders],
        &[
            "orders.billing_customer_id -> customers.id",
            "orders.customer_code -> customers.customer_code",
            "orders.shipping_customer_id -> customers.id",
        ],
    );
}

#[test]
fn of_two_tables_that_a_column_may_mean_the_closer_one_is_meant() {
    let text = "id state\n1 a\n2 b\n3 a";
    let world = [
        rows("purchase_order", text),
        rows("sale_order", text),
        rows("sale_order_line", "id order_id\n1 1\n2 1\n3 2\n4 3"),
    ];
    check(&world, &["sale_order_line.order_id -> sale_order.id"]);
}

#[test]
fn a_key_that_a_table_names_does_not_name_its_rows_in_turn() {
    let world = [
        rows("authorities", "authority_id name\n1 a\n2 b"),
        rows("programs", "program_id program_name\n1 p\n2 q\n3 r"),
        rows("authorities_programs", "id authority_id program_id\n1 1 1\n2 2 1\n3 2 3"),
    ];
    check(
        &world,
        &[
            "authorities_programs.authority_id -> authorities.authority_id",
            "authorities_programs.program_id -> programs.program_id",
        ],
    );
}

#[test]
fn equal_names_are_enough_where_they_name_rows_and_never_where_they_are_commonplace() {
    let lines = rows("deliveries", "line card_code name\n1 C1 a\n2 C1 b\n3 C2 c");
    let partners = rows("ocrd", "card_code name\nC1 a\nC2 b\nC3 c");
    check(&[lines, partners], &["deliveries.card_code -> ocrd.card_code"]);
    let targets = rows("targets", "region goal\nNorth 5\nSouth 6\nEast 7");
    let sales = rows("sales", "amount region\n1 North\n2 South\n3 North");
    check(&[sales, targets], &["sales.region -> targets.region"]);
}

#[test]
fn of_two_tables_with_one_key_the_one_it_is_named_after_is_the_one_side() {
    let customers = rows("customers", "customer_id town\n1 Oslo\n2 Rom\n3 Graz");
    let details = rows("customer_notes", "customer_id grade\n1 a\n2 b\n3 a");
    check(&[details, customers], &["customer_notes.customer_id -> customers.customer_id"]);
}

#[test]
fn names_of_people_and_goods_are_references_where_they_are_unique() {
    let customers = rows("customers", "customer_id customer\nC1 Ada\nC2 Bo\nC3 Cy");
    let sales = rows("sales", "amount customer\n1 Ada\n2 Bo\n3 Ada\n4 Cy");
    check(&[customers, sales], &["sales.customer -> customers.customer"]);
}

#[test]
fn amounts_dates_and_empty_columns_refer_to_nothing() {
    let customers = rows("customers", "id\n1\n2\n3");
    let mut orders = rows("orders", "order_ref customer_id customer_no\n7 1 -\n8 2 -\n9 1 -");
    for data_type in
        [ColumnType::Float, ColumnType::Decimal { scale: 2 }, ColumnType::Date, ColumnType::Boolean]
    {
        orders.entry.columns[1].data_type = data_type;
        let tables = vec![customers.entry.clone(), orders.entry.clone()];
        let catalog = Catalog { tables, ..Catalog::default() };
        assert_eq!(candidates(&catalog), [], "{data_type:?}");
    }
}

#[test]
fn what_is_declared_holds_with_few_matches_and_not_without_a_unique_side() {
    let mut orders = rows("orders", "order_ref buyer market\n1 7 N\n2 8 N\n3 9 S");
    let key = |columns: &[&str], references: &[&str]| ForeignKey {
        columns: columns.iter().map(|it| name(it)).collect(),
        table: TableName::parse("customers").unwrap(),
        references: references.iter().map(|it| name(it)).collect(),
    };
    let customers = || rows("customers", "code market\n7 N\n7 S\n10 N");
    orders.entry.foreign_keys = vec![key(&["buyer", "market"], &["code", "market"])];
    check(&[customers(), orders], &["orders.buyer+market -> customers.code+market"]);
    let mut orders = rows("orders", "order_ref buyer market\n1 7 N\n2 8 N\n3 9 S");
    orders.entry.foreign_keys = vec![key(&["buyer"], &["code"])];
    check(&[customers(), orders], &[]);
    let semantics = Semantics {
        relationships: vec![relationship_between(("orders", "market"), ("markets", "letter"))],
        ..Semantics::default()
    };
    let world = [rows("markets", "letter\nN\nW"), rows("orders", "order_ref market\n1 N\n2 S")];
    assert_eq!(found(&world, semantics), ["orders.market -> markets.letter"]);
}

#[test]
fn a_key_is_declared_or_unique_and_named_like_one() {
    let known = |columns: &[&str]| PrimaryKey::Known(columns.iter().map(|it| name(it)).collect());
    for (table, text, expect) in [
        ("orders", "id order_no\n1 7\n2 8", known(&["id"])),
        ("orders", "amount order_no\n1 7\n2 8", known(&["order_no"])),
        ("orders", "order_no amount\n7 3\n7 4", PrimaryKey::None),
        ("orders", "order_no amount\n7 3\n- 4", PrimaryKey::None),
        ("prices", "product_id price\n1 3\n2 4", known(&["product_id"])),
        ("prices", "price product_id\n3 1\n4 2", PrimaryKey::None),
        ("rates", "rate town\n1 Oslo\n2 Rom", PrimaryKey::None),
        ("kunden", "kundennummer ort\n1 Graz\n2 Rom", known(&["kundennummer"])),
    ] {
        assert_eq!(primary_key(&rows(table, text).entry), expect, "{table}: {text}");
    }
    let mut lines = rows("lines", "order_no line\n1 1\n1 2").entry;
    lines.primary_key = vec![name("order_no"), name("line")];
    assert_eq!(primary_key(&lines), known(&["order_no", "line"]));
    let text = (0..30).map(|row| format!("{row} {row}\n")).collect::<Vec<_>>().concat();
    let large = rows_counted("orders", &format!("order_no id\n{text}"), 20).entry;
    assert_eq!(primary_key(&large), PrimaryKey::OneOf(vec![name("id"), name("order_no")]));
}
