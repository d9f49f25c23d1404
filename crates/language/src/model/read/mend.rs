//! What a model got wrong about a statement although what it meant leaves no doubt.
//!
//! Small models put columns to the wrong table of a join, forget the join, or write a value in another
//! case. Each is mended only where there is exactly one way to; anything else is said to be wrong.

use std::{
    fmt::Write as _,
    ops::ControlFlow::{self, Break, Continue},
};

use pacioli_model::{Catalog, Column, ColumnName, Relationship, TableEntry, TableName};
use sqlparser::ast::{
    BinaryOperator, Expr, GroupByExpr, Ident, Join, JoinConstraint, JoinOperator, ObjectName,
    OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, Value, VisitMut, VisitorMut,
};

use super::scope::{Named, named, written};

/// Mends `query`; gives the texts that are compared with columns and are in none of them.
pub(super) fn mend(query: &mut Query, catalog: &Catalog) -> Result<Vec<String>, String> {
    if query.with.is_some() {
        return Ok(Vec::new()); // whose columns are whose is no longer plain to see
    }
    let mut mender = Mender { catalog, levels: Vec::new(), direct: false, unknown: Vec::new() };
    match VisitMut::visit(query, &mut mender) {
        Continue(()) => Ok(mender.unknown),
        Break(reason) => Err(reason),
    }
}

struct Mender<'c> {
    catalog: &'c Catalog,
    levels: Vec<Level<'c>>,
    /// The next SELECT is that of the query just entered.
    direct: bool,
    unknown: Vec<String>,
}

/// One SELECT.
struct Level<'c> {
    tables: Vec<Named<'c>>,
    /// Names that the SELECT gives to its columns.
    aliases: Vec<String>,
    /// It reads something that is no table: nothing can be told of its columns.
    opaque: bool,
    /// Its query's ORDER BY belongs to it.
    of_query: bool,
    missing: Vec<&'c TableEntry>,
}

impl<'c> Level<'c> {
    fn of(select: &Select, catalog: &'c Catalog, of_query: bool) -> Self {
        let factors = select.from.iter().flat_map(|from| {
            [&from.relation].into_iter().chain(from.joins.iter().map(|join| &join.relation))
        });
        let tables: Vec<Option<Named<'c>>> = factors.map(|factor| named(factor, catalog)).collect();
        let opaque = tables.iter().any(Option::is_none);
        let aliases = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { alias, .. } => Some(written(alias)),
            _ => None,
        });
        Self {
            tables: tables.into_iter().flatten().collect(),
            aliases: aliases.collect(),
            opaque,
            of_query,
            missing: Vec::new(),
        }
    }

    fn having(&self, name: &ColumnName) -> Vec<&Named<'c>> {
        self.tables.iter().filter(|table| table.entry.column(name).is_some()).collect()
    }
}

impl VisitorMut for Mender<'_> {
    type Break = String;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<String> {
        if let SetExpr::Select(select) = query.body.as_ref() {
            self.levels.push(Level::of(select, self.catalog, true));
            self.direct = true;
        }
        Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        if !std::mem::take(&mut self.direct) {
            self.levels.push(Level::of(select, self.catalog, false));
        }
        Continue(())
    }

    fn post_visit_select(&mut self, select: &mut Select) -> ControlFlow<String> {
        if self.levels.last().is_some_and(|level| !level.of_query)
            && let Some(level) = self.levels.pop()
        {
            finish(select, &level, self.catalog);
        }
        Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<String> {
        if let SetExpr::Select(select) = query.body.as_mut()
            && let Some(level) = self.levels.pop()
        {
            finish(select, &level, self.catalog);
        }
        if let Some(order) = &mut query.order_by
            && let OrderByKind::Expressions(keys) = &mut order.kind
        {
            // The least and the greatest are never those that have no value.
            for key in keys {
                key.options.nulls_first.get_or_insert(false);
            }
        }
        Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<String> {
        let known = named(factor, self.catalog).is_some();
        match factor {
            TableFactor::Table { name, .. } if !known => {
                Break(format!("There is no table {name}."))
            }
            _ => Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<String> {
        match expr {
            Expr::Identifier(name) => {
                if let Some(qualified) = self.bare(name)? {
                    *expr = qualified;
                }
            }
            Expr::CompoundIdentifier(parts) => {
                if let [table, name] = parts.as_mut_slice() {
                    self.qualified(table, name)?;
                }
            }
            Expr::BinaryOp { left, op: BinaryOperator::Eq | BinaryOperator::NotEq, right } => {
                if let Some(column) = self.column(left) {
                    self.value(column, right);
                }
            }
            Expr::InList { expr, list, .. } => {
                if let Some(column) = self.column(expr) {
                    for item in list {
                        self.value(column, item);
                    }
                }
            }
            _ => {}
        }
        Continue(())
    }
}

impl<'c> Mender<'c> {
    /// A column without its table: with it, where it has to be said.
    fn bare(&mut self, name: &Ident) -> ControlFlow<String, Option<Expr>> {
        let text = written(name);
        let Ok(column) = ColumnName::parse(&text) else { return Continue(None) };
        let known = self.levels.iter().any(|level| {
            level.opaque || level.aliases.contains(&text) || !level.having(&column).is_empty()
        });
        if known || self.levels.is_empty() {
            return Continue(None);
        }
        let tables = self.catalog.tables.iter().filter(|table| table.column(&column).is_some());
        let near: Vec<&TableEntry> = tables.filter(|table| self.is_near(table)).collect();
        match near.as_slice() {
            [table] => {
                self.join(table);
                Continue(Some(Expr::CompoundIdentifier(vec![
                    Ident::new(table.name.as_str()),
                    name.clone(),
                ])))
            }
            _ => Break(self.without(&text)),
        }
    }

    /// That there is no such column, and those that there are: a model that is not told them writes the
    /// same again.
    fn without(&self, column: &str) -> String {
        let mut text = format!("There is no column {column} in the tables of the statement.");
        for table in self.levels.last().iter().flat_map(|level| &level.tables) {
            let names: Vec<&str> =
                table.entry.columns.iter().map(|column| column.name.as_str()).collect();
            let _ = write!(text, " The columns of {} are {}.", table.entry.name, names.join(", "));
        }
        text
    }

    /// A column with a table: with the right one, where it was the wrong one.
    fn qualified(&mut self, table: &mut Ident, name: &Ident) -> ControlFlow<String> {
        let (alias, text) = (written(table), written(name));
        let Ok(column) = ColumnName::parse(&text) else { return Continue(()) };
        let named = |level: &Level<'c>| {
            level.opaque
                || level
                    .tables
                    .iter()
                    .any(|one| one.alias == alias && one.entry.column(&column).is_some())
        };
        if self.levels.iter().any(named) {
            return Continue(());
        }
        let meant = TableName::parse(&alias).ok().and_then(|name| self.catalog.table(&name));
        if let Some(meant) = meant.filter(|meant| meant.column(&column).is_some())
            && self.is_near(meant)
        {
            self.join(meant);
            return Continue(());
        }
        let Some(level) = self.levels.last() else { return Continue(()) };
        match level.having(&column).as_slice() {
            [other] => {
                *table = Ident::new(other.alias.clone());
                Continue(())
            }
            _ => Break(self.without(&format!("{alias}.{text}"))),
        }
    }

    /// Whether exactly one relationship leads to it from the tables of the innermost SELECT.
    fn is_near(&self, table: &TableEntry) -> bool {
        self.levels.last().is_some_and(|level| {
            level.missing.iter().any(|missing| missing.name == table.name)
                || between(level, table, self.catalog).is_some()
        })
    }

    fn join(&mut self, table: &'c TableEntry) {
        if let Some(level) = self.levels.last_mut()
            && !level.missing.iter().any(|missing| missing.name == table.name)
        {
            level.missing.push(table);
        }
    }

    fn column(&self, expr: &Expr) -> Option<&'c Column> {
        let (alias, name) = match expr {
            Expr::Identifier(name) => (None, name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, name] => (Some(written(table)), name),
                _ => return None,
            },
            _ => return None,
        };
        let name = ColumnName::parse(&written(name)).ok()?;
        let mut tables = self.levels.iter().rev().flat_map(|level| {
            let missing = level.missing.iter().map(|table| (table.name.to_string(), *table));
            level.tables.iter().map(|table| (table.alias.clone(), table.entry)).chain(missing)
        });
        tables.find_map(|(known, entry)| {
            alias.as_ref().is_none_or(|alias| *alias == known).then(|| entry.column(&name))?
        })
    }

    /// A text that a column is compared with: as it stands in the column.
    fn value(&mut self, column: &Column, expr: &mut Expr) {
        let Expr::Value(value) = expr else { return };
        let Value::SingleQuotedString(text) = &mut value.value else { return };
        let Some(values) = &column.profile.values else { return };
        if values.contains(text) {
            return;
        }
        let folded = crate::spelling::fold(text);
        let mut same = values.iter().filter(|value| crate::spelling::fold(value) == folded);
        match (same.next(), same.next()) {
            (Some(value), None) => text.clone_from(value),
            _ => self.unknown.push(text.clone()),
        }
    }
}

/// The one relationship between the tables of a SELECT and another table, with the place of the first.
fn between<'c>(
    level: &Level<'c>,
    table: &TableEntry,
    catalog: &'c Catalog,
) -> Option<(usize, &'c Relationship)> {
    let mut found = catalog.relationships.iter().filter_map(|one| {
        let other = if one.table == table.name {
            &one.to
        } else if one.to == table.name {
            &one.table
        } else {
            return None;
        };
        let place = level.tables.iter().position(|named| named.entry.name == *other)?;
        Some((place, one))
    });
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

/// Joins what was not joined, and groups by every column that is shown with a group.
fn finish(select: &mut Select, level: &Level<'_>, catalog: &Catalog) {
    for table in &level.missing {
        let Some((place, relationship)) = between(level, table, catalog) else { continue };
        let Some(from) = select.from.last_mut() else { continue };
        let alias = Ident::new(level.tables[place].alias.clone());
        let own = Ident::new(table.name.as_str());
        let (many, one) =
            if relationship.table == table.name { (own, alias) } else { (alias, own) };
        let pairs = relationship.columns.iter().zip(&relationship.references).map(|(from, to)| {
            let column = |table: &Ident, name: &ColumnName| {
                Box::new(Expr::CompoundIdentifier(vec![table.clone(), Ident::new(name.as_str())]))
            };
            Expr::BinaryOp {
                left: column(&many, from),
                op: BinaryOperator::Eq,
                right: column(&one, to),
            }
        });
        let on = pairs.reduce(|left, right| Expr::BinaryOp {
            left: Box::new(left),
            op: BinaryOperator::And,
            right: Box::new(right),
        });
        let Some(on) = on else { continue };
        let name = ObjectName::from(vec![Ident::new(table.name.as_str())]);
        let relation = TableFactor::Table {
            name,
            alias: None,
            args: None,
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        };
        let join_operator = JoinOperator::Join(JoinConstraint::On(on));
        from.joins.push(Join { relation, global: false, join_operator });
    }
    let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return };
    if groups.is_empty() {
        return;
    }
    let column = |expr: &Expr| match expr {
        Expr::Identifier(name) => Some(written(name)),
        Expr::CompoundIdentifier(parts) => parts.last().map(written),
        _ => None,
    };
    for item in &select.projection {
        if let SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } = item
            && let Some(name) = column(expr)
            && !groups.iter().any(|group| column(group).is_some_and(|group| group == name))
        {
            groups.push(expr.clone());
        }
    }
}
