//! An answer's rows in the form that a client asks for by `Accept`.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, header, request::Parts},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use pacioli_engine::export;
use pacioli_model::{ColumnType, Table};
use pacioli_report::{Answer as Told, field};
use uuid::Uuid;

use crate::{
    error::{ApiError, ApiResult},
    rendering::{self, Form, XLSX},
};

const CSV: &str = "text/csv";
const ARROW: &str = "application/vnd.apache.arrow.stream";
const PARQUET: &str = "application/vnd.apache.parquet";
/// Rows that are sent in one piece.
const PIECE_ROWS: usize = 1000;

/// What the client would rather have. JSON where it does not say, and where it asks for something
/// that no answer comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `application/json`: the answer with all that is said about it.
    Json,
    /// `text/csv`: a header line and the rows.
    Csv,
    /// `application/vnd.apache.arrow.stream`: Arrow IPC.
    Arrow,
    /// `application/vnd.apache.parquet`.
    Parquet,
    /// A workbook, with the picture and the SQL.
    Xlsx,
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::wanted(&parts.headers))
    }
}

impl Format {
    fn wanted(headers: &HeaderMap) -> Self {
        let kinds = [
            ("application/json", Self::Json),
            (CSV, Self::Csv),
            (ARROW, Self::Arrow),
            (PARQUET, Self::Parquet),
            (XLSX, Self::Xlsx),
        ];
        wanted(headers, &kinds, Self::Json)
    }

    /// The answer as this format has it; none for JSON, whose shape is each route's own.
    pub async fn file(self, told: &Told<'_>, query_id: Uuid) -> ApiResult<Option<Response>> {
        let table = told.table;
        let (kind, name, pieces) = match self {
            Self::Json => return Ok(None),
            Self::Csv => (CSV, "answer.csv", csv_pieces(table)?),
            Self::Arrow => (ARROW, "answer.arrows", export::arrow_stream(table)?),
            Self::Parquet => (PARQUET, "answer.parquet", vec![export::parquet(table)?]),
            Self::Xlsx => {
                let document = pacioli_report::answer_document(told);
                (XLSX, "answer.xlsx", vec![rendering::document(document, Form::Xlsx).await?])
            }
        };
        let pieces = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
        let mut response = Body::from_stream(stream::iter(pieces)).into_response();
        let headers = response.headers_mut();
        attachment(headers, kind, Some(name))?;
        let text = |text: &str| HeaderValue::from_str(text).map_err(ApiError::internal);
        headers.insert("x-query-id", text(&query_id.to_string())?);
        headers.insert("x-truncated", text(&table.truncated.to_string())?);
        Ok(Some(response))
    }
}

/// Which of some kinds the client would rather have, by `Accept`; `usual` where it does not say, and
/// where it asks for none of them.
pub fn wanted<T: Copy>(headers: &HeaderMap, kinds: &[(&str, T)], usual: T) -> T {
    let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut best = (0.0, usual);
    for range in texts.flat_map(|text| text.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality: f64 = quality.and_then(|text| text.parse().ok()).unwrap_or(1.0);
        let known = kinds.iter().find(|(known, _)| *known == kind).map(|(_, it)| *it);
        let it = match known {
            Some(it) => it,
            None if kind == "*/*" || kind == "application/*" => usual,
            None => continue,
        };
        if quality > best.0 {
            best = (quality, it);
        }
    }
    best.1
}

/// Says that a body is a file of this type and name, not to be kept; without a name it is to be shown.
pub fn attachment(headers: &mut HeaderMap, kind: &str, name: Option<&str>) -> ApiResult<()> {
    let text = |text: &str| HeaderValue::from_str(text).map_err(ApiError::internal);
    headers.insert(header::CONTENT_TYPE, text(kind)?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(name) = name {
        let disposition = format!("attachment; filename=\"{name}\"");
        headers.insert(header::CONTENT_DISPOSITION, text(&disposition)?);
    }
    Ok(())
}

/// The rows as one CSV file.
pub fn csv(table: &Table) -> ApiResult<Vec<u8>> {
    Ok(csv_pieces(table)?.concat())
}

fn csv_pieces(table: &Table) -> ApiResult<Vec<Vec<u8>>> {
    let mut header = csv::Writer::from_writer(Vec::new());
    let names = table.columns.iter().map(|column| column.name.as_str());
    header.write_record(names).map_err(ApiError::internal)?;
    let mut pieces = vec![header.into_inner().map_err(ApiError::internal)?];
    for rows in table.rows.chunks(PIECE_ROWS) {
        let mut piece = csv::Writer::from_writer(Vec::new());
        for row in rows {
            let cells = row.iter().zip(&table.columns);
            let cells =
                cells.map(|(cell, column)| field(cell, column.data_type == ColumnType::Text));
            piece.write_record(cells).map_err(ApiError::internal)?;
        }
        pieces.push(piece.into_inner().map_err(ApiError::internal)?);
    }
    Ok(pieces)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_with_the_highest_quality_is_sent() {
        for (accept, format) in [
            ("", Format::Json),
            ("*/*", Format::Json),
            ("text/html", Format::Json),
            ("text/csv", Format::Csv),
            ("TEXT/CSV; charset=utf-8", Format::Csv),
            ("application/json, text/csv", Format::Json),
            ("application/json;q=0.5, text/csv", Format::Csv),
            ("text/csv;q=0, */*;q=0.1", Format::Json),
            ("application/vnd.apache.arrow.stream", Format::Arrow),
            ("application/vnd.apache.parquet, */*;q=0.8", Format::Parquet),
            (XLSX, Format::Xlsx),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Format::wanted(&headers), format, "{accept}");
        }
    }
}
