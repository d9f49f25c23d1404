//! Words for people of an age: "minors", "adults".

use pacioli_model::{Comparison, Decimal};

use super::Parser;
use crate::relations::{
    sketch::{Pick, Side, Test},
    thesaurus::lemma,
};

/// Each word, and the ages from and below which it is said of people.
const AGES: &[(&str, Option<i128>, Option<i128>)] = &[
    ("minor", None, Some(18)),
    ("underage", None, Some(18)),
    ("adult", Some(18), None),
    ("teenager", Some(13), Some(20)),
    ("teen", Some(13), Some(20)),
    ("teenage", Some(13), Some(20)),
];

impl Parser<'_> {
    /// "How many minors": a bound of the age, where whatever the question speaks of has one.
    pub(super) fn says_age(&mut self, here: usize) {
        let word = lemma(&self.words[self.pieces[here].tokens.start].to_lowercase());
        let Some((_, from, below)) = AGES.iter().find(|(name, ..)| *name == word) else { return };
        let near = self.focus.or(self.sketch.entity);
        let Some(pick) = self.adjective_pick(here, &["age"], near) else { return };
        let mut tables: Vec<usize> =
            pick.candidates.iter().map(|(column, _)| self.schema.table_of(*column)).collect();
        tables.dedup();
        let own = Self::is_own(&pick);
        let [table] = tables.as_slice() else { return };
        if !own && near.is_some() {
            return;
        }
        if near.is_none() {
            self.select_table(*table);
        }
        let pick = Pick { owner: Some(*table), ..pick };
        let bounds = [(Comparison::GreaterOrEqual, from), (Comparison::Less, below)];
        for (comparison, years) in bounds {
            if let Some(years) = years {
                let side = Side::Number(Decimal::new(*years, 0));
                self.push(Test::Compare { pick: pick.clone(), comparison, side });
            }
        }
        self.read.push(here);
    }
}
