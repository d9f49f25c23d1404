//! JSON: an array of records, records one to a line (or one after the other), or an object whose
//! arrays are tables. An object within a record makes columns, `address.city`; an array within a
//! record makes a table of its own, each of whose rows names its record by `parent key`. Everything
//! is streamed, and read once more for each table.

#[cfg(test)]
mod tests;
mod tokens;
mod walk;

use std::{collections::HashSet, path::PathBuf};

use pacioli_model::{ColumnName, ForeignKey, TableName};

use super::{
    FileKind, FileLimits, FileOptions, FilePlan, InputPath, Progress, TablePlan, draft::Draft,
    part::Content, row::Row,
};
use crate::{SourceError, typing::evidence::Evidence};
use walk::{Shape, Table, Visited, Walked};

/// How often the progress is told.
const PROGRESS_BYTES: u64 = 1 << 20;
/// Values beside the tables that are named.
const BESIDE: usize = 10;

/// Plans the tables of the file.
pub(super) fn inspect(
    file: InputPath<'_>,
    limits: &FileLimits,
    options: &FileOptions,
    progress: &mut Progress<'_>,
) -> Result<FilePlan, SourceError> {
    let shape = walk::shape(file.path, limits)?;
    let mut drafts: Vec<Draft> = Vec::new();
    let mut told = 0;
    let walked = walk::walk(file.path, shape, limits, &mut |visited| {
        if drafts.len() <= visited.table {
            drafts.resize_with(visited.table + 1, Draft::default);
        }
        drafts[visited.table].see(visited.row);
        if visited.bytes_read >= told + PROGRESS_BYTES {
            told = visited.bytes_read;
            if progress(told).is_break() {
                return Err(SourceError::Cancelled);
            }
        }
        Ok(())
    })?;
    drafts.resize_with(walked.tables.len(), Draft::default);
    let names = names(&walked.tables, shape, file.name, options);
    let mut planned = Planning { file, shape, limits, options, walked: &walked, names };
    let mut tables = Vec::new();
    for (at, draft) in drafts.into_iter().enumerate() {
        tables.extend(planned.table(at, draft)?);
    }
    if tables.is_empty() {
        return Err(SourceError::invalid("json_empty", "The file holds no records."));
    }
    planned.refer(&mut tables);
    tables.iter().try_for_each(TablePlan::verify)?;
    Ok(FilePlan { kind: FileKind::Json, tables, notes: beside(&walked) })
}

fn beside(walked: &Walked) -> Vec<String> {
    if walked.beside.is_empty() {
        return Vec::new();
    }
    let shown = walked.beside.iter().take(BESIDE).cloned().collect::<Vec<_>>().join("; ");
    let more = match walked.beside.len().saturating_sub(BESIDE) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    vec![format!("Beside the tables stands what was left out: {shown}{more}.")]
}

/// What each table is called: the records' own as the file, arrays within them after both, arrays of
/// an object around them as they are.
fn names(tables: &[Table], shape: Shape, file_name: &str, options: &FileOptions) -> Vec<TableName> {
    let base = options.only_name(file_name);
    let held = tables.iter().skip(1).filter(|table| table.parent.is_none()).count();
    let mut wanted: Vec<String> = Vec::new();
    for (at, table) in tables.iter().enumerate() {
        wanted.push(match table.parent {
            Some(parent) => format!("{}_{}", wanted[parent], table.path),
            None if at == 0 && shape == Shape::Holder => String::new(),
            None if at == 0 || held == 1 => base.to_string(),
            None => match &options.table {
                Some(base) => format!("{base}_{}", table.path),
                None => table.path.clone(),
            },
        });
    }
    crate::typing::naming::table_names(wanted.iter().map(String::as_str))
}

struct Planning<'a> {
    file: InputPath<'a>,
    shape: Shape,
    limits: &'a FileLimits,
    options: &'a FileOptions,
    walked: &'a Walked,
    names: Vec<TableName>,
}

impl Planning<'_> {
    /// The plan of one table; nothing for one without rows or that is not wanted.
    fn table(&mut self, at: usize, mut draft: Draft) -> Result<Option<TablePlan>, SourceError> {
        let table = &self.walked.tables[at];
        let name = self.names[at].clone();
        let part = (at > 0).then(|| table.path.clone());
        let choice = self.options.of(&name, part.as_deref());
        if draft.rows == 0 || choice.is_some_and(|choice| choice.skip) {
            return Ok(None);
        }
        draft.evidence.resize_with(table.labels.len(), Evidence::default);
        let keys = Keys { own: table.has_children(), parent: table.parent.is_some() };
        let labels: Vec<String> =
            keys.labels().into_iter().chain(table.labels.iter().cloned()).collect();
        draft.evidence.splice(0..0, keys.labels().iter().map(|_| number()));
        if labels.is_empty() {
            let detail = format!("The records of {name} have no members.");
            return Err(SourceError::invalid("no_columns", detail));
        }
        let mut notes = Vec::new();
        let choices = choice.map(|choice| choice.choices.clone()).unwrap_or_default();
        let columns = draft.decide(labels, &choices, &mut notes)?;
        let primary_key = if keys.own { vec![columns[0].name.clone()] } else { Vec::new() };
        let (path, shape, limits) = (self.file.path.to_owned(), self.shape, self.limits.clone());
        let content = JsonTable { path, shape, limits, table: at, keys };
        Ok(Some(TablePlan {
            name,
            part,
            columns,
            rows: draft.rows,
            notes,
            primary_key,
            foreign_keys: Vec::new(),
            content: Content::Json(Box::new(content)),
            held: None,
        }))
    }

    /// Lets every table within records refer to theirs.
    fn refer(&self, tables: &mut [TablePlan]) {
        let keys: HashSet<(TableName, ColumnName)> = tables
            .iter()
            .filter_map(|table| Some((table.name.clone(), table.primary_key.first()?.clone())))
            .collect();
        for table in tables {
            let Content::Json(content) = &table.content else { continue };
            let Some(parent) = self.walked.tables[content.table].parent else { continue };
            let Some((parent, key)) = keys.iter().find(|(name, _)| *name == self.names[parent])
            else {
                continue;
            };
            let column = &table.columns[usize::from(content.keys.own)];
            table.foreign_keys.push(ForeignKey {
                columns: vec![column.name.clone()],
                table: parent.clone(),
                references: vec![key.clone()],
            });
        }
    }
}

/// What is known of a column of row numbers.
fn number() -> Evidence {
    let mut evidence = Evidence::default();
    evidence.see_number("1");
    evidence
}

/// Which columns a table has beside those of its records.
#[derive(Debug, Clone, Copy)]
struct Keys {
    /// Its rows are named, for the tables within them.
    own: bool,
    /// Its rows name the records that they stand in.
    parent: bool,
}

impl Keys {
    fn labels(self) -> Vec<String> {
        let labels = [(self.own, "Key"), (self.parent, "Parent key")];
        labels.iter().filter(|(there, _)| *there).map(|(_, label)| (*label).to_owned()).collect()
    }
}

/// One table of a file and how it is found in it.
#[derive(Debug)]
pub(super) struct JsonTable {
    path: PathBuf,
    shape: Shape,
    limits: FileLimits,
    table: usize,
    keys: Keys,
}

impl JsonTable {
    /// Reads the file again and gives the table's rows.
    pub(super) fn each_row(
        &self,
        visit: &mut dyn FnMut(&Row) -> Result<(), SourceError>,
    ) -> Result<(), SourceError> {
        let mut keyed = Row::default();
        walk::walk(&self.path, self.shape, &self.limits, &mut |visited: Visited<'_>| {
            if visited.table != self.table {
                return Ok(());
            }
            keyed.clear();
            if self.keys.own {
                keyed.push_number(visited.key);
            }
            if self.keys.parent {
                keyed.push_number(visited.parent_key);
            }
            visited.row.cells().for_each(|cell| keyed.push_cell(cell));
            visit(&keyed)
        })?;
        Ok(())
    }
}
