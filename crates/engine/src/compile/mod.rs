//! Ask to SQL: `bind` checks an Ask against the catalog and settles every doubt about types; what
//! comes out is the text that people read and that a worker runs.

mod bind;
mod condition;
mod sql;
mod width;

use pacioli_model::{Ask, Catalog, TableName};

use crate::EngineError;

/// An Ask as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// One SELECT, for people to read and for a worker to run, in PostgreSQL's words. Numbers with a
    /// point are exact decimals in it.
    pub sql: String,
    /// The tables that it reads.
    pub tables: Vec<TableName>,
    /// Which outputs are totals of whole numbers, and so are shown as whole numbers where they fit.
    pub whole: Vec<bool>,
}

/// The SQL that says what `ask` says over the tables of `catalog`.
pub fn compile(catalog: &Catalog, ask: &Ask) -> Result<Compiled, EngineError> {
    let table = catalog.table(&ask.table);
    let table = table.ok_or_else(|| bind::invalid(format!("There is no table {}.", ask.table)))?;
    let bound = bind::bind(table, ask)?;
    Ok(Compiled {
        sql: bound.sql(),
        tables: vec![table.name.clone()],
        whole: bound.whole_outputs(),
    })
}
