use std::str::FromStr;

use axum::{
    body::Bytes,
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use pacioli_model::{Report, ReportId};

use crate::{
    error::ApiResult,
    rendering::Form,
    routes::results::{self, attachment},
};

/// A report's id, with the ending of a file after it or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Which report.
    pub id: ReportId,
    /// In which form, where the name says so.
    form: Option<Form>,
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, ending) = text.split_once('.').map_or((text, None), |(id, end)| (id, Some(end)));
        let form = match ending {
            Some(ending) => Some(Form::of_ending(ending).ok_or(())?),
            None => None,
        };
        Ok(Self { id: id.parse().map_err(|_| ())?, form })
    }
}

impl Name {
    /// The form that is asked for: by the name, else by `Accept`, else JSON.
    pub fn form(self, headers: &HeaderMap) -> Form {
        let kinds = Form::ALL.map(|form| (form.media_type(), form));
        self.form.unwrap_or_else(|| results::wanted(headers, &kinds, Form::Json))
    }
}

/// A file of a report; a page is shown, everything else saved.
pub fn answer(report: &Report, form: Form, bytes: Bytes) -> ApiResult<Response> {
    let mut response = bytes.into_response();
    let (kind, id, ending) = (report.content.kind.as_str(), report.id, form.ending());
    let name = (form != Form::Html).then(|| format!("{kind}-{id}.{ending}"));
    attachment(response.headers_mut(), form.media_type(), name.as_deref())?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_or_accept_says_the_form() {
        let id = "00000000-0000-0000-0000-000000000007";
        let accepting = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("accept", accept.parse().unwrap());
            headers
        };
        for (ending, accept, form) in [
            (".pdf", "text/html", Form::Pdf),
            ("", "text/html,application/xhtml+xml,*/*;q=0.8", Form::Html),
            ("", "application/pdf", Form::Pdf),
            ("", "*/*", Form::Json),
            (".json", "text/html", Form::Json),
            (".xlsx", "*/*", Form::Xlsx),
        ] {
            let name: Name = format!("{id}{ending}").parse().unwrap();
            assert_eq!(name.form(&accepting(accept)), form, "{ending} {accept}");
        }
        for bad in ["7", "7.pdf", ".pdf", &format!("{id}.exe"), &format!("{id}.pdf.exe")] {
            assert_eq!(bad.parse::<Name>(), Err(()), "{bad}");
        }
    }
}
