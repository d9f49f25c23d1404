//! What came back: whether it is what was asked for, and what an answer that is none says.

use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde::de::IgnoredAny;
use serde_json::Value;

use super::{http::Http, retry::Failure};
use crate::SourceError;

/// What an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Xml,
}

/// One answer, whole.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// An error, by what it means for one table among several that are looked for.
pub(super) enum Refusal {
    /// These credentials may not read it.
    Closed(SourceError),
    /// It is not there.
    Absent(SourceError),
    /// It is the end for all.
    Other(SourceError),
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        Self::Other(error)
    }
}

impl From<Refusal> for SourceError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Closed(error) | Refusal::Absent(error) | Refusal::Other(error) => error,
        }
    }
}

/// Whether the answer has the form. What ends too early was cut off on the way and may come whole the
/// next time; anything else, a login page or a proxy's notice, will not.
pub(super) fn check(answer: &Answer, form: Form, place: &str) -> Result<(), Failure> {
    let cut_off = || Failure::Passing {
        detail: format!("{place} sent an answer that ends in the middle"),
        retry_after: None,
        undone: false,
    };
    let html = answer
        .headers
        .get(CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if html || (form == Form::Json && first_byte(&answer.body) == Some(b'<')) {
        return Err(not_data(place, &format!("a web page{}", title(&answer.body))));
    }
    match form {
        Form::Json => match serde_json::from_slice::<IgnoredAny>(&answer.body) {
            Ok(_) => Ok(()),
            Err(error) if error.is_eof() => Err(cut_off()),
            Err(_) => Err(not_data(place, "something that is not JSON")),
        },
        Form::Xml if first_byte(&answer.body) == Some(b'<') => Ok(()),
        Form::Xml => Err(not_data(place, "something that is not XML")),
    }
}

fn first_byte(body: &[u8]) -> Option<u8> {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start().first().copied()
}

fn not_data(place: &str, what: &str) -> Failure {
    let detail = format!(
        "{place} answered with {what} instead of data. Check the address, and whether a proxy or a \
         login page stands before it."
    );
    Failure::Lasting(SourceError::invalid("source_not_data", detail))
}

/// ` titled “…”`, where the page has a title.
fn title(body: &[u8]) -> String {
    let head = String::from_utf8_lossy(&body[..body.len().min(4096)]);
    let inner = head.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
    inner.map_or_else(String::new, |(title, _)| {
        let words: Vec<&str> = title.split_whitespace().take(12).collect();
        format!(" titled “{}”", words.join(" "))
    })
}

impl Answer {
    /// The error that a status other than 200 is. `what` is what was asked for: `the model sale.order`.
    pub(super) fn refusal(&self, http: &Http, code: &'static str, what: &str) -> Refusal {
        let said = http.redact(&self.said());
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        let status = self.status.as_u16();
        match status {
            401 => Refusal::Other(SourceError::Denied {
                detail: format!("The source does not accept these credentials (401{said})."),
            }),
            403 => Refusal::Closed(SourceError::Denied {
                detail: format!("These credentials may not read {what} (403{said})."),
            }),
            404 => Refusal::Absent(SourceError::invalid(
                code,
                format!("The source does not have {what} (404{said})."),
            )),
            500.. => Refusal::Other(SourceError::Unreachable {
                detail: format!("The source failed at {what} ({status}{said})."),
                retry_after: None,
            }),
            _ => Refusal::Other(SourceError::invalid(
                "source_refused",
                format!("The source turned down {what} ({status}{said})."),
            )),
        }
    }

    /// The message in an error's body, wherever its system puts it.
    fn said(&self) -> String {
        const PLACES: [&str; 7] = [
            "/error/message/value", // OData 3, as the Service Layer's version 1 writes it
            "/error/data/message",  // JSON-RPC of Odoo
            "/error/message",
            "/error_description",
            "/exception",
            "/message",
            "/error",
        ];
        let start = &self.body[..self.body.len().min(64 << 10)];
        if first_byte(start) == Some(b'<') {
            return format!("a web page{}", title(start));
        }
        match serde_json::from_slice::<Value>(start) {
            Ok(value) => PLACES
                .iter()
                .find_map(|place| value.pointer(place).and_then(Value::as_str))
                .unwrap_or_default()
                .to_owned(),
            Err(_) => String::from_utf8_lossy(&start[..start.len().min(400)]).into_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: &str, body: &str) -> Answer {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())]);
        Answer { status: StatusCode::OK, headers, body: body.into() }
    }

    #[test]
    fn what_is_cut_off_may_pass_and_what_is_no_data_does_not() {
        let json = "application/json";
        for (kind, body, passing) in [
            (json, "[{\"id\": 1}, {\"i", Some(true)),
            (json, "", Some(true)),
            (json, "[1, 2]", None),
            (json, "[1, 2] 3", Some(false)),
            (json, "  <html><title>Sign in</title>", Some(false)),
            ("text/html; charset=utf-8", "[1]", Some(false)),
        ] {
            let failure = check(&answer(kind, body), Form::Json, "https://erp/").err();
            let is_passing = failure.as_ref().map(|it| matches!(it, Failure::Passing { .. }));
            assert_eq!(is_passing, passing, "{body}");
        }
        let Err(Failure::Lasting(error)) =
            check(&answer("text/html", "<title>Sign  in</title>"), Form::Json, "https://erp/")
        else {
            panic!()
        };
        assert!(error.to_string().contains("titled “Sign in”"), "{error}");
    }

    #[test]
    fn the_message_is_found_where_each_system_puts_it() {
        for (body, said) in [
            (
                r#"{"error": {"code": -1, "message": {"lang": "en-us", "value": "Invalid session"}}}"#,
                "Invalid session",
            ),
            (r#"{"error": {"code": "BadRequest", "message": "No field"}}"#, "No field"),
            (
                r#"{"name": "werkzeug.exceptions.NotFound", "message": "the model 'x' does not exist"}"#,
                "the model 'x' does not exist",
            ),
            (
                r#"{"exception": "frappe.exceptions.PermissionError"}"#,
                "frappe.exceptions.PermissionError",
            ),
            ("plain", "plain"),
        ] {
            assert_eq!(answer("application/json", body).said(), said);
        }
    }
}
