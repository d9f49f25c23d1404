//! Queries on a DataFusion Ballista cluster. A worker process reads, guards and plans a statement as ever,
//! with policies in the plan; then it gives the plan to a scheduler, which cuts it into tasks, and
//! executors do these, reading the same files of the object store. What comes back passes the same
//! limits as an answer that was computed here.
//!
//! All of it but the address is behind the feature `cluster`, because Ballista needs DataFusion with its
//! default features and takes minutes to compile.

use serde::{Deserialize, Serialize};

#[cfg(not(feature = "cluster"))]
mod absent;
#[cfg(feature = "cluster")]
mod client;
#[cfg(feature = "cluster")]
mod executor;
#[cfg(feature = "cluster")]
mod failure;
#[cfg(feature = "cluster")]
mod scheduler;
#[cfg(feature = "cluster")]
mod tasks;

#[cfg(feature = "cluster")]
pub(crate) use client::abandon;
#[cfg(feature = "cluster")]
pub use executor::{ExecutorOptions, run_executor};
#[cfg(feature = "cluster")]
pub use scheduler::{Scheduler, SchedulerOptions};

/// Whether this build can use a cluster.
pub const CLUSTERS: bool = cfg!(feature = "cluster");

/// How long a task's results, and what the scheduler remembers of a query, are kept at most.
#[cfg(feature = "cluster")]
const KEPT: std::time::Duration = std::time::Duration::from_mins(1);

/// A cluster, by its scheduler.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    host: String,
    port: u16,
    /// Parts that each step of a query is cut into: about the cores of all executors together.
    partitions: usize,
}

impl Cluster {
    /// Of an address like `df://10.0.0.5:50050` or `df://[::1]:50050`; nothing where it is another.
    pub fn parse(address: &str, partitions: usize) -> Option<Self> {
        let (host, port) = address.strip_prefix("df://")?.rsplit_once(':')?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let fits = match bare {
            Some(host) => host.parse::<std::net::Ipv6Addr>().is_ok(),
            None => {
                let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
                !host.is_empty() && host.chars().all(named)
            }
        };
        fits.then(|| Self { host: host.to_owned(), port, partitions: partitions.max(1) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_name_a_host_and_a_port() {
        for (address, host, port) in [
            ("df://10.0.0.5:50050", "10.0.0.5", 50050),
            ("df://scheduler.books.internal:1", "scheduler.books.internal", 1),
            ("df://[::1]:50050", "[::1]", 50050),
        ] {
            let cluster = Cluster::parse(address, 0).expect(address);
            assert_eq!((cluster.host.as_str(), cluster.port), (host, port));
            assert_eq!(cluster.partitions, 1, "at least one part");
        }
        for address in [
            "",
            "df://",
            "df://host",
            "df://host:",
            "df://:50050",
            "df://host:0",
            "df://host:65536",
            "df://user:word@host:50050",
            "df://host:50050/path",
            "df://[::1:50050",
            "df://a b:50050",
            "http://host:50050",
            "host:50050",
        ] {
            assert_eq!(Cluster::parse(address, 4), None, "{address}");
        }
    }
}
