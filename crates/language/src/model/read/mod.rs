//! A model's SELECT, read.
//!
//! First it is mended where what is meant leaves no doubt (`mend`): a column put to the wrong table, a
//! table that was not joined, a value in another case. Then it is an Ask, if an Ask can say exactly that
//! (`ask`, `scope`, `condition`); else it stays SQL.

mod ask;
mod condition;
mod mend;
mod scope;

use std::ops::ControlFlow;

use pacioli_model::{Ask, Catalog, TableName};
use sqlparser::{
    ast::{Query, Statement, visit_relations},
    dialect::PostgreSqlDialect,
    parser::Parser,
};

use crate::{relations, translation::Interpretation};

/// How deep a statement may be nested.
const MOST_DEPTH: usize = 32;
/// Bytes of a statement.
const MOST_BYTES: usize = 8_000;

/// What a model's text was read as.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The Ask that says the same, and how it is understood.
    pub ask: Option<(Ask, Interpretation)>,
    /// The statement, for the engine's guard.
    pub sql: String,
    /// The tables that it names, in order.
    pub tables: Vec<TableName>,
    /// Texts that are compared with columns and are in none of them.
    pub unknown_values: Vec<String>,
}

/// Reads one SELECT over the catalog's tables; else says why it is none, in words that a model can mend
/// it by.
pub fn read(text: &str, catalog: &Catalog) -> Result<Reading, String> {
    let mut query = parse(text)?;
    let unknown_values = mend::mend(&mut query, catalog)?;
    let ask = ask::ask(&query, catalog).map(|ask| {
        let interpretation = relations::interpretation(&ask, catalog);
        (ask, interpretation)
    });
    let tables = tables(&query, catalog);
    Ok(Reading { ask, sql: query.to_string(), tables, unknown_values })
}

fn parse(text: &str) -> Result<Query, String> {
    let text = text.trim().trim_end_matches("```").trim_end().trim_end_matches(';');
    if text.len() > MOST_BYTES {
        return Err(format!("It is longer than {MOST_BYTES} bytes."));
    }
    let parsed = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(MOST_DEPTH)
        .try_with_sql(text)
        .and_then(|mut parser| parser.parse_statements())
        .map_err(|error| error.to_string())?;
    match <[Statement; 1]>::try_from(parsed) {
        Ok([Statement::Query(query)]) => Ok(*query),
        _ => Err("Write one SELECT statement, and only one.".to_owned()),
    }
}

fn tables(query: &Query, catalog: &Catalog) -> Vec<TableName> {
    let mut tables: Vec<TableName> = Vec::new();
    let _ = visit_relations(query, |name| {
        let known = TableName::parse(&name.to_string().replace('"', "").to_ascii_lowercase());
        let known = known.ok().filter(|name| catalog.table(name).is_some());
        tables.extend(known.filter(|name| !tables.contains(name)));
        ControlFlow::<()>::Continue(())
    });
    tables
}
