//! A connection to one of the addresses that were checked.

use std::{net::SocketAddr, time::Duration};

use tokio::net::TcpStream;

use super::retry::{Failure, unreachable};
use crate::{SourceError, outgoing::AddressPolicy};

/// Each address of a host, the next after it.
const ADDRESS_WITHIN: Duration = Duration::from_secs(5);

/// The addresses of a host that may be connected to.
pub(super) async fn addresses(
    policy: &AddressPolicy,
    host: &str,
    port: u16,
) -> Result<Vec<SocketAddr>, Failure> {
    policy.resolve(host, port).await.map_err(|error| match error {
        SourceError::Unreachable { .. } => Failure::Passing(error),
        other => Failure::Lasting(other),
    })
}

/// The first address that takes a connection.
pub(super) async fn reach(
    host: &str,
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut why = String::from("it has no address");
    for address in addresses {
        match tokio::time::timeout(ADDRESS_WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small questions, waited for: Nagle's algorithm would hold them back.
                let _slower = stream.set_nodelay(true);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => "it does not answer".clone_into(&mut why),
        }
    }
    let port = addresses.first().map_or(0, SocketAddr::port);
    Err(Failure::Passing(unreachable(format!("{host} takes no connection on port {port}: {why}"))))
}

/// The host as certificates have it: an IPv6 address without its brackets.
pub(super) fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}
