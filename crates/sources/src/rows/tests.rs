use std::io::Write as _;

use arrow::{
    array::{
        Array as _, AsArray as _, DictionaryArray, Float32Array, Int16Array, ListArray,
        RecordBatch, StringArray,
    },
    datatypes::{Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType},
    ipc::writer::StreamWriter,
};
use tempfile::NamedTempFile;

use super::*;

fn file(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn column(name: &str, data_type: ColumnType) -> RowColumn {
    RowColumn { label: name.into(), name: ColumnName::parse(name).unwrap(), data_type }
}

fn plan(text: &str, known: &[RowColumn], key: &[&str]) -> Result<RowsPlan, SourceError> {
    let key: Vec<_> = key.iter().map(|name| ColumnName::parse(name).unwrap()).collect();
    inspect(file(text.as_bytes()).path(), RowFormat::Ndjson, known, &key)
}

fn types(plan: &RowsPlan) -> Vec<(&str, ColumnType)> {
    plan.columns.iter().map(|it| (it.name.as_str(), it.data_type)).collect()
}

fn batches(file: &NamedTempFile, plan: &RowsPlan) -> Vec<RecordBatch> {
    let mut batches = Vec::new();
    read(file.path(), plan, &mut |batch| {
        batches.push(batch);
        Ok(())
    })
    .unwrap();
    batches
}

#[test]
fn a_column_is_as_narrow_as_all_its_values_allow() {
    for (values, data_type) in [
        (&["1", "null", "-7"][..], ColumnType::Integer),
        (&["1", "2.50", "-0.125"], ColumnType::Decimal { scale: 3 }),
        (&["12345678901234567890"], ColumnType::Decimal { scale: 0 }),
        (&["1", "1e-7"], ColumnType::Float),
        (&["12345678901234567890.1234567890123456789"], ColumnType::Float),
        (&["true", "false"], ColumnType::Boolean),
        (&["true", "1"], ColumnType::Text),
        (&["\"2024-03-01\"", "null"], ColumnType::Date),
        (&["\"2024-03-01\"", "\"2024-03-01T10:20:30+02:00\""], ColumnType::Timestamp),
        (&["\"2024-03-01\"", "\"soon\""], ColumnType::Text),
        (&["\"\""], ColumnType::Text),
        (&["null"], ColumnType::Text),
    ] {
        let lines: Vec<String> = values.iter().map(|value| format!("{{\"a\":{value}}}")).collect();
        let plan = plan(&lines.join("\n"), &[], &[]).unwrap();
        assert_eq!(types(&plan), [("a", data_type)], "{values:?}");
    }
}

#[test]
fn what_the_table_has_is_widened_and_new_names_come_after_it() {
    let known = [column("id", ColumnType::Integer), column("amount", ColumnType::Integer)];
    let text = "{\"amount\":1.5,\"Order Date\":\"2024-03-01\"}\n\n{\"id\":\"x\",\"Größe\":1}\n";
    let plan = plan(text, &known, &[]).unwrap();
    assert_eq!(
        types(&plan),
        [
            ("id", ColumnType::Text),
            ("amount", ColumnType::Decimal { scale: 1 }),
            ("order_date", ColumnType::Date),
            ("groesse", ColumnType::Integer),
        ]
    );
    assert_eq!(plan.rows, 2);
    assert_eq!(
        plan.notes,
        ["`id` was integer and is text now.", "`amount` was integer and is decimal now."]
    );
}

#[test]
fn values_are_kept_to_the_last_digit() {
    let file = file(
        b"{\"n\":9007199254740993,\"d\":12345678901234567890.05,\"t\":\"a\\nb\",\"at\":\"2024-03-01\"}\n\
          {\"at\":\"2024-03-01T01:00:00+01:00\",\"d\":-1}",
    );
    let plan = inspect(file.path(), RowFormat::Ndjson, &[], &[]).unwrap();
    let batch = batches(&file, &plan).remove(0);
    assert_eq!(batch.num_rows(), 2);
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 9_007_199_254_740_993);
    let decimals = batch.column(1).as_primitive::<Decimal128Type>();
    assert_eq!((decimals.value(0), decimals.value(1)), (1_234_567_890_123_456_789_005, -100));
    assert_eq!(batch.column(2).as_string::<i32>().value(0), "a\nb");
    assert!(batch.column(2).is_null(1));
    let moments = batch.column(3).as_primitive::<TimestampMicrosecondType>();
    assert_eq!(moments.value(0), moments.value(1));
}

#[test]
fn what_cannot_be_taken_is_named_with_its_line() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(9 << 20));
    for (text, key, code, line) in [
        ("", &[][..], "rows_empty", ""),
        ("\n \n", &[], "rows_empty", ""),
        ("{\"a\":1}\n{\"a\":", &[], "row_not_json", "Line 2"),
        ("{\"a\":1}\n\n{\"a\":NaN}", &[], "row_not_json", "Line 3"),
        ("[1]", &[], "row_not_object", "Line 1"),
        ("7", &[], "row_not_object", "Line 1"),
        ("{\"a\":{\"b\":1}}", &[], "row_nested_value", "Line 1"),
        ("{\"a\":[1]}", &[], "row_nested_value", "Line 1"),
        ("{\"a\":1,\"a\":2}", &[], "row_duplicate_name", "Line 1"),
        ("{\"id\":1}\n{\"a\":2}", &["id"], "row_key_missing", "Line 2"),
        ("{\"id\":1}\n{\"id\":null}", &["id"], "row_key_missing", "Line 2"),
        (&long, &[], "row_too_long", "Line 1"),
    ] {
        match plan(text, &[], key) {
            Err(SourceError::Invalid { code: found, detail }) => {
                assert_eq!(found, code, "{detail}");
                assert!(detail.contains(line), "{detail}");
            }
            other => panic!("{code}: {other:?}"),
        }
    }
}

fn stream(batch: &RecordBatch) -> NamedTempFile {
    let mut bytes = Vec::new();
    let mut writer = StreamWriter::try_new(&mut bytes, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    file(&bytes)
}

#[test]
fn an_arrow_stream_is_read_as_the_table_lays_it_out() {
    let words: DictionaryArray<Int32Type> = ["x", "y", "x"].into_iter().collect();
    let batch = RecordBatch::try_from_iter([
        ("Id", std::sync::Arc::new(Int16Array::from(vec![1, 2, 3])) as _),
        ("word", std::sync::Arc::new(words) as _),
        ("weight", std::sync::Arc::new(Float32Array::from(vec![0.5, 1.0, 2.0])) as _),
    ])
    .unwrap();
    let file = stream(&batch);
    let known = [column("word", ColumnType::Text), column("extra", ColumnType::Date)];
    let key = [ColumnName::parse("id").unwrap()];
    let plan = inspect(file.path(), RowFormat::ArrowStream, &known, &key).unwrap();
    assert_eq!(
        types(&plan),
        [
            ("word", ColumnType::Text),
            ("extra", ColumnType::Date),
            ("id", ColumnType::Integer),
            ("weight", ColumnType::Float),
        ]
    );
    let read = batches(&file, &plan).remove(0);
    assert_eq!(read.schema(), plan.schema());
    assert_eq!(read.column(0).as_string::<i32>().value(2), "x");
    assert_eq!(read.column(1).null_count(), 3);
    assert_eq!(read.column(2).as_primitive::<Int64Type>().values(), &[1, 2, 3]);
}

#[test]
fn an_arrow_stream_that_a_table_has_no_place_for_is_refused() {
    let refused = |file: &NamedTempFile, key: &[ColumnName]| match inspect(
        file.path(),
        RowFormat::ArrowStream,
        &[],
        key,
    ) {
        Err(SourceError::Invalid { code, .. }) => code,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&file(b"{\"a\":1}"), &[]), "rows_not_arrow");
    // A length of 1.5 GB, and one behind the mark of today's streams.
    assert_eq!(refused(&file(b"[85]"), &[]), "rows_not_arrow");
    assert_eq!(refused(&file(b"\xff\xff\xff\xff[85]"), &[]), "rows_not_arrow");
    let lists = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)])]);
    let batch = RecordBatch::try_from_iter([("a", std::sync::Arc::new(lists) as _)]).unwrap();
    assert_eq!(refused(&stream(&batch), &[]), "row_type_unsupported");
    let texts = StringArray::from(vec![Some("a"), None]);
    let batch =
        RecordBatch::try_from_iter_with_nullable([("id", std::sync::Arc::new(texts) as _, true)]);
    let key = [ColumnName::parse("id").unwrap()];
    assert_eq!(refused(&stream(&batch.unwrap()), &key), "row_key_missing");
}
