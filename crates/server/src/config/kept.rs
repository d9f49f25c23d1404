//! The secrets that the server makes for itself where none are configured: what tokens are signed with in
//! `secrets.toml`, what passwords of connected systems are encrypted with in `encryption.toml`.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

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

/// What passwords of connected systems are encrypted with.
#[derive(Debug, Clone)]
pub struct EncryptionKeys {
    /// In force.
    pub current: SecretString,
    /// In force before: what they encrypted is still read.
    pub previous: Vec<SecretString>,
}

/// A file of secrets.
#[derive(Clone, Copy)]
struct SecretFile {
    name: &'static str,
    key: &'static str,
    about: &'static str,
    loss: &'static str,
}

const SIGNING: SecretFile = SecretFile {
    name: "secrets.toml",
    key: "jwt_secret",
    about: "# Made by Pacioli at its first start. Whoever reads it can sign tokens; without it\n\
            # everybody has to log in again.\n",
    loss: "remove it to sign everybody out",
};

const ENCRYPTION: SecretFile = SecretFile {
    name: "encryption.toml",
    key: "encryption_key",
    about: "# Made by Pacioli at its first start. Passwords of connected systems are encrypted with it;\n\
            # without it they have to be given anew. `pacioli secrets rotate` replaces it.\n",
    loss: "remove it and give connected systems their passwords anew",
};

impl Config {
    /// The configured secrets; where there is no current one, the one kept in `data_dir`, made at the
    /// first start.
    pub fn secrets(&self, random: Random) -> Result<Secrets, ConfigError> {
        let current = match &self.auth.jwt_secret {
            Some(secret) => secret.clone(),
            None => SIGNING.read(&self.data_dir, random).map_err(only)?.current,
        };
        Ok(Secrets { current, previous: self.auth.previous_secrets.clone() })
    }

    /// The configured keys; where there is no current one, those kept in `data_dir`, made at the first
    /// start.
    pub fn encryption_keys(&self, random: Random) -> Result<EncryptionKeys, ConfigError> {
        let mut keys = match &self.secrets.encryption_key {
            Some(key) => EncryptionKeys { current: key.clone(), previous: Vec::new() },
            None => ENCRYPTION.read(&self.data_dir, random).map_err(only)?,
        };
        keys.previous.extend(self.secrets.previous_encryption_keys.iter().cloned());
        Ok(keys)
    }

    /// Makes a new key, in the place of the one kept in `data_dir`, which stays as a previous one until
    /// [`Self::forget_previous_keys`]. Nothing where the key is configured: then its operator changes it.
    pub fn renew_encryption_key(&self, random: Random) -> Result<(), ConfigError> {
        if self.secrets.encryption_key.is_some() {
            return Ok(());
        }
        let mut keys = ENCRYPTION.read(&self.data_dir, random).map_err(only)?;
        keys.previous.insert(0, keys.current);
        keys.current = fresh(random).into();
        ENCRYPTION.replace(&self.data_dir, &keys, random).map_err(only)
    }

    /// Forgets the keys kept in `data_dir` that were in force before.
    pub fn forget_previous_keys(&self, random: Random) -> Result<(), ConfigError> {
        if self.secrets.encryption_key.is_some() {
            return Ok(());
        }
        let mut keys = ENCRYPTION.read(&self.data_dir, random).map_err(only)?;
        keys.previous.clear();
        ENCRYPTION.replace(&self.data_dir, &keys, random).map_err(only)
    }
}

fn only(problem: Problem) -> ConfigError {
    ConfigError(vec![problem])
}

fn fresh(random: Random) -> String {
    URL_SAFE_NO_PAD.encode(random.bytes::<32>())
}

impl SecretFile {
    fn read(self, data_dir: &Path, random: Random) -> Result<EncryptionKeys, Problem> {
        let path = data_dir.join(self.name);
        let problem = |action| move |error: io::Error| (action, error);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let made = self.make(data_dir, &path, random).map_err(problem("it cannot be made"));
                made.and_then(|()| fs::read_to_string(&path).map_err(problem("it cannot be read")))
            }
            result => result.map_err(problem("it cannot be read")),
        };
        let text = text.map_err(|(action, error)| Problem::of_file(&path, action, &error))?;
        let unusable = |words: &str| Problem::new(path.display().to_string(), words);
        let damaged = || unusable(&format!("it is damaged: restore it, or {}", self.loss));
        let keys = self.parse(&text).ok_or_else(damaged)?;
        for secret in std::iter::once(&keys.current).chain(&keys.previous) {
            if let Some(weakness) = weakness(secret.expose_secret()) {
                return Err(unusable(&format!("{}: {weakness}", self.key)));
            }
        }
        let mode = fs::metadata(&path).map(|metadata| metadata.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            return Err(unusable("others than its owner can read it: chmod 600"));
        }
        Ok(keys)
    }

    fn parse(self, text: &str) -> Option<EncryptionKeys> {
        let mut table: toml::Table = text.parse().ok()?;
        let current = table.remove(self.key)?.as_str()?.to_owned().into();
        let previous = match table.remove("previous") {
            Some(toml::Value::Array(keys)) if self.key == ENCRYPTION.key => {
                keys.iter().map(|key| Some(key.as_str()?.into())).collect::<Option<_>>()?
            }
            Some(_) => return None,
            None => Vec::new(),
        };
        table.is_empty().then_some(EncryptionKeys { current, previous })
    }

    /// Writes a file of another name and gives it the right one only when it is whole. A link is never
    /// made over an existing file, so of two processes that start together both read the same secret,
    /// and a crash leaves either no secret or a whole one.
    fn make(self, data_dir: &Path, path: &Path, random: Random) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(data_dir)?;
        let keys = EncryptionKeys { current: fresh(random).into(), previous: Vec::new() };
        let draft = self.draft(data_dir, &keys, random)?;
        let result = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        match result {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => File::open(data_dir)?.sync_all(),
        }
    }

    /// Puts a whole new file in the place of the old one.
    fn replace(
        self,
        data_dir: &Path,
        keys: &EncryptionKeys,
        random: Random,
    ) -> Result<(), Problem> {
        let path = data_dir.join(self.name);
        let replaced = self.draft(data_dir, keys, random).and_then(|draft| {
            fs::rename(&draft, &path)?;
            File::open(data_dir)?.sync_all()
        });
        replaced.map_err(|error| Problem::of_file(&path, "it cannot be replaced", &error))
    }

    fn draft(self, data_dir: &Path, keys: &EncryptionKeys, random: Random) -> io::Result<PathBuf> {
        let name = URL_SAFE_NO_PAD.encode(random.bytes::<12>());
        let draft = data_dir.join(format!(".secrets-{name}.tmp"));
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
        writeln!(file, "{}{} = \"{}\"", self.about, self.key, keys.current.expose_secret())?;
        if !keys.previous.is_empty() {
            let previous = keys.previous.iter().map(|key| format!("\"{}\"", key.expose_secret()));
            writeln!(file, "previous = [{}]", previous.collect::<Vec<_>>().join(", "))?;
        }
        file.sync_all()?;
        Ok(draft)
    }
}
