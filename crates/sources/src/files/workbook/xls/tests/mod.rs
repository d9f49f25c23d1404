use std::time::Instant;

use super::*;
use crate::files::{
    Choices, FileKind, FileLimits, FileOptions, TableChoice,
    loaded::{load_bytes, load_with, refusal},
};

/// Written by `write.py` beside it.
const ORDERS: &[u8] = include_bytes!("orders.xls");

#[test]
fn an_old_workbook_is_read_as_any_workbook() {
    let loaded = load_bytes("orders.xls", ORDERS).unwrap();
    assert_eq!(loaded.kind, FileKind::Xls);
    assert_eq!(loaded.names(), ["orders", "many"]);
    assert_eq!(loaded.notes, ["The sheet Empty is empty."]);
    let orders = loaded.table("orders");
    assert_eq!(
        orders.schema(),
        [
            "order text",
            "customer_name text",
            "customer_city text",
            "day date",
            "at timestamp",
            "amount decimal(2)",
            "paid boolean",
            "spent text",
            "net decimal(2)",
            "kind text",
        ]
    );
    let rows = orders.rows();
    assert_eq!(rows.len(), 3);
    let row = ["A-1", "Müller", "Zürich", "2024-01-31", "2024-01-31T10:30:00", "12.50", "true"];
    assert_eq!(rows[0][..7], row);
    assert_eq!(rows[0][7..], ["36:00:00", "25.00", "sale — ✓"], "formulas count with their values");
    assert_eq!(rows[1][1..4], ["Ωmega", "Αθήνα", "2024-02-29"]);
    assert_eq!(rows[2][2], "∅");
    assert_eq!((rows[2][5].as_str(), rows[2][6].as_str()), ("-0.07", "true"));
    for note in [
        "The header stands in rows 3 and 4: their texts were joined.",
        "Above the header stands: Orders of the first quarter.",
        "Row 8 holds the totals of the rows above it and was left out.",
    ] {
        assert!(orders.plan.notes.iter().any(|it| it == note), "{note}: {:?}", orders.plan.notes);
    }

    let many = loaded.table("many");
    let rows = many.rows();
    assert_eq!(rows.len(), 12);
    for (row, number) in rows.iter().zip(1..) {
        let letter = if number % 2 == 1 { "é" } else { "Ж" };
        assert_eq!(row[1], letter.repeat(1000 + number), "a text over two records, row {number}");
    }
    assert_eq!((rows[3][2].as_str(), rows[4][2].as_str()), ("true", "∅"));
    assert!(many.plan.notes[0].contains("1 cells with an error"), "{:?}", many.plan.notes);
}

#[test]
fn a_header_can_be_chosen_and_sheets_left_out() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), ORDERS).unwrap();
    let choice = |table: &str, skip, header_row| TableChoice {
        table: Some(table.to_owned()),
        skip,
        choices: Choices { header_row, ..Choices::default() },
    };
    let choices = vec![choice("Many", true, None), choice("Orders", false, Some(4))];
    let options = FileOptions { table: None, choices };
    let loaded = load_with(file.path(), "o.xls", &FileLimits::default(), &options).unwrap();
    let schema = loaded.table("orders").schema();
    assert_eq!(schema[..3], ["column_a text", "name text", "city text"]);
}

#[test]
fn a_workbook_that_was_cut_off_or_changed_is_refused_or_read_and_never_runs_away() {
    let began = Instant::now();
    for cut in (8..ORDERS.len()).step_by(397) {
        let loaded = load_bytes("a.xls", &ORDERS[..cut]);
        let (code, detail) = refusal(loaded);
        assert_eq!(code, "workbook_damaged", "{cut}: {detail}");
        assert!(detail.contains("save it again"), "{detail}");
    }
    let mut refused = 0;
    for at in (8..ORDERS.len()).step_by(61) {
        for change in [0xFF, 0x80, 0x01] {
            let mut changed = ORDERS.to_vec();
            changed[at] ^= change;
            match load_bytes("a.xls", &changed) {
                Ok(loaded) => assert!(loaded.tables.iter().all(|table| table.plan.rows <= 65_536)),
                Err(SourceError::Invalid { .. } | SourceError::Unsupported { .. }) => refused += 1,
                Err(error) => panic!("{at}: {error:?}"),
            }
        }
    }
    assert!(refused > 50, "{refused}");
    assert!(began.elapsed().as_secs() < 120);
}

#[test]
fn other_files_of_old_office_are_told_apart() {
    let renamed = |to: &str| {
        let name: Vec<u8> = "Workbook".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let at = ORDERS.windows(name.len()).position(|it| it == name).unwrap();
        let mut changed = ORDERS.to_vec();
        changed[at..at + 66].fill(0);
        let units: Vec<u8> = to.encode_utf16().flat_map(u16::to_le_bytes).collect();
        changed[at..at + units.len()].copy_from_slice(&units);
        changed[at + 64..at + 66]
            .copy_from_slice(&u16::try_from(units.len() + 2).unwrap().to_le_bytes());
        refusal(load_bytes("a.xls", &changed))
    };
    assert_eq!(renamed("WordDocument").0, "an old Office document without sheets");
    assert_eq!(renamed("Book").0, "a workbook of Excel 95 or older");
    let (code, detail) = renamed("EncryptedPackage");
    assert!(code == "workbook_damaged" && detail.contains("password"), "{code}: {detail}");
}

#[test]
fn what_a_workbook_says_of_its_size_takes_no_memory() {
    // A sheet that calls itself as large as 32 bits go, and shared texts that promise as many.
    let find = |kind: u16| {
        let mut at = 512; // the stream lies behind the header in one piece
        while ORDERS[at..at + 2] != kind.to_le_bytes() {
            at += 4 + usize::from(u16::from_le_bytes([ORDERS[at + 2], ORDERS[at + 3]]));
        }
        at + 4
    };
    let mut huge = ORDERS.to_vec();
    let dimensions = find(0x200);
    huge[dimensions..dimensions + 8].copy_from_slice(&[0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0x7F]);
    let texts = find(SHARED_STRINGS);
    huge[texts + 4..texts + 8].fill(0xFF);
    let loaded = load_bytes("a.xls", &huge).unwrap();
    assert_eq!(loaded.table("orders").plan.rows, 3);
}

#[test]
fn short_numbers_are_whole_or_real_and_may_be_hundredths() {
    for (bits, expect) in [
        (0, 0.0),
        (0x3FF0_0000, 1.0),
        (0x3FF0_0001, 0.01),
        (5 << 2 | 2, 5.0),
        (12_345 << 2 | 3, 123.45),
        ((-7_i32 << 2).cast_unsigned() | 2, -7.0),
    ] {
        assert!((short_number(bits) - expect).abs() < f64::EPSILON, "{bits:#x}");
    }
}
