//! A report as a file: a page, paper, a workbook, rows. Files that were written are kept for a while by the
//! server that wrote them; the report itself is in the store, and every server writes the same from it.

use std::{collections::VecDeque, sync::Mutex, time::Instant};

use axum::body::Bytes;
use pacioli_model::{Attachment, Report, ReportId};
use pacioli_report::{Language, archive, csv, document::Document, html, pdf, write, xlsx};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    app::App,
    error::{ApiError, ApiResult},
};

/// Bytes of files that are kept.
const KEPT: usize = 64 << 20;
/// A workbook's type.
pub const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";

/// What a report comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
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

impl Form {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Json, Self::Html, Self::Pdf, Self::Xlsx, Self::Csv, Self::Zip];

    /// What the names of its files end with.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Zip => "zip",
        }
    }

    /// The form whose files have names that end so.
    pub fn of_ending(ending: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|form| form.ending() == ending)
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Html => "text/html",
            Self::Pdf => "application/pdf",
            Self::Xlsx => XLSX,
            Self::Csv => "text/csv",
            Self::Zip => "application/zip",
        }
    }
}

impl From<Attachment> for Form {
    fn from(attachment: Attachment) -> Self {
        match attachment {
            Attachment::Csv => Self::Csv,
            Attachment::Html => Self::Html,
            Attachment::Pdf => Self::Pdf,
            Attachment::Xlsx => Self::Xlsx,
        }
    }
}

/// A file by its report's id and moment, its form and its language.
type Key = (ReportId, i64, Form, Language);

/// Files that were written, the latest last.
#[derive(Debug, Default)]
pub struct Written(Mutex<VecDeque<(Key, Bytes)>>);

impl Written {
    fn find(&self, key: Key) -> Option<Bytes> {
        let files = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.iter().find(|(known, _)| *known == key).map(|(_, bytes)| bytes.clone())
    }

    fn keep(&self, key: Key, bytes: Bytes) {
        let mut files = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        files.retain(|(known, _)| *known != key);
        files.push_back((key, bytes));
        let mut size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        while size > KEPT {
            size -= files.pop_front().map_or(size, |(_, bytes)| bytes.len());
        }
    }
}

/// The report in a form that is not JSON, in `language` or else its own.
pub async fn file(
    app: &App,
    report: &Report,
    form: Form,
    language: Option<Language>,
) -> ApiResult<Bytes> {
    let language = language.or_else(|| Language::parse(&report.language)).unwrap_or_default();
    let key = (report.id, report.created_at.millis(), form, language);
    if let Some(bytes) = app.written.find(key) {
        return Ok(bytes);
    }
    let (report, began) = (report.clone(), Instant::now());
    let bytes = apart(move || laid_out(&write(&report, language), form)).await?;
    app.metrics.report_file(form.ending(), began.elapsed());
    let bytes = Bytes::from(bytes);
    app.written.keep(key, bytes.clone());
    Ok(bytes)
}

/// A document in a form that is not JSON.
pub async fn document(document: Document, form: Form) -> ApiResult<Vec<u8>> {
    apart(move || laid_out(&document, form)).await
}

fn laid_out(document: &Document, form: Form) -> ApiResult<Vec<u8>> {
    let bytes = match form {
        Form::Pdf => pdf(document),
        Form::Xlsx => xlsx(document),
        Form::Csv => csv(document),
        Form::Zip => archive(document),
        Form::Html | Form::Json => Ok(html(document).into_bytes()),
    };
    bytes.map_err(ApiError::internal)
}

/// Done by a thread that may be kept busy, apart from those that answer.
pub async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> ApiResult<T> + Send + 'static,
) -> ApiResult<T> {
    let span = tracing::Span::current();
    let work = move || span.in_scope(work);
    tokio::task::spawn_blocking(work).await.map_err(ApiError::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_until_there_are_too_many_bytes_of_them() {
        let written = Written::default();
        let key = |number: u8| {
            (ReportId(uuid::Uuid::from_u128(number.into())), 0, Form::Pdf, Language::English)
        };
        let large = || Bytes::from(vec![0; KEPT / 2]);
        written.keep(key(1), large());
        written.keep(key(2), large());
        assert!(written.find(key(1)).is_some() && written.find(key(2)).is_some());
        written.keep(key(3), Bytes::from_static(b"more"));
        assert_eq!((written.find(key(1)), written.find(key(2)).is_some()), (None, true));
        let german = (key(3).0, 0, Form::Pdf, Language::German);
        assert_eq!((written.find(key(3)).unwrap().len(), written.find(german)), (4, None));
    }
}
