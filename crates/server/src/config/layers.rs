use std::{fmt, fs, path::Path};

use pacioli_model::nearest;
use toml::{Table, Value};

use super::{Config, ConfigSources, DEFAULTS, Problem};

/// Keys whose values are never shown.
const SECRETS: [&str; 10] = [
    "store.mongodb_uri",
    "files.secret_access_key",
    "cache.redis_url",
    "auth.jwt_secret",
    "auth.previous_secrets",
    "auth.pepper",
    "language.llm_api_key",
    "mail.password",
    "secrets.encryption_key",
    "secrets.previous_encryption_keys",
];

/// Names that other programs use too, and the keys they set.
pub(super) const WELL_KNOWN: [(&str, &str); 3] = [
    ("MONGODB_URI", "store.mongodb_uri"),
    ("REDIS_URL", "cache.redis_url"),
    ("JWT_SECRET", "auth.jwt_secret"),
];

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Layer {
    /// `config.default.toml`
    Default,
    /// The file of this name.
    File(String),
    /// This variable in `.env`.
    DotEnv(String),
    /// This variable of the environment.
    Environment(String),
    /// This option of the command line.
    CommandLine(&'static str),
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(name) => f.write_str(name),
            Self::DotEnv(name) => write!(f, ".env {name}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::CommandLine(name) => f.write_str(name),
        }
    }
}

/// One value in force, as `pacioli config show` prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// `auth.bcrypt_cost`
    pub key: String,
    /// The value as TOML; a secret as `(set)` or `(not set)`.
    pub value: String,
    /// Where it came from.
    pub layer: Layer,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} = {}  # {}", self.key, self.value, self.layer)
    }
}

struct Entry {
    key: String,
    default: Value,
    value: Value,
    layer: Layer,
}

impl Entry {
    fn is_secret(&self) -> bool {
        SECRETS.contains(&self.key.as_str())
    }

    fn shown(&self) -> String {
        if !self.is_secret() {
            return self.value.to_string();
        }
        let is_empty = match &self.value {
            Value::String(text) => text.is_empty(),
            Value::Array(items) => items.is_empty(),
            _ => false,
        };
        if is_empty { "(not set)" } else { "(set)" }.to_owned()
    }
}

/// The layers read so far, one on top of the other.
struct Layers {
    entries: Vec<Entry>,
    problems: Vec<Problem>,
}

/// All layers; no configuration only where the defaults themselves are broken.
pub(super) fn read(sources: &ConfigSources) -> (Option<Config>, Vec<Problem>) {
    let mut layers = Layers::of_defaults();
    let dot_env = layers.dot_env(sources.working_dir.as_deref());
    layers.file(sources, &dot_env);
    layers.variables(&dot_env, Layer::DotEnv);
    layers.variables(&sources.environment, Layer::Environment);
    if let Some(listen) = &sources.listen {
        layers.set("server.listen", listen.as_str().into(), Layer::CommandLine("--listen"));
    }
    if let Some(data_dir) = &sources.data_dir {
        let text = data_dir.display().to_string();
        layers.set("data_dir", text.into(), Layer::CommandLine("--data-dir"));
    }
    layers.into_config()
}

/// The keys of a table with sections, in its order.
pub(super) fn flat(table: Table) -> impl Iterator<Item = (String, Value)> {
    table.into_iter().flat_map(|(name, value)| match value {
        Value::Table(section) => {
            section.into_iter().map(|(key, value)| (format!("{name}.{key}"), value)).collect()
        }
        value => vec![(name, value)],
    })
}

impl Layers {
    fn of_defaults() -> Self {
        let mut layers = Self { entries: Vec::new(), problems: Vec::new() };
        let table = layers.parse("config.default.toml", DEFAULTS);
        let entry = |(key, value): (String, Value)| Entry {
            key,
            default: value.clone(),
            value,
            layer: Layer::Default,
        };
        layers.entries = flat(table).map(entry).collect();
        layers
    }

    /// Reads TOML. Of its errors only the words and the line are kept: the rest quotes the text,
    /// which may be a secret.
    fn parse(&mut self, name: &str, text: &str) -> Table {
        text.parse().unwrap_or_else(|error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            let words = error.message().split('`').next().unwrap_or_default();
            self.problems.push(Problem::new(name, format!("line {line} is not TOML: {words}")));
            Table::new()
        })
    }

    fn dot_env(&mut self, working_dir: Option<&Path>) -> Vec<(String, String)> {
        let Some(path) = working_dir.map(|dir| dir.join(".env")) else { return Vec::new() };
        let items = match dotenvy::from_path_iter(&path) {
            Ok(items) => items,
            Err(error) if error.not_found() => return Vec::new(),
            Err(_) => {
                self.problems.push(Problem::new(".env", "it cannot be read"));
                return Vec::new();
            }
        };
        let mut variables = Vec::new();
        for (number, item) in (1..).zip(items) {
            match item {
                Ok(variable) => variables.push(variable),
                // The error quotes the line, which may be a secret.
                Err(_) => self.problems.push(Problem::new(
                    ".env",
                    format!("entry {number} is not `NAME=value`; put a value with `#`, `$`, quotes or spaces in single quotes"),
                )),
            }
        }
        variables
    }

    fn file(&mut self, sources: &ConfigSources, dot_env: &[(String, String)]) {
        let variables = sources.environment.iter().chain(dot_env);
        let named = variables.into_iter().find(|(name, _)| name == "PACIOLI_CONFIG");
        let named = named
            .map(|(_, path)| path.into())
            .filter(|path: &std::path::PathBuf| !path.as_os_str().is_empty());
        let usual = sources.working_dir.as_ref().map(|dir| dir.join("pacioli.toml"));
        let usual = usual.filter(|path| path.exists());
        let Some(path) = sources.file.clone().or(named).or(usual) else { return };
        let name = path.display().to_string();
        match fs::read_to_string(&path) {
            Ok(text) => {
                for (key, value) in flat(self.parse(&name, &text)) {
                    self.set(&key, value, Layer::File(name.clone()));
                }
            }
            Err(error) => self.problems.push(Problem::of_file(&path, "it cannot be read", &error)),
        }
    }

    /// Variables without `__` are not ours but for `PACIOLI_DATA_DIR`: Kubernetes, for one, sets
    /// `PACIOLI_PORT` for a service of our name.
    fn variables(&mut self, variables: &[(String, String)], layer: fn(String) -> Layer) {
        for (known, key) in WELL_KNOWN {
            if let Some((_, text)) = variables.iter().find(|(name, _)| name == known) {
                self.set_text(key, text, layer(known.to_owned()));
            }
        }
        for (name, text) in variables {
            let Some(rest) = name.strip_prefix("PACIOLI_") else { continue };
            if rest.contains("__") || rest == "DATA_DIR" {
                let key = rest.replacen("__", ".", 1).to_ascii_lowercase();
                self.set_text(&key, text, layer(name.clone()));
            }
        }
    }

    fn find(&mut self, key: &str, layer: &Layer) -> Option<usize> {
        let place = self.entries.iter().position(|entry| entry.key == key);
        if place.is_none() {
            let keys = self.entries.iter().map(|entry| entry.key.as_str());
            let hint = nearest(key, keys)
                .map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            self.problems
                .push(Problem::new(key, format!("there is no such key (from {layer}){hint}")));
        }
        place
    }

    fn set(&mut self, key: &str, value: Value, layer: Layer) {
        let Some(place) = self.find(key, &layer) else { return };
        let expected = self.entries[place].default.type_str();
        if value.type_str() != expected {
            let message = format!(
                "must be {} {expected}, not {} (from {layer})",
                article(expected),
                value.type_str()
            );
            self.problems.push(Problem::new(key, message));
            return;
        }
        let entry = &mut self.entries[place];
        (entry.value, entry.layer) = (value, layer);
    }

    /// A variable's text means what the default's type says.
    fn set_text(&mut self, key: &str, text: &str, layer: Layer) {
        let Some(place) = self.find(key, &layer) else { return };
        let item = |item: &str| Value::from(item.trim());
        let value = match &self.entries[place].default {
            Value::Integer(_) => text.trim().parse().map(Value::Integer).ok(),
            Value::Boolean(_) => text.trim().parse().map(Value::Boolean).ok(),
            Value::Array(_) => Some(Value::Array(
                text.split(',').filter(|part| !part.trim().is_empty()).map(item).collect(),
            )),
            _ => Some(text.into()),
        };
        match value {
            Some(value) => self.set(key, value, layer),
            None => {
                let expected = self.entries[place].default.type_str();
                let message = format!("must be {} {expected} (from {layer})", article(expected));
                self.problems.push(Problem::new(key, message));
            }
        }
    }

    /// Reads the values into their types. What does not fit is reported and replaced by its default,
    /// so that one pass finds every problem.
    fn into_config(mut self) -> (Option<Config>, Vec<Problem>) {
        for _ in 0..=self.entries.len() {
            let table = Value::Table(self.table());
            let error = match serde_path_to_error::deserialize::<_, Config>(table) {
                Ok(mut config) => {
                    config.settings = self.settings();
                    return (Some(config), self.problems);
                }
                Err(error) => error,
            };
            let path = error.path().to_string();
            let wrong =
                |entry: &&mut Entry| path.starts_with(&entry.key) && entry.value != entry.default;
            let Some(entry) =
                self.entries.iter_mut().filter(wrong).max_by_key(|entry| entry.key.len())
            else {
                self.problems.push(Problem::new(path, error.inner().message().to_owned()));
                break;
            };
            let words =
                if entry.is_secret() { "it has the wrong form" } else { error.inner().message() };
            self.problems.push(Problem::new(&entry.key, format!("{words} (from {})", entry.layer)));
            entry.value = entry.default.clone();
        }
        (None, self.problems)
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        for entry in &self.entries {
            match entry.key.split_once('.') {
                None => drop(table.insert(entry.key.clone(), entry.value.clone())),
                Some((section, key)) => {
                    let section = table.entry(section).or_insert_with(|| Table::new().into());
                    if let Value::Table(section) = section {
                        section.insert(key.to_owned(), entry.value.clone());
                    }
                }
            }
        }
        table
    }

    fn settings(&self) -> Vec<Setting> {
        let setting = |entry: &Entry| Setting {
            key: entry.key.clone(),
            value: entry.shown(),
            layer: entry.layer.clone(),
        };
        self.entries.iter().map(setting).collect()
    }
}

fn article(kind: &str) -> &'static str {
    if kind.starts_with(['a', 'i']) { "an" } else { "a" }
}
