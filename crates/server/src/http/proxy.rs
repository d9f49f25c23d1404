use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies whose word is taken for who is behind them.
pub(super) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(super) fn new(networks: &[IpNet]) -> Self {
        Self(networks.to_vec())
    }

    /// Who is at the other end: the peer, or, where that is a trusted proxy, the last address of
    /// `X-Forwarded-For` that is none. Addresses before it were written by whoever it is.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let lines = headers.get_all(FORWARDED_FOR).iter().rev();
        let hops = lines.flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            // What is no address ends the chain at the proxy that wrote it.
            let Some(address) = address(hop.trim()) else { break };
            client = address;
        }
        client
    }

    /// How the client speaks, where a trusted proxy says so.
    pub(super) fn scheme(&self, peer: IpAddr, headers: &HeaderMap) -> &'static str {
        let last = || headers.get_all(FORWARDED_PROTO).iter().next_back()?.to_str().ok();
        let said = || last()?.rsplit(',').next().map(str::trim);
        let is_https = self.trusts(peer.to_canonical())
            && said().is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        if is_https { "https" } else { "http" }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&address))
    }
}

/// An address, perhaps with a port, as proxies write them.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    address.or_else(with_port).map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn check(peer: &str, lines: &[&str], expect: &str) {
        let proxies =
            TrustedProxies::new(&["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED_FOR, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let client = proxies.client(peer.parse().unwrap(), &headers);
        assert_eq!(client.to_string(), expect, "{peer} {lines:?}");
    }

    #[test]
    fn statement_22_only_trusted_proxies_are_believed() {
        check("203.0.113.9", &[], "203.0.113.9");
        check("203.0.113.9", &["198.51.100.1"], "203.0.113.9");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1"], "198.51.100.1");
        check("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1");
        check("fd00::1", &["2001:db8::7"], "2001:db8::7");
        // What the client itself wrote stands further left.
        check("10.0.0.1", &["1.1.1.1, 198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1");
        check("10.0.0.1", &["1.1.1.1", "198.51.100.1"], "198.51.100.1");
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn what_is_no_address_ends_the_chain() {
        check("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &[""], "10.0.0.1");
        check("10.0.0.1", &["é"], "10.0.0.1");
        check("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1");
        check("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7");
        check("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7");
    }

    #[test]
    fn the_scheme_is_what_a_trusted_proxy_says() {
        let proxies = TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]);
        for (peer, said, expect) in [
            ("10.0.0.1", "https", "https"),
            ("10.0.0.1", "http, HTTPS", "https"),
            ("10.0.0.1", "https, http", "http"),
            ("10.0.0.1", "javascript", "http"),
            ("203.0.113.9", "https", "http"),
        ] {
            let said = HeaderValue::from_str(said).unwrap();
            let headers = HeaderMap::from_iter([(FORWARDED_PROTO, said)]);
            assert_eq!(proxies.scheme(peer.parse().unwrap(), &headers), expect);
        }
    }
}
