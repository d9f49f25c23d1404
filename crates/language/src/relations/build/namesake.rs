//! Rows that two tables are called by.

use std::collections::BTreeSet;

use pacioli_model::{Ask, Named};

use crate::relations::{
    lexicon::name_words,
    resolve::entity_of,
    schema::{Schema, TableId},
    sketch::{Pick, Sketch, Target, Test},
};

/// The same question about another table, where nothing of what the Ask shows or tests is of the table
/// that it is taken to be about: "train stations" are rows of `train_station`, which only joins, and
/// all that is asked of them stands in `station`.
pub(super) fn about_another(sketch: &Sketch, schema: &Schema<'_>, ask: &Ask) -> Option<Sketch> {
    let entity = entity_of(sketch, schema)?;
    let entry = |table: TableId| &schema.tables[table].entry.name;
    if ask.table != *entry(entity) {
        return None;
    }
    let mut used = BTreeSet::new();
    for named in ask.names() {
        if let Named::Column(column) = named {
            used.insert(schema.tables.iter().position(|table| table.entry.name == column.table)?);
        }
    }
    let used: Vec<TableId> = used.into_iter().collect();
    let [other] = used.as_slice() else { return None };
    let counts_rows = ask.measures.iter().any(|measure| {
        measure.aggregation().is_none_or(|aggregation| aggregation.column().is_none())
    });
    let words = name_words(entry(entity).as_str());
    let alike = name_words(entry(*other).as_str()).iter().any(|word| words.contains(word));
    if *other == entity || counts_rows || !alike || !schema.reaches_one(entity, *other) {
        return None;
    }
    let moved = |table: TableId| if table == entity { *other } else { table };
    let moved_pick = |pick: &Pick| Pick {
        owner: pick.owner.map(moved),
        near: pick.near.map(moved),
        ..pick.clone()
    };
    let mut sketch = sketch.clone();
    sketch.entity = Some(*other);
    sketch.mentioned = sketch.mentioned.into_iter().map(moved).collect();
    for test in sketch.clauses.iter_mut().flat_map(|clause| &mut clause.tests) {
        match test {
            Test::Exists { table, .. } => *table = moved(*table),
            Test::Compare { pick, .. }
            | Test::Between { pick, .. }
            | Test::Empty { pick }
            | Test::Has { pick } => *pick = moved_pick(pick),
            _ => {}
        }
    }
    for target in &mut sketch.targets {
        match target {
            Target::Column(pick) | Target::Aggregate { of: pick, .. } => *pick = moved_pick(pick),
            Target::Entity(table) | Target::Everything(table) => *table = moved(*table),
            Target::Count { .. } | Target::Metric(_) => {}
        }
    }
    Some(sketch)
}
