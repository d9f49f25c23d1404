//! What the server runs with. `config.default.toml` at the root of the repository is the reference:
//! to add a key, add it there with its reason, then to its section's struct; `.env.example` is made
//! from it (`PACIOLI_UPDATE=1 cargo test -p pacioli-server config`).

mod check;
mod env_example;
mod files;
mod kept;
mod layers;
mod quota;
mod sections;
mod weakness;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

pub use kept::EncryptionKeys;
pub use layers::Setting;
pub use quota::Quota;
pub use sections::{
    AuthConfig, Config, LanguageConfig, LogConfig, LogFormat, MailConfig, MailSecurity,
    ServerConfig, TelemetryConfig,
};

/// The embedded defaults.
const DEFAULTS: &str = include_str!("../../../../config.default.toml");

/// Where the layers above the defaults come from.
#[derive(Debug, Clone, Default)]
pub struct ConfigSources {
    /// `--config`; it must exist.
    pub file: Option<PathBuf>,
    /// Where `pacioli.toml` and `.env` are looked for; nowhere if absent.
    pub working_dir: Option<PathBuf>,
    /// The environment's variables.
    pub environment: Vec<(String, String)>,
    /// `--listen`
    pub listen: Option<String>,
    /// `--data-dir`
    pub data_dir: Option<PathBuf>,
}

impl ConfigSources {
    /// This process's environment and working directory. A variable that is not UTF-8 cannot be one
    /// of ours.
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            working_dir: Some(PathBuf::from(".")),
            environment: std::env::vars_os().filter_map(text).collect(),
            ..Self::default()
        }
    }
}

/// One thing that is wrong with the configuration. Never repeats a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The key, as `auth.bcrypt_cost`, or the file.
    pub key: String,
    /// What is wrong and what to do about it.
    pub message: String,
}

impl Problem {
    fn new(key: impl Into<String>, message: impl Into<String>) -> Self {
        Self { key: key.into(), message: message.into() }
    }

    fn of_file(path: &Path, action: &str, error: &io::Error) -> Self {
        Self::new(path.display().to_string(), format!("{action}: {error}"))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// Everything that is wrong with the configuration, at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigError(pub Vec<Problem>);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration cannot be used")?;
        self.0.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
    }
}

impl Config {
    /// Reads all layers and checks the whole.
    pub fn load(sources: &ConfigSources) -> Result<Self, ConfigError> {
        let (config, mut problems) = layers::read(sources);
        problems.extend(config.iter().flat_map(Self::check));
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError(problems)),
        }
    }

    /// The values in force and the layer each came from, in the order of `config.default.toml`.
    pub fn describe(&self) -> &[Setting] {
        &self.settings
    }

    /// Whether nobody has set this key.
    pub fn is_default(&self, key: &str) -> bool {
        self.settings
            .iter()
            .any(|setting| setting.key == key && setting.layer == layers::Layer::Default)
    }
}

#[cfg(test)]
mod tests;
