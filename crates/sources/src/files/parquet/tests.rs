use std::sync::Arc;

use arrow::{
    array::{
        ArrayRef, BinaryArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
        DictionaryArray, Float32Array, Float64Array, Int8Array, Int32Array, ListArray, RecordBatch,
        StringArray, Time64MicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
        UInt64Array,
    },
    datatypes::{Int32Type, Int64Type},
};
use parquet::{arrow::ArrowWriter, basic::Compression, file::properties::WriterProperties};

use crate::files::{
    Choices, ColumnChoice, FileKind, FileLimits, FileOptions, TableChoice,
    loaded::{load_bytes, load_with, refusal},
};
use pacioli_model::{Cell, ColumnType, Distinct};

fn parquet(columns: Vec<(&str, ArrayRef)>) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    );
    let batch = batch.unwrap();
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

#[test]
fn every_type_keeps_its_values() {
    let keys: DictionaryArray<Int32Type> = vec![Some("North"), None].into_iter().collect();
    let zoned = TimestampMillisecondArray::from(vec![Some(1_709_200_800_123), None]);
    let bytes = parquet(vec![
        ("Tiny", Arc::new(Int8Array::from(vec![Some(-1), None]))),
        ("Int", Arc::new(Int32Array::from(vec![1, 2]))),
        ("Big", Arc::new(UInt64Array::from(vec![u64::MAX, 0]))),
        (
            "Price",
            Arc::new(
                Decimal128Array::from(vec![1250, -5]).with_precision_and_scale(10, 2).unwrap(),
            ),
        ),
        ("Share", Arc::new(Float32Array::from(vec![0.5, f32::NAN]))),
        ("Name", Arc::new(StringArray::from(vec![Some("é"), None]))),
        ("Region", Arc::new(keys)),
        ("Day", Arc::new(Date32Array::from(vec![Some(19_782), None]))),
        ("Day64", Arc::new(Date64Array::from(vec![Some(1_709_164_800_000), None]))),
        (
            "At",
            Arc::new(TimestampNanosecondArray::from(vec![Some(1_709_200_800_123_456_789), None])),
        ),
        ("Zoned", Arc::new(zoned.with_timezone("+02:00"))),
        ("Clock", Arc::new(Time64MicrosecondArray::from(vec![Some(36_000_000_000), None]))),
        ("Paid", Arc::new(BooleanArray::from(vec![Some(true), None]))),
        ("Raw", Arc::new(BinaryArray::from(vec![b"\0\xFF".as_slice(), b""]))),
        (
            "Tags",
            Arc::new(ListArray::from_iter_primitive::<Int64Type, _, _>(vec![
                Some(vec![Some(1)]),
                None,
            ])),
        ),
    ]);
    let loaded = load_bytes("Sales.parquet", &bytes).unwrap();
    assert_eq!(loaded.kind, FileKind::Parquet);
    let table = loaded.table("sales");
    assert_eq!(
        table.schema(),
        [
            "tiny integer",
            "int integer",
            "big decimal(0)",
            "price decimal(2)",
            "share float",
            "name text",
            "region text",
            "day date",
            "day64 date",
            "at timestamp",
            "zoned timestamp",
            "clock text",
            "paid boolean",
        ]
    );
    assert_eq!(
        table.rows()[0],
        [
            "-1",
            "1",
            "18446744073709551615",
            "12.50",
            "0.5",
            "é",
            "North",
            "2024-02-29",
            "2024-02-29",
            "2024-02-29T10:00:00.123456",
            "2024-02-29T10:00:00.123",
            "10:00:00",
            "true",
        ]
    );
    assert_eq!(
        table.rows()[1],
        ["∅", "2", "0", "-0.05", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅", "∅",]
    );
    assert_eq!(
        table.plan.notes,
        ["Raw: Left out: it holds binary data.", "Tags: Left out: it holds lists."]
    );
    assert_eq!(table.profile[3].min, Some(Cell::Decimal("-0.05".parse().unwrap())));
    assert_eq!(table.profile[6].values, Some(vec!["North".to_owned()]));
    assert_eq!(table.profile[1].distinct, Distinct::Exactly(2));
}

#[test]
fn only_text_can_be_chosen() {
    let bytes = parquet(vec![("a", Arc::new(Int32Array::from(vec![1, 2])))]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let load = |data_type| {
        let choice = ColumnChoice { column: "a".into(), data_type, ..ColumnChoice::default() };
        let choices = Choices { header_row: None, columns: vec![choice] };
        let choices = vec![TableChoice { table: None, skip: false, choices }];
        let options = FileOptions { table: None, choices };
        load_with(file.path(), "a", &FileLimits::default(), &options)
    };
    let loaded = load(Some(ColumnType::Text)).unwrap();
    assert_eq!(loaded.table("a").schema(), ["a text"]);
    assert_eq!(loaded.table("a").rows(), [["1"], ["2"]]);
    assert_eq!(refusal(load(Some(ColumnType::Date))).0, "type_does_not_fit");
}

#[test]
fn long_texts_come_in_small_batches() {
    let long = "x".repeat(1 << 19);
    let keys: DictionaryArray<Int32Type> = std::iter::repeat_n(Some(long.as_str()), 100).collect();
    let bytes = parquet(vec![("a", Arc::new(keys))]);
    assert!(bytes.len() < 1 << 20, "one text is kept once");
    let loaded = load_bytes("a.parquet", &bytes).unwrap();
    let rows: Vec<usize> = loaded.table("a").batches.iter().map(RecordBatch::num_rows).collect();
    assert!(rows.iter().all(|rows| *rows <= 16) && rows.iter().sum::<usize>() == 100, "{rows:?}");
    let long = "x".repeat(2 << 20);
    let bytes = parquet(vec![("a", Arc::new(StringArray::from(vec![long.as_str()])))]);
    assert_eq!(refusal(load_bytes("a.parquet", &bytes)).0, "value_too_large");
}

#[test]
fn damaged_and_hostile_files_are_refused() {
    let numbers = Float64Array::from_iter_values((0..50_000).map(f64::from));
    let whole = parquet(vec![
        ("a", Arc::new(numbers)),
        ("b", Arc::new(Int32Array::from_iter_values(0..50_000))),
    ]);
    assert_eq!(load_bytes("a", &whole).unwrap().table("a").plan.rows, 50_000);
    for cut in [4, 12, whole.len() / 2, whole.len() - 1] {
        assert_eq!(refusal(load_bytes("a", &whole[..cut])).0, "parquet_damaged", "{cut}");
    }
    for step in [7, 61, 509] {
        let mut noisy = whole.clone();
        noisy[4..].iter_mut().step_by(step).for_each(|byte| *byte ^= 0x5A);
        assert_eq!(refusal(load_bytes("a", &noisy)).0, "parquet_damaged", "{step}");
    }
    let wide = (0..1001).map(|_| ("c", Arc::new(Int32Array::from(vec![1])) as ArrayRef));
    let names: Vec<String> = (0..1001).map(|at| format!("c{at}")).collect();
    let wide = names.iter().zip(wide).map(|(name, (_, array))| (name.as_str(), array)).collect();
    assert_eq!(refusal(load_bytes("a", &parquet(wide))).0, "too_many_columns");
    let limits = FileLimits { unpacked_bytes: 1000, ..FileLimits::default() };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &whole).unwrap();
    let loaded = load_with(file.path(), "a", &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "unpacks_too_large");
    let raw = parquet(vec![("a", Arc::new(BinaryArray::from(vec![b"\0".as_slice()])))]);
    assert_eq!(refusal(load_bytes("a", &raw)).0, "no_columns");
}
