use std::io::{Cursor, Write as _};

use flate2::{Compression, write::GzEncoder};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::SourceError;
use crate::files::{
    FileKind, FileLimits, FileOptions, TableChoice,
    loaded::{Loaded, load_bytes, load_with, refusal},
};

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::default());
    writer.write_all(content).unwrap();
    writer.finish().unwrap()
}

fn load_limited(
    bytes: &[u8],
    limits: &FileLimits,
    options: &FileOptions,
) -> Result<Loaded, SourceError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    load_with(file.path(), "all.zip", limits, options)
}

const CSV: &[u8] = b"a,b\n1,x\n2,y\n";

#[test]
fn every_file_of_an_archive_is_read() {
    let bytes = zip(&[
        ("data/2024/Orders.csv", CSV),
        ("customers.json", br#"[{"id": 1}]"#),
        ("__MACOSX/._Orders.csv", b"\0\x05\x16\x07"),
        (".DS_Store", b"\0\0\0\x01"),
        ("read me.pdf", b"%PDF-1.7"),
        ("..\\..\\lines.tsv", b"a\tb\n1\t2\n"),
    ]);
    let loaded = load_bytes("all.zip", &bytes).unwrap();
    assert_eq!(loaded.kind, FileKind::Zip);
    assert_eq!(loaded.names(), ["orders", "customers", "lines"]);
    assert_eq!(loaded.table("orders").plan.part.as_deref(), Some("Orders.csv"));
    assert_eq!(loaded.table("orders").rows(), [["1", "x"], ["2", "y"]]);
    assert_eq!(loaded.notes, ["read me.pdf was left out: it is a PDF document."]);
}

#[test]
fn choices_and_names_reach_into_archives() {
    let bytes = zip(&[("orders.csv", CSV), ("lines.csv", CSV)]);
    let skip =
        TableChoice { table: Some("shop_lines".into()), skip: true, ..TableChoice::default() };
    let options = FileOptions { table: Some("shop".parse().unwrap()), choices: vec![] };
    let loaded = load_limited(&bytes, &FileLimits::default(), &options).unwrap();
    assert_eq!(loaded.names(), ["shop_lines", "shop_orders"]);
    let options = FileOptions { choices: vec![skip], ..options };
    let loaded = load_limited(&bytes, &FileLimits::default(), &options).unwrap();
    assert_eq!(loaded.names(), ["shop_orders"]);
    let one = zip(&[("orders.csv", CSV)]);
    let options = FileOptions { choices: vec![], ..options };
    let loaded = load_limited(&one, &FileLimits::default(), &options).unwrap();
    assert_eq!(loaded.names(), ["shop"]);
}

#[test]
fn a_packed_file_is_read_as_the_file() {
    let loaded = load_bytes("orders.csv.gz", &gzip(CSV)).unwrap();
    assert_eq!((loaded.kind, loaded.names()), (FileKind::Gzip, vec!["orders"]));
    assert_eq!(loaded.tables[0].plan.part, None);
    let twice = [gzip(CSV), gzip(b"3,z\n")].concat();
    assert_eq!(load_bytes("a.gz", &twice).unwrap().tables[0].plan.rows, 3, "members follow on");
}

#[test]
fn archives_that_may_not_be_are_refused() {
    let inner = zip(&[("orders.csv", CSV)]);
    let zeros = vec![b'0'; 40 << 20];
    let encrypted = {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        writer.start_file("a.csv", options).unwrap();
        writer.write_all(CSV).unwrap();
        let mut bytes = writer.finish().unwrap().into_inner();
        // The flag of an encrypted file, in its own head and in the directory's.
        let directory = bytes.windows(4).position(|it| it == b"PK\x01\x02").unwrap();
        bytes[6] |= 1;
        bytes[directory + 8] |= 1;
        bytes
    };
    for (what, bytes, code) in [
        ("nested", zip(&[("a.zip", &inner)]), "archive_nested"),
        ("nested gzip", zip(&[("a.gz", &gzip(CSV))]), "archive_nested"),
        ("zip in gzip", gzip(&inner), "archive_nested"),
        ("gzip in gzip", gzip(&gzip(CSV)), "archive_nested"),
        ("a bomb", zip(&[("a.csv", &zeros)]), "unpacks_too_large"),
        ("a packed bomb", gzip(&zeros), "unpacks_too_large"),
        ("encrypted", encrypted, "archive_encrypted"),
        ("cut off", inner[..inner.len() - 10].to_vec(), "archive_damaged"),
        ("a cut gzip", gzip(&zeros[..1000])[..20].to_vec(), "archive_damaged"),
        ("no gzip", b"\x1F\x8B\x08\0garbage".to_vec(), "archive_damaged"),
        ("nothing of use", zip(&[(".hidden", CSV)]), "no_tables"),
        ("one name twice", zip(&[("a/x.csv", CSV), ("b/x.csv", CSV)]), "table_name_twice"),
    ] {
        let (found, detail) = refusal(load_bytes("all.zip", &bytes));
        assert_eq!(found, code, "{what}: {detail}");
    }
    let (code, detail) =
        refusal(load_bytes("a.zip", &zip(&[("bad.csv", b"a,b\n1\n"), ("x.csv", CSV)])));
    assert_eq!(code, "csv_ragged_row");
    assert!(detail.starts_with("bad.csv: Line 2"), "{detail}");
    let (kind, _) = refusal(load_bytes("a.zip", &zip(&[("a.pdf", b"%PDF-1.7")])));
    assert_eq!(kind, "a PDF document");
    for (name, kind) in [
        ("xl/workbook.bin", "a binary Excel workbook"),
        ("word/document.xml", "an Office document without sheets"),
    ] {
        assert_eq!(refusal(load_bytes("a", &zip(&[(name, b"x")]))).0, kind);
    }
    let limits = FileLimits { members: 2, ..FileLimits::default() };
    let three = zip(&[("a.csv", CSV), ("b.csv", CSV), ("c.csv", CSV)]);
    let loaded = load_limited(&three, &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "archive_too_many_files");
    let limits = FileLimits { unpacked_bytes: 20, ..FileLimits::default() };
    let loaded = load_limited(&three, &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "unpacks_too_large");
    let limits = FileLimits { tables: 2, ..FileLimits::default() };
    let loaded = load_limited(&three, &limits, &FileOptions::default());
    assert_eq!(refusal(loaded).0, "too_many_tables");
}
