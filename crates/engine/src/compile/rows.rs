//! The rows that a figure is over: a table, what is joined to it along relationships, and rows that
//! are looked for in others.
//!
//! Only hops that give a row at most one other row are joined. What a row has several of is looked
//! for with EXISTS, which never multiplies. The one exception are group keys, where
//! [`Rows::may_multiply`] is set and the caller counts each row once.

use pacioli_model::{
    ColumnName, ColumnRef, MetricName, Predicate, RelationshipName, TableEntry, TableName, Value,
};

use super::{
    names::{Names, Shared},
    nearest::{invalid, missing},
    predicate,
    statement::{Expr, Join, JoinKind, Relation, Select, Source},
    typed::Typed,
    way::{Hop, way},
    width,
};
use crate::EngineError;

/// Tables joined in one place.
const MOST_JOINS: usize = 24;

/// Rows in scope, the innermost last.
pub(super) struct Rows<'a> {
    shared: &'a Shared<'a>,
    levels: Vec<Level<'a>>,
    /// Hops to a many side may be joined.
    pub(super) may_multiply: bool,
    negations: usize,
}

/// The relations of one SELECT.
struct Level<'a> {
    /// Where ways start: the asking table.
    origin: &'a TableName,
    /// How the first relation is reached from there.
    prefix: Vec<Hop<'a>>,
    relations: Vec<Joined<'a>>,
}

struct Joined<'a> {
    table: &'a TableEntry,
    alias: String,
    /// From which relation, how, and whether a row may have several.
    from: Option<(usize, Hop<'a>)>,
    many: bool,
}

impl<'a> Rows<'a> {
    /// The rows of one table.
    pub(super) fn of(shared: &'a Shared<'a>, table: &TableName) -> Result<Self, EngineError> {
        let table = find(shared, table)?;
        let mut rows = Self { shared, levels: Vec::new(), may_multiply: false, negations: 0 };
        rows.open(&table.name, Vec::new(), table);
        Ok(rows)
    }

    /// The asking table.
    pub(super) fn table(&self) -> &'a TableEntry {
        self.levels[0].relations[0].table
    }

    /// Whether a row may stand there several times.
    pub(super) fn multiplies(&self) -> bool {
        self.levels[0].relations.iter().any(|relation| relation.many)
    }

    /// A column of the asking table itself.
    pub(super) fn own(&self, column: &str) -> Expr {
        Expr::column(&self.levels[0].relations[0].alias, column)
    }

    /// Lets `bind` name only what a row has one of, whatever is joined for group keys.
    pub(super) fn singly<T>(&mut self, bind: impl FnOnce(&mut Self) -> T) -> T {
        let multiply = std::mem::replace(&mut self.may_multiply, false);
        self.negations += 1;
        let bound = bind(self);
        self.negations -= 1;
        self.may_multiply = multiply;
        bound
    }

    /// All rows with what is joined to them.
    pub(super) fn into_select(mut self) -> Select {
        match self.levels.pop() {
            Some(level) => level.into_select(),
            None => Select::of(Relation { source: Source::OneRow, alias: String::new() }),
        }
    }

    fn open(&mut self, origin: &'a TableName, prefix: Vec<Hop<'a>>, table: &'a TableEntry) {
        self.shared.reads(&table.name);
        let alias = self.alias(&table.name);
        let relation = Joined { table, alias, from: None, many: false };
        self.levels.push(Level { origin, prefix, relations: vec![relation] });
    }

    /// The table's name, numbered where it is taken, or where a column is called so: inside a
    /// subquery over that column's table, `country.id` would be a field of its `country`.
    fn alias(&self, table: &TableName) -> String {
        let relations = || self.levels.iter().flat_map(|level| &level.relations);
        let mut columns = self.shared.catalog.tables.iter().flat_map(|table| &table.columns);
        let taken = columns.any(|column| column.name.as_str() == table.as_str());
        let numbered = (2_u32..).map(|number| format!("{table}_{number}"));
        let named = std::iter::once(table.to_string()).filter(|_| !taken);
        let mut candidates = named.chain(numbered);
        let free = candidates.find(|name| relations().all(|other| &other.alias != name));
        free.unwrap_or_else(|| table.to_string())
    }

    /// The way from the asking table of the innermost level.
    fn way_to(&self, of: &ColumnRef) -> Result<Vec<Hop<'a>>, EngineError> {
        let level = self.level();
        way(self.shared.catalog, level.origin, &of.table, &of.via, false)
    }

    fn level(&self) -> &Level<'a> {
        &self.levels[self.levels.len() - 1]
    }

    /// Which level a way leads through, and what of it is left from that level's first relation.
    fn place(&self, hops: &[Hop<'a>]) -> Option<(usize, usize)> {
        let here = self.levels.len() - 1;
        let level = &self.levels[here];
        if hops.starts_with(&level.prefix) {
            return Some((here, level.prefix.len()));
        }
        // What belongs to the row that the innermost rows belong to; the engine sees no further out.
        let outer = here.checked_sub(1)?;
        let level_out = &self.levels[outer];
        let same = level_out.origin == level.origin && hops.starts_with(&level_out.prefix);
        same.then_some((outer, level_out.prefix.len()))
    }

    /// The hop among `hops` at which a row begins to have several, as things are joined now.
    fn first_many(&self, level: usize, start: usize, hops: &[Hop<'a>]) -> Option<usize> {
        let relations = &self.levels[level].relations;
        let mut at = Some(0);
        for (position, hop) in hops.iter().enumerate().skip(start) {
            at = at.and_then(|here| joined(relations, here, hop));
            let known = at.filter(|&at| self.negations == 0 || !relations[at].many);
            if hop.many && known.is_none() && !(self.may_multiply && level == 0) {
                return Some(position);
            }
        }
        None
    }

    /// The relation at the end of `hops`, joined now where it was not.
    fn reach(&mut self, level: usize, hops: &[Hop<'a>]) -> Result<usize, EngineError> {
        let mut at = 0;
        for hop in hops {
            at = match joined(&self.levels[level].relations, at, hop) {
                Some(next) => next,
                None => self.join(level, at, hop)?,
            };
        }
        Ok(at)
    }

    fn join(&mut self, level: usize, at: usize, hop: &Hop<'a>) -> Result<usize, EngineError> {
        let table = find(self.shared, hop.to())?;
        if self.levels[level].relations.len() > MOST_JOINS {
            return Err(invalid(format!("More than {MOST_JOINS} tables would be joined.")));
        }
        self.shared.reads(&table.name);
        let alias = self.alias(&table.name);
        let relations = &mut self.levels[level].relations;
        let many = hop.many || relations[at].many;
        relations.push(Joined { table, alias, from: Some((at, *hop)), many });
        Ok(relations.len() - 1)
    }

    fn one_column(&mut self, of: &ColumnRef) -> Result<Typed, EngineError> {
        let table = find(self.shared, &of.table)?;
        let column = table.column(&of.column).ok_or_else(|| {
            let names = table.columns.iter().map(|column| column.name.as_str());
            missing(&format!("{} has no column", table.name), of.column.as_str(), names)
        })?;
        let hops = self.way_to(of)?;
        let Some((level, start)) = self.place(&hops) else {
            return Err(invalid(format!(
                "{} of {} cannot be compared there: ask for it in a question of its own.",
                of.column, of.table
            )));
        };
        if let Some(position) = self.first_many(level, start, &hops) {
            return Err(several(self.table(), &hops[position], of));
        }
        let at = self.reach(level, &hops[start..])?;
        let relation = &self.levels[level].relations[at];
        let expr = Expr::column(&relation.alias, column.name.as_str());
        let largest = width::largest(column);
        Ok(Typed { largest, ..Typed::new(expr, column.data_type, column.name.as_str()) })
    }

    /// Where the columns of one comparison begin to be several: at most one such place.
    fn several_of(&self, values: &[&Value]) -> Result<Option<Vec<Hop<'a>>>, EngineError> {
        let mut columns = Vec::new();
        for value in values {
            columns_of(value, &mut columns);
        }
        let mut found: Option<Vec<Hop<'a>>> = None;
        for of in columns {
            find(self.shared, &of.table)?;
            let hops = self.way_to(of)?;
            let Some((level, start)) = self.place(&hops) else { continue };
            let Some(position) = self.first_many(level, start, &hops) else { continue };
            if level + 1 < self.levels.len() {
                return Err(several(self.table(), &hops[position], of));
            }
            let way = hops[..=position].to_vec();
            if found.as_ref().is_some_and(|other| *other != way) {
                return Err(invalid(format!(
                    "{} of {} and what it is compared with are several to each row of {}. Compare each with a value, or ask two questions.",
                    of.column,
                    of.table,
                    self.table().name
                )));
            }
            found = Some(way);
        }
        Ok(found)
    }

    /// The innermost rows as they were looked for in, tied to the row that they belong to.
    fn close(&mut self, condition: Option<Expr>, from: usize, hop: &Hop<'a>) -> Option<Expr> {
        let level = self.levels.pop()?;
        let outer = &self.levels.last()?.relations[from].alias;
        let alias = level.relations[0].alias.clone();
        let mut conditions: Vec<Expr> = hop
            .pairs()
            .map(|(here, there)| {
                let inner = Expr::column(&alias, there.as_str());
                inner.compare("=", Expr::column(outer, here.as_str()))
            })
            .collect();
        conditions.extend(condition);
        let mut select = level.into_select();
        select.filter = Expr::all(conditions);
        Some(Expr::Exists(Box::new(select)))
    }

    /// That a row at the end of the last of `hops` fits, found from the innermost level.
    fn look(
        &mut self,
        hops: &[Hop<'a>],
        start: usize,
        origin: Option<&'a TableName>,
        bind: &mut dyn FnMut(&mut Self) -> Result<Option<Expr>, EngineError>,
    ) -> Result<Expr, EngineError> {
        let Some((last, before)) = hops.split_last() else {
            return Err(invalid("Rows are looked for in another table."));
        };
        let here = self.levels.len() - 1;
        let from = self.reach(here, &before[start..])?;
        let table = find(self.shared, last.to())?;
        let (origin, prefix) = match origin {
            Some(origin) => (origin, Vec::new()),
            None => (self.levels[here].origin, hops.to_vec()),
        };
        let (multiply, negations) = (self.may_multiply, self.negations);
        (self.may_multiply, self.negations) = (false, 0);
        self.open(origin, prefix, table);
        let condition = bind(self);
        (self.may_multiply, self.negations) = (multiply, negations);
        let condition = condition?;
        let exists = self.close(condition, from, last);
        exists.ok_or_else(|| EngineError::Failed { detail: "rows without a level".to_owned() })
    }
}

impl<'a> Names<'a> for Rows<'a> {
    fn shared(&self) -> &'a Shared<'a> {
        self.shared
    }

    fn column(&mut self, of: &ColumnRef) -> Result<Typed, EngineError> {
        self.one_column(of)
    }

    fn output(&mut self, name: &ColumnName) -> Result<Typed, EngineError> {
        Err(invalid(format!(
            "{name} is computed for groups, and rows are chosen before: use it in having or in a calculation."
        )))
    }

    fn metric(&mut self, name: &MetricName) -> Result<Typed, EngineError> {
        Err(invalid(format!(
            "The metric {name} is computed over many rows: use it in a measure or in a question of its own."
        )))
    }

    fn several(&mut self, predicate: &Predicate) -> Result<Option<Vec<Hop<'a>>>, EngineError> {
        match predicate {
            Predicate::Compare { left, right, .. } => self.several_of(&[left, right]),
            Predicate::OneOf { value, .. }
            | Predicate::Matches { value, .. }
            | Predicate::IsNull { value } => self.several_of(&[value]),
            Predicate::Among { values, .. } => self.several_of(&values.iter().collect::<Vec<_>>()),
            Predicate::All(parts) | Predicate::Any(parts) => {
                let mut found: Option<Vec<Hop<'a>>> = None;
                for part in parts {
                    let way = self.several(part)?;
                    if way.is_none()
                        || found.as_ref().is_some_and(|other| Some(other) != way.as_ref())
                    {
                        return Ok(None);
                    }
                    found = way;
                }
                Ok(found)
            }
            Predicate::Not(_) | Predicate::Related { .. } => Ok(None),
        }
    }

    fn exists(
        &mut self,
        way: Vec<Hop<'a>>,
        predicates: &[&Predicate],
        depth: usize,
    ) -> Result<Expr, EngineError> {
        let start = self.level().prefix.len();
        self.look(&way, start, None, &mut |rows| {
            let parts = predicates.iter().map(|part| predicate::bind(rows, part, depth + 1));
            Ok(Expr::all(parts.collect::<Result<_, _>>()?))
        })
    }

    fn related(&mut self, predicate: &Predicate, depth: usize) -> Result<Expr, EngineError> {
        let Predicate::Related { table, via, filter } = predicate else {
            return predicate::bind(self, predicate, depth);
        };
        let hops = self.way_to_related(table, via)?;
        let start = self.level().prefix.len();
        if !hops.starts_with(&self.level().prefix) || hops.len() == start {
            return Err(invalid(format!("{table} is the table itself: name the relationship.")));
        }
        // Rows of tables on the way are looked for one in the other.
        let many = hops.iter().skip(start).position(|hop| hop.many);
        let first = many.map_or(hops.len(), |position| start + position + 1);
        self.related_along(&hops, start, first, filter.as_deref(), depth)
    }

    fn negate(&mut self, inside: bool) {
        if inside {
            self.negations += 1;
        } else {
            self.negations -= 1;
        }
    }
}

impl<'a> Rows<'a> {
    fn way_to_related(
        &self,
        table: &TableName,
        via: &[RelationshipName],
    ) -> Result<Vec<Hop<'a>>, EngineError> {
        way(self.shared.catalog, self.level().origin, table, via, true)
    }

    /// That there is a row after `hops[..first]`, and from there one after the others.
    fn related_along(
        &mut self,
        hops: &[Hop<'a>],
        start: usize,
        first: usize,
        filter: Option<&Predicate>,
        depth: usize,
    ) -> Result<Expr, EngineError> {
        let last = first == hops.len();
        let origin = last.then(|| hops[first - 1].to());
        self.look(&hops[..first], start, origin, &mut |rows| {
            if last {
                return filter.map(|filter| predicate::bind(rows, filter, depth + 1)).transpose();
            }
            let many = hops.iter().skip(first).position(|hop| hop.many);
            let next = many.map_or(hops.len(), |position| first + position + 1);
            rows.related_along(hops, first, next, filter, depth + 1).map(Some)
        })
    }
}

impl<'a> Level<'a> {
    fn into_select(self) -> Select {
        let aliases: Vec<String> = self.relations.iter().map(|one| one.alias.clone()).collect();
        let mut relations = self.relations.into_iter();
        let relation = |joined: &Joined<'a>| Relation {
            source: Source::Table(joined.table.name.clone()),
            alias: joined.alias.clone(),
        };
        let Some(first) = relations.next() else {
            return Select::of(Relation { source: Source::OneRow, alias: String::new() });
        };
        let mut select = Select::of(relation(&first));
        for joined in relations {
            let on = joined.from.map(|(from, hop)| {
                let equal = |(here, there): (&ColumnName, &ColumnName)| {
                    let here = Expr::column(&aliases[from], here.as_str());
                    here.compare("=", Expr::column(&joined.alias, there.as_str()))
                };
                hop.pairs().map(equal).collect()
            });
            select.joins.push(Join {
                kind: JoinKind::Left,
                relation: relation(&joined),
                on: on.unwrap_or_default(),
            });
        }
        select
    }
}

/// The relation that `hop` leads to from the one at `at`, where it is joined.
fn joined(relations: &[Joined<'_>], at: usize, hop: &Hop<'_>) -> Option<usize> {
    relations.iter().position(
        |relation| matches!(&relation.from, Some((from, known)) if *from == at && known == hop),
    )
}

/// A table of the catalog.
pub(super) fn find<'a>(
    shared: &'a Shared<'a>,
    name: &TableName,
) -> Result<&'a TableEntry, EngineError> {
    let catalog = shared.catalog;
    catalog.table(name).ok_or_else(|| {
        let names = catalog.tables.iter().map(|table| table.name.as_str());
        missing("There is no table", name.as_str(), names)
    })
}

fn several(table: &TableEntry, hop: &Hop<'_>, of: &ColumnRef) -> EngineError {
    invalid(format!(
        "A row of {} has several of {}, so {} of {} has no one value there. Compute the figure over {}, or use the column in a filter.",
        table.name,
        hop.to(),
        of.column,
        of.table,
        hop.to()
    ))
}

/// Every column that a value names, other Asks apart.
pub(super) fn columns_of<'v>(value: &'v Value, columns: &mut Vec<&'v ColumnRef>) {
    match value {
        Value::Column(of) => columns.push(of),
        Value::Arithmetic { left, right, .. } => {
            columns_of(left, columns);
            columns_of(right, columns);
        }
        Value::Days { from, to } => {
            columns_of(from, columns);
            columns_of(to, columns);
        }
        Value::Part { of, .. } => columns_of(of, columns),
        Value::Literal(_)
        | Value::Output(_)
        | Value::Metric(_)
        | Value::Figure(_)
        | Value::Caller(_) => {}
    }
}
