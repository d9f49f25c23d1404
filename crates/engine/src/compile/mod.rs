//! Ask to work: `bind` checks an Ask against its table and settles every doubt about types; from
//! that one bound form come the plan that runs and the SQL that people read, so that they cannot say
//! different things.

mod bind;
mod condition;
mod plan;
mod sql;
mod width;

use pacioli_model::{Ask, TableEntry};

pub(crate) use bind::{Bound, bind};
pub(crate) use plan::plan;

use crate::EngineError;

/// The SQL that says what `ask` says, in PostgreSQL's words. Numbers with a point are exact decimals
/// in it, as PostgreSQL reads them.
pub fn sql(table: &TableEntry, ask: &Ask) -> Result<String, EngineError> {
    Ok(bind(table, ask)?.sql())
}
