//! Addresses: read, joined, compared.

use std::fmt::Write as _;

use reqwest::Url;

use crate::SourceError;

/// Reads the address of a system, which later parts are added to.
pub(super) fn base(text: &str) -> Result<Url, SourceError> {
    let wrong =
        |why: &str| SourceError::invalid("source_address", format!("“{}” {why}", shown(text)));
    let mut url = Url::parse(text.trim())
        .map_err(|_| wrong("is not an address like https://erp.example.com"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(wrong("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("carries credentials: give them apart"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("carries a query: give the address alone"));
    }
    if !url.path().ends_with('/') {
        let path = format!("{}/", url.path());
        url.set_path(&path);
    }
    Ok(url)
}

/// The text without what might be credentials in it.
fn shown(text: &str) -> &str {
    let text = text.trim();
    let rest = text.rsplit_once('@').map_or(text, |(_, rest)| rest);
    rest.split(['?', '#']).next().unwrap_or_default()
}

/// The base with more of a path and a query, whose names and values are encoded here.
pub(super) fn with(base: &Url, path: &[&str], query: &[(&str, &str)]) -> Url {
    let mut url = base.clone();
    let segments: Vec<String> = path.iter().map(|segment| encode(segment)).collect();
    url.set_path(&format!("{}{}", base.path(), segments.join("/")));
    let pairs: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    url.set_query((!pairs.is_empty()).then(|| pairs.join("&")).as_deref());
    url
}

/// Everything but letters, digits and `-._~()$,'` as `%XX`: OData's own marks may stand.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'-' | b'.' | b'_' | b'~' | b'(' | b')' | b'$' | b',' | b'\'' => {
                encoded.push(char::from(byte));
            }
            // Writing into a string cannot fail.
            _ => _ = write!(encoded, "%{byte:02X}"),
        }
    }
    encoded
}

/// Scheme, host and port.
pub(super) fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// The address for people: without query, which may hold values.
pub(super) fn place(url: &Url) -> String {
    format!("{}{}", url.origin().ascii_serialization(), url.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        for (text, expect) in [
            ("https://erp.example.com", "https://erp.example.com/"),
            (" https://erp.example.com/b1s/v2 ", "https://erp.example.com/b1s/v2/"),
            ("http://10.0.0.5:8069/", "http://10.0.0.5:8069/"),
        ] {
            assert_eq!(base(text).unwrap().as_str(), expect);
        }
        for bad in [
            "",
            "erp",
            "ftp://erp/x",
            "https://u:secret@erp/",
            "https://erp/?token=secret",
            "file:///etc/passwd",
        ] {
            let error = base(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn parts_and_values_cannot_leave_their_place() {
        let base = base("https://erp.example.com/api").unwrap();
        let url = with(
            &base,
            &["resource", "Sales Invoice/../x?"],
            &[("$filter", "a gt 'b&c=d' and e eq 1+1")],
        );
        assert_eq!(
            url.as_str(),
            "https://erp.example.com/api/resource/Sales%20Invoice%2F..%2Fx%3F?$filter=a%20gt%20'b%26c%3Dd'%20and%20e%20eq%201%2B1"
                .replace('\'', "%27")
        );
    }
}
