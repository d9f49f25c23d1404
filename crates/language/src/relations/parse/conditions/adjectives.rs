//! What adjectives measure: "older than 20", "the youngest dog".

use pacioli_model::Direction;

use super::{
    super::{Parser, compared},
    compare::year_of,
};
use crate::relations::{
    pieces::{Degree, Item, Piece},
    schema::{ColumnId, TableId},
    sketch::{Pick, Target},
    vocabulary::Key,
};

impl Parser<'_> {
    /// `older than 20`, `heavier than the average`, `20 years old`.
    pub(super) fn adjective_compared(
        &mut self,
        here: usize,
        direction: Direction,
        columns: &[&'static str],
    ) {
        if !matches!(self.item(here), Some(Item::Adjective { degree: Degree::More, .. })) {
            // "New customers in 2025" are told by the days.
            let word = self.words[self.pieces[here].tokens.start].to_lowercase();
            let dated = |piece: &Piece| match &piece.item {
                Item::Days(_) | Item::Key(Key::Grain(_) | Key::Every(_)) => true,
                Item::Number(number) => year_of(*number).is_some(),
                _ => false,
            };
            if word != "new" || !self.pieces.iter().any(dated) {
                self.misplaced(here);
            }
            return;
        }
        let named =
            self.mention_at(here + 1).as_ref().is_some_and(|mention| self.measures(mention));
        let pick = if named {
            self.pick(here + 1, None)
        } else {
            self.adjective_pick(here, columns, self.focus)
        };
        let Some(pick) = pick else {
            // "Shorter than 50 pages": the noun after the number says what is measured.
            return self.comparison(here, compared(direction));
        };
        self.forget_compared(here, &pick);
        let direction = if self.born(here, &pick) { direction.reversed() } else { direction };
        self.column = Some(pick);
        self.comparison(if named { here + 1 } else { here }, compared(direction));
    }

    /// "Whose age is older than 18": what is compared is not asked for.
    fn forget_compared(&mut self, here: usize, pick: &Pick) {
        let before = self.pieces[..here]
            .iter()
            .rev()
            .find(|piece| !matches!(piece.item, Item::Key(Key::Stop | Key::That)));
        let same = |known: &Pick| {
            before.is_some_and(|piece| piece.tokens == known.tokens)
                && known
                    .candidates
                    .iter()
                    .any(|(column, _)| pick.candidates.iter().any(|(other, _)| other == column))
        };
        if matches!(self.sketch.targets.last(), Some(Target::Column(known)) if same(known)) {
            self.sketch.targets.pop();
            if self.sketch.targets.is_empty() && self.sketch.entity.is_none() {
                self.sketch.entity = self.focus.or(pick.owner);
            }
        }
    }

    /// Whoever was born earliest is oldest; the oldest order has the earliest date.
    pub(super) fn ages(&self, here: usize, column: ColumnId) -> bool {
        let typed = self.words[self.pieces[here].tokens.start].to_lowercase();
        let node = &self.schema.columns[column];
        let year = node.words.iter().any(|word| word.stem == "year");
        (typed.starts_with("old") || typed.starts_with("young"))
            && (node.column.data_type.is_time() || year || self.is_birth(column))
    }

    fn is_birth(&self, column: ColumnId) -> bool {
        let mut words = self.schema.columns[column].words.iter();
        self.schema.is_birth(column)
            || words
                .any(|word| matches!(word.stem.as_str(), "founded" | "open" | "opening" | "built"))
    }

    /// Whether an adjective measures a column of what the question speaks of, and no other table's.
    pub(in crate::relations::parse) fn is_own(pick: &Pick) -> bool {
        pick.candidates.iter().any(|(_, quality)| *quality > 0.9)
    }

    /// The tables that words without a table's name speak of: of the value after an adjective
    /// ("the youngest dog"), and of what is asked for, where they are of one table each.
    fn spoken_of(&self, here: usize) -> Vec<TableId> {
        let only = |mut tables: Vec<TableId>| {
            tables.sort_unstable();
            tables.dedup();
            (tables.len() == 1).then(|| tables[0])
        };
        let next = self.mention_at(self.solid(here + 1)).filter(|next| next.only_values());
        let valued = next.and_then(|next| {
            only(next.values.iter().map(|(value, _)| self.schema.table_of(value.column)).collect())
        });
        let asked = self.sketch.targets.iter().filter_map(|target| {
            let Target::Column(pick) = target else { return None };
            let best = pick.candidates.iter().map(|(_, quality)| *quality).fold(0.0, f64::max);
            let fitting = pick.candidates.iter().filter(|(_, quality)| *quality > best - 0.05);
            only(fitting.map(|(column, _)| self.schema.table_of(*column)).collect())
        });
        valued.into_iter().chain(asked).collect()
    }

    /// The columns that an adjective may measure.
    pub(in crate::relations::parse) fn adjective_pick(
        &self,
        here: usize,
        columns: &[&'static str],
        near: Option<TableId>,
    ) -> Option<Pick> {
        let tables: Vec<TableId> = near
            .into_iter()
            .chain(self.sketch.entity)
            .chain(self.sketch.mentioned.iter().copied())
            .chain(self.spoken_of(here))
            .collect();
        let holds = |column: ColumnId, phrase: &str| {
            let node = &self.schema.columns[column];
            let data_type = node.column.data_type;
            let words: Vec<String> = crate::relations::lexicon::name_words(&node.column.label);
            let text = format!(" {} ", words.join(" "));
            (data_type.is_number()
                || data_type.is_time()
                || node.words.iter().any(|word| word.stem == "year"))
                && !node.foreign
                && text.contains(&format!(" {phrase} "))
        };
        for table in tables {
            for phrase in columns {
                let found: Vec<(ColumnId, f64)> = self.schema.tables[table]
                    .columns
                    .clone()
                    .filter(|column| holds(*column, phrase))
                    .map(|column| (column, 1.0))
                    .collect();
                if !found.is_empty() {
                    return Some(Pick {
                        candidates: found,
                        owner: Some(table),
                        near: None,
                        tokens: self.tokens(here),
                    });
                }
            }
        }
        // "The newest client", whose one date is called otherwise.
        if let (Some(table), true) = (near.or(self.sketch.entity), columns.contains(&"date")) {
            let mut times = self.schema.tables[table]
                .columns
                .clone()
                .filter(|column| self.schema.columns[*column].column.data_type.is_time());
            if let (Some(only), None) = (times.next(), times.next()) {
                let candidates = vec![(only, 1.0)];
                let tokens = self.tokens(here);
                return Some(Pick { candidates, owner: Some(table), near: None, tokens });
            }
        }
        let anywhere = columns.iter().find_map(|phrase| {
            let found: Vec<ColumnId> =
                (0..self.schema.columns.len()).filter(|column| holds(*column, phrase)).collect();
            (!found.is_empty()).then_some(found)
        })?;
        let candidates = anywhere.into_iter().map(|column| (column, 0.8)).collect();
        let owner = near.or(self.sketch.entity);
        Some(Pick { candidates, owner, near: self.focus, tokens: self.tokens(here) })
    }

    pub(in crate::relations::parse) fn born(&self, here: usize, pick: &Pick) -> bool {
        pick.candidates.first().is_some_and(|(column, _)| self.ages(here, *column))
    }
}
