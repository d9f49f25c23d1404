use rust_xlsxwriter::{ExcelDateTime, Format, Formula, Workbook, Worksheet, XlsxError};

use crate::files::{
    Choices, FileKind, FileLimits, FileOptions, TableChoice,
    loaded::{Loaded, load_bytes, load_with, refusal},
};

type Written = Result<(), XlsxError>;
/// A sheet's name and what fills it.
type Sheet<'a> = (&'a str, &'a dyn Fn(&mut Worksheet) -> Written);

/// The bytes of a workbook with these sheets.
fn workbook(sheets: &[Sheet<'_>]) -> Vec<u8> {
    let mut workbook = Workbook::new();
    for (name, fill) in sheets {
        fill(workbook.add_worksheet().set_name(*name).unwrap()).unwrap();
    }
    workbook.save_to_buffer().unwrap()
}

#[track_caller]
fn load(fill: &dyn Fn(&mut Worksheet) -> Written) -> Loaded {
    load_bytes("sales.xlsx", &workbook(&[("Sheet1", fill)])).unwrap()
}

/// Texts and, where they read as such, numbers.
fn write(sheet: &mut Worksheet, rows: &[&[&str]]) -> Written {
    for (row, cells) in (0..).zip(rows) {
        for (column, cell) in (0..).zip(*cells) {
            match cell.parse::<f64>() {
                Ok(number) => sheet.write_number(row, column, number)?,
                Err(_) if cell.is_empty() => continue,
                Err(_) => sheet.write_string(row, column, *cell)?,
            };
        }
    }
    Ok(())
}

#[test]
fn a_sheet_becomes_a_table_with_its_types() {
    let day = Format::new().set_num_format("yyyy-mm-dd");
    let moment = Format::new().set_num_format("yyyy-mm-dd hh:mm:ss");
    let span = Format::new().set_num_format("[h]:mm:ss");
    let loaded = load(&|sheet| {
        write(
            sheet,
            &[&["Region", "Amount", "Count", "Day", "At", "Paid", "Sum", "Spent", "Code"]],
        )?;
        for (row, region, month, of_month) in [(1, "North", 2, 29), (2, "South", 3, 1)] {
            sheet.write_string(row, 0, region)?;
            sheet.write_number(row, 1, 12.5 * f64::from(row))?;
            sheet.write_number(row, 2, row)?;
            let date = ExcelDateTime::from_ymd(2024, month, of_month)?;
            sheet.write_datetime_with_format(row, 3, &date, &day)?;
            sheet.write_datetime_with_format(row, 4, &date.and_hms(10, 30, 0)?, &moment)?;
            sheet.write_boolean(row, 5, row == 1)?;
            sheet.write_formula(
                row,
                6,
                Formula::new("=0.1+0.2").set_result("0.30000000000000004"),
            )?;
            sheet.write_number_with_format(row, 7, 1.5, &span)?;
            sheet.write_string(row, 8, "007")?;
        }
        Ok(())
    });
    assert_eq!(loaded.kind, FileKind::Xlsx);
    assert_eq!(loaded.names(), ["sales"]);
    let table = loaded.table("sales");
    assert_eq!(
        table.schema(),
        [
            "region text",
            "amount decimal(1)",
            "count integer",
            "day date",
            "at timestamp",
            "paid boolean",
            "sum decimal(1)",
            "spent text",
            "code text",
        ]
    );
    assert_eq!(
        table.rows()[0],
        [
            "North",
            "12.5",
            "1",
            "2024-02-29",
            "2024-02-29T10:30:00",
            "true",
            "0.3",
            "36:00:00",
            "007"
        ]
    );
    assert_eq!(table.rows()[1][3], "2024-03-01");
    assert_eq!(table.plan.part.as_deref(), Some("Sheet1"));
}

#[test]
fn every_sheet_with_rows_becomes_a_table() {
    let rows = |sheet: &mut Worksheet| write(sheet, &[&["a", "b"], &["1", "x"]]);
    let bytes = workbook(&[
        ("Customers", &rows),
        ("2024", &rows),
        ("Notes", &|_| Ok(())),
        ("Tabelle1", &rows),
        ("Only a header", &|sheet| write(sheet, &[&["a", "b"]])),
    ]);
    let loaded = load_bytes("Budget.xlsx", &bytes).unwrap();
    assert_eq!(loaded.names(), ["customers", "budget_2024", "budget_tabelle1"]);
    assert_eq!(
        loaded.notes,
        ["The sheet Notes is empty.", "The sheet Only a header has a header and no rows under it."]
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &bytes).unwrap();
    let skip = |name: &str| TableChoice {
        table: Some(name.to_owned()),
        skip: true,
        ..TableChoice::default()
    };
    let options = FileOptions {
        table: Some("plan".parse().unwrap()),
        choices: vec![skip("Tabelle1"), skip("Customers")],
    };
    let loaded = load_with(file.path(), "b.xlsx", &FileLimits::default(), &options).unwrap();
    assert_eq!(loaded.names(), ["plan_2024"]);
    let empty = workbook(&[("One", &|_| Ok(()))]);
    assert_eq!(refusal(load_bytes("a.xlsx", &empty)).0, "no_tables");
}

#[test]
fn the_header_is_found_under_titles_and_blank_rows() {
    let rows: &[&[&str]] = &[
        &["Sales report"],
        &[],
        &["as of", "June"],
        &[],
        &["Region", "Amount", "Year 2024", "Note"],
        &["North", "1", "2", ""],
        &["South", "3", "4", "late"],
    ];
    let loaded = load(&|sheet| write(sheet, rows));
    let table = loaded.table("sales");
    assert_eq!(table.schema(), ["region text", "amount integer", "year_2024 integer", "note text"]);
    assert_eq!(table.rows(), [["North", "1", "2", "∅"], ["South", "3", "4", "late"]]);
    assert_eq!(
        table.plan.notes,
        ["The header was found in row 5.", "Above the header stands: Sales report; as of June."]
    );
    // Somebody knows better.
    let file = tempfile::NamedTempFile::new().unwrap();
    let bytes = workbook(&[("S", &|sheet| write(sheet, &[&["x", "y"], &["a", "b"], &["c", "d"]]))]);
    std::fs::write(file.path(), bytes).unwrap();
    let choices = Choices { header_row: Some(2), columns: vec![] };
    let choices = vec![TableChoice { table: None, skip: false, choices }];
    let options = FileOptions { table: None, choices };
    let loaded = load_with(file.path(), "s.xlsx", &FileLimits::default(), &options).unwrap();
    assert_eq!(loaded.table("s").schema(), ["a text", "b text"]);
    assert_eq!(loaded.table("s").rows(), [["c", "d"]]);
}

#[test]
fn merged_headers_stand_for_every_column_under_them() {
    let loaded = load(&|sheet| {
        let plain = Format::new();
        sheet.merge_range(0, 1, 0, 2, "2024", &plain)?;
        sheet.merge_range(0, 3, 0, 4, "2025", &plain)?;
        for (column, name) in [(0, "Region"), (1, "Jan"), (2, "Feb"), (3, "Jan"), (4, "Feb")] {
            sheet.write_string(1, column, name)?;
        }
        for column in 1..5 {
            sheet.write_number(2, column, column)?;
        }
        sheet.write_string(2, 0, "North").map(|_| ())
    });
    let table = loaded.table("sales");
    let labels: Vec<&str> = table.plan.columns.iter().map(|it| it.label.as_str()).collect();
    assert_eq!(labels, ["Region", "2024 Jan", "2024 Feb", "2025 Jan", "2025 Feb"]);
    assert_eq!(table.rows(), [["North", "1", "2", "3", "4"]]);
    assert!(table.plan.notes[0].contains("rows 1 and 2"), "{:?}", table.plan.notes);
}

#[test]
fn a_row_of_totals_is_left_out_only_if_it_holds_them() {
    let rows = |total: &'static str, sum: &'static str| {
        load(&move |sheet| {
            let rows: &[&[&str]] = &[
                &["Region", "Amount", "Note"],
                &["North", "1.5", "x"],
                &["South", "2.25", "y"],
                &[],
                &[total, sum],
            ];
            write(sheet, rows)
        })
    };
    for word in ["Total", "SUMME:", "Gesamt", "Total general"] {
        let loaded = rows(word, "3.75");
        let table = loaded.table("sales");
        assert_eq!(table.plan.rows, 2, "{word}");
        assert!(table.plan.notes[0].contains("Row 5 holds the totals"), "{:?}", table.plan.notes);
        assert_eq!(table.schema(), ["region text", "amount decimal(2)", "note text"]);
    }
    let kept = rows("Total", "4");
    assert_eq!(kept.table("sales").plan.rows, 3);
    assert!(kept.table("sales").plan.notes[0].contains("it was kept"));
    assert_eq!(rows("Total", "").table("sales").plan.rows, 3, "there is nothing to compare");
    let other = rows("West", "3.75");
    assert_eq!(other.table("sales").plan.rows, 3);
    assert_eq!(other.table("sales").plan.notes, ["1 blank rows were skipped."]);
}

#[test]
fn what_is_odd_is_said() {
    let loaded = load(&|sheet| {
        write(
            sheet,
            &[&["a", "b", "", "d", "d"], &["1", "x", "9", "1", "2"], &["2", "", "", "", ""]],
        )?;
        sheet.write_formula(2, 1, Formula::new("=NA()").set_result("#N/A"))?;
        sheet.write_number(2, 3, 1e20)?;
        sheet.write_string(2, 4, "y").map(|_| ())
    });
    let table = loaded.table("sales");
    assert_eq!(table.schema(), ["a integer", "b text", "column_c integer", "d float", "d_2 text"]);
    assert_eq!(table.rows()[1], ["2", "∅", "∅", "1e20", "y"]);
    assert_eq!(
        table.plan.notes,
        [
            "1 cells with an error such as #N/A were read as empty.",
            "d: Kept as text: it holds numbers and other values."
        ]
    );
}

#[test]
fn damaged_and_hostile_workbooks_are_refused() {
    let whole = workbook(&[("S", &|sheet| write(sheet, &[&["a", "b"], &["1", "x"]]))]);
    for cut in [30, whole.len() / 2, whole.len() - 10] {
        let (code, detail) = refusal(load_bytes("a.xlsx", &whole[..cut]));
        assert!(code == "archive_damaged" || code == "workbook_damaged", "{cut}: {code} {detail}");
    }
    let mut noisy = whole.clone();
    noisy[60..400].iter_mut().for_each(|byte| *byte ^= 0x5A);
    let (code, _) = refusal(load_bytes("a.xlsx", &noisy));
    assert!(code.ends_with("_damaged"), "{code}");
    // One cell at the far corner takes no more room than another one.
    let far = workbook(&[("S", &|sheet| {
        write(sheet, &[&["a"], &["1"]])?;
        sheet.write_number(1_048_575, 16_383, 1).map(|_| ())
    })]);
    let loaded = load_bytes("far.xlsx", &far).unwrap();
    assert_eq!(loaded.table("far").schema(), ["a integer", "column_xfd integer"]);
    let wide = workbook(&[("S", &|sheet| {
        (0..2000_u16).try_for_each(|at| {
            sheet.write_string(0, at, format!("c{at}"))?;
            sheet.write_number(1, at, 1).map(|_| ())
        })
    })]);
    assert_eq!(refusal(load_bytes("a.xlsx", &wide)).0, "too_many_columns");
    let limits = FileLimits { workbook_bytes: 1000, ..FileLimits::default() };
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &whole).unwrap();
    let loaded = load_with(file.path(), "a.xlsx", &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "unpacks_too_large");
    let many: Vec<String> = (0..201).map(|at| format!("s{at}")).collect();
    let sheets: Vec<Sheet<'_>> =
        many.iter().map(|name| (name.as_str(), &(|_: &mut Worksheet| Ok(())) as _)).collect();
    assert_eq!(refusal(load_bytes("a.xlsx", &workbook(&sheets))).0, "too_many_tables");
}

/// The bytes of an OpenDocument spreadsheet whose body holds this.
fn spreadsheet(body: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let content = format!(
        "<?xml version=\"1.0\"?><office:document-content><office:body><office:spreadsheet>{body}\
         </office:spreadsheet></office:body></office:document-content>"
    );
    let mimetype = "application/vnd.oasis.opendocument.spreadsheet";
    for (name, text) in [("mimetype", mimetype), ("content.xml", content.as_str())] {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A sheet of these cells; a text begins with a quote.
fn sheet(name: &str, rows: &[&[&str]]) -> String {
    let cell = |cell: &&str| match cell.strip_prefix('\'') {
        Some(text) => format!(
            "<table:table-cell office:value-type=\"string\"><text:p>{text}</text:p></table:table-cell>"
        ),
        None if cell.is_empty() => "<table:table-cell/>".to_owned(),
        None => format!("<table:table-cell office:value-type=\"float\" office:value=\"{cell}\"/>"),
    };
    let row = |row: &&[&str]| {
        let cells: Vec<String> = row.iter().map(cell).collect();
        format!("<table:table-row>{}</table:table-row>", cells.concat())
    };
    let rows: Vec<String> = rows.iter().map(row).collect();
    format!("<table:table table:name=\"{name}\">{}</table:table>", rows.concat())
}

#[test]
fn an_open_document_is_read_as_any_workbook() {
    let typed = "<table:table table:name=\"Typed\"><table:table-row>\
        <table:table-cell office:value-type=\"string\"><text:p>a</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>b</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>c</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>d</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"string\"><text:p>e</text:p></table:table-cell>\
        <table:table-cell table:number-columns-repeated=\"16000\"/></table:table-row>\
        <table:table-row table:number-rows-repeated=\"2\">\
        <table:table-cell office:value-type=\"date\" office:date-value=\"2024-02-29\"><text:p>29.2.</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"boolean\" office:boolean-value=\"true\"/>\
        <table:table-cell office:value-type=\"time\" office:time-value=\"PT36H05M09S\"/>\
        <table:table-cell office:value-type=\"string\"><office:annotation><text:p>no</text:p></office:annotation>\
        <text:p>x &amp; <text:span>y</text:span><text:s text:c=\"2\"/>&#228;</text:p><text:p>z</text:p></table:table-cell>\
        <table:table-cell office:value-type=\"float\" office:value=\"0.30000000000000004\" table:number-columns-repeated=\"1\"/>\
        </table:table-row><table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell/></table:table-row>\
        </table:table>";
    let plain = sheet("Plain", &[&["'Region", "'Amount"], &["'North", "1.5"], &["'Total", "1.5"]]);
    let bytes = spreadsheet(&format!("{typed}{plain}{}", sheet("Empty", &[])));
    let loaded = load_bytes("book.ods", &bytes).unwrap();
    assert_eq!(loaded.kind, FileKind::Ods);
    assert_eq!(loaded.names(), ["typed", "plain"]);
    let table = loaded.table("typed");
    assert_eq!(table.schema(), ["a date", "b boolean", "c text", "d text", "e decimal(1)"]);
    let row = ["2024-02-29", "true", "36:05:09", "x & y  ä\nz", "0.3"];
    assert_eq!(table.rows(), [row, row]);
    assert_eq!(loaded.table("plain").rows(), [["North", "1.5"]]);
    assert_eq!(loaded.notes, ["The sheet Empty is empty."]);
}

#[test]
fn hostile_open_documents_are_refused() {
    let repeated = |rows: u64| {
        format!(
            "<table:table table:name=\"S\"><table:table-row table:number-rows-repeated=\"{rows}\">\
             <table:table-cell table:number-columns-repeated=\"16384\" office:value-type=\"float\" office:value=\"1\"/>\
             </table:table-row></table:table>"
        )
    };
    let bytes = spreadsheet(&repeated(2));
    assert_eq!(refusal(load_bytes("a.ods", &bytes)).0, "too_many_columns");
    let far = "<table:table table:name=\"S\"><table:table-row table:number-rows-repeated=\"18446744073709551615\">\
        <table:table-cell office:value-type=\"float\" office:value=\"1\"/></table:table-row>\
        <table:table-row><table:table-cell office:value-type=\"float\" office:value=\"1\"/></table:table-row></table:table>";
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), spreadsheet(far)).unwrap();
    let mut rows = 0_u64;
    let ended = super::ods::scan(file.path(), &super::SheetName("S".into()), &mut |row| {
        rows = u64::from(row.number) + 1;
        if rows < 1000 { super::Flow::Continue(()) } else { super::Flow::Break(None) }
    });
    assert!(ended.is_ok() && rows == 1000, "rows are repeated one by one");
    let text = "x".repeat(9 << 20);
    let long = sheet("S", &[&["'a"], &[&format!("'{text}")]]);
    assert_eq!(refusal(load_bytes("a.ods", &spreadsheet(&long))).0, "unpacks_too_large");
    for body in ["<table:table table:name=\"S\">", "<a></b>", "<table:table table:name=\"&x;\"/>"] {
        let (code, detail) = refusal(load_bytes("a.ods", &spreadsheet(body)));
        assert!(code == "workbook_damaged" || code == "no_tables", "{body}: {code} {detail}");
    }
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in
        [("mimetype", "application/vnd.oasis.opendocument.text"), ("content.xml", "<a/>")]
    {
        archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, text.as_bytes()).unwrap();
    }
    let text = archive.finish().unwrap().into_inner();
    assert_eq!(refusal(load_bytes("a.odt", &text)).0, "an OpenDocument file without sheets");
}
