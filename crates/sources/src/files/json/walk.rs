//! Tokens to rows: a record is a row of its table, an object within it more columns of the row, an
//! array within it rows of a table of its own.

use std::{collections::HashMap, fs::File, path::Path};

use super::tokens::{Token, Tokens};
use crate::{
    SourceError,
    files::{
        FileLimits,
        draft::{bounded, narrow},
        row::Row,
    },
};

/// How the documents of a file make tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One array: its items are records.
    Array,
    /// One object, whose arrays are the tables.
    Holder,
    /// Each document is a record.
    Records,
}

/// A table met on the way.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Where its array stands in a record of its parent: `lines`, `order.lines`.
    pub(super) path: String,
    /// The table of the records that its arrays stand in.
    pub(super) parent: Option<usize>,
    /// What its columns are called: `id`, `address.city`.
    pub(super) labels: Vec<String>,
    columns: HashMap<String, usize>,
    children: HashMap<String, usize>,
    row: Row,
    pub(super) rows: u64,
}

impl Table {
    pub(super) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }
}

/// A row that is complete.
pub(super) struct Visited<'a> {
    pub(super) table: usize,
    pub(super) row: &'a Row,
    /// Its number in its table, from 1.
    pub(super) key: u64,
    /// The number of the record that its array stands in.
    pub(super) parent_key: u64,
    pub(super) bytes_read: u64,
}

type Visit<'a> = dyn FnMut(Visited<'_>) -> Result<(), SourceError> + 'a;

/// All tables of a file, and what stands beside them.
pub(super) struct Walked {
    /// The first is that of the documents themselves.
    pub(super) tables: Vec<Table>,
    /// Values of an object that holds the tables: `page: 1`.
    pub(super) beside: Vec<String>,
}

/// Tells how the file's documents make tables, which needs the first to be read to its end.
pub(super) fn shape(path: &Path, limits: &FileLimits) -> Result<Shape, SourceError> {
    let mut tokens = Tokens::new(File::open(path)?, &limits.csv)?;
    let mut holds_records = false;
    let first = tokens.next()?;
    let shape = match first {
        Token::ObjectStart => {
            while tokens.next()? == Token::Key {
                let value = tokens.next()?;
                if value != Token::ArrayStart {
                    tokens.skip(value)?;
                    continue;
                }
                loop {
                    match tokens.next()? {
                        Token::ArrayEnd => break,
                        item => {
                            holds_records |= item == Token::ObjectStart;
                            tokens.skip(item)?;
                        }
                    }
                }
            }
            if holds_records { Shape::Holder } else { Shape::Records }
        }
        Token::ArrayStart => {
            tokens.skip(first)?;
            Shape::Array
        }
        _ => Shape::Records,
    };
    Ok(if tokens.next()? == Token::End { shape } else { Shape::Records })
}

/// Reads the whole file and gives every row of every table.
pub(super) fn walk(
    path: &Path,
    shape: Shape,
    limits: &FileLimits,
    visit: &mut Visit<'_>,
) -> Result<Walked, SourceError> {
    let tokens = Tokens::new(File::open(path)?, &limits.csv)?;
    let tables = vec![Table::default()];
    let mut walk = Walk { tokens, limits, visit, tables, beside: Vec::new() };
    match shape {
        Shape::Array => {
            walk.tokens.next()?;
            walk.items(0, 0)?;
        }
        Shape::Holder => walk.holder()?,
        Shape::Records => loop {
            match walk.tokens.next()? {
                Token::End => break,
                first => walk.record(0, 0, first)?,
            }
        },
    }
    Ok(Walked { tables: walk.tables, beside: walk.beside })
}

struct Walk<'a> {
    tokens: Tokens,
    limits: &'a FileLimits,
    visit: &'a mut Visit<'a>,
    tables: Vec<Table>,
    beside: Vec<String>,
}

impl Walk<'_> {
    /// The one object whose arrays are tables. What else it holds is remembered in short.
    fn holder(&mut self) -> Result<(), SourceError> {
        self.tokens.next()?;
        while self.tokens.next()? == Token::Key {
            let key = self.tokens.text.clone();
            match self.tokens.next()? {
                Token::ArrayStart => {
                    let table = self.child(0, &key)?;
                    self.tables[table].parent = None;
                    self.items(table, 0)?;
                }
                Token::ObjectStart => {
                    self.tokens.skip(Token::ObjectStart)?;
                    self.beside.push(key);
                }
                Token::Null => {}
                _ => self.beside.push(format!("{key:.40}: {:.40}", self.tokens.text)),
            }
            if self.beside.len() > self.limits.csv.columns {
                narrow("The object around the arrays", self.beside.len(), self.limits)?;
            }
        }
        Ok(())
    }

    /// The items of an array, each a record.
    fn items(&mut self, table: usize, parent_key: u64) -> Result<(), SourceError> {
        loop {
            match self.tokens.next()? {
                Token::ArrayEnd => return Ok(()),
                first => self.record(table, parent_key, first)?,
            }
        }
    }

    /// One row; what is no object is the value of a column of that name.
    fn record(&mut self, table: usize, parent_key: u64, first: Token) -> Result<(), SourceError> {
        self.tables[table].row.clear();
        let mut path = String::new();
        if first == Token::ObjectStart {
            self.members(table, &mut path)?;
        } else {
            path.push_str("value");
            self.field(table, &mut path, first)?;
        }
        let line = self.tokens.line;
        let Table { row, rows, .. } = &mut self.tables[table];
        bounded(row, || format!("The record that ends on line {line}"), self.limits)?;
        *rows += 1;
        let bytes_read = self.tokens.bytes_read();
        (self.visit)(Visited { table, row, key: *rows, parent_key, bytes_read })
    }

    fn members(&mut self, table: usize, path: &mut String) -> Result<(), SourceError> {
        while self.tokens.next()? == Token::Key {
            let length = path.len();
            if length > 0 {
                path.push('.');
            }
            path.push_str(&self.tokens.text);
            let value = self.tokens.next()?;
            self.field(table, path, value)?;
            path.truncate(length);
        }
        Ok(())
    }

    fn field(&mut self, table: usize, path: &mut String, value: Token) -> Result<(), SourceError> {
        match value {
            Token::ObjectStart => return self.members(table, path),
            Token::ArrayStart => return self.array(table, path),
            _ => {}
        }
        let column = self.column(table, path)?;
        let row = &mut self.tables[table].row;
        let text = &self.tokens.text;
        let fresh = match value {
            Token::Number => row.set_number(column, text),
            Token::String | Token::Boolean => row.set_text(column, text),
            _ => true,
        };
        if !fresh {
            let detail = format!(
                "Line {}: the member {path:.60} stands twice in one record.",
                self.tokens.line
            );
            return Err(SourceError::invalid("json_duplicate_key", detail));
        }
        if row.bytes() > self.limits.csv.record_bytes {
            bounded(row, || format!("The record on line {}", self.tokens.line), self.limits)?;
        }
        Ok(())
    }

    /// An array within a record. An empty one says nothing.
    fn array(&mut self, table: usize, path: &str) -> Result<(), SourceError> {
        let first = self.tokens.next()?;
        if first == Token::ArrayEnd {
            return Ok(());
        }
        let child = self.child(table, path)?;
        let parent_key = self.tables[table].rows + 1;
        self.record(child, parent_key, first)?;
        self.items(child, parent_key)
    }

    fn column(&mut self, table: usize, path: &str) -> Result<usize, SourceError> {
        let table = &mut self.tables[table];
        if let Some(column) = table.columns.get(path) {
            return Ok(*column);
        }
        let column = table.labels.len();
        narrow("A table of the file", column + 1, self.limits)?;
        table.labels.push(path.to_owned());
        table.columns.insert(path.to_owned(), column);
        Ok(column)
    }

    fn child(&mut self, table: usize, path: &str) -> Result<usize, SourceError> {
        if let Some(child) = self.tables[table].children.get(path) {
            return Ok(*child);
        }
        let child = self.tables.len();
        if child > self.limits.tables {
            let detail = format!(
                "The file makes more than {} tables, one for each array within its records.",
                self.limits.tables
            );
            return Err(SourceError::invalid("too_many_tables", detail));
        }
        let parent = Some(table);
        self.tables.push(Table { path: path.to_owned(), parent, ..Table::default() });
        self.tables[table].children.insert(path.to_owned(), child);
        Ok(child)
    }
}
