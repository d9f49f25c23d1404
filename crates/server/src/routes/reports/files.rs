//! A report as a file: a page, paper, a workbook, rows.

use std::str::FromStr;

use axum::{
    http::HeaderMap,
    response::{IntoResponse as _, Response},
};
use pacioli_model::{Report, ReportId};
use pacioli_report::{Language, archive, csv, html, pdf, write, xlsx};

use crate::{
    error::{ApiError, ApiResult},
    routes::results::{self, attachment},
};

/// What a report comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// All that it holds, for programs.
    Json,
    /// A page that stands alone.
    Html,
    /// Paper.
    Pdf,
    /// A workbook.
    Xlsx,
    /// Key figures and findings as rows.
    Csv,
    /// The rows behind every finding.
    Zip,
}

/// Each form with the name's ending and the type that ask for it.
const FORMS: [(Form, &str, &str); 6] = [
    (Form::Json, "json", "application/json"),
    (Form::Html, "html", "text/html"),
    (Form::Pdf, "pdf", "application/pdf"),
    (Form::Xlsx, "xlsx", results::XLSX),
    (Form::Csv, "csv", "text/csv"),
    (Form::Zip, "zip", "application/zip"),
];

/// A report's id, with the ending of a file after it or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Name {
    /// Which report.
    pub id: ReportId,
    /// In which form, where the name says so.
    form: Option<Form>,
}

impl Form {
    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        FORMS.into_iter().find(|(known, _, _)| *known == self).unwrap_or(FORMS[0]).1
    }
}

impl FromStr for Name {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (id, ending) = text.split_once('.').map_or((text, None), |(id, end)| (id, Some(end)));
        let known = |ending: &str| FORMS.iter().find(|(_, known, _)| *known == ending);
        let form = match ending {
            Some(ending) => Some(known(ending).ok_or(())?.0),
            None => None,
        };
        Ok(Self { id: id.parse().map_err(|_| ())?, form })
    }
}

impl Name {
    /// The form that is asked for: by the name, else by `Accept`, else JSON.
    pub fn form(self, headers: &HeaderMap) -> Form {
        let kinds = FORMS.map(|(form, _, kind)| (kind, form));
        self.form.unwrap_or_else(|| results::wanted(headers, &kinds, Form::Json))
    }
}

/// The report in a form that is not JSON, in `language` or else its own. Set apart from the threads that
/// answer, for it keeps one busy.
pub async fn file(report: Report, form: Form, language: Option<Language>) -> ApiResult<Response> {
    let language = language.or_else(|| Language::parse(&report.language)).unwrap_or_default();
    let span = tracing::Span::current();
    let (kind, id) = (report.content.kind.as_str(), report.id);
    let work = move || {
        let _entered = span.enter();
        let document = write(&report, language);
        match form {
            Form::Pdf => pdf(&document),
            Form::Xlsx => xlsx(&document),
            Form::Csv => csv(&document),
            Form::Zip => archive(&document),
            Form::Html | Form::Json => Ok(html(&document).into_bytes()),
        }
    };
    let bytes = tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?;
    let bytes = bytes.map_err(ApiError::internal)?;
    let (_, ending, mime) =
        FORMS.into_iter().find(|(known, _, _)| *known == form).unwrap_or(FORMS[1]);
    let mut response = bytes.into_response();
    let name = (form != Form::Html).then(|| format!("{kind}-{id}.{ending}"));
    attachment(response.headers_mut(), mime, name.as_deref())?;
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
