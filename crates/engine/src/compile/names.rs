//! What a value may name: columns and related rows in a filter, other outputs in a calculation.

use std::{cell::RefCell, collections::BTreeSet};

use pacioli_model::{Ask, Catalog, ColumnName, ColumnRef, MetricName, Predicate, TableName};

use super::{
    answer::{self, Answered},
    nearest::invalid,
    statement::Expr,
    typed::Typed,
    way::Hop,
};
use crate::EngineError;

/// Asks within Asks.
const MOST_DEPTH: usize = 4;

/// What all parts of one compilation share.
#[derive(Debug)]
pub(super) struct Shared<'a> {
    pub(super) catalog: &'a Catalog,
    tables: RefCell<BTreeSet<TableName>>,
    names: RefCell<BTreeSet<String>>,
    depth: RefCell<usize>,
    notes: RefCell<Vec<String>>,
}

impl<'a> Shared<'a> {
    /// For one Ask over a catalog.
    pub(super) fn new(catalog: &'a Catalog) -> Self {
        let names = catalog.tables.iter().map(|table| table.name.to_string());
        Self {
            catalog,
            tables: RefCell::default(),
            names: RefCell::new(names.collect()),
            depth: RefCell::default(),
            notes: RefCell::default(),
        }
    }

    /// A name for a query that no table and no other query has.
    pub(super) fn fresh(&self, base: &str) -> String {
        let base: String = base.chars().take(48).collect();
        let mut names = self.names.borrow_mut();
        let numbered = (2_u32..).map(|number| format!("{base}_{number}"));
        let mut candidates = std::iter::once(base.clone()).chain(numbered);
        let name = candidates.find(|name| !names.contains(name)).unwrap_or(base);
        names.insert(name.clone());
        name
    }

    /// Remembers that a table is read.
    pub(super) fn reads(&self, table: &TableName) {
        self.tables.borrow_mut().insert(table.clone());
    }

    /// Remembers what people should know of the answer.
    pub(super) fn note(&self, note: String) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    /// The tables that were read, and the notes.
    pub(super) fn finish(self) -> (Vec<TableName>, Vec<String>) {
        (self.tables.into_inner().into_iter().collect(), self.notes.into_inner())
    }

    /// An Ask within this one.
    pub(super) fn nested(&self, ask: &Ask) -> Result<Answered, EngineError> {
        if *self.depth.borrow() >= MOST_DEPTH {
            return Err(invalid(format!(
                "Questions are nested more than {MOST_DEPTH} deep in each other."
            )));
        }
        *self.depth.borrow_mut() += 1;
        let answered = answer::answer(self, ask);
        *self.depth.borrow_mut() -= 1;
        answered
    }
}

/// What can be named at some place of an Ask.
pub(super) trait Names<'a> {
    /// What all places share.
    fn shared(&self) -> &'a Shared<'a>;

    /// A column.
    fn column(&mut self, of: &ColumnRef) -> Result<Typed, EngineError>;

    /// Another output.
    fn output(&mut self, name: &ColumnName) -> Result<Typed, EngineError>;

    /// A metric.
    fn metric(&mut self, name: &MetricName) -> Result<Typed, EngineError>;

    /// The way to the one table that `predicate` is about, where a row has several of its rows.
    fn several(&mut self, predicate: &Predicate) -> Result<Option<Vec<Hop<'a>>>, EngineError>;

    /// That there is a row at the end of `way` for which all of `predicates` hold.
    fn exists(
        &mut self,
        way: Vec<Hop<'a>>,
        predicates: &[&Predicate],
        depth: usize,
    ) -> Result<Expr, EngineError>;

    /// That there is a row of another table which belongs to this one.
    fn related(&mut self, predicate: &Predicate, depth: usize) -> Result<Expr, EngineError>;

    /// Called around what is negated.
    fn negate(&mut self, inside: bool);
}
