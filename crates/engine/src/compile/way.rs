//! Ways from one table to another along relationships.
//!
//! A hop to the one side gives a row at most one other row and so never multiplies; a hop to the many
//! side may give it several. The shortest way is meant. Among equally short ones those with the
//! fewest hops to a many side go first; where several are left, whoever asks has to say which.

use std::collections::HashMap;

use pacioli_model::{
    Catalog, ColumnName, Distinct, Relationship, RelationshipName, TableEntry, TableName,
};

use super::nearest::{invalid, missing};
use crate::{EngineError, WayChoice};

/// Hops of the longest way that is looked for.
const LONGEST: usize = 8;
/// Ways of one length that are kept apart.
const MOST_WAYS: usize = 32;

/// One relationship, followed in one direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hop<'a> {
    pub(super) relationship: &'a Relationship,
    /// From the many side to the one.
    forward: bool,
    /// One row may have several there.
    pub(super) many: bool,
}

impl PartialEq for Hop<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.relationship.name == other.relationship.name && self.forward == other.forward
    }
}

impl<'a> Hop<'a> {
    fn new(catalog: &Catalog, relationship: &'a Relationship, forward: bool) -> Self {
        let repeats = |table: &TableName, columns: &[ColumnName]| {
            catalog.table(table).is_some_and(|table| repeats(table, columns))
        };
        let many = if forward {
            repeats(&relationship.to, &relationship.references)
        } else {
            !relationship.one_to_one || repeats(&relationship.table, &relationship.columns)
        };
        Self { relationship, forward, many }
    }

    fn from(&self) -> &'a TableName {
        if self.forward { &self.relationship.table } else { &self.relationship.to }
    }

    /// Where it leads.
    pub(super) fn to(&self) -> &'a TableName {
        if self.forward { &self.relationship.to } else { &self.relationship.table }
    }

    /// Columns here and there that are equal.
    pub(super) fn pairs(&self) -> impl Iterator<Item = (&'a ColumnName, &'a ColumnName)> {
        let (here, there) = (&self.relationship.columns, &self.relationship.references);
        let (here, there) = if self.forward { (here, there) } else { (there, here) };
        here.iter().zip(there)
    }
}

/// Whether the load saw that these columns do not name one row. A relationship over them would
/// multiply, whatever it and they were declared to be.
pub(super) fn repeats(table: &TableEntry, columns: &[ColumnName]) -> bool {
    let [column] = columns else { return false };
    match table.column(column).map(|column| (&column.profile, column.profile.distinct)) {
        Some((profile, Distinct::Exactly(distinct))) => distinct + profile.nulls < table.rows,
        _ => false,
    }
}

/// The way from `from` to `to`, by `via` where that is not empty. A relationship of a table with
/// itself leads to the one side there, or to the many side where `down`.
pub(super) fn way<'a>(
    catalog: &'a Catalog,
    from: &'a TableName,
    to: &TableName,
    via: &[RelationshipName],
    down: bool,
) -> Result<Vec<Hop<'a>>, EngineError> {
    if catalog.table(to).is_none() {
        let names = catalog.tables.iter().map(|table| table.name.as_str());
        return Err(missing("There is no table", to.as_str(), names));
    }
    if via.is_empty() {
        return shortest(catalog, from, to);
    }
    let relationships = via.iter().map(|name| {
        let names = catalog.relationships.iter().map(|known| known.name.as_str());
        let known = catalog.relationship(name).filter(|known| holds(catalog, known));
        known.ok_or_else(|| missing("There is no relationship", name.as_str(), names))
    });
    let relationships = relationships.collect::<Result<Vec<_>, _>>()?;
    match along(catalog, from, to, &relationships, down)? {
        Some(hops) => Ok(hops),
        // Figures of several tables share a grouping: its way is chosen where there is a choice.
        None => shortest(catalog, from, to),
    }
}

/// `relationships` in their order, and the shortest ways to the first and from the last; nothing
/// where a table would be passed twice, other than by a relationship with itself.
fn along<'a>(
    catalog: &'a Catalog,
    from: &'a TableName,
    to: &TableName,
    relationships: &[&'a Relationship],
    down: bool,
) -> Result<Option<Vec<Hop<'a>>>, EngineError> {
    let Some(first) = relationships.first() else { return Ok(None) };
    let touches = |table: &TableName| &first.table == table || &first.to == table;
    let mut hops = if touches(from) {
        Vec::new()
    } else {
        let Ok(hops) = shortest(catalog, from, &first.table) else { return Ok(None) };
        hops
    };
    for relationship in relationships {
        let here = hops.last().map_or(from, Hop::to);
        let itself = relationship.table == relationship.to;
        let forward = &relationship.table == here && !(itself && down);
        if !itself && &relationship.table != here && &relationship.to != here {
            let name = &relationship.name;
            return Err(invalid(format!("The relationship {name} does not lead on from {here}.")));
        }
        hops.push(Hop::new(catalog, relationship, forward));
    }
    let here = hops.last().map_or(from, Hop::to);
    hops.extend(shortest(catalog, here, to)?);
    let mut seen = vec![from];
    let simple = hops.iter().all(|hop| {
        let fresh = hop.from() == hop.to() || !seen.contains(&hop.to());
        seen.push(hop.to());
        fresh
    });
    Ok(simple.then_some(hops))
}

fn shortest<'a>(
    catalog: &'a Catalog,
    from: &'a TableName,
    to: &TableName,
) -> Result<Vec<Hop<'a>>, EngineError> {
    let mut ways = all_shortest(catalog, from, to);
    let many = |way: &Vec<Hop<'_>>| way.iter().filter(|hop| hop.many).count();
    let fewest = ways.iter().map(many).min();
    ways.retain(|way| Some(many(way)) == fewest);
    if ways.len() > 1 {
        return Err(ambiguous(from, to, &ways));
    }
    ways.pop().ok_or_else(|| {
        invalid(format!(
            "{to} cannot be reached from {from}. Declare a relationship between their tables, or ask of {from} alone."
        ))
    })
}

/// All ways of the least length.
fn all_shortest<'a>(
    catalog: &'a Catalog,
    from: &'a TableName,
    to: &TableName,
) -> Vec<Vec<Hop<'a>>> {
    let mut seen: HashMap<&TableName, usize> = HashMap::from([(from, 0)]);
    let mut ways = vec![Vec::new()];
    for length in 0..=LONGEST {
        let ends = |way: &Vec<Hop<'a>>| way.last().map_or(from, Hop::to);
        if ways.iter().any(|way| ends(way) == to) {
            ways.retain(|way| ends(way) == to);
            return ways;
        }
        let mut longer = Vec::new();
        for way in &ways {
            for hop in hops_from(catalog, ends(way)) {
                if *seen.entry(hop.to()).or_insert(length + 1) == length + 1 {
                    let mut way = way.clone();
                    way.push(hop);
                    longer.push(way);
                }
            }
        }
        longer.sort_by_key(|way| way.iter().filter(|hop| hop.many).count());
        let mut kept: HashMap<&TableName, usize> = HashMap::new();
        longer.retain(|way| {
            let count = kept.entry(ends(way)).or_default();
            *count += 1;
            *count <= MOST_WAYS
        });
        ways = longer;
    }
    Vec::new()
}

/// Every hop away from a table; a relationship that says what another says is passed over.
fn hops_from<'a>(catalog: &'a Catalog, table: &TableName) -> Vec<Hop<'a>> {
    let mut hops: Vec<Hop<'a>> = Vec::new();
    for relationship in &catalog.relationships {
        if relationship.table == relationship.to || !holds(catalog, relationship) {
            continue;
        }
        let forward = &relationship.table == table;
        let said = |hop: &Hop<'_>| hop.relationship.same_columns(relationship);
        if (forward || &relationship.to == table) && !hops.iter().any(said) {
            hops.push(Hop::new(catalog, relationship, forward));
        }
    }
    hops
}

/// Whether both sides are there and can be compared.
fn holds(catalog: &Catalog, relationship: &Relationship) -> bool {
    let (Some(table), Some(to)) =
        (catalog.table(&relationship.table), catalog.table(&relationship.to))
    else {
        return false;
    };
    let pairs = relationship.columns.iter().zip(&relationship.references);
    let same =
        |(here, there): (&ColumnName, &ColumnName)| match (table.column(here), to.column(there)) {
            (Some(here), Some(there)) => {
                let (here, there) = (here.data_type, there.data_type);
                here == there || (here.is_number() && there.is_number())
            }
            _ => false,
        };
    let (columns, references) = (relationship.columns.len(), relationship.references.len());
    columns > 0 && columns == references && pairs.into_iter().all(same)
}

fn ambiguous(from: &TableName, to: &TableName, ways: &[Vec<Hop<'_>>]) -> EngineError {
    let choices = ways.iter().map(|way| {
        let labels = way.iter().map(|hop| {
            let said = hop.relationship.label.clone().filter(|_| hop.forward);
            said.unwrap_or_else(|| hop.relationship.name.to_string())
        });
        WayChoice {
            via: way.iter().map(|hop| hop.relationship.name.clone()).collect(),
            label: labels.collect::<Vec<_>>().join(", "),
        }
    });
    let choices: Vec<WayChoice> = choices.collect();
    let labels: Vec<&str> = choices.iter().map(|choice| choice.label.as_str()).collect();
    let detail = format!(
        "There are {} ways from {from} to {to}: by {}. Say which is meant.",
        choices.len(),
        labels.join("; by ")
    );
    EngineError::Ambiguous { detail, from: from.clone(), to: to.clone(), choices }
}

/// The tables whose rows a row of `table` has at most one of: what a figure over `table` can be
/// grouped by without any row counting twice. Nearest first.
pub fn reachable<'a>(catalog: &'a Catalog, table: &'a TableName) -> Vec<&'a TableName> {
    let mut found = vec![table];
    let mut at = 0;
    while let Some(here) = found.get(at).copied() {
        for hop in hops_from(catalog, here) {
            if !hop.many && !found.contains(&hop.to()) {
                found.push(hop.to());
            }
        }
        at += 1;
    }
    found
}
