use std::path::{Path, PathBuf};

use axum::extract::multipart::Field;
use sha2::{Digest, Sha256};
use tokio::{fs, io::AsyncWriteExt};

use crate::{
    app::App,
    error::{ApiError, ApiResult, Code},
};

/// A file to load. One that was spooled for the load is removed when this is dropped.
#[derive(Debug)]
pub struct InputFile {
    path: PathBuf,
    is_spooled: bool,
    /// The file's own name, cleaned of folders and control characters.
    pub file_name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its content, of a spooled one.
    pub digest: [u8; 32],
}

impl InputFile {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file that stays where it is.
    pub fn at(path: &Path) -> std::io::Result<Self> {
        let file_name =
            path.file_name().map_or_else(String::new, |name| clean(&name.to_string_lossy()));
        let bytes = path.metadata()?.len();
        Ok(Self { path: path.to_owned(), is_spooled: false, file_name, bytes, digest: [0; 32] })
    }

    /// Writes a multipart field to disk as it arrives, up to the upload limit.
    pub async fn receive(app: &App, mut field: Field<'_>) -> ApiResult<Self> {
        let limit = app.config.server.upload_limit_bytes as u64;
        let mut file = Self {
            path: app.spool_dir().join(app.random.uuid().to_string()),
            is_spooled: true,
            file_name: clean(field.file_name().unwrap_or("")),
            bytes: 0,
            digest: [0; 32],
        };
        let mut writer = fs::File::create_new(&file.path).await.map_err(disk)?;
        let mut digest = Sha256::new();
        while let Some(chunk) = field.chunk().await.map_err(broken)? {
            file.bytes += chunk.len() as u64;
            if file.bytes > limit {
                let text = format!("The file is larger than the {limit} bytes this server takes.");
                return Err(ApiError::new(Code::TooLarge, text));
            }
            digest.update(&chunk);
            writer.write_all(&chunk).await.map_err(disk)?;
        }
        writer.flush().await.map_err(disk)?;
        file.digest = digest.finalize().into();
        Ok(file)
    }
}

impl Drop for InputFile {
    fn drop(&mut self) {
        // Nothing to do about a failure here: the spool folder is emptied at the next start.
        if self.is_spooled {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What became of a multipart body that did not arrive whole.
pub fn broken(error: axum::extract::multipart::MultipartError) -> ApiError {
    if error.status() == axum::http::StatusCode::PAYLOAD_TOO_LARGE {
        return ApiError::new(Code::TooLarge, "The upload is larger than this server takes.");
    }
    let text = "The multipart body is broken or ended early. Send it again, with the file in the field `file`.";
    ApiError::new(Code::BadRequest, text).caused_by(error)
}

fn disk(error: std::io::Error) -> ApiError {
    let text = "The server cannot write the file to its disk now.";
    ApiError::new(Code::Unavailable, text)
        .caused_by(error)
        .retry_after(std::time::Duration::from_secs(30))
}

fn clean(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or("");
    base.chars().filter(|c| !c.is_control()).take(200).collect::<String>().trim().to_owned()
}
