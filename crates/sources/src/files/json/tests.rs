use crate::files::{
    FileKind,
    loaded::{Loaded, load_bytes, refusal},
};

#[track_caller]
fn load(text: &str) -> Loaded {
    load_bytes("sales.json", text.as_bytes()).unwrap()
}

/// The only table of the text: its columns, and its rows.
#[track_caller]
fn check(text: &str, schema: &[&str], rows: &[&[&str]]) -> Vec<String> {
    let loaded = load(text);
    assert_eq!(loaded.names(), ["sales"], "{text}");
    let table = loaded.table("sales");
    assert_eq!(table.schema(), schema, "{text}");
    assert_eq!(table.rows(), rows, "{text}");
    table.plan.notes.clone()
}

#[test]
fn records_are_read_however_they_are_written() {
    let (schema, rows): (_, &[&[&str]]) = (["a integer", "b text"], &[&["1", "x"], &["2", "∅"]]);
    for text in [
        r#"[{"a": 1, "b": "x"}, {"a": 2}]"#,
        "{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":null}\n",
        "\u{feff}{\"a\":1,\"b\":\"x\"}\r\n\r\n{\"a\":2}",
        "{\"a\":1,\"b\":\"x\"}{\"a\":2}",
        r#"{"records": [{"a": 1, "b": "x"}, {"a": 2}]}"#,
    ] {
        check(text, &schema, rows);
    }
    assert_eq!(load("[1]").kind, FileKind::Json);
    check("{\"a\": 1, \"b\": \"x\"}", &schema, &[&["1", "x"]]);
    check("[1, 2.5, null]", &["value decimal(1)"], &[&["1.0"], &["2.5"], &["∅"]]);
}

#[test]
fn objects_within_records_become_columns() {
    check(
        r#"[{"id": 1, "address": {"city": "Oslo", "geo": {"lat": 59.91}}}, {"address": {}, "id": 2}]"#,
        &["id integer", "address_city text", "address_geo_lat decimal(2)"],
        &[&["1", "Oslo", "59.91"], &["2", "∅", "∅"]],
    );
}

#[test]
fn arrays_within_records_become_tables_that_refer_to_them() {
    let loaded = load(
        r#"[{"id": "A", "lines": [{"sku": "x", "tags": ["new", "red"]}, {"sku": "y"}], "paid": true},
            {"id": "B", "lines": [], "paid": false},
            {"id": "C", "lines": [{"sku": "z"}], "paid": false}]"#,
    );
    assert_eq!(loaded.names(), ["sales", "sales_lines", "sales_lines_tags"]);
    let sales = loaded.table("sales");
    assert_eq!(sales.schema(), ["key integer", "id text", "paid boolean"]);
    assert_eq!(sales.rows(), [["1", "A", "true"], ["2", "B", "false"], ["3", "C", "false"]]);
    assert_eq!(sales.plan.primary_key[0].as_str(), "key");
    let lines = loaded.table("sales_lines");
    assert_eq!(lines.schema(), ["key integer", "parent_key integer", "sku text"]);
    assert_eq!(lines.rows(), [["1", "1", "x"], ["2", "1", "y"], ["3", "3", "z"]]);
    let key = &lines.plan.foreign_keys[0];
    assert_eq!((key.table.as_str(), key.columns[0].as_str()), ("sales", "parent_key"));
    assert_eq!(key.references, sales.plan.primary_key);
    let tags = loaded.table("sales_lines_tags");
    assert_eq!(tags.rows(), [["1", "new"], ["1", "red"]]);
    assert_eq!(tags.plan.foreign_keys[0].table, lines.plan.name);
    assert_eq!(tags.plan.part.as_deref(), Some("tags"));
}

#[test]
fn an_object_of_arrays_is_as_many_tables() {
    let loaded = load(
        r#"{"page": 1, "customers": [{"id": 1}], "orders": [{"id": 7, "customer": 1}], "meta": {"a": []}}"#,
    );
    assert_eq!(loaded.names(), ["customers", "orders"]);
    assert_eq!(loaded.table("orders").rows(), [["7", "1"]]);
    assert_eq!(loaded.notes, ["Beside the tables stands what was left out: page: 1; meta."]);
}

#[test]
fn every_digit_is_kept() {
    check(
        r#"[{"n": 9223372036854775807, "d": 0.1, "big": 12345678901234567890.12}, {"n": -1, "d": 12345.678901, "big": 1}]"#,
        &["n integer", "d decimal(6)", "big decimal(2)"],
        &[
            &["9223372036854775807", "0.100000", "12345678901234567890.12"],
            &["-1", "12345.678901", "1.00"],
        ],
    );
    check(r#"[{"n": 1e3}, {"n": -2.5E-1}]"#, &["n float"], &[&["1000.0"], &["-0.25"]]);
    check(r#"[{"d": "2024-02-29T10:00:00Z"}]"#, &["d timestamp"], &[&["2024-02-29T10:00:00"]]);
    check(r#"[{"d": "12.50"}, {"d": 1}]"#, &["d decimal(2)"], &[&["12.50"], &["1.00"]]);
    check(r#"[{"t": "a\"\\\/\b\n\u00e9\ud83d\ude00"}]"#, &["t text"], &[&["a\"\\/\u{8}\né😀"]]);
}

#[test]
fn mixed_values_are_text_and_said() {
    let notes = check(
        r#"[{"v": 1}, {"v": "x"}, {"v": true}, {"v": {"w": 2}}]"#,
        &["v text", "v_w integer"],
        &[&["1", "∅"], &["x", "∅"], &["true", "∅"], &["∅", "2"]],
    );
    assert_eq!(notes, ["v: Kept as text: it holds numbers and other values."]);
}

#[test]
fn what_is_no_json_is_refused_with_its_line() {
    for (text, words) in [
        ("[{\"a\": 1},\n {\"a\": 2},\n]", "Line 3"),
        ("[{\"a\": 1}", "comma or the end of the array"),
        ("{\"a\": 1", "comma or the end of the object"),
        ("{\"a\"", "colon"),
        ("{\"a\":", "ends in the middle"),
        ("[{\"a\": \"x", "no end"),
        ("[{\"a\": 01}]", "01 is no number"),
        ("[{\"a\": 1.}]", "1. is no number"),
        ("[-]", "- is no number"),
        ("[{\"a\": NaN}]", "`NaN` is no value"),
        ("[{\"a\": tru}]", "`tru`"),
        ("[{\"a\": 1}} ", "comma or the end of the array"),
        ("[{\"a\" 1}]", "colon"),
        ("[{\"a\": \"x\ny\"}]", "control character"),
        ("[{\"a\": \"\\x\"}]", "backslash"),
        ("[{\"a\": \"\\ud800\"}]", "half of a character"),
        ("[{\"a\": \"\\ud800\\u0041\"}]", "half of a character"),
        ("[{\"a\": \"\\u12\"}]", "hexadecimal"),
        ("{\"a\": 1}\n{\"a\": 2}\n]", "no value"),
        ("{\"a\": 1, }", "member's name"),
    ] {
        let (code, detail) = refusal(load_bytes("a.json", text.as_bytes()));
        assert_eq!(code, "json_syntax", "{text}: {detail}");
        assert!(detail.contains(words), "{text}: {detail}");
    }
    let (code, detail) = refusal(load_bytes("a.json", b"[{\"a\": \"\xFF\"}]"));
    assert!(code == "json_syntax" && detail.contains("UTF-8"), "{detail}");
}

#[test]
fn hostile_json_is_refused() {
    let wide: Vec<String> = (0..1001).map(|at| format!("\"c{at}\": 1")).collect();
    let arrays: Vec<String> = (0..202).map(|at| format!("\"c{at}\": [1]")).collect();
    for (text, code) in [
        ("[".repeat(100_000), "json_too_deep"),
        (format!("[{}", "{\"a\":".repeat(1000)), "json_too_deep"),
        (format!("[{{{}}}]", wide.join(",")), "too_many_columns"),
        (format!("[{{{}}}]", arrays.join(",")), "too_many_tables"),
        (format!("[{{\"a\": \"{}\"}}]", "x".repeat(2 << 20)), "value_too_large"),
        (format!("[{{\"a\": 1{}}}]", "0".repeat(2 << 20)), "value_too_large"),
        (format!("[{{\"{}\": 1}}]", "x".repeat(2 << 20)), "value_too_large"),
        ("[{\"a\": 1, \"a\": 2}]".to_owned(), "json_duplicate_key"),
        ("[{}, {}]".to_owned(), "no_columns"),
        ("[]".to_owned(), "json_empty"),
        ("{\"a\": [{}]}".to_owned(), "no_columns"),
    ] {
        let (found, detail) = refusal(load_bytes("a.json", text.as_bytes()));
        assert_eq!(found, code, "{text:.60}: {detail}");
    }
    let (code, _) = refusal(load_bytes(
        "a.json",
        format!(
            "[{{{}}}]",
            (0..20)
                .map(|at| format!("\"c{at}\": \"{}\"", "x".repeat(1 << 19)))
                .collect::<Vec<_>>()
                .join(",")
        )
        .as_bytes(),
    ));
    assert_eq!(code, "row_too_large");
}

#[test]
fn long_texts_pass_the_ends_of_chunks() {
    let record =
        |at: usize| format!("{{\"id\": {at}, \"t\": \"é\\u00e9{}\"}}", "ü".repeat(at % 97));
    let lines: Vec<String> = (0..5000).map(record).collect();
    let loaded = load(&lines.join("\n"));
    let rows = loaded.table("sales").rows();
    assert_eq!(rows.len(), 5000);
    assert!(
        rows.iter().enumerate().all(|(at, row)| row[1] == format!("éé{}", "ü".repeat(at % 97)))
    );
}
