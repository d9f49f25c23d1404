use std::sync::atomic::{AtomicU64, Ordering};

use axum::http::{HeaderMap, HeaderName};

use crate::clock::Random;

/// Names a request in answers, logs and reports of faults.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const TRACE_PARENT: HeaderName = HeaderName::from_static("traceparent");

/// Gives requests their names. Not secret and not guessed from: a counter from a random start, mixed
/// so that neighbours do not look alike, which costs no call into the operating system.
pub(super) struct RequestIds {
    start: u64,
    count: AtomicU64,
}

impl RequestIds {
    pub(super) fn new(random: Random) -> Self {
        Self { start: u64::from_le_bytes(random.bytes()), count: AtomicU64::new(0) }
    }

    /// The client's own name for the request if it is fit to be one, else a new one.
    pub(super) fn of(&self, headers: &HeaderMap) -> Box<str> {
        match given(headers) {
            Some(given) => given.into(),
            None => self.make(),
        }
    }

    fn make(&self) -> Box<str> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        // Every step can be undone, so no two counts give one name.
        let mut word = self.start.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        word = (word ^ (word >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        format!("{:016x}", word ^ (word >> 32)).into()
    }
}

fn given(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    ((1..=64).contains(&text.len()) && text.bytes().all(fits)).then_some(text)
}

/// The trace that the request belongs to (W3C Trace Context, version 00), if it says so.
pub(super) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(TRACE_PARENT)?.to_str().ok()?;
    let mut parts = text.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let (parent, flags) = (parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let is_given = |text: &str| text.bytes().any(|byte| byte != b'0');
    // Later versions may add parts behind the four that stay.
    let fits = is_hex(version, 2)
        && version != "ff"
        && (version != "00" || parts.next().is_none())
        && is_hex(trace, 32)
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        && is_given(trace)
        && is_given(parent);
    fits.then_some(trace)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::http::HeaderValue;

    use super::*;

    fn headers(name: HeaderName, value: &[u8]) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).unwrap())])
    }

    #[test]
    fn a_fit_name_is_kept_and_any_other_replaced() {
        let ids = RequestIds::new(Random);
        for (value, is_kept) in [
            (&b"a"[..], true),
            (b"01J9ZK-trace_7.b", true),
            (&[b'x'; 64], true),
            (&[b'x'; 65], false),
            (b"", false),
            (b"a b", false),
            (b"a\"b", false),
            (b"a{b}", false),
            ("é".as_bytes(), false),
        ] {
            let id = ids.of(&headers(REQUEST_ID, value));
            assert_eq!(id.as_bytes() == value, is_kept, "{id}");
            assert!(given(&headers(REQUEST_ID, id.as_bytes())).is_some(), "{id}");
        }
    }

    #[test]
    fn names_do_not_repeat() {
        let ids = RequestIds::new(Random);
        let made: HashSet<_> = (0..10_000).map(|_| ids.of(&HeaderMap::new())).collect();
        assert_eq!(made.len(), 10_000);
    }

    #[test]
    fn a_trace_is_taken_only_as_the_standard_writes_it() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let good = format!("00-{trace}-00f067aa0ba902b7-01");
        for (value, is_taken) in [
            (good.clone(), true),
            (good.replace("00-4", "01-4") + "-more", true),
            (good.clone() + "-more", false),
            (good.replace("00-4", "ff-4"), false),
            (good.to_uppercase(), false),
            (good.replace(trace, &"0".repeat(32)), false),
            (good.replace("00f067aa0ba902b7", &"0".repeat(16)), false),
            (trace.to_owned(), false),
            ("00-\"\\-x-01".to_owned(), false),
        ] {
            let headers = headers(TRACE_PARENT, value.as_bytes());
            assert_eq!(trace_id(&headers), is_taken.then_some(trace), "{value}");
        }
    }
}
