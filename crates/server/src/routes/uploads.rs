use std::time::Duration;

use axum::{
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, StatusCode},
};
use pacioli_model::{AuditAction, TableName};
use pacioli_sources::csv::table_name_from_file;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{no_store::NoStore, tables::TableSummary};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, IdempotencyKey, ManageData, Turn, kept, media_type},
    loads::{self, InputFile, broken},
};

/// How long an upload waits for its table before it is told to ask for the job.
const PATIENCE: Duration = Duration::from_secs(1);

/// A file to make a table of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body that is streamed")]
pub struct Upload {
    /// The file: CSV with a header line.
    #[schema(value_type = String, format = "binary")]
    file: Vec<u8>,
    /// What the table shall be called; from the file's name where this is not sent.
    #[schema(value_type = String, required = false, pattern = "^[a-z][a-z0-9_]{0,62}$")]
    table: Option<String>,
}

/// A load and, once it has ended, its table.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadOut {
    /// Names the load: `GET /jobs/{id}`.
    job_id: Uuid,
    /// `succeeded`, or `running` where it takes longer than a second.
    status: &'static str,
    /// The table, once it is in service.
    table: Option<TableSummary>,
}

type Answer = (StatusCode, NoStore<UploadOut>);

/// Upload a file
///
/// Makes a table of a CSV file, or replaces the table of the same name, wholly or not at all. A load
/// that takes longer than a second goes on as a job.
#[utoipa::path(
    post, path = "/uploads", tag = "data", operation_id = "upload",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key and file gives the same answer")),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The table is in service", body = UploadOut),
        (status = 202, description = "The load goes on: ask for the job", body = UploadOut),
    ),
)]
pub async fn upload(
    State(app): State<App>,
    caller: Caller<ManageData>,
    key: IdempotencyKey,
    headers: HeaderMap,
    request: Request,
) -> ApiResult<Turn<Answer>> {
    let limit = app.per_company("upload", &app.config.limits.upload_per_company, caller.company());
    app.admit("upload", &[limit], &caller.request).await?;
    if !media_type(&headers).eq_ignore_ascii_case("multipart/form-data") {
        let text = "Send the file as multipart/form-data, in the field `file`.";
        return Err(ApiError::new(Code::UnsupportedMediaType, text));
    }
    let form = Multipart::from_request(request, &app).await.map_err(|_| {
        ApiError::new(Code::BadRequest, "The Content-Type of a multipart body names its boundary.")
    })?;
    let (file, name) = receive(&app, form).await?;
    let name = match name {
        Some(name) => name,
        None => table_name_from_file(&file.file_name),
    };
    let (company, digest) = (caller.company(), file.digest);
    let scope: [&[u8]; 2] = [b"upload", company.0.as_bytes()];
    let content: [&[u8]; 2] = [&digest, name.as_str().as_bytes()];
    let work = load(&app, &caller, file, name.clone());
    let keep = |(status, NoStore(answer)): &Answer| kept(*status, answer);
    key.once(&app, &scope, &content, work, keep).await
}

async fn receive(app: &App, mut form: Multipart) -> ApiResult<(InputFile, Option<TableName>)> {
    let (mut file, mut name) = (None, None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("file") if file.is_none() => file = Some(InputFile::receive(app, field).await?),
            Some("table") if name.is_none() => name = Some(table_name(field).await?),
            Some(known @ ("file" | "table")) => {
                let known = known.to_owned();
                let text = "This field is given twice. Upload one file at a time.";
                return Err(ApiError::invalid(&["body", &known], "duplicate", text));
            }
            _ => {
                let text = "Known fields are `file` and `table`.";
                return Err(ApiError::invalid(&["body"], "extra_forbidden", text));
            }
        }
    }
    match file {
        Some(file) => Ok((file, name)),
        None => Err(ApiError::invalid(&["body", "file"], "missing", "Field required.")),
    }
}

async fn table_name(mut field: axum::extract::multipart::Field<'_>) -> ApiResult<TableName> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&chunk);
        if text.len() > 64 {
            break;
        }
    }
    let name = std::str::from_utf8(&text).ok().and_then(|text| TableName::parse(text.trim()).ok());
    name.ok_or_else(|| {
        let text = pacioli_model::InvalidName.to_string();
        ApiError::invalid(&["body", "table"], "value_error", format!("Must be valid: {text}."))
    })
}

async fn load(
    app: &App,
    caller: &Caller<ManageData>,
    file: InputFile,
    table: TableName,
) -> ApiResult<Answer> {
    let event = caller.event(app, AuditAction::TableLoaded, Some(table.to_string()));
    let request =
        loads::Request { data: caller.data.clone(), user: caller.user(), table, file, event };
    let (job, ended) = loads::start(app, request).await?;
    match tokio::time::timeout(PATIENCE, ended).await {
        Ok(Ok(loaded)) => {
            let table = Some(TableSummary::from(&loaded?));
            let answer = UploadOut { job_id: job.0, status: "succeeded", table };
            Ok((StatusCode::CREATED, NoStore(answer)))
        }
        Ok(Err(_)) => {
            Err(ApiError::new(Code::Unavailable, "The server is stopping. Send it again."))
        }
        Err(_) => {
            let answer = UploadOut { job_id: job.0, status: "running", table: None };
            Ok((StatusCode::ACCEPTED, NoStore(answer)))
        }
    }
}
