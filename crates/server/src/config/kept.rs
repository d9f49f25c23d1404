//! The secret that the server makes for itself where none is configured.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use super::{Config, ConfigError, Problem, weakness::weakness};
use crate::clock::Random;

/// What tokens are signed with, and what everything else secret is derived from.
#[derive(Debug, Clone)]
pub struct Secrets {
    /// In force.
    pub current: SecretString,
    /// In force before, newest first.
    pub previous: Vec<SecretString>,
}

impl Secrets {
    /// The bytes of all of them, the current one first.
    pub fn all(&self) -> Vec<&[u8]> {
        let secrets = std::iter::once(&self.current).chain(&self.previous);
        secrets.map(|secret| secret.expose_secret().as_bytes()).collect()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    jwt_secret: String,
}

impl Config {
    /// The configured secrets; where there is no current one, the one kept in `data_dir`, made at the
    /// first start.
    pub fn secrets(&self, random: Random) -> Result<Secrets, ConfigError> {
        let current = match &self.auth.jwt_secret {
            Some(secret) => secret.clone(),
            None => kept(&self.data_dir, random).map_err(|problem| ConfigError(vec![problem]))?,
        };
        Ok(Secrets { current, previous: self.auth.previous_secrets.clone() })
    }
}

fn kept(data_dir: &Path, random: Random) -> Result<SecretString, Problem> {
    let path = data_dir.join("secrets.toml");
    let problem = |action| move |error: io::Error| (action, error);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = make(data_dir, &path, random).map_err(problem("it cannot be made"));
            made.and_then(|()| fs::read_to_string(&path).map_err(problem("it cannot be read")))
        }
        result => result.map_err(problem("it cannot be read")),
    };
    let text = text.map_err(|(action, error)| Problem::of_file(&path, action, &error))?;
    let unusable = |words: &str| Problem::new(path.display().to_string(), words);
    let secret = toml::from_str::<Kept>(&text)
        .map_err(|_| unusable("it is damaged: restore it, or remove it to sign everybody out"))?
        .jwt_secret;
    if let Some(weakness) = weakness(&secret) {
        return Err(unusable(&format!("jwt_secret: {weakness}")));
    }
    let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode());
    if mode.is_ok_and(|mode| mode & 0o077 != 0) {
        return Err(unusable("others than its owner can read it: chmod 600"));
    }
    Ok(secret.into())
}

/// Writes a file of another name and gives it the right one only when it is whole. A link is never
/// made over an existing file, so of two processes that start together both read the same secret,
/// and a crash leaves either no secret or a whole one.
fn make(data_dir: &Path, path: &Path, random: Random) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
    let secret = URL_SAFE_NO_PAD.encode(random.bytes::<32>());
    let name = URL_SAFE_NO_PAD.encode(random.bytes::<12>());
    let draft = data_dir.join(format!(".secrets-{name}.tmp"));
    let result = write_and_link(&draft, path, &secret);
    fs::remove_file(&draft)?;
    match result {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => File::open(data_dir)?.sync_all(),
    }
}

fn write_and_link(draft: &Path, path: &Path, secret: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    writeln!(
        file,
        "# Made by Pacioli at its first start. Whoever reads it can sign tokens; without it\n\
         # everybody has to log in again.\n\
         jwt_secret = \"{secret}\""
    )?;
    file.sync_all()?;
    fs::hard_link(draft, path)
}
