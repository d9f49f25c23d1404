//! Where this server may connect to when a person names a system to read from.
//!
//! Whoever may add a connection could otherwise make the server speak to itself, to machines behind
//! its firewall, or to a cloud's metadata service. So an address is judged after its name is resolved,
//! and the connection is made to the judged address itself, never to the name again.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

use crate::SourceError;

/// How long a name may take to resolve.
const RESOLVE_WITHIN: Duration = Duration::from_secs(10);

/// Which addresses may be connected to: those of the public internet, and what the operator allows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allow: Vec<IpNet>,
}

impl AddressPolicy {
    /// The public internet and these networks: `10.20.0.0/16`, `127.0.0.1/32`.
    pub fn new(allow: Vec<IpNet>) -> Self {
        Self { allow }
    }

    /// Refuses an address that is neither public nor allowed. One IPv4 address in IPv6 clothes is
    /// judged as the IPv4 address that it leads to.
    pub fn check(&self, address: IpAddr) -> Result<(), SourceError> {
        match self.objection(address) {
            None => Ok(()),
            Some(kind) => Err(refused(&address.to_string(), kind)),
        }
    }

    /// The addresses of a host that may be connected to, in the resolver's order; never none.
    ///
    /// The refusal names the kind of address that the host has, not the address: whoever asks need not
    /// learn what names mean inside the operator's network.
    pub async fn resolve(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, SourceError> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse::<IpAddr>() {
            self.check(address)?;
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let lookup = tokio::net::lookup_host((bare, port));
        let found = match tokio::time::timeout(RESOLVE_WITHIN, lookup).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(unresolved(host, &error.to_string())),
            Err(_) => return Err(unresolved(host, "the name server did not answer in time")),
        };
        self.keep_allowed(host, found)
    }

    fn keep_allowed(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, SourceError> {
        let mut refusal = None;
        let mut allowed = Vec::new();
        for address in found {
            match self.objection(address.ip()) {
                None if !allowed.contains(&address) => allowed.push(address),
                None => {}
                Some(kind) => refusal = Some(kind),
            }
        }
        match refusal {
            _ if !allowed.is_empty() => Ok(allowed),
            Some(kind) => Err(refused(host, kind)),
            None => Err(unresolved(host, "the name has no address")),
        }
    }

    /// What stands against an address; empty when nothing does.
    fn objection(&self, address: IpAddr) -> Option<&'static str> {
        let meant = leads_to(address);
        let allowed = |network: &IpNet| network.contains(&meant) || network.contains(&address);
        if self.allow.iter().any(allowed) {
            return None;
        }
        match meant {
            IpAddr::V4(address) => special_v4(address),
            IpAddr::V6(address) => special_v6(address),
        }
    }
}

/// An IPv4-mapped address (`::ffff:0:0/96`) or one behind the well-known NAT64 prefix
/// (`64:ff9b::/96`) ends at the IPv4 address in its last 32 bits.
fn leads_to(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0xffff, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            let [.., a, b, c, d] = v6.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => address,
    }
}

/// After the IANA IPv4 Special-Purpose Address Registry; an address that is not globally reachable is
/// refused, and so is Azure's metadata address, which looks public.
fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        [0, 0, 0, 0] => Some("the unspecified address"),
        [127, ..] => Some("a loopback address"),
        [169, 254, 169, 254] | [168, 63, 129, 16] | [100, 100, 100, 200] | [192, 0, 0, 192] => {
            Some("a cloud's metadata address")
        }
        [169, 254, ..] => Some("a link-local address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("a private address"),
        [100, 64..=127, ..] => Some("a shared address of a provider's network"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => {
            Some("an address for documentation")
        }
        [198, 18..=19, ..] => Some("an address for benchmarks"),
        [224..=239, ..] => Some("a multicast address"),
        [255, 255, 255, 255] => Some("the broadcast address"),
        [0 | 240..=255, ..] | [192, 0, 0, _] | [192, 88, 99, _] => Some("a reserved address"),
        _ => None,
    }
}

/// Public IPv6 addresses lie in `2000::/3`, less what is set apart there.
fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("the unspecified address");
    }
    if address.is_loopback() {
        return Some("a loopback address");
    }
    match address.segments() {
        [0xfd00, 0x0ec2, ..] => Some("a cloud's metadata address"),
        [0xfc00..=0xfdff, ..] => Some("a unique-local address"),
        [0xfe80..=0xfebf, ..] => Some("a link-local address"),
        [0xff00..=0xffff, ..] => Some("a multicast address"),
        [0x2001, 0x0db8, ..] | [0x3fff, 0x0000..=0x0fff, ..] => {
            Some("an address for documentation")
        }
        // Teredo and its neighbours (2001::/23) and 6to4: they carry an IPv4 address of any kind.
        [0x2001, 0x0000..=0x01ff, ..] | [0x2002, ..] => Some("an address of a tunnel"),
        [0x2000..=0x3fff, ..] => None,
        _ => Some("a reserved address"),
    }
}

fn refused(host: &str, kind: &str) -> SourceError {
    let detail = format!(
        "{host} is {kind}, and this server does not connect there; its operator can allow the network"
    );
    SourceError::invalid("address_refused", detail)
}

fn unresolved(host: &str, why: &str) -> SourceError {
    SourceError::Unreachable {
        detail: format!("no address was found for {host}: {why}"),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objection(policy: &AddressPolicy, address: &str) -> Option<&'static str> {
        policy.objection(address.parse().unwrap())
    }

    #[test]
    fn an_address_that_is_not_public_is_refused_by_its_kind() {
        let cases = [
            ("0.0.0.0", "unspecified"),
            ("0.1.2.3", "reserved"),
            ("10.0.0.1", "private"),
            ("10.255.255.255", "private"),
            ("100.64.0.1", "shared"),
            ("100.127.255.254", "shared"),
            ("100.100.100.200", "metadata"),
            ("127.0.0.1", "loopback"),
            ("127.255.255.254", "loopback"),
            ("168.63.129.16", "metadata"),
            ("169.254.0.1", "link-local"),
            ("169.254.169.254", "metadata"),
            ("172.16.0.1", "private"),
            ("172.31.255.255", "private"),
            ("192.0.0.1", "reserved"),
            ("192.0.0.192", "metadata"),
            ("192.0.2.7", "documentation"),
            ("192.88.99.1", "reserved"),
            ("192.168.1.1", "private"),
            ("198.18.0.1", "benchmarks"),
            ("198.19.255.255", "benchmarks"),
            ("198.51.100.1", "documentation"),
            ("203.0.113.1", "documentation"),
            ("224.0.0.1", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.1", "reserved"),
            ("255.255.255.255", "broadcast"),
            ("::", "unspecified"),
            ("::1", "loopback"),
            ("::127.0.0.1", "reserved"),
            ("::ffff:127.0.0.1", "loopback"),
            ("::ffff:10.1.2.3", "private"),
            ("::ffff:169.254.169.254", "metadata"),
            ("::ffff:0:127.0.0.1", "reserved"),
            ("64:ff9b::127.0.0.1", "loopback"),
            ("64:ff9b::10.0.0.1", "private"),
            ("64:ff9b:1::1", "reserved"),
            ("100::1", "reserved"),
            ("2001::1", "tunnel"),
            ("2001:db8::1", "documentation"),
            ("2002:7f00:1::1", "tunnel"),
            ("3fff::1", "documentation"),
            ("5f00::1", "reserved"),
            ("fc00::1", "unique-local"),
            ("fd12:3456:789a::1", "unique-local"),
            ("fd00:ec2::254", "metadata"),
            ("fe80::1", "link-local"),
            ("febf::1", "link-local"),
            ("fec0::1", "reserved"),
            ("ff02::1", "multicast"),
        ];
        for (address, kind) in cases {
            let found = objection(&AddressPolicy::default(), address);
            assert!(found.is_some_and(|found| found.contains(kind)), "{address}: {found:?}");
            let error = AddressPolicy::default().check(address.parse().unwrap()).unwrap_err();
            let SourceError::Invalid { code, detail } = error else { panic!("{address}") };
            assert_eq!(code, "address_refused");
            assert!(detail.contains(kind), "{detail}");
        }
    }

    #[test]
    fn a_public_address_passes() {
        let cases = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.255.255.255",
            "128.0.0.1",
            "169.253.255.255",
            "169.255.0.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.255.255",
            "192.169.0.1",
            "198.17.255.255",
            "198.20.0.1",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "2001:200::1",
            "2606:4700:4700::1111",
            "2a00:1450:4001:80b::200e",
            "3ffe::1",
        ];
        for address in cases {
            assert_eq!(objection(&AddressPolicy::default(), address), None, "{address}");
        }
    }

    #[test]
    fn what_the_operator_allows_passes_and_nothing_beside_it() {
        let allow = ["10.20.0.0/16", "127.0.0.1/32", "fd12::/16"];
        let policy = AddressPolicy::new(allow.iter().map(|net| net.parse().unwrap()).collect());
        for (address, passes) in [
            ("10.20.0.1", true),
            ("10.21.0.1", false),
            ("127.0.0.1", true),
            ("127.0.0.2", false),
            ("::ffff:127.0.0.1", true),
            ("::ffff:127.0.0.2", false),
            ("::1", false),
            ("fd12::9", true),
            ("fd13::9", false),
            ("169.254.169.254", false),
            ("1.1.1.1", true),
        ] {
            assert_eq!(policy.check(address.parse().unwrap()).is_ok(), passes, "{address}");
        }
    }

    #[tokio::test]
    async fn a_host_is_resolved_to_what_was_checked_however_it_is_written() {
        let strict = AddressPolicy::default();
        let loopback = AddressPolicy::new(vec!["127.0.0.0/8".parse().unwrap()]);
        for host in ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "::1"]
        {
            let error = strict.resolve(host, 5432).await.unwrap_err();
            let SourceError::Invalid { code, detail } = &error else { panic!("{host}: {error:?}") };
            assert_eq!((*code, detail.contains("a loopback address")), ("address_refused", true));
        }
        for host in ["127.0.0.1", "localhost", "127.1"] {
            let addresses = loopback.resolve(host, 5432).await.unwrap();
            assert_eq!(addresses, ["127.0.0.1:5432".parse().unwrap()], "{host}");
        }
        assert!(loopback.resolve("[::1]", 5432).await.is_err());
    }

    #[test]
    fn of_several_addresses_only_the_allowed_are_kept() {
        let policy = AddressPolicy::default();
        let keep = |found: &[&str]| {
            policy.keep_allowed("erp.example", found.iter().map(|it| it.parse().unwrap()))
        };
        let kept = keep(&["10.0.0.1:1", "1.1.1.1:1", "1.1.1.1:1", "[2606:4700::1]:1"]).unwrap();
        assert_eq!(kept, ["1.1.1.1:1".parse().unwrap(), "[2606:4700::1]:1".parse().unwrap()]);
        let error = keep(&["10.0.0.1:1", "192.168.0.1:1"]).unwrap_err().to_string();
        assert!(error.contains("erp.example is a private address"), "{error}");
        assert!(!error.contains("10.0.0.1"), "the answer tells no address: {error}");
        assert!(matches!(keep(&[]), Err(SourceError::Unreachable { .. })));
    }

    #[tokio::test]
    async fn a_name_without_an_address_is_unreachable() {
        for host in ["no-such-host.invalid", "", "a b", "-"] {
            let error = AddressPolicy::default().resolve(host, 1).await.unwrap_err();
            assert!(
                matches!(error, SourceError::Unreachable { .. } | SourceError::Invalid { .. }),
                "{host}: {error:?}"
            );
        }
        let error = AddressPolicy::default().resolve("no-such-host.invalid", 1).await.unwrap_err();
        assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    }
}
