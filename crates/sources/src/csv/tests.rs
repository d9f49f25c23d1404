use std::{io::Write, ops::ControlFlow};

use arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use pacioli_model::{Cell, ColumnProfile, ColumnType, Distinct};
use proptest::prelude::*;

use super::*;

struct Loaded {
    plan: CsvPlan,
    batches: Vec<RecordBatch>,
    profile: Vec<ColumnProfile>,
}

impl Loaded {
    /// Every cell as text; `∅` for null.
    fn rows(&self) -> Vec<Vec<String>> {
        let options = FormatOptions::new().with_null("∅");
        let mut rows = Vec::new();
        for batch in &self.batches {
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
            }
        }
        rows
    }

    fn column(&self, position: usize) -> Vec<String> {
        self.rows().into_iter().map(|row| row[position].clone()).collect()
    }
}

fn load_with(bytes: &[u8], limits: &CsvLimits) -> Result<Loaded, SourceError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let plan = inspect(file.path(), limits, &mut |_| ControlFlow::Continue(()))?;
    let mut reader = read(file.path(), &plan)?;
    let batches = reader.by_ref().collect::<Result<Vec<_>, _>>()?;
    assert_eq!(batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), plan.rows);
    assert!(batches.iter().all(|batch| batch.schema() == plan.schema()));
    Ok(Loaded { profile: reader.profile(), plan, batches })
}

fn load(bytes: impl AsRef<[u8]>) -> Loaded {
    load_with(bytes.as_ref(), &CsvLimits::default()).unwrap()
}

/// One column of these cells, read as this type, giving these values.
#[track_caller]
fn check(cells: &[&str], data_type: ColumnType, values: &[&str]) -> Vec<String> {
    let mut text = "id;v\n".to_owned();
    for cell in cells {
        text.extend(["k;", cell, "\n"]);
    }
    let loaded = load(&text);
    assert_eq!(loaded.plan.columns[1].data_type, data_type, "{cells:?}");
    assert_eq!(loaded.column(1), values, "{cells:?}");
    loaded.plan.notes
}

const fn decimal(scale: u8) -> ColumnType {
    ColumnType::Decimal { scale }
}

#[test]
fn numbers_take_the_narrowest_exact_type_that_holds_every_row() {
    check(&["1", "-20", "", "NULL"], ColumnType::Integer, &["1", "-20", "∅", "∅"]);
    check(&["1", "2.50", "n/a", "-"], decimal(2), &["1.00", "2.50", "∅", "∅"]);
    check(&["00123", "7"], ColumnType::Text, &["00123", "7"]);
    check(&["1e3", "2.5"], ColumnType::Float, &["1000.0", "2.5"]);
    check(&["0.1234567890123"], ColumnType::Float, &["0.1234567890123"]);
    check(&["9223372036854775807"], ColumnType::Integer, &["9223372036854775807"]);
    check(&["9223372036854775808"], decimal(0), &["9223372036854775808"]);
    check(&["12345678901234567890123456789"], ColumnType::Text, &["12345678901234567890123456789"]);
    check(&["1", "2", "x"], ColumnType::Text, &["1", "2", "x"]);
    check(&["1 234,50", "(3,25)", "4,00-"], decimal(2), &["1234.50", "-3.25", "-4.00"]);
    check(&["0", "1"], ColumnType::Integer, &["0", "1"]);
    check(&["+4915112345678"], ColumnType::Text, &["+4915112345678"]);
}

#[test]
fn a_decimal_mark_is_decided_over_the_whole_column() {
    check(&["1.234", "1.234,5"], decimal(1), &["1234.0", "1234.5"]);
    check(&["1,234", "1,234.5"], decimal(1), &["1234.0", "1234.5"]);
    let notes = check(&["1.234", "5.678"], ColumnType::Integer, &["1234", "5678"]);
    assert!(notes[0].starts_with("v: It cannot be told whether 1,234"), "{notes:?}");
    let comma = load("id,v\nk,1.234\nk,5.678\n");
    assert_eq!(comma.column(1), ["1.234", "5.678"]);
    assert_eq!(comma.plan.notes.len(), 1);
    let other_column_proves = load("a;v\n0.5;1.234\n2.25;5.678\n");
    assert_eq!(other_column_proves.column(1), ["1.234", "5.678"]);
    assert!(check(&["1.234", "12.5"], decimal(3), &["1.234", "12.500"]).is_empty());
}

#[test]
fn currencies_and_per_cent_are_said() {
    let notes = check(&["€ 1.234,50", "2,00 €"], decimal(2), &["1234.50", "2.00"]);
    assert_eq!(notes, ["v: The currency € was taken off the numbers."]);
    let notes = check(&["12%", "-3 %"], ColumnType::Integer, &["12", "-3"]);
    assert_eq!(notes, ["v: The per cent sign was taken off: 12% was read as 12."]);
    let notes = check(&["$5", "5 €"], ColumnType::Text, &["$5", "5 €"]);
    assert!(notes[0].contains("several currencies"), "{notes:?}");
    let notes = check(&["5%", "5"], ColumnType::Text, &["5%", "5"]);
    assert!(notes[0].contains("some per cent signs"), "{notes:?}");
}

#[test]
fn booleans_are_words_of_one_pair() {
    check(&["true", "FALSE", ""], ColumnType::Boolean, &["true", "false", "∅"]);
    check(&["ja", "Nein"], ColumnType::Boolean, &["true", "false"]);
    check(&["no", "sí"], ColumnType::Boolean, &["false", "true"]);
    check(&["yes", "nein"], ColumnType::Text, &["yes", "nein"]);
    check(&["yes", "maybe"], ColumnType::Text, &["yes", "maybe"]);
}

#[test]
fn the_order_of_a_date_is_decided_over_the_whole_column() {
    let date = ColumnType::Date;
    assert!(check(&["2024-02-29", ""], date, &["2024-02-29", "∅"]).is_empty());
    assert!(check(&["03/04/2024", "13/04/2024"], date, &["2024-04-03", "2024-04-13"]).is_empty());
    assert!(check(&["03/04/2024", "04/13/2024"], date, &["2024-03-04", "2024-04-13"]).is_empty());
    assert!(check(&["03.04.2024"], date, &["2024-04-03"]).is_empty());
    assert!(check(&["04/04/2024"], date, &["2024-04-04"]).is_empty());
    let notes = check(&["03/04/2024", "05/06/2024"], date, &["2024-04-03", "2024-06-05"]);
    assert!(notes[0].contains("read with the day first"), "{notes:?}");
    check(&["13/04/2024", "04/13/2024"], ColumnType::Text, &["13/04/2024", "04/13/2024"]);
    check(&["2023-02-29"], ColumnType::Text, &["2023-02-29"]);
    let notes = check(&["31.12.24"], date, &["2024-12-31"]);
    assert!(notes[0].contains("two digits"), "{notes:?}");
}

#[test]
fn times_are_in_utc() {
    let notes = check(
        &["2024-01-02", "2024-01-02 03:04:05", "2024-01-02T03:04:05.5+02:00"],
        ColumnType::Timestamp,
        &["2024-01-02T00:00:00", "2024-01-02T03:04:05", "2024-01-02T01:04:05.500"],
    );
    assert_eq!(notes, ["v: Times without a zone were read as UTC."]);
}

#[test]
fn text_is_kept_as_it_stands() {
    let loaded = load("a,b\n\" x \",\"say \"\"hi\"\"\"\n\"two\r\nlines\",-\n");
    assert_eq!(loaded.rows(), [[" x ", "say \"hi\""], ["two\r\nlines", "-"]]);
    let nothing = load("a,b\n1,\n2,N/A\n");
    assert_eq!(nothing.plan.columns[1].data_type, ColumnType::Text);
    assert_eq!(nothing.column(1), ["∅", "N/A"]);
}

#[test]
fn lines_end_in_every_way() {
    for text in [
        "a,b\n1,2\n3,4\n",
        "a,b\r\n1,2\r\n3,4",
        "a,b\r1,2\r3,4\r",
        "\n\na,b\n\n1,2\r\n\r\n3,4\n\n\n",
    ] {
        assert_eq!(load(text).rows(), [["1", "2"], ["3", "4"]], "{text:?}");
    }
}

#[test]
fn the_delimiter_is_found() {
    for (text, columns) in [
        ("a,b,c\n1,2,3\n", 3),
        ("Datum;Betrag, EUR;Text\n1.1.2024;1,50;x\n2.1.2024;2,50;y\n", 3),
        ("a\tb\n1,5\t2,5\n", 2),
        ("a|b\n1|2\n", 2),
        ("only\n1\n2\n", 1),
        ("a,\"b;c;d\"\n1,\"2;3;4\"\n", 2),
        ("sep=;\na;b,c\n1;2,3\n", 2),
    ] {
        let loaded = load(text);
        assert_eq!(loaded.plan.columns.len(), columns, "{text:?}");
    }
    assert_eq!(load("sep=;\na;b\n1;2\n").rows(), [["1", "2"]]);
}

fn utf16(text: &str, little: bool) -> Vec<u8> {
    let units = std::iter::once(0xFEFF).chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

#[test]
fn every_byte_decides_the_encoding() {
    let text = "näme,größe\nJürgen €,1\n";
    for bytes in
        [text.into(), format!("\u{feff}{text}").into(), utf16(text, true), utf16(text, false)]
    {
        let loaded = load(bytes);
        assert_eq!(loaded.plan.columns[0].label, "näme");
        assert_eq!(loaded.column(0), ["Jürgen €"]);
        assert!(loaded.plan.notes.is_empty());
    }
    let western = load(b"name,v\nJ\xFCrgen \x80,1\n");
    assert_eq!(western.column(0), ["Jürgen €"]);
    assert!(western.plan.notes[0].contains("Windows-1252"));
    let long = format!("name,v\n{}", "é,1\n".repeat(60_000));
    assert_eq!(load(&long).plan.rows, 60_000, "letters are cut at the ends of chunks");
    let late = [long.as_bytes(), b"\xE9,1\n"].concat();
    assert_eq!(load(late).plan.notes.len(), 1);
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let wide = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("c{number}")).collect();
        format!("{}\n{}\n", names.join(","), vec!["1"; count].join(",")).into_bytes()
    };
    let cases: Vec<(Vec<u8>, &str, &str)> = vec![
        (b"".into(), "csv_empty", "is empty"),
        (b"\n\n\r\n".into(), "csv_empty", "is empty"),
        (b"\xEF\xBB\xBF".into(), "csv_empty", "is empty"),
        (b"a,b\n".into(), "csv_empty", "no rows"),
        (b"a,b\n1,2\n3\n".into(), "csv_ragged_row", "Line 3 has 1 fields where the header has 2"),
        (b"a,b\n\"x\ny\",2\n1,2,3\n".into(), "csv_ragged_row", "Line 4 has 3 fields"),
        (b"a,b\n1,2\n3,\"4\n5,6\n".into(), "csv_open_quote", "opens on line 3"),
        (b"a,b\n1,\"2\"x\n".into(), "csv_stray_quote", "Line 2"),
        (b"a,,b\n1,2,3\n".into(), "csv_empty_header", "empty in column 2"),
        (b"a,B , b\n1,2,3\n".into(), "csv_duplicate_header", "repeats b"),
        (b"a,b\n1,\0\n".into(), "csv_nul_byte", "NUL"),
        ("a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect(), "csv_nul_byte", "NUL"),
        (b"a,b\n\x81,2\n".into(), "csv_encoding", "offset 4"),
        (b"\xEF\xBB\xBFa,b\n\xFF,2\n".into(), "csv_encoding", "offset 7"),
        (b"\xFF\xFEa\0\x00\xD8b\0".into(), "csv_encoding", "offset 4"),
        (wide(1001), "csv_too_many_columns", "1001 columns; at most 1000"),
        (wide(10_000), "csv_too_many_columns", "10000 columns"),
        (format!("a,b\n1,{}\n", "x".repeat(1 << 21)).into(), "csv_field_too_large", "Line 2"),
        (format!("a,b\n1,\"{}\n", "x,y\n".repeat(1 << 19)).into(), "csv_open_quote", "line 2"),
        (format!("a\n{}", ",".repeat(9 << 20)).into(), "csv_ragged_row", "Line 2"),
    ];
    for (bytes, code, words) in cases {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).into_owned();
        match load_with(&bytes, &CsvLimits::default()) {
            Err(SourceError::Invalid { code: found, detail }) => {
                assert_eq!(found, code, "{start:?}: {detail}");
                assert!(detail.contains(words), "{start:?}: {detail}");
            }
            Err(error) => panic!("{start:?}: {error:?}"),
            Ok(_) => panic!("{start:?} was read"),
        }
    }
}

#[test]
fn a_record_of_many_small_fields_is_bounded() {
    let limits = CsvLimits { record_bytes: 1000, ..CsvLimits::default() };
    let text = format!("a,b\n{}\n", "xy,".repeat(1000));
    let Err(SourceError::Invalid { code, .. }) = load_with(text.as_bytes(), &limits) else {
        panic!("it was read");
    };
    assert_eq!(code, "csv_record_too_large");
}

#[test]
fn other_formats_are_named() {
    for (start, kind) in [
        (b"PK\x03\x04........".as_slice(), "an Excel workbook or another ZIP archive"),
        (b"\x1F\x8B\x08\x00", "a gzip archive"),
        (b"PAR1....", "a Parquet file"),
        (b"%PDF-1.7", "a PDF document"),
        (b"<html><table>", "a web page"),
        (b"{\"a\":1}", "a JSON document"),
    ] {
        match load_with(start, &CsvLimits::default()) {
            Err(SourceError::Unsupported { kind: found, detail }) => {
                assert_eq!(found, kind);
                assert!(detail.contains(kind));
            }
            _ => panic!("{kind} was not refused"),
        }
    }
}

#[test]
fn the_profile_counts_every_row() {
    let mut text = "region,amount,day,note\n".to_owned();
    for number in 0..20_000 {
        let region = ["North", "South", ""][number % 3];
        let day = number % 28 + 1;
        let row = format!("{region},{}.5,2024-01-{day:02},n{number}\n", number % 100);
        text.push_str(&row);
    }
    let loaded = load(&text);
    let [region, amount, day, note] = loaded.profile.try_into().unwrap();
    assert_eq!((region.nulls, region.distinct), (6666, Distinct::Exactly(2)));
    assert_eq!(region.values, Some(vec!["North".to_owned(), "South".to_owned()]));
    assert_eq!(region.min, Some(Cell::Text("North".to_owned())));
    assert_eq!((amount.nulls, amount.distinct), (0, Distinct::Exactly(100)));
    assert_eq!(amount.min, Some(Cell::Decimal("0.5".parse().unwrap())));
    assert_eq!(amount.max, Some(Cell::Decimal("99.5".parse().unwrap())));
    assert_eq!(day.max, Some(Cell::Date("2024-01-28".parse().unwrap())));
    assert_eq!((note.distinct, note.values), (Distinct::MoreThan(10_000), None));
}

#[test]
fn a_stop_is_heard_and_a_changed_file_is_noticed() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"a,b\n1,2\n3,4\n").unwrap();
    let stopped = inspect(file.path(), &CsvLimits::default(), &mut |_| ControlFlow::Break(()));
    assert!(stopped.is_ok(), "a file of one chunk ends before anybody is asked");
    let plan = stopped.unwrap();
    for text in ["5,x\n", "5,6\n", "5,6,7\n"] {
        file.write_all(text.as_bytes()).unwrap();
        let mut reader = read(file.path(), &plan).unwrap();
        let last = reader.by_ref().last().unwrap();
        assert!(matches!(last, Err(SourceError::Invalid { code: "csv_changed", .. })), "{text}");
        file.as_file().set_len(12).unwrap();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(12)).unwrap();
    }
    file.write_all("7,8\n".repeat(100_000).as_bytes()).unwrap();
    let stopped = inspect(file.path(), &CsvLimits::default(), &mut |_| ControlFlow::Break(()));
    assert!(matches!(stopped, Err(SourceError::Cancelled)));
    let gone = inspect(Path::new("/nonexistent"), &CsvLimits::default(), &mut |_| {
        ControlFlow::Continue(())
    });
    assert!(matches!(gone, Err(SourceError::Unreadable(_))));
}

/// Texts that no column type but text takes, with everything in them that CSV has rules for.
fn any_text() -> impl Strategy<Value = String> {
    "[a-zé€\",;\t|\r\n '\\\\-]{0,12}".prop_map(|text| format!("t{text}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_written_table_reads_back_equal(
        rows in prop::collection::vec(
            (any_text(), any::<i64>(), -(10_i128.pow(20))..10_i128.pow(20), 0_i64..4_000_000_000_000_000, prop::option::of(any_text())),
            1..40,
        ),
        delimiter in prop::sample::select(b",;\t|".to_vec()),
        always_quoted in any::<bool>(),
        returns in any::<bool>(),
    ) {
        let mut writer = ::csv::WriterBuilder::new();
        writer.delimiter(delimiter);
        if always_quoted {
            writer.quote_style(::csv::QuoteStyle::Always);
        }
        if returns {
            writer.terminator(::csv::Terminator::CRLF);
        }
        let mut writer = writer.from_writer(Vec::new());
        let mut expect = Vec::new();
        writer.write_record(["text", "whole", "exact", "moment", "maybe"]).unwrap();
        for (text, whole, mantissa, micros, maybe) in &rows {
            let exact = pacioli_model::Decimal::new(*mantissa, 4).to_string();
            let moment = chrono::DateTime::from_timestamp_micros(*micros).unwrap().naive_utc();
            let moment = moment.format("%Y-%m-%dT%H:%M:%S%.6f").to_string();
            let record = [text.clone(), whole.to_string(), exact, moment, maybe.clone().unwrap_or_default()];
            writer.write_record(&record).unwrap();
            let [text, whole, exact, moment, maybe] = record;
            let maybe = if maybe.is_empty() { "∅".to_owned() } else { maybe };
            expect.push(vec![text, whole, exact, moment, maybe]);
        }
        let loaded = load(writer.into_inner().unwrap());
        let types: Vec<_> = loaded.plan.columns.iter().map(|column| column.data_type).collect();
        prop_assert_eq!(&types[..4], &[ColumnType::Text, ColumnType::Integer, decimal(4), ColumnType::Timestamp]);
        let mut found = loaded.rows();
        for row in &mut found {
            // Arrow prints as many decimals of a second as are needed.
            let (whole, fraction) = row[3].split_once('.').unwrap_or((&row[3], ""));
            row[3] = format!("{whole}.{fraction:0<6}");
        }
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(
        prop::sample::select(b"a1,;\t|\"\n\r -.0:/\xE9\xC3\x81\0%(".to_vec()), 0..200,
    )) {
        if let Ok(loaded) = load_with(&bytes, &CsvLimits::default()) {
            let seen: u64 = loaded.batches.iter().map(|batch| batch.num_rows() as u64).sum();
            prop_assert_eq!(seen, loaded.plan.rows);
            for (position, profile) in loaded.profile.iter().enumerate() {
                let nulls: usize = loaded.batches.iter().map(|b| b.column(position).null_count()).sum();
                prop_assert_eq!(profile.nulls, nulls as u64);
            }
        }
    }
}
