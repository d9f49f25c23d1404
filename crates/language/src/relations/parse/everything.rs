//! "Information" about rows: all that is known of them, or the one column that holds their details.

use super::Parser;
use crate::relations::{
    pieces::Mention,
    schema::{ColumnId, TableId},
    sketch::{Noun, Pick, Target},
};

impl Parser<'_> {
    /// A word that asks for everything stands here. "Information" may only be what one column is called.
    pub(super) fn ask_everything(&mut self, here: usize) {
        self.everything = true;
        let said = self.words[self.tokens(here)].join(" ").to_lowercase();
        let start = self.pieces[here].tokens.start;
        let all = start > 0 && self.words[start - 1].eq_ignore_ascii_case("all");
        let some =
            (said.contains("info") || said.starts_with("other")) && !said.contains("all") && !all;
        self.detailed = some.then(|| {
            let before = here.checked_sub(1).filter(|_| !self.pieces[here].pause);
            let of = before.and_then(|before| self.mention_at(before));
            let of = of.filter(|mention| Self::is_table(mention)).or_else(|| {
                let ends = said.ends_with("of") || said.ends_with("about");
                self.mention_at(self.solid(here + 1)).filter(|_| ends)
            });
            let owner = of.and_then(Mention::best_table).map(|(table, _)| table);
            (here, self.sketch.targets.len(), owner.or_else(|| self.owner_after(here + 1)))
        });
    }

    /// Settles what was asked for: the details, where the rows have one column of them.
    pub(super) fn details_or_everything(&mut self) {
        let Some((piece, place, owner)) = self.detailed.take() else { return };
        let grouped = self.sketch.groups.iter().find_map(|group| match group {
            Noun::Table(table) => Some(*table),
            _ => None,
        });
        let table = owner.or(self.sketch.entity).or(grouped);
        let rows = self.sketch.entity.map(Target::Entity);
        if let Some((table, column)) = table.and_then(|table| Some((table, self.details(table)?))) {
            self.everything = false;
            self.sketch.entity = self.sketch.entity.or(Some(table));
            self.sketch.targets.retain(|target| Some(target) != rows.as_ref());
            let pick = Pick {
                candidates: vec![(column, 1.0)],
                owner: Some(table),
                near: None,
                tokens: self.tokens(piece),
            };
            let place = place.min(self.sketch.targets.len());
            self.sketch.targets.insert(place, Target::Column(pick));
        } else if place > 0
            && self.sketch.targets.iter().any(|one| Some(one) != rows.as_ref())
            && (self.pieces[piece].pause
                || piece.checked_sub(1).is_some_and(|it| self.mention_at(it).is_none()))
        {
            // "The names and information": what else is not known. "Address information" are addresses.
            self.misplaced(piece);
        }
    }

    /// The one column of a table that holds details of its rows.
    fn details(&self, table: TableId) -> Option<ColumnId> {
        let called = |column: &ColumnId| {
            let node = &self.schema.columns[*column];
            let last = node.words.last().map(|word| word.stem.as_str());
            !node.hidden && matches!(last, Some("detail" | "details" | "information" | "info"))
        };
        let mut columns = self.schema.tables[table].columns.clone().filter(called);
        columns.next().filter(|_| columns.next().is_none())
    }
}
