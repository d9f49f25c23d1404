//! Conditions, groups and order of a question that goes on from another, put into the last Ask.

use chrono::NaiveDate;
use pacioli_model::Ask;

use super::{Builder, NOWHERE, Output};
use crate::{
    relations::{
        resolve::{Misfit, Resolver},
        schema::{Schema, TableId},
        sketch::{Noun, Sketch},
    },
    token::Token,
};

/// A question that goes on from another, ready to be merged.
pub(crate) struct Follow<'a> {
    pub(crate) sketch: &'a Sketch,
    pub(crate) schema: &'a Schema<'a>,
    pub(crate) tokens: &'a [Token],
    pub(crate) today: NaiveDate,
    /// The table whose rows the last Ask is about.
    pub(crate) base: TableId,
}

/// Merges conditions, groups and order into the last Ask.
pub(crate) fn follow(follow: &Follow<'_>, ask: &mut Ask) -> Result<(), Misfit> {
    let resolver = Resolver {
        schema: follow.schema,
        tokens: follow.tokens,
        mentioned: &follow.sketch.mentioned,
        entity: follow.base,
        grouped: None,
        way: None,
        instead: None,
        asked: None,
        margins: std::cell::RefCell::default(),
        distances: std::cell::RefCell::default(),
    };
    let mut builder = Builder {
        sketch: follow.sketch,
        schema: follow.schema,
        resolver,
        outputs: Vec::new(),
        today: follow.today,
        ranged: false,
    };
    builder.outputs.push((Output::CountRows(follow.base), NOWHERE));
    builder.ranged = !ask.measures.is_empty() && builder.can_range();
    for group in &follow.sketch.groups {
        builder.add_noun(ask, follow.base, group)?;
    }
    builder.add_periods(ask);
    builder.add_days(ask)?;
    for clause in &follow.sketch.clauses {
        if let Some(condition) = builder.clause(follow.base, clause, false, false)? {
            crate::relations::follow::narrow(ask, condition);
        }
    }
    if !follow.sketch.sort.is_empty() {
        ask.order.clear();
        builder.sort_groups(ask, follow.base, &[])?;
    }
    builder.add_change(ask)?;
    if !follow.sketch.groups.is_empty() && ask.limit.is_none() {
        ask.order.clear();
        Builder::order_figures(ask);
    }
    Ok(())
}

impl Builder<'_> {
    /// One more grouping: a column, or the rows of a table by their name.
    fn add_noun(&self, ask: &mut Ask, base: TableId, noun: &Noun) -> Result<(), Misfit> {
        match noun {
            Noun::Period(_) => {}
            Noun::Column(pick) => {
                let column = self.resolver.choose(pick)?;
                self.add_group(ask, base, column, &pick.tokens, false)?;
            }
            Noun::Table(table) => {
                self.add_group(ask, base, self.shown(*table)?, &NOWHERE, false)?;
                if let Some(key) = self.schema.tables[*table].key {
                    self.add_group(ask, base, key, &NOWHERE, true)?;
                }
            }
        }
        Ok(())
    }
}
