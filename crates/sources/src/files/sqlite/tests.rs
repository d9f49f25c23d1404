use std::path::Path;

use pacioli_model::ColumnType;
use rusqlite::Connection;

use crate::files::{
    Choices, ColumnChoice, FileKind, FileLimits, FileOptions, TableChoice,
    loaded::{Loaded, load_bytes, load_with, refusal},
};

/// The database that these statements make.
fn database(sql: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    let connection = Connection::open(file.path()).unwrap();
    connection.execute_batch(sql).unwrap();
    file
}

fn load(sql: &str) -> Loaded {
    let file = database(sql);
    load_with(file.path(), "shop.db", &FileLimits::default(), &FileOptions::default()).unwrap()
}

/// One column, declared so, with these values: its type and its values.
#[track_caller]
fn check(declared: &str, values: &[&str], data_type: &str, expect: &[&str]) -> Vec<String> {
    let rows: Vec<String> =
        values.iter().map(|it| format!("INSERT INTO t VALUES ({it});")).collect();
    let rows = rows.concat();
    let loaded = load(&format!("CREATE TABLE t (v {declared}); {rows}"));
    let table = loaded.table("t");
    assert_eq!(table.schema(), [format!("v {data_type}")], "{declared} {values:?}");
    let found: Vec<String> = table.rows().into_iter().map(|row| row[0].clone()).collect();
    assert_eq!(found, expect, "{declared} {values:?}");
    table.plan.notes.clone()
}

#[test]
fn every_table_is_loaded_with_its_keys() {
    let loaded = load(
        "CREATE TABLE \"Customer List\" (\"Customer ID\" INTEGER PRIMARY KEY, Name TEXT);
         CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INT REFERENCES \"Customer List\", day DATE);
         CREATE TABLE lines (order_id INT, number INT, amount DECIMAL(10,2), PRIMARY KEY (order_id, number),
           FOREIGN KEY (order_id) REFERENCES orders (id));
         CREATE TABLE notes (order_id INT, number INT, text TEXT,
           FOREIGN KEY (order_id, number) REFERENCES lines);
         CREATE VIEW totals AS SELECT sum(amount) FROM lines;
         INSERT INTO \"Customer List\" VALUES (1, 'Ada'), (2, 'Bo');
         INSERT INTO orders VALUES (10, 1, '2024-02-29'), (11, 2, NULL);
         INSERT INTO lines VALUES (10, 1, 12.5), (10, 2, 3), (11, 1, 0.25);",
    );
    assert_eq!(loaded.kind, FileKind::Sqlite);
    assert_eq!(loaded.names(), ["customer_list", "lines", "notes", "orders"]);
    assert_eq!(loaded.notes, ["Views are not loaded: totals."]);
    let customers = loaded.table("customer_list");
    assert_eq!(customers.schema(), ["customer_id integer", "name text"]);
    assert_eq!(customers.plan.columns[0].label, "Customer ID");
    assert_eq!(customers.plan.part.as_deref(), Some("Customer List"));
    assert_eq!(customers.plan.primary_key[0].as_str(), "customer_id");
    let lines = loaded.table("lines");
    assert_eq!(lines.schema(), ["order_id integer", "number integer", "amount decimal(2)"]);
    assert_eq!(lines.rows()[0], ["10", "1", "12.50"]);
    let key: Vec<&str> =
        lines.plan.primary_key.iter().map(pacioli_model::ColumnName::as_str).collect();
    assert_eq!(key, ["order_id", "number"]);
    let orders = loaded.table("orders");
    assert_eq!(orders.rows(), [["10", "1", "2024-02-29"], ["11", "2", "∅"]]);
    let key = &orders.plan.foreign_keys[0];
    assert_eq!(key.table.as_str(), "customer_list");
    assert_eq!((key.columns[0].as_str(), key.references[0].as_str()), ("customer", "customer_id"));
    let notes = loaded.table("notes");
    assert_eq!(notes.plan.rows, 0);
    assert_eq!(notes.schema(), ["order_id integer", "number integer", "text text"]);
    assert_eq!(notes.plan.foreign_keys[0].references.len(), 2);
}

#[test]
fn all_values_of_a_column_and_its_declaration_decide_its_type() {
    check("INTEGER", &["1", "NULL", "-3"], "integer", &["1", "∅", "-3"]);
    check("", &["1", "'2'", "' 3 '"], "integer", &["1", "2", "3"]);
    check("REAL", &["1", "2.5"], "decimal(1)", &["1.0", "2.5"]);
    check("REAL", &["0.1 + 0.2"], "float", &["0.30000000000000004"]);
    check("REAL", &["1e300", "9e999"], "text", &["1e300", "inf"]);
    check("DECIMAL(10, 2)", &["1", "2.5"], "decimal(2)", &["1.00", "2.50"]);
    check("DECIMAL(10, 2)", &["1", "2.125"], "decimal(3)", &["1.000", "2.125"]);
    check("BOOLEAN", &["0", "1", "NULL"], "boolean", &["false", "true", "∅"]);
    check("BOOLEAN", &["0", "2"], "integer", &["0", "2"]);
    check("DATE", &["'2024-02-29'", "''"], "date", &["2024-02-29", "∅"]);
    check("DATETIME", &["'2024-02-29 10:00:00'"], "timestamp", &["2024-02-29T10:00:00"]);
    check("TEXT", &["'00123'", "'7'"], "text", &["00123", "7"]);
    check("TEXT", &["'1999'", "'2010'"], "text", &["1999", "2010"]);
    check("CHAR(1)", &["'0'", "'1'", "'0'"], "text", &["0", "1", "0"]);
    check("TEXT", &["'12'", "'7'"], "integer", &["12", "7"]);
    check("INT", &["1999", "2010"], "integer", &["1999", "2010"]);
    check("BLOB", &["x'4162'", "'c'"], "text", &["Ab", "c"]);
    check("INTEGER", &["9223372036854775807"], "integer", &["9223372036854775807"]);
    for (declared, data_type) in [
        ("INT", "integer"),
        ("NUMERIC(8,3)", "decimal(3)"),
        ("DOUBLE", "float"),
        ("BOOL", "boolean"),
        ("DATE", "date"),
        ("TIMESTAMP", "timestamp"),
        ("VARCHAR(9)", "text"),
        ("", "text"),
    ] {
        check(declared, &["NULL"], data_type, &["∅"]);
    }
}

#[test]
fn what_does_not_go_together_is_text_and_said() {
    let notes = check("", &["1", "2.5", "'x'"], "text", &["1", "2.5", "x"]);
    assert_eq!(notes, ["v: Kept as text: it holds numbers and other values."]);
    let notes = check("VARCHAR(9)", &["'1'", "'2.5'"], "decimal(1)", &["1.0", "2.5"]);
    assert_eq!(
        notes,
        ["v: Declared as text; all its values are numbers, so it is read as decimal(1)."]
    );
    let notes = check("INT", &["1", "'N/A'"], "integer", &["1", "∅"]);
    assert!(notes[0].contains("read as empty"), "{notes:?}");
    let notes = check("TEXT", &["CAST(x'4DFC6E' AS TEXT)"], "text", &["Mün"]);
    assert!(notes[0].contains("Windows-1252"), "{notes:?}");
    let loaded =
        load("CREATE TABLE t (a INT, b BLOB, c TEXT); INSERT INTO t VALUES (1, x'00FF', 'x');");
    let table = loaded.table("t");
    assert_eq!(table.rows(), [["1", "x"]]);
    assert_eq!(table.plan.notes, ["b: Left out: it holds binary data."]);
}

#[test]
fn columns_that_refer_to_each_other_have_one_type() {
    let loaded = load(
        "CREATE TABLE accounts (code TEXT PRIMARY KEY);
         CREATE TABLE postings (account TEXT REFERENCES accounts);
         INSERT INTO accounts VALUES ('10'), ('A1');
         INSERT INTO postings VALUES ('10');",
    );
    assert_eq!(loaded.table("accounts").schema(), ["code text"]);
    assert_eq!(loaded.table("postings").schema(), ["account text"]);
}

#[test]
fn names_are_kept_as_labels_and_never_run() {
    let loaded = load(
        "CREATE TABLE \"a\"\"; DROP TABLE b; --\" (\"x\"\"y\" INT, \"X Y\" INT, \"[z]\" INT);
         INSERT INTO \"a\"\"; DROP TABLE b; --\" VALUES (1, 2, 3);
         CREATE TABLE b (v INT); INSERT INTO b VALUES (4);",
    );
    assert_eq!(loaded.names(), ["a_drop_table_b", "b"]);
    assert_eq!(loaded.tables[0].schema(), ["x_y integer", "x_y_2 integer", "z integer"]);
    assert_eq!(loaded.tables[0].rows(), [["1", "2", "3"]]);
}

#[test]
fn a_base_name_goes_before_and_choices_are_followed() {
    let file = database(
        "CREATE TABLE t (v TEXT, w INT); INSERT INTO t VALUES ('1', 2), ('2', 3);
                         CREATE TABLE u (v INT); INSERT INTO u VALUES (1);",
    );
    let choice = |column: &str, data_type| TableChoice {
        table: Some("t".to_owned()),
        skip: false,
        choices: Choices {
            header_row: None,
            columns: vec![ColumnChoice {
                column: column.to_owned(),
                data_type: Some(data_type),
                ..ColumnChoice::default()
            }],
        },
    };
    let load = |choices: Vec<TableChoice>| {
        let table = Some("shop".parse().unwrap());
        load_with(file.path(), "x.db", &FileLimits::default(), &FileOptions { table, choices })
    };
    let skip = TableChoice { table: Some("u".to_owned()), skip: true, ..TableChoice::default() };
    let loaded = load(vec![choice("v", ColumnType::Text), skip]).unwrap();
    assert_eq!(loaded.names(), ["shop_t"]);
    assert_eq!(loaded.tables[0].schema(), ["v text", "w integer"]);
    assert_eq!(loaded.tables[0].plan.notes, ["v: Read as text, as was chosen."]);
    let (code, detail) = refusal(load(vec![choice("w", ColumnType::Date)]));
    assert_eq!(code, "type_does_not_fit");
    assert!(detail.starts_with("Row 1: `2` in the column w cannot be read as date"), "{detail}");
    let header = Choices { header_row: Some(2), columns: vec![] };
    let header = TableChoice { table: None, skip: false, choices: header };
    assert_eq!(refusal(load(vec![header])).0, "no_header_row");
    assert_eq!(refusal(load(vec![choice("x", ColumnType::Text)])).0, "unknown_column");
    let other = TableChoice { table: Some("nope".to_owned()), ..TableChoice::default() };
    assert_eq!(refusal(load(vec![other])).0, "unknown_table");
}

#[test]
fn many_rows_pass_in_batches() {
    let loaded = load(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, v REAL);
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
         INSERT INTO t SELECT i, i / 4.0 FROM n;",
    );
    let table = loaded.table("t");
    assert!(table.batches.len() > 2);
    assert_eq!(table.schema(), ["id integer", "v decimal(2)"]);
    assert_eq!(
        table.profile[1].max,
        Some(pacioli_model::Cell::Decimal("5000.00".parse().unwrap()))
    );
}

fn bytes_of(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[test]
fn damaged_and_hostile_databases_are_refused() {
    let rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
         INSERT INTO t SELECT i, 'text of the row ' || i FROM n;";
    let whole = bytes_of(database(&format!("CREATE TABLE t (a INT, b TEXT); {rows}")).path());
    assert!(load_bytes("a.db", &whole).is_ok());
    for (what, bytes) in [
        ("only a header", b"SQLite format 3\0".to_vec()),
        ("cut in the first page", whole[..1000].to_vec()),
        ("cut in half", whole[..whole.len() / 2].to_vec()),
        ("noise after the header", [&whole[..100], &[0xA5; 8000]].concat()),
        ("noise in the middle", {
            let mut noisy = whole.clone();
            noisy[4096..].iter_mut().for_each(|byte| *byte ^= 0x5A);
            noisy
        }),
    ] {
        let (code, detail) = refusal(load_bytes("a.db", &bytes));
        assert_eq!(code, "sqlite_damaged", "{what}: {detail}");
    }
    let (code, _) =
        refusal(load_bytes("a.db", &bytes_of(database("PRAGMA user_version = 1").path())));
    assert_eq!(code, "no_tables");
    let columns: Vec<String> = (0..1500).map(|at| format!("c{at} INT")).collect();
    let file = database(&format!("CREATE TABLE t ({});", columns.join(", ")));
    assert_eq!(refusal(load_bytes("a.db", &bytes_of(file.path()))).0, "too_many_columns");
    let tables: Vec<String> = (0..201).map(|at| format!("CREATE TABLE t{at} (v INT);")).collect();
    let tables = tables.concat();
    assert_eq!(
        refusal(load_bytes("a.db", &bytes_of(database(&tables).path()))).0,
        "too_many_tables"
    );
    let file = database("CREATE TABLE t (v TEXT); INSERT INTO t VALUES (hex(zeroblob(1000000)));");
    assert_eq!(refusal(load_bytes("a.db", &bytes_of(file.path()))).0, "value_too_large");
    let file = database("CREATE TABLE t (v BLOB); INSERT INTO t VALUES (zeroblob(9000000));");
    assert_eq!(refusal(load_bytes("a.db", &bytes_of(file.path()))).0, "row_too_large");
    let generated = "CREATE TABLE t (a INT, b TEXT AS (hex(zeroblob(100000000)))); INSERT INTO t (a) VALUES (1);";
    let file = database(generated);
    assert_eq!(refusal(load_bytes("a.db", &bytes_of(file.path()))).0, "row_too_large");
    let limits = FileLimits { unpacked_bytes: 10_000, ..FileLimits::default() };
    let file = database(&format!("CREATE TABLE t (a INT, b TEXT); {rows}"));
    let loaded = load_with(file.path(), "a.db", &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "unpacks_too_large");
}
