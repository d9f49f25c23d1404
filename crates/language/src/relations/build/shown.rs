//! What a list shows: names for rows, whole names for people, kinds once.

use std::ops::Range;

use pacioli_model::ColumnType;

use super::{Builder, NOWHERE, Output, misfit};
use crate::relations::{
    lexicon::name_words,
    resolve::Misfit,
    schema::{ColumnId, TableId},
    sketch::{Noun, Pick},
};

impl Builder<'_> {
    /// First and last name, where a full name is asked for and no one column holds it.
    pub(super) fn whole_name(&self, pick: &Pick) -> Option<Vec<ColumnId>> {
        let words: Vec<&str> = self.resolver.tokens[pick.tokens.clone()]
            .iter()
            .map(|token| token.word.as_str())
            .collect();
        let table = match words.as_slice() {
            ["full", "name" | "names"] => pick.owner.unwrap_or(self.resolver.entity),
            // Of people with a first and a last name either alone is half of it.
            ["name" | "names"] => {
                let column = self.resolver.choose(pick).ok()?;
                let table = self.schema.table_of(column);
                let names = name_words(&self.schema.columns[column].column.label);
                (self.schema.tables[table].display == Some(column)
                    && names.ends_with(&["last".to_owned(), "name".to_owned()]))
                .then_some(table)?
            }
            _ => return None,
        };
        let part = |first: &str| {
            self.schema.tables[table].columns.clone().find(|column| {
                let words = name_words(&self.schema.columns[*column].column.label);
                words.ends_with(&[first.to_owned(), "name".to_owned()])
                    || first == "first" && words == ["forename"]
            })
        };
        Some(vec![part("first")?, part("last")?])
    }

    /// What a table shows where only its rows are asked for.
    pub(super) fn shown(&self, table: TableId) -> Result<ColumnId, Misfit> {
        self.schema
            .shown_as(table)
            .ok_or_else(|| misfit(NOWHERE, "This table has no column to show."))
    }

    pub(super) fn shown_columns(&self) -> Result<Vec<(ColumnId, Range<usize>)>, Misfit> {
        let mut columns: Vec<(ColumnId, Range<usize>)> = Vec::new();
        for (output, tokens) in &self.outputs {
            let column = match output {
                Output::Column(column) => *column,
                Output::Entity(table) => {
                    let shown = self.shown(*table)?;
                    columns.extend(
                        self.schema.first_name(*table, shown).map(|first| (first, tokens.clone())),
                    );
                    shown
                }
                _ => continue,
            };
            if !columns.iter().any(|(known, _)| *known == column) {
                columns.push((column, tokens.clone()));
            }
        }
        Ok(columns)
    }

    /// "For each bank, its services": a service alone would not tell whose it is. Whether that was added.
    pub(super) fn tell_whose(
        &self,
        columns: &mut Vec<(ColumnId, Range<usize>)>,
    ) -> Result<bool, Misfit> {
        let before = columns.len();
        for group in self.sketch.groups.iter().rev() {
            let Noun::Table(table) = group else { continue };
            let told = columns
                .iter()
                .any(|(column, _)| self.schema.table_of(self.schema.referenced(*column)) == *table);
            if !told {
                columns.insert(0, (self.shown(*table)?, NOWHERE));
            }
        }
        Ok(columns.len() > before)
    }

    /// "All payment methods": the kinds that there are, where nothing speaks of the rows that have them.
    pub(super) fn lists_kinds(&self, columns: &[(ColumnId, Range<usize>)]) -> bool {
        let [(column, _)] = columns else { return false };
        let node = &self.schema.columns[*column];
        let table = &self.schema.tables[node.table];
        let plain = self.sketch.clauses.is_empty()
            && self.sketch.best.is_none()
            && self.sketch.sort.is_empty();
        let names = table.key == Some(*column) || table.display == Some(*column);
        plain
            && self.sketch.entity.is_none()
            && self.sketch.mentioned.is_empty()
            && !names
            && node.column.data_type == ColumnType::Text
    }
}
