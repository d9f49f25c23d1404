//! Requests byte by byte, for what a proper client would never send.

use reqwest::{StatusCode, header::HeaderMap};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::server::{Answer, Server};

/// Sends bytes on a connection of their own and reads until the server closes it. A server that
/// closes early, as it may, is no failure of the test: what it said before is the answer.
pub async fn exchange(server: &Server, bytes: &[u8]) -> Vec<u8> {
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    answer
}

/// A request with these header lines and this body; `Host`, `Connection` and `Content-Length` are
/// added.
pub async fn send(server: &Server, line: &str, headers: &[u8], body: &[u8]) -> Answer {
    let length = body.len();
    let mut bytes = format!(
        "{line} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nContent-Length: {length}\r\n"
    )
    .into_bytes();
    bytes.extend_from_slice(headers);
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    parse(&exchange(server, &bytes).await)
}

/// Reads the bytes of an answer; one that never came has status 0 written as 599.
pub fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let head = String::from_utf8_lossy(&bytes[..end.unwrap_or(0)]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(599);
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        let name = reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, value.parse().unwrap());
    }
    let rest = end.map_or(&[][..], |end| &bytes[end + 4..]);
    let text = String::from_utf8_lossy(rest).into_owned();
    let body = serde_json::from_str(&text).unwrap_or(serde_json::Value::Null);
    Answer { status: StatusCode::from_u16(status).unwrap(), headers, text, body }
}
