//! Ask to SQL.
//!
//! What comes out is one SELECT, which people read and a worker runs. On the way there:
//!
//! - `slots` lists the figures of an Ask, those behind its metrics among them, and in which order
//!   they are computed.
//! - `fact` makes a sub-plan of figures over the same rows: they are filtered and grouped at the grain
//!   of their own table. `rows` joins to it, along the ways that `way` finds, only what a row has
//!   at most one of; what it has several of is looked for with EXISTS. So nothing multiplies.
//!   `balance` adds what does not add up over time.
//! - `side` puts the sub-plans side by side by their groups; `outputs` computes what is made of
//!   finished groups; in `answer` they are chosen, sorted and cut.
//! - `value`, `predicate` and `literal` settle the types of what is said, `width` and `figure` give
//!   numbers the room that they need.
//! - All of it builds a `statement`, and `print` writes it down.

mod answer;
mod balance;
mod calendar;
mod fact;
mod figure;
mod identifier;
mod literal;
mod names;
mod nearest;
mod outputs;
mod predicate;
mod print;
mod rows;
mod side;
mod slots;
mod statement;
mod typed;
mod value;
mod way;
mod width;

use pacioli_model::{Ask, Catalog, TableName};

pub use way::reachable;

use crate::EngineError;

/// An Ask as SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compiled {
    /// One SELECT, for people to read and for a worker to run, in PostgreSQL's words. Numbers with a
    /// point are exact decimals in it.
    pub sql: String,
    /// The tables that it reads, sorted.
    pub tables: Vec<TableName>,
    /// Which outputs are totals of whole numbers, and so are shown as whole numbers where they fit.
    pub whole: Vec<bool>,
    /// What people should know of the answer, in sentences.
    pub notes: Vec<String>,
}

/// Bytes of a statement.
const MOST_BYTES: usize = 1 << 20;

/// The SQL that says what `ask` says over the tables of `catalog`.
pub fn compile(catalog: &Catalog, ask: &Ask) -> Result<Compiled, EngineError> {
    let shared = names::Shared::new(catalog);
    let answered = answer::answer(&shared, ask)?;
    let whole = answered.outputs.iter().map(|(_, typed)| typed.whole).collect();
    let sql = print::print(&answered.query);
    if sql.len() > MOST_BYTES {
        return Err(nearest::invalid("The question is too long. Ask for fewer figures at once."));
    }
    let (tables, notes) = shared.finish();
    Ok(Compiled { sql, tables, whole, notes })
}
