use std::time::Duration;

use axum::{
    extract::{FromRequest, Multipart, Request, State},
    http::{HeaderMap, StatusCode},
};
use pacioli_model::{AuditAction, TableName};
use pacioli_sources::{csv::table_name_from_file, files::FileOptions};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{keeping, no_store::NoStore, tables::TableSummary, types::TypeChoice};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
    extract::{Caller, IdempotencyKey, ManageData, Turn, media_type},
    loads::{self, InputFile, broken},
};

/// Bytes of the field `types`.
pub(super) const TYPES_BYTES: usize = 256 << 10;

/// How long an upload waits for its tables before it is told to ask for the job.
const PATIENCE: Duration = Duration::from_secs(2);

/// A file to make tables of.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "describes a body that is streamed")]
pub struct Upload {
    /// The file: CSV with a header line, an Excel workbook (.xlsx, .xls), JSON or NDJSON, Parquet, an SQLite
    /// database, or a ZIP archive or gzip of these. What it is is told by its content.
    #[schema(value_type = String, format = "binary")]
    file: Vec<u8>,
    /// What the table shall be called, from the file's name where this is not sent; of a file that
    /// makes several, what their names begin with.
    #[schema(value_type = String, required = false, pattern = "^[a-z][a-z0-9_]{0,62}$")]
    table: Option<String>,
    /// How columns shall be read, as JSON, where it is not to be decided from their values.
    #[schema(value_type = Vec<TypeChoice>, required = false)]
    types: Option<String>,
}

/// A load and, once it has ended, its tables.
#[derive(Debug, Serialize, ToSchema)]
pub struct UploadOut {
    /// Names the load: `GET /jobs/{id}`.
    job_id: Uuid,
    /// `succeeded`, or `running` where it takes longer than two seconds.
    status: &'static str,
    /// The table, once it is in service, of a file that makes one.
    table: Option<TableSummary>,
    /// All its tables, once they are in service.
    tables: Vec<TableSummary>,
}

type Answer = (StatusCode, NoStore<UploadOut>);

/// Upload a file
///
/// Makes a table of a file, or several: one of each sheet of a workbook, of each table of an SQLite
/// database, of each array within JSON records, of each file of an archive. They replace those of the
/// same names, all of them or none. A load that takes longer than two seconds goes on as a job. What was
/// decided about types is said in the tables' notes; to have it otherwise, send the file again with
/// `types`: uploaded files are not kept.
#[utoipa::path(
    post, path = "/uploads", tag = "data", operation_id = "upload",
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key and file gives the same answer")),
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The tables are in service", body = UploadOut),
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
    let Form { file, options, types } = receive(&app, form).await?;
    let name = options.table.clone().unwrap_or_else(|| table_name_from_file(&file.file_name));
    let (company, digest) = (caller.company(), file.digest);
    let scope: [&[u8]; 2] = [b"upload", company.0.as_bytes()];
    let content: [&[u8]; 3] = [&digest, name.as_str().as_bytes(), &types];
    let work = load(&app, &caller, file, options, name.to_string());
    keeping::once(&app, &key, &scope, &content, work).await
}

/// What was sent.
struct Form {
    file: InputFile,
    options: FileOptions,
    /// The field `types` as it came.
    types: Vec<u8>,
}

async fn receive(app: &App, mut form: Multipart) -> ApiResult<Form> {
    let (mut file, mut table, mut types) = (None, None, None);
    while let Some(field) = form.next_field().await.map_err(broken)? {
        match field.name() {
            Some("file") if file.is_none() => file = Some(InputFile::receive(app, field).await?),
            Some("table") if table.is_none() => table = Some(table_name(field).await?),
            Some("types") if types.is_none() => types = Some(text(field, TYPES_BYTES).await?),
            Some(known @ ("file" | "table" | "types")) => {
                let known = known.to_owned();
                let text = "This field is given twice. Upload one file at a time.";
                return Err(ApiError::invalid(&["body", &known], "duplicate", text));
            }
            _ => {
                let text = "Known fields are `file`, `table` and `types`.";
                return Err(ApiError::invalid(&["body"], "extra_forbidden", text));
            }
        }
    }
    let Some(file) = file else {
        return Err(ApiError::invalid(&["body", "file"], "missing", "Field required."));
    };
    let types = types.unwrap_or_default();
    let choices = TypeChoice::read(&types)?;
    Ok(Form { file, options: FileOptions { table, choices }, types })
}

/// A small field's bytes, up to a little more than the limit.
async fn text(mut field: axum::extract::multipart::Field<'_>, limit: usize) -> ApiResult<Vec<u8>> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(broken)? {
        text.extend_from_slice(&chunk);
        if text.len() > limit {
            break;
        }
    }
    Ok(text)
}

async fn table_name(field: axum::extract::multipart::Field<'_>) -> ApiResult<TableName> {
    let text = text(field, 64).await?;
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
    options: FileOptions,
    target: String,
) -> ApiResult<Answer> {
    let event = caller.event(app, AuditAction::TableLoaded, Some(target));
    let request =
        loads::Request { data: caller.data.clone(), user: caller.user(), file, options, event };
    let (job, ended) = loads::start(app, request).await?;
    match tokio::time::timeout(PATIENCE, ended).await {
        Ok(Ok(loaded)) => {
            let loaded = loaded?;
            let tables: Vec<_> = loaded.iter().map(TableSummary::from).collect();
            let table = if let [only] = loaded.as_slice() { Some(only.into()) } else { None };
            let answer = UploadOut { job_id: job.0, status: "succeeded", table, tables };
            Ok((StatusCode::CREATED, NoStore(answer)))
        }
        Ok(Err(_)) => {
            Err(ApiError::new(Code::Unavailable, "The server is stopping. Send it again."))
        }
        Err(_) => {
            let answer =
                UploadOut { job_id: job.0, status: "running", table: None, tables: vec![] };
            Ok((StatusCode::ACCEPTED, NoStore(answer)))
        }
    }
}
