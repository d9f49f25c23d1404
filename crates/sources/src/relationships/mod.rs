//! Which rows of which tables belong together, found from names, types and profiles, and settled by
//! comparing all values.
//!
//! [`candidates`] says what is worth comparing: references that are declared, and columns whose names
//! say that they name rows of another table. Whoever can run queries compares their values
//! ([`pacioli_model::ValueMatch`]), and [`settle`] decides. Values alone never make a relationship: two
//! columns that count from 1 contain each other by chance.

mod entity;
mod key;
mod plausible;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use pacioli_model::{
    Catalog, Column, ColumnName, Known, MeasuredRelationship, Relationship, TableEntry, TableName,
    ValueMatch, foreign_keys,
};

pub use key::{PrimaryKey, primary_key};

pub(crate) use entity::{names_rows as is_key_name, names_rows_of as is_key_of};

use entity::{Entities, Reading};

/// How sure names must be for a measured share of values to be enough.
const SURE: f64 = 0.7;
/// The share of values that must be found on the other side: where names are sure, and where not.
const ENOUGH: [f64; 2] = [0.9, 0.98];

/// A relationship whose values are worth comparing.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The relationship, with nothing measured.
    pub relationship: Relationship,
    /// How much its names speak for it, 0 to 1; 1 where it is declared.
    pub score: f64,
    /// As what the one side is named: `billing` of `billing_customer_id`. Of one role there is at most
    /// one relationship between two tables.
    role: String,
}

/// Everything worth comparing, the surest first: what is declared, and what names speak for and
/// profiles do not rule out.
pub fn candidates(catalog: &Catalog) -> Vec<Candidate> {
    let entities = Entities::of(&catalog.tables);
    let declared = catalog.semantics.relationships.iter().cloned();
    let declared = declared.chain(catalog.tables.iter().flat_map(foreign_keys));
    let mut all: Vec<Candidate> = Vec::new();
    for relationship in declared {
        let both_there = [&relationship.table, &relationship.to]
            .into_iter()
            .all(|table| catalog.table(table).is_some());
        if both_there && !all.iter().any(|it| it.relationship.same_columns(&relationship)) {
            let role = entities.role(&relationship);
            all.push(Candidate { relationship, score: 1.0, role });
        }
    }
    for table in &catalog.tables {
        for column in &table.columns {
            for found in named(catalog, &entities, table, column) {
                if !all.iter().any(|it| it.relationship.same_columns(&found.relationship)) {
                    all.push(found);
                }
            }
        }
    }
    all.sort_by(|one, other| {
        let names = |it: &Candidate| (it.relationship.name.clone(), it.relationship.to.clone());
        other.score.total_cmp(&one.score).then_with(|| names(one).cmp(&names(other)))
    });
    all
}

/// The keys of other tables, or of its own, that a column's name says it refers to.
fn named(
    catalog: &Catalog,
    entities: &Entities<'_>,
    table: &TableEntry,
    column: &Column,
) -> Vec<Candidate> {
    if !plausible::is_reference(table, column) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for Reading { to, references, score, role } in entities.readings(table, column) {
        let Some(other) = catalog.table(to) else { continue };
        if score < SURE && plausible::says_little(column) {
            continue;
        }
        if plausible::may_match((table, column), (other, references)) {
            let columns = vec![column.name.clone()];
            let relationship =
                relationship(table, columns, other, vec![references.name.clone()], Known::Found);
            found.push(Candidate { relationship, score, role });
        }
    }
    found
}

fn relationship(
    table: &TableEntry,
    columns: Vec<ColumnName>,
    to: &TableEntry,
    references: Vec<ColumnName>,
    known: Known,
) -> Relationship {
    Relationship {
        name: Relationship::usual_name(&table.name, &columns),
        table: table.name.clone(),
        columns,
        to: to.name.clone(),
        references,
        one_to_one: false,
        known,
        label: None,
        match_rate: None,
        orphans: None,
    }
}

/// Decides over candidates whose values were compared, in the order of [`candidates`].
///
/// Every one needs values that name at most one row of the one side. One that is declared needs
/// nothing else; one that was found needs values that are there, too, and gives way to a surer one
/// that holds: from the same column, or between the same tables in the same role, for two ways from
/// orders to customers that mean the same would only be a question to ask back.
pub fn settle(
    catalog: &Catalog,
    compared: &[(Candidate, ValueMatch)],
) -> Vec<MeasuredRelationship> {
    let mut from = HashSet::<(&TableName, &ColumnName)>::new();
    let mut between = HashSet::<(&TableName, &TableName, &str)>::new();
    let mut settled: Vec<MeasuredRelationship> = Vec::new();
    for (candidate, values) in compared {
        let it = &candidate.relationship;
        let (Some(table), Some(to)) = (catalog.table(&it.table), catalog.table(&it.to)) else {
            continue;
        };
        let pair = (&it.table, &it.to, candidate.role.as_str());
        let taken = it.columns.iter().any(|column| from.contains(&(&it.table, column)))
            || between.contains(&pair)
            || settled.iter().any(|other| other.holds && is_reverse(&other.relationship, it));
        let holds = values.is_unique()
            && (it.known != Known::Found || (!taken && is_enough(candidate, *values)));
        if holds {
            between.insert(pair);
            if let [column] = &it.columns[..] {
                from.insert((&it.table, column));
            }
        }
        settled.push(MeasuredRelationship {
            relationship: it.clone(),
            version: table.version,
            to_version: to.version,
            values: *values,
            holds,
        });
    }
    settled
}

/// Whether `other` leads from the very key that `one` leads to, back to the table that `one` comes from:
/// the key of `programs` that rows of `authorities_programs` name does not name these rows in turn.
fn is_reverse(one: &Relationship, other: &Relationship) -> bool {
    one.table == other.to && one.to == other.table && one.references == other.columns
}

fn is_enough(candidate: &Candidate, values: ValueMatch) -> bool {
    let enough = if candidate.score >= SURE { ENOUGH[0] } else { ENOUGH[1] };
    values.found > 0 && values.rate() >= enough
}
