use axum::http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{
        CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
        X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
};

/// Data: nothing in it is to be run, shown or framed.
const DATA_POLICY: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");

/// Pages: everything from this server and nothing from elsewhere. Styles are written in place by
/// Swagger UI and by charts; scripts never are.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'none'; \
     form-action 'self'; frame-ancestors 'none'",
);

const ALWAYS: [(HeaderName, HeaderValue); 5] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
        ),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// Two years. Without `includeSubDomains`: the neighbours of this server's name are not its own.
const STAY_ON_HTTPS: HeaderValue = HeaderValue::from_static("max-age=63072000");

/// Tells browsers what an answer may do. A policy that a handler has set itself is left alone.
pub(super) fn secure(headers: &mut HeaderMap, is_https: bool) {
    for (name, value) in ALWAYS {
        headers.insert(name, value);
    }
    if is_https {
        headers.insert(STRICT_TRANSPORT_SECURITY, STAY_ON_HTTPS);
    }
    let is_page =
        headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    let policy = if is_page { PAGE_POLICY } else { DATA_POLICY };
    headers.entry(CONTENT_SECURITY_POLICY).or_insert(policy);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(kind: &'static str, is_https: bool) -> HeaderMap {
        let mut headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(kind))]);
        secure(&mut headers, is_https);
        headers
    }

    #[test]
    fn statement_55_every_answer_carries_them_and_only_https_asks_to_stay() {
        for (kind, is_https) in [("application/json", true), ("text/html; charset=utf-8", false)] {
            let headers = policy(kind, is_https);
            for (name, value) in ALWAYS {
                assert_eq!(headers.get(&name), Some(&value), "{kind}");
            }
            assert_eq!(headers.contains_key(STRICT_TRANSPORT_SECURITY), is_https);
            let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert!(!policy.contains("script-src 'unsafe"), "{policy}");
        }
        assert_eq!(policy("application/json", false)[CONTENT_SECURITY_POLICY], DATA_POLICY);
        assert_eq!(policy("text/html", false)[CONTENT_SECURITY_POLICY], PAGE_POLICY);
        let mut own = HeaderMap::from_iter([(CONTENT_SECURITY_POLICY, DATA_POLICY)]);
        own.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        secure(&mut own, false);
        assert_eq!(own[CONTENT_SECURITY_POLICY], DATA_POLICY);
    }
}
