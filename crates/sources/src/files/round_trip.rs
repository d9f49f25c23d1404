//! One table, written in every kind of file, reads back the same from each.

use std::{fmt::Write as _, path::Path, sync::Arc};

use arrow::array::{
    BooleanArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use chrono::{DateTime, NaiveDate};
use pacioli_model::Decimal;
use parquet::arrow::ArrowWriter;
use proptest::prelude::*;
use rusqlite::Connection;
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook};

use super::{
    FileLimits, FileOptions,
    loaded::{Loaded, load_bytes, load_with},
};

/// A row with a value of each type, and one that may have none.
#[derive(Debug, Clone)]
struct Row {
    text: String,
    whole: i64,
    hundredths: i64,
    day: i32,
    second: i64,
    truth: bool,
    maybe: Option<String>,
}

impl Row {
    fn exact(&self) -> String {
        Decimal::new(i128::from(self.hundredths), 2).to_string()
    }

    fn date(&self) -> NaiveDate {
        NaiveDate::from_epoch_days(self.day).unwrap()
    }

    fn moment(&self) -> String {
        let moment = DateTime::from_timestamp(self.second, 0).unwrap();
        moment.naive_utc().format("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

const HEADER: [&str; 7] = ["text", "whole", "exact", "day", "moment", "truth", "maybe"];

fn csv(rows: &[Row]) -> Vec<u8> {
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).unwrap();
    for row in rows {
        let (whole, day) = (row.whole.to_string(), row.date().to_string());
        let truth = row.truth.to_string();
        let maybe = row.maybe.clone().unwrap_or_default();
        writer
            .write_record([&row.text, &whole, &row.exact(), &day, &row.moment(), &truth, &maybe])
            .unwrap();
    }
    writer.into_inner().unwrap()
}

fn json(rows: &[Row]) -> Vec<u8> {
    let mut text = String::new();
    for row in rows {
        let string = |text: &str| serde_json::to_string(text).unwrap();
        let maybe = row.maybe.as_deref().map_or("null".to_owned(), string);
        writeln!(
            text,
            "{{\"text\": {}, \"whole\": {}, \"exact\": {}, \"day\": \"{}\", \"moment\": \"{}\", \"truth\": {}, \"maybe\": {maybe}}}",
            string(&row.text), row.whole, row.exact(), row.date(), row.moment(), row.truth,
        )
        .unwrap();
    }
    text.into_bytes()
}

fn xlsx(rows: &[Row]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    let (day, moment) = (
        Format::new().set_num_format("yyyy-mm-dd"),
        Format::new().set_num_format("yyyy-mm-dd hh:mm:ss"),
    );
    let sheet = workbook.add_worksheet();
    sheet.write_row(0, 0, HEADER).unwrap();
    for (at, row) in (1..).zip(rows) {
        let date = ExcelDateTime::parse_from_str(&row.date().to_string()).unwrap();
        let time = ExcelDateTime::parse_from_str(&row.moment()).unwrap();
        sheet.write_string(at, 0, &row.text).unwrap();
        // A workbook has binary fractions, which hold whole numbers of 53 bits.
        sheet.write_number(at, 1, binary(row.whole)).unwrap();
        sheet.write_number(at, 2, binary(row.hundredths) / 100.0).unwrap();
        sheet.write_datetime_with_format(at, 3, &date, &day).unwrap();
        sheet.write_datetime_with_format(at, 4, &time, &moment).unwrap();
        sheet.write_boolean(at, 5, row.truth).unwrap();
        if let Some(maybe) = &row.maybe {
            sheet.write_string(at, 6, maybe).unwrap();
        }
    }
    workbook.save_to_buffer().unwrap()
}

fn parquet_of(rows: &[Row]) -> Vec<u8> {
    let of = |value: &dyn Fn(&Row) -> i64| rows.iter().map(value).collect::<Vec<i64>>();
    let exact = rows.iter().map(|row| i128::from(row.hundredths)).collect::<Vec<_>>();
    let exact = Decimal128Array::from(exact).with_precision_and_scale(18, 2).unwrap();
    let moments = TimestampMicrosecondArray::from(of(&|row| row.second * 1_000_000));
    let batch = RecordBatch::try_from_iter_with_nullable(vec![
        (
            "text",
            Arc::new(StringArray::from_iter_values(rows.iter().map(|it| &it.text))) as _,
            true,
        ),
        ("whole", Arc::new(Int64Array::from(of(&|row| row.whole))) as _, true),
        ("exact", Arc::new(exact) as _, true),
        ("day", Arc::new(Date32Array::from_iter_values(rows.iter().map(|it| it.day))) as _, true),
        ("moment", Arc::new(moments) as _, true),
        (
            "truth",
            Arc::new(rows.iter().map(|it| Some(it.truth)).collect::<BooleanArray>()) as _,
            true,
        ),
        (
            "maybe",
            Arc::new(rows.iter().map(|it| it.maybe.as_deref()).collect::<StringArray>()) as _,
            true,
        ),
    ])
    .unwrap();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn sqlite(rows: &[Row], path: &Path) {
    let connection = Connection::open(path).unwrap();
    let sql = "CREATE TABLE t (text TEXT, whole INTEGER, exact DECIMAL(18, 2), day DATE, moment TIMESTAMP, truth BOOLEAN, maybe TEXT)";
    connection.execute_batch(sql).unwrap();
    for row in rows {
        let values = (
            &row.text,
            row.whole,
            binary(row.hundredths) / 100.0,
            row.date().to_string(),
            row.moment(),
            row.truth,
            &row.maybe,
        );
        connection.execute("INSERT INTO t VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)", values).unwrap();
    }
}

/// Exact: no number here has more than 53 bits.
#[expect(clippy::cast_precision_loss, reason = "no number of these tests has more than 53 bits")]
fn binary(number: i64) -> f64 {
    number as f64
}

/// The types and values of the only table; numbers without zeros at their ends.
fn seen(loaded: &Loaded) -> (Vec<String>, Vec<Vec<String>>) {
    let [table] = loaded.tables.as_slice() else { panic!("{:?}", loaded.names()) };
    let names =
        table.plan.columns.iter().map(|it| format!("{} {}", it.name, it.data_type.as_str()));
    let mut rows = table.rows();
    for row in &mut rows {
        if let Some((whole, fraction)) = row[2].split_once('.') {
            let fraction = fraction.trim_end_matches('0');
            row[2] =
                if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
        }
    }
    (names.collect(), rows)
}

fn any_row() -> impl Strategy<Value = Row> {
    let text = || "[a-zé€\",;\t'|-]{0,12}".prop_map(|text| format!("t{text}"));
    let whole = -(1_i64 << 49)..1_i64 << 49;
    let values = (
        text(),
        whole,
        -1_000_000_000_i64..1_000_000_000,
        20_000..40_000,
        1_000_000_000_i64..4_000_000_000,
    );
    (values, any::<bool>(), prop::option::of(text())).prop_map(
        |((text, whole, hundredths, day, second), truth, maybe)| {
            // An odd number of hundredths has two digits after the point.
            let hundredths = hundredths * 2 + 1;
            Row { text, whole, hundredths, day, second, truth, maybe }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_table_reads_back_equal_from_every_kind_of_file(rows in prop::collection::vec(any_row(), 1..30)) {
        let expect = seen(&load_bytes("t.csv", &csv(&rows)).unwrap());
        prop_assert_eq!(&expect.0[1..6], &["whole integer", "exact decimal", "day date", "moment timestamp", "truth boolean"]);
        prop_assert_eq!(expect.1.len(), rows.len());
        for (name, bytes) in [("t.json", json(&rows)), ("t.xlsx", xlsx(&rows)), ("t.parquet", parquet_of(&rows))] {
            let found = seen(&load_bytes(name, &bytes).unwrap());
            prop_assert_eq!(&found, &expect, "{}", name);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        sqlite(&rows, file.path());
        let loaded = load_with(file.path(), "t.db", &FileLimits::default(), &FileOptions::default());
        prop_assert_eq!(&seen(&loaded.unwrap()), &expect, "t.db");
    }

    #[test]
    fn no_bytes_break_the_door(
        start in prop::sample::select(vec![&b"{\""[..], b"[{", b"PK\x03\x04", b"PAR1", b"SQLite format 3\0", b"\x1F\x8B\x08\0", b"a,b\n"]),
        bytes in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        // Whatever it says, it says: no panic, nothing left behind.
        let whole = [start, &bytes].concat();
        if let Ok(loaded) = load_bytes("x", &whole) {
            prop_assert!(!loaded.tables.is_empty());
        }
    }
}
