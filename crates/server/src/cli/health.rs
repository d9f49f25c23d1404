use std::{
    io::{self, BufRead as _, BufReader, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    time::Duration,
};

use super::{CommandResult, Settings};

/// How long the server may take to say how it is: its own checks end in two seconds.
const PATIENCE: Duration = Duration::from_secs(4);

/// Asks the server of this configuration whether it can do its work, for health checks of containers.
pub fn run(settings: &Settings) -> CommandResult {
    let mut address = settings.load()?.server.listen;
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let status =
        readiness(address).map_err(|error| format!("{address} does not answer: {error}"))?;
    if status == "200" { Ok(()) } else { Err(format!("{address}/readyz answers {status}").into()) }
}

/// The status of `/readyz`. One request of fixed text needs no client.
fn readiness(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET /readyz HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let status = line.split(' ').nth(1).map(str::to_owned);
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no HTTP status line"))
}
