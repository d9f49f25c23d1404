//! Files read to the end, for the tests of every kind.

use std::{ops::ControlFlow, path::Path};

use arrow::{
    array::{Array, RecordBatch},
    util::display::{ArrayFormatter, FormatOptions},
};
use pacioli_model::ColumnProfile;

use super::*;

pub(super) struct LoadedTable {
    pub(super) plan: TablePlan,
    pub(super) batches: Vec<RecordBatch>,
    pub(super) profile: Vec<ColumnProfile>,
}

impl LoadedTable {
    /// Every cell as text; `∅` for null.
    pub(super) fn rows(&self) -> Vec<Vec<String>> {
        let options = FormatOptions::new().with_null("∅");
        let mut rows = Vec::new();
        for batch in &self.batches {
            let columns: Vec<_> = batch
                .columns()
                .iter()
                .map(|column| ArrayFormatter::try_new(column.as_ref(), &options).unwrap())
                .collect();
            for row in 0..batch.num_rows() {
                rows.push(columns.iter().map(|column| column.value(row).to_string()).collect());
            }
        }
        rows
    }

    /// `name type` of each column.
    pub(super) fn schema(&self) -> Vec<String> {
        let columns = self.plan.columns.iter();
        columns
            .map(|it| format!("{} {}", it.name, crate::typing::type_words(it.data_type)))
            .collect()
    }
}

pub(super) struct Loaded {
    pub(super) kind: FileKind,
    pub(super) notes: Vec<String>,
    pub(super) tables: Vec<LoadedTable>,
}

impl Loaded {
    #[track_caller]
    pub(super) fn table(&self, name: &str) -> &LoadedTable {
        self.tables.iter().find(|it| it.plan.name.as_str() == name).expect(name)
    }

    pub(super) fn names(&self) -> Vec<&str> {
        self.tables.iter().map(|it| it.plan.name.as_str()).collect()
    }
}

/// Reads the file as every load does.
pub(super) fn load_with(
    path: &Path,
    name: &str,
    limits: &FileLimits,
    options: &FileOptions,
) -> Result<Loaded, SourceError> {
    let scratch = tempfile::tempdir().unwrap();
    let file = InputPath { path, name, scratch: scratch.path() };
    let plan = inspect(file, limits, options, &mut |_| ControlFlow::Continue(()))?;
    let FilePlan { kind, tables, notes } = plan;
    let tables = tables.into_iter().map(|mut plan| {
        let mut batches = Vec::new();
        let profile = plan.read(&mut |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        })?;
        assert_eq!(batches.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), plan.rows);
        assert!(batches.iter().all(|batch| batch.schema() == plan.schema()));
        for (position, profile) in profile.iter().enumerate() {
            let nulls: usize = batches.iter().map(|it| it.column(position).null_count()).sum();
            assert_eq!(profile.nulls, nulls as u64, "{}", plan.columns[position].name);
        }
        plan.held = None;
        Ok(LoadedTable { plan, batches, profile })
    });
    let tables = tables.collect::<Result<_, SourceError>>()?;
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "a scratch file was left");
    Ok(Loaded { kind, notes, tables })
}

pub(super) fn load_bytes(name: &str, bytes: &[u8]) -> Result<Loaded, SourceError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    load_with(file.path(), name, &FileLimits::default(), &FileOptions::default())
}

/// Why the file was refused: its code and what is said.
#[track_caller]
pub(super) fn refusal(loaded: Result<Loaded, SourceError>) -> (String, String) {
    match loaded {
        Err(SourceError::Invalid { code, detail }) => (code.to_owned(), detail),
        Err(SourceError::Unsupported { kind, detail }) => (kind.to_owned(), detail),
        Err(error) => panic!("{error:?}"),
        Ok(loaded) => panic!("it was read: {:?}", loaded.names()),
    }
}
