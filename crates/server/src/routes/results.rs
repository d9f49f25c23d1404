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
use pacioli_model::{Cell, ColumnType, Table};
use uuid::Uuid;

use crate::error::{ApiError, ApiResult};

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
}

impl<S: Send + Sync> FromRequestParts<S> for Format {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::wanted(&parts.headers))
    }
}

impl Format {
    fn wanted(headers: &HeaderMap) -> Self {
        let texts = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut best = (0.0, Self::Json);
        for range in texts.flat_map(|text| text.split(',')) {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality: f64 = quality.and_then(|text| text.parse().ok()).unwrap_or(1.0);
            let format = match kind.as_str() {
                CSV => Self::Csv,
                ARROW => Self::Arrow,
                PARQUET => Self::Parquet,
                "application/json" | "*/*" | "application/*" => Self::Json,
                _ => continue,
            };
            if quality > best.0 {
                best = (quality, format);
            }
        }
        best.1
    }

    /// The rows as this format has them; none for JSON, whose shape is each route's own.
    pub fn file(self, table: &Table, query_id: Uuid) -> ApiResult<Option<Response>> {
        let (kind, name, pieces) = match self {
            Self::Json => return Ok(None),
            Self::Csv => (CSV, "answer.csv", csv_pieces(table)?),
            Self::Arrow => (ARROW, "answer.arrows", export::arrow_stream(table)?),
            Self::Parquet => (PARQUET, "answer.parquet", vec![export::parquet(table)?]),
        };
        let pieces = pieces.into_iter().map(|piece| Ok::<_, Infallible>(Bytes::from(piece)));
        let mut response = Body::from_stream(stream::iter(pieces)).into_response();
        let headers = response.headers_mut();
        let text = |text: &str| HeaderValue::from_str(text).map_err(ApiError::internal);
        headers.insert(header::CONTENT_TYPE, text(kind)?);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        let disposition = format!("attachment; filename=\"{name}\"");
        headers.insert(header::CONTENT_DISPOSITION, text(&disposition)?);
        headers.insert("x-query-id", text(&query_id.to_string())?);
        headers.insert("x-truncated", text(&table.truncated.to_string())?);
        Ok(Some(response))
    }
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
            let cells = cells.map(|(cell, column)| field(cell, column.data_type));
            piece.write_record(cells).map_err(ApiError::internal)?;
        }
        pieces.push(piece.into_inner().map_err(ApiError::internal)?);
    }
    Ok(pieces)
}

/// A cell as CSV has it. A text that a spreadsheet would run as a formula gets an apostrophe before it,
/// which makes it a text there too.
fn field(cell: &Cell, data_type: ColumnType) -> String {
    match cell {
        Cell::Null => String::new(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Cell::Text(value) => {
            let runs = value.starts_with(['=', '+', '-', '@', '\t', '\r']);
            if runs && data_type == ColumnType::Text { format!("'{value}") } else { value.clone() }
        }
    }
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
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(Format::wanted(&headers), format, "{accept}");
        }
    }

    #[test]
    fn no_text_is_run_by_a_spreadsheet() {
        let text = |value: &str| field(&Cell::Text(value.to_owned()), ColumnType::Text);
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(text(bad), format!("'{bad}"));
        }
        assert_eq!(text("a=b"), "a=b");
        assert_eq!(field(&Cell::Integer(-5), ColumnType::Integer), "-5");
        assert_eq!(
            field(&Cell::Decimal("-0.50".parse().unwrap()), ColumnType::Decimal { scale: 2 }),
            "-0.50"
        );
    }
}
