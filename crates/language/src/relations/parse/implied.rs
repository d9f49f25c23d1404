//! What a question is about where nothing in it names it.

use super::Parser;
use crate::relations::{
    schema::{ColumnId, TableId},
    sketch::{Target, Test},
    thesaurus::end_of,
};

impl Parser<'_> {
    /// "Who is older than 40?", "which are from France?": the rows of the one table that the conditions
    /// can be of.
    pub(super) fn rows_of_conditions(&mut self) {
        let asks = self.words.first().is_some_and(|word| {
            matches!(word.to_lowercase().as_str(), "who" | "which" | "what" | "whoever")
        });
        let bare = self.sketch.targets.is_empty() && self.sketch.entity.is_none();
        if !(asks && bare && self.sketch.groups.is_empty() && self.sketch.best.is_none()) {
            return;
        }
        let tests = self.sketch.clauses.iter().flat_map(|clause| &clause.tests);
        let mut tables = Vec::new();
        for test in tests {
            match self.only_table_of(test) {
                Some(table) => tables.push(table),
                None => return,
            }
        }
        tables.sort_unstable();
        tables.dedup();
        if let [table] = tables.as_slice() {
            self.sketch.entity = Some(*table);
            self.sketch.targets.push(Target::Entity(*table));
        }
    }

    /// "From Oslo to Bergen": values of two ends, and no two values of one.
    pub(super) fn apart_by_ends(&self, known: &[Test], test: &Test) -> bool {
        let Some(end) = self.end_before(test) else { return false };
        known.iter().any(|known| self.end_before(known).is_some_and(|other| other != end))
    }

    /// The end of something that the words before a value speak of.
    fn end_before(&self, test: &Test) -> Option<&'static str> {
        let Test::Values { tokens, .. } = test else { return None };
        let before = &self.words[tokens.start.saturating_sub(3)..tokens.start];
        before.iter().rev().find_map(|word| end_of(&word.to_lowercase()).next())
    }

    /// The table whose rows a test is of, where there is one alone. "Who is in the chess club" asks for
    /// no club: what tells rows of a table apart says nothing about them.
    fn only_table_of(&self, test: &Test) -> Option<TableId> {
        let columns: Vec<ColumnId> = match test {
            Test::Compare { pick, .. } | Test::Between { pick, .. } => {
                let best = pick.candidates.iter().map(|(_, fit)| *fit).fold(0.0, f64::max);
                let fitting = pick.candidates.iter().filter(|(_, fit)| *fit > best - 0.1);
                fitting.map(|(column, _)| *column).collect()
            }
            Test::Values { values, column: None, .. } => {
                values.iter().flatten().map(|(value, _)| value.column).collect()
            }
            _ => return None,
        };
        let table = self.schema.table_of(*columns.first()?);
        let node = &self.schema.tables[table];
        let about = |column: &ColumnId| {
            self.schema.table_of(*column) == table
                && node.display != Some(*column)
                && node.key != Some(*column)
                && !self.schema.columns[*column].foreign
        };
        (node.display.is_some() && columns.iter().all(about)).then_some(table)
    }
}
