//! Tables of files at a terminal: loaded into a folder that is gone with the command, and asked
//! without a server or an account.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pacioli_engine::{Engine, EngineError, EngineOptions, Scope, TableFiles};
use pacioli_model::{
    Access, Catalog, CompanyId, MeasuredRelationship, QueryId, Semantics, StoredSemantics,
    TableEntry, Timestamp, UserId,
};
use pacioli_sources::{
    declarations::{self, Declarations},
    files::FileOptions,
    packs,
    relationships::{PrimaryKey, candidates, primary_key, settle},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    access::Seen,
    analysis::Analyst,
    answering::{Answering, Translators},
    clock::Random,
    compose::own_program,
    loads::{Conversion, InputFile, Progress},
    models::Shared,
};

const NOBODY: CompanyId = CompanyId(Uuid::nil());

type Failure = Box<dyn std::error::Error>;

/// Loaded files.
pub struct Books {
    /// Their tables.
    pub catalog: Catalog,
    measured: Vec<MeasuredRelationship>,
    semantics: StoredSemantics,
    engine: Engine,
    access: Access,
    // Dropped last: the engine reads from it.
    _folder: TempDir,
}

impl Books {
    /// Loads the files; no two of their tables may have one name. An answer has at most `rows` rows.
    pub async fn open(paths: &[PathBuf], rows: u64) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let files = TableFiles::local(&folder.path().join("files"))?;
        let mut tables: Vec<TableEntry> = Vec::new();
        let mut places = HashMap::new();
        for path in paths {
            for entry in load(&files, path, folder.path()).await? {
                if let Some(other) = places.insert(entry.name.clone(), path) {
                    let (one, two, name) = (other.display(), path.display(), &entry.name);
                    return Err(format!("{one} and {two} would both be the table {name}").into());
                }
                tables.push(entry);
            }
        }
        tables.sort_by(|a, b| a.name.cmp(&b.name));
        let engine = Engine::start(&files, options(folder.path(), rows)?)?;
        let mut books = Self {
            catalog: Catalog::default(),
            measured: Vec::new(),
            semantics: StoredSemantics::default(),
            engine,
            access: Access::default(),
            _folder: folder,
        };
        books.relate(tables).await?;
        Ok(books)
    }

    /// Puts in effect what packs know of the tables, as a server does.
    pub fn recognise(&mut self) {
        self.semantics.recognised = packs::recognise(&self.catalog);
        let tables = self.catalog.tables.clone();
        self.catalog = Catalog::assemble(tables, &self.measured, self.semantics.in_effect());
    }

    /// Declares what the tables mean, over what packs know.
    pub fn declare(&mut self, text: &str) -> Result<(), Failure> {
        let declared = Declarations::from_toml(text).map_err(|problem| problem.to_string())?.read();
        let told = |problems: Vec<declarations::Problem>| {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        };
        let stored =
            StoredSemantics { declared: declared.map_err(told)?, ..self.semantics.clone() };
        let catalog =
            Catalog::assemble(self.catalog.tables.clone(), &self.measured, stored.in_effect());
        let problems = declarations::check(&stored.declared, &catalog);
        if !problems.is_empty() {
            return Err(told(problems).into());
        }
        (self.catalog, self.semantics) = (catalog, stored);
        Ok(())
    }

    /// What answers questions about them.
    pub fn answering<'a>(
        &'a self,
        models: &'a [Shared],
        translators: Translators,
    ) -> Answering<'a> {
        let scope = Scope { company: NOBODY, catalog: &self.catalog, access: &self.access };
        Answering {
            engine: &self.engine,
            scope,
            visible: &self.catalog,
            models,
            translators,
            id: QueryId(Uuid::nil()),
            stages: None,
            metrics: None,
            patience: None,
        }
    }

    /// All of them, as nobody in particular sees them.
    pub fn seen(&self) -> Seen {
        let whole = Arc::new(self.catalog.clone());
        Seen { visible: Arc::clone(&whole), whole, access: self.access.clone() }
    }

    /// What finds out why, what comes next and what is unusual in them.
    pub fn analyst<'a>(&'a self, seen: &'a Seen) -> Analyst<'a> {
        Analyst::new(&self.engine, NOBODY, seen, None)
    }

    /// Finds keys, and which tables belong together.
    async fn relate(&mut self, mut tables: Vec<TableEntry>) -> Result<(), EngineError> {
        let unrelated = Catalog::assemble(tables.clone(), &[], Semantics::default());
        for table in tables.iter_mut().filter(|table| table.primary_key.is_empty()) {
            let likely = match primary_key(table) {
                PrimaryKey::Known(key) => {
                    table.primary_key = key;
                    continue;
                }
                PrimaryKey::None => continue,
                PrimaryKey::OneOf(columns) => columns,
            };
            for key in likely.into_iter().map(|column| vec![column]) {
                if self.engine.names_rows(NOBODY, &unrelated, &table.name, &key).await? {
                    table.primary_key = key;
                    break;
                }
            }
        }
        let keyed = Catalog::assemble(tables.clone(), &[], Semantics::default());
        let mut compared = Vec::new();
        for candidate in candidates(&keyed) {
            let values = self.engine.compare(NOBODY, &keyed, &candidate.relationship).await?;
            compared.push((candidate, values));
        }
        self.measured = settle(&keyed, &compared);
        self.catalog = Catalog::assemble(tables, &self.measured, Semantics::default());
        Ok(())
    }
}

fn options(folder: &Path, rows: u64) -> Result<EngineOptions, Failure> {
    let memory_bytes = 1 << 30;
    Ok(EngineOptions {
        worker: own_program()?,
        worker_args: vec!["engine-worker".into()],
        scratch: folder.join("scratch"),
        workers: 1,
        workers_per_company: 1,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        memory_bytes,
        spill_bytes: memory_bytes * 8,
        deadline: Duration::from_mins(5),
        row_limit: rows,
        queue: 1,
        queue_per_company: 1,
        queue_wait: Duration::from_mins(5),
        idle: Duration::from_mins(1),
        cluster: None,
        cache_bytes: 0,
        column_bytes: 0,
    })
}

async fn load(files: &TableFiles, path: &Path, scratch: &Path) -> Result<Vec<TableEntry>, Failure> {
    let in_file = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = Arc::new(InputFile::at(path).map_err(|error| in_file(&error))?);
    let (progress, never) = (Arc::<Progress>::default(), CancellationToken::new());
    let conversion = Conversion {
        files,
        company: NOBODY,
        file: &file,
        options: &FileOptions::default(),
        scratch: scratch.to_owned(),
        random: Random,
        progress: &progress,
        stop: &never,
    };
    let converted = conversion.run().await.map_err(|error| in_file(&error.detail()))?;
    let by = (UserId(NOBODY.0), Timestamp::from_millis(0));
    Ok(converted.into_iter().map(|table| table.entry(&file.file_name, by)).collect())
}
