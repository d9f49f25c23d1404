//! The tables of one FROM, and how each is reached from the one whose rows count.

use pacioli_model::{
    Catalog, Column, ColumnName, ColumnRef, Predicate, Relationship, RelationshipName, TableEntry,
    TableName, Value,
};
use sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart,
    TableFactor, TableWithJoins,
};

/// One table as it is called in a statement.
pub(super) struct Named<'c> {
    pub(super) alias: String,
    pub(super) entry: &'c TableEntry,
}

/// A name as it is meant: unquoted ones are lower-case.
pub(super) fn written(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_ascii_lowercase() }
}

/// The table of the catalog that this is, and what the statement calls it.
pub(super) fn named<'c>(factor: &TableFactor, catalog: &'c Catalog) -> Option<Named<'c>> {
    let TableFactor::Table { name, alias, args: None, .. } = factor else { return None };
    let ObjectName(parts) = name;
    let [ObjectNamePart::Identifier(name)] = parts.as_slice() else { return None };
    let entry = catalog.table(&TableName::parse(&written(name)).ok()?)?;
    let alias = alias.as_ref().map_or_else(|| entry.name.to_string(), |alias| written(&alias.name));
    Some(Named { alias, entry })
}

/// A relationship that a join follows, by the places of its two tables.
struct Edge<'c> {
    many: usize,
    one: usize,
    relationship: &'c Relationship,
    /// Rows without the other side are left out.
    inner: bool,
}

/// The tables of a FROM that all belong, one row each, to the rows of one of them.
pub(super) struct Scope<'c> {
    pub(super) catalog: &'c Catalog,
    tables: Vec<Named<'c>>,
    /// The table whose rows count.
    base: usize,
    /// From the base to each table.
    ways: Vec<Vec<RelationshipName>>,
    edges: Vec<Edge<'c>>,
}

impl<'c> Scope<'c> {
    /// Nothing where the joins would multiply rows, follow no relationship, or meet a table twice.
    pub(super) fn of(from: &[TableWithJoins], catalog: &'c Catalog) -> Option<Self> {
        let [TableWithJoins { relation, joins }] = from else { return None };
        let mut tables = vec![named(relation, catalog)?];
        for join in joins {
            tables.push(named(&join.relation, catalog)?);
        }
        for (at, table) in tables.iter().enumerate() {
            if tables[..at].iter().any(|other| other.entry.name == table.entry.name) {
                return None;
            }
        }
        let mut edges = Vec::new();
        for (place, join) in joins.iter().enumerate() {
            let joined = place + 1;
            let (condition, inner) = match &join.join_operator {
                JoinOperator::Join(JoinConstraint::On(on))
                | JoinOperator::Inner(JoinConstraint::On(on)) => (on, true),
                JoinOperator::Left(JoinConstraint::On(on))
                | JoinOperator::LeftOuter(JoinConstraint::On(on)) => (on, false),
                _ => return None,
            };
            let edge = edge(condition, &tables, joined, catalog, inner)?;
            // An outer join keeps the rows before it: only to the one side does it add none.
            if !inner && edge.one != joined {
                return None;
            }
            edges.push(edge);
        }
        let (base, ways) = (0..tables.len())
            .find_map(|base| ways(base, tables.len(), &edges).map(|ways| (base, ways)))?;
        // What an outer join leaves empty is one more row of its own only at the base's side.
        Some(Self { catalog, tables, base, ways, edges })
    }

    /// The table whose rows count.
    pub(super) fn base(&self) -> &'c TableEntry {
        self.tables[self.base].entry
    }

    /// Whether it is the only one.
    pub(super) fn is_single(&self) -> bool {
        self.tables.len() == 1
    }

    /// The column that an expression names.
    pub(super) fn column(&self, expr: &Expr) -> Option<(ColumnRef, &'c Column)> {
        let (place, name) = match expr {
            Expr::Identifier(name) => {
                let name = ColumnName::parse(&written(name)).ok()?;
                let mut having = (0..self.tables.len())
                    .filter(|place| self.tables[*place].entry.column(&name).is_some());
                match (having.next(), having.next()) {
                    (Some(place), None) => (place, name),
                    _ => return None,
                }
            }
            Expr::CompoundIdentifier(parts) => {
                let [table, name] = parts.as_slice() else { return None };
                let alias = written(table);
                let place = self.tables.iter().position(|table| table.alias == alias)?;
                (place, ColumnName::parse(&written(name)).ok()?)
            }
            _ => return None,
        };
        let entry = self.tables[place].entry;
        let column = entry.column(&name)?;
        Some((self.reference(place, name), column))
    }

    fn reference(&self, place: usize, name: ColumnName) -> ColumnRef {
        let way = &self.ways[place];
        let table = self.tables[place].entry.name.clone();
        let via = if self.is_only_way(way) { Vec::new() } else { way.clone() };
        ColumnRef { table, column: name, via }
    }

    /// Whether nobody could go otherwise: a single step, between tables that nothing else relates.
    fn is_only_way(&self, way: &[RelationshipName]) -> bool {
        let [name] = way else { return way.is_empty() };
        let Some(step) = self.catalog.relationship(name) else { return false };
        let between = self.catalog.relationships.iter().filter(|one| {
            (&one.table, &one.to) == (&step.table, &step.to)
                || (&one.table, &one.to) == (&step.to, &step.table)
        });
        between.count() == 1
    }

    /// What inner joins ask of rows beyond what an Ask asks: that there is another side.
    pub(super) fn present(&self) -> Vec<Predicate> {
        let lacking = |edge: &&Edge<'_>| {
            let many = self.tables[edge.many].entry;
            let column = edge.relationship.columns.first();
            let filled = column
                .and_then(|name| many.column(name))
                .is_some_and(|column| column.profile.nulls == 0);
            edge.inner && !(filled && edge.relationship.orphans == Some(0))
        };
        self.edges
            .iter()
            .filter(lacking)
            .filter_map(|edge| {
                let key = edge.relationship.references.first()?.clone();
                let value = Value::Column(self.reference(edge.one, key));
                Some(Predicate::Not(Box::new(Predicate::IsNull { value })))
            })
            .collect()
    }
}

/// The relationship that a condition follows between the table just joined and one before it.
fn edge<'c>(
    condition: &Expr,
    tables: &[Named<'c>],
    joined: usize,
    catalog: &'c Catalog,
    inner: bool,
) -> Option<Edge<'c>> {
    let mut pairs = Vec::new();
    equalities(condition, &mut pairs)?;
    let place = |expr: &Expr| {
        let Expr::CompoundIdentifier(parts) = expr else { return None };
        let [table, name] = parts.as_slice() else { return None };
        let alias = written(table);
        let place = tables[..=joined].iter().position(|table| table.alias == alias)?;
        Some((place, ColumnName::parse(&written(name)).ok()?))
    };
    let (mut other, mut own, mut others) = (None, Vec::new(), Vec::new());
    for (left, right) in pairs {
        let (mut left, mut right) = (place(left)?, place(right)?);
        if left.0 != joined {
            std::mem::swap(&mut left, &mut right);
        }
        if left.0 != joined || right.0 == joined || other.is_some_and(|other| other != right.0) {
            return None;
        }
        other = Some(right.0);
        own.push(left.1);
        others.push(right.1);
    }
    let other = other?;
    let related = |many: usize, from: &[ColumnName], one: usize, to: &[ColumnName]| {
        catalog.relationships.iter().find(|relationship| {
            relationship.table == tables[many].entry.name
                && relationship.to == tables[one].entry.name
                && relationship.columns == from
                && relationship.references == to
        })
    };
    related(joined, &own, other, &others)
        .map(|relationship| Edge { many: joined, one: other, relationship, inner })
        .or_else(|| {
            related(other, &others, joined, &own).map(|relationship| Edge {
                many: other,
                one: joined,
                relationship,
                inner,
            })
        })
}

fn equalities<'e>(expr: &'e Expr, pairs: &mut Vec<(&'e Expr, &'e Expr)>) -> Option<()> {
    match expr {
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            equalities(left, pairs)?;
            equalities(right, pairs)
        }
        Expr::BinaryOp { left, op: BinaryOperator::Eq, right } => {
            pairs.push((left, right));
            Some(())
        }
        Expr::Nested(inner) => equalities(inner, pairs),
        _ => None,
    }
}

/// The ways from `base` to all tables along edges from the many to the one side; nothing where one
/// cannot be reached so.
fn ways(base: usize, count: usize, edges: &[Edge<'_>]) -> Option<Vec<Vec<RelationshipName>>> {
    let mut ways: Vec<Option<Vec<RelationshipName>>> = vec![None; count];
    ways[base] = Some(Vec::new());
    for _ in 0..count {
        for edge in edges {
            if let (Some(way), None) = (ways[edge.many].clone(), &ways[edge.one]) {
                let mut way = way;
                way.push(edge.relationship.name.clone());
                ways[edge.one] = Some(way);
            }
        }
    }
    ways.into_iter().collect()
}
