//! Whether a value says what was sold or to whom.

use pacioli_model::{Ask, Definition, Figure, TableName};

use crate::{
    relations::{
        schema::{Schema, TableId},
        sketch::{Sketch, Target, Test},
    },
    token::Token,
};

/// "Sales for Garden": the words, by their first, of a value that tells both what was sold and to whom,
/// where "for" may mean either. Only what a declared figure's own rows name directly counts: the place of
/// a product's maker is no place of its sales.
pub(crate) fn whose_or_what(
    sketch: &Sketch,
    schema: &Schema<'_>,
    tokens: &[Token],
    ask: &Ask,
) -> Option<usize> {
    let metric = sketch.targets.iter().find_map(|target| match target {
        Target::Metric(metric) => schema.metric_table(*metric),
        _ => None,
    })?;
    let named = |name: &TableName| schema.tables.iter().position(|table| table.entry.name == *name);
    let dated = ask.measures.iter().find_map(|measure| match &measure.figure {
        Figure::Metric { metric, .. } => match &schema.catalog.semantics.metric(metric)?.definition
        {
            Definition::Aggregate(one) => named(&one.date.as_ref()?.table),
            Definition::Calculation(_) => None,
        },
        _ => None,
    });
    let own = [Some(metric), dated];
    let direct = |table: TableId| {
        own.contains(&Some(table))
            || own.into_iter().flatten().any(|own| {
                schema.tables[own].steps.iter().any(|step| !step.many && step.to == table)
            })
    };
    let tests = sketch.clauses.iter().flat_map(|clause| &clause.tests);
    tests.into_iter().find_map(|test| match test {
        Test::Values { values, column: None, tokens: at, .. } => {
            let is_for = at.start.checked_sub(1).is_some_and(|at| tokens[at].word == "for");
            let mut tables: Vec<TableId> = values
                .first()?
                .iter()
                .filter(|(_, quality)| *quality > 0.9)
                .map(|(value, _)| schema.table_of(value.column))
                .filter(|table| direct(*table))
                .collect();
            tables.sort_unstable();
            tables.dedup();
            (is_for && values.len() == 1 && tables.len() > 1).then_some(at.start)
        }
        _ => None,
    })
}
