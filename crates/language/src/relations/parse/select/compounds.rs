//! Nouns that say more of the noun beside them: "bank branches", "car models", "physician John Wen".

use pacioli_model::Aggregate;

use super::super::Parser;
use crate::{
    relations::{
        lexicon::name_words,
        pieces::Mention,
        schema::TableId,
        sketch::{Pick, Target},
        thesaurus::{lemma, measured_by},
    },
    role::KEY_TAILS,
};

impl Parser<'_> {
    /// "Bank branches", "film studios": the rows where only their key is called so, else a column of theirs.
    pub(super) fn compound_column(&mut self, next: usize, table: TableId, after: &Mention) {
        if self.names_rows_of(table, next, after) {
            return self.select_table(table);
        }
        let figures = !self.sketch.targets.is_empty()
            && self.sketch.targets.iter().all(|it| matches!(it, Target::Aggregate { .. }));
        if figures && self.narrowing && self.aggregates.is_empty() {
            // "The average fee on a campus": whose it is.
            self.narrowing = false;
            return;
        }
        let pick = self.pick(next, Some(table));
        self.target_column(pick);
    }

    /// Whether a column of a table follows at once, whose rows the words before it name.
    pub(super) fn names_rows_before(&self, table: TableId, next: usize) -> bool {
        let after = self.mention_at(next).filter(|_| !self.pieces[next].pause);
        let own = |(column, quality): &(usize, f64)| {
            *quality > 0.69 && self.schema.table_of(*column) == table
        };
        after.is_some_and(|after| {
            after.tables.is_empty() && after.metrics.is_empty() && after.columns.iter().any(own)
        })
    }

    /// Whether a noun after a table's name is what only its key is called, and so its rows.
    pub(in crate::relations::parse) fn names_rows_of(
        &self,
        table: TableId,
        next: usize,
        after: &Mention,
    ) -> bool {
        let best = after.column_quality();
        let key = self.schema.tables[table].key;
        let keyed = after.columns.iter().any(|(it, fit)| Some(*it) == key && *fit >= best - 0.01);
        let word = lemma(&self.words[self.pieces[next].tokens.end - 1].to_lowercase());
        keyed && best < 0.9 && !KEY_TAILS.contains(&word.as_str())
    }

    /// "The address lines" that are called line 1, line 2: each of them. Any other noun is one column.
    pub(super) fn family(&self, pick: &Pick) -> Vec<Pick> {
        let best = pick.candidates.iter().map(|(_, quality)| *quality).fold(0.0, f64::max);
        let called = |column: usize| {
            let node = &self.schema.columns[column];
            let (last, head) = node.words.split_last()?;
            let number = last.stem.bytes().all(|letter| letter.is_ascii_digit());
            let head: Vec<&str> = head.iter().map(|word| word.stem.as_str()).collect();
            number.then_some((node.table, head))
        };
        let fitting = pick.candidates.iter().filter(|(_, quality)| *quality >= best - 0.01);
        let owned =
            |column: &usize| pick.owner.is_none_or(|owner| self.schema.table_of(*column) == owner);
        let mut columns: Vec<usize> = fitting.map(|(column, _)| *column).filter(owned).collect();
        columns.sort_unstable();
        let word = self.words[pick.tokens.end - 1].to_lowercase();
        let family = columns.first().and_then(|first| called(*first));
        let same = family.is_some() && columns.iter().all(|column| called(*column) == family);
        if columns.len() < 2 || lemma(&word) == word || !same {
            return vec![pick.clone()];
        }
        let one = |column| Pick { candidates: vec![(column, best)], ..pick.clone() };
        columns.into_iter().map(one).collect()
    }

    /// "The amount of loans", where they have one column that is called so.
    pub(in crate::relations::parse) fn amount_of(
        &self,
        here: usize,
        mention: &Mention,
    ) -> Option<Pick> {
        let (table, _) = mention.best_table().filter(|_| Self::is_table(mention))?;
        self.says_amount(here).then_some(())?;
        let called = |column: &usize| {
            let node = &self.schema.columns[*column];
            node.column.data_type.is_number() && node.words.iter().any(|it| it.stem == "amount")
        };
        let mut columns = self.schema.tables[table].columns.clone().filter(called);
        let column = columns.next().filter(|_| columns.next().is_none())?;
        Some(Pick {
            candidates: vec![(column, 1.0)],
            owner: Some(table),
            near: None,
            tokens: self.tokens(here),
        })
    }

    fn says_amount(&self, here: usize) -> bool {
        let start = self.pieces[here].tokens.start;
        let said = self.words[start.saturating_sub(4)..start].join(" ").to_lowercase();
        said.trim_end_matches(" the").trim_end_matches(" all").ends_with("amount of")
    }

    /// "The total amount of airlines" is their number, where nothing of them adds up.
    pub(super) fn counts_amount(&mut self, here: usize, table: TableId) {
        let mut columns = self.schema.tables[table].columns.clone();
        let figures = columns.any(|column| {
            self.schema.columns[column].column.data_type.is_number() && !self.is_key(column)
        });
        if self.aggregates == [Aggregate::Sum] && !figures && self.says_amount(here) {
            self.aggregates.clear();
            self.counting = true;
        }
    }

    /// "The club with the most members", where clubs themselves tell their number of members, and no member
    /// names its club.
    pub(in crate::relations::parse) fn number_of(
        &self,
        at: usize,
        of: Option<TableId>,
    ) -> Option<Pick> {
        let owner = of?;
        let (counted, _) = self.mention_at(at).filter(|noun| Self::is_table(noun))?.best_table()?;
        let word = lemma(&self.words[self.pieces[at].tokens.end - 1].to_lowercase());
        let tells = |column: &usize| {
            let node = &self.schema.columns[*column];
            let words = name_words(&node.column.label);
            let mut rest = words.iter().filter(|it| **it != word && *it != "of");
            let number = matches!(rest.next().map(String::as_str), Some("number" | "count"));
            number
                && rest.next().is_none()
                && words.contains(&word)
                && node.column.data_type.is_number()
        };
        let named = counted == owner || self.schema.refers_to(counted, owner);
        let mut columns = self.schema.tables[owner].columns.clone().filter(tells);
        let column = columns.next().filter(|_| columns.next().is_none() && !named)?;
        let candidates = vec![(column, 1.0)];
        Some(Pick { candidates, owner: Some(owner), near: None, tokens: self.tokens(at) })
    }

    /// "Singers aged 43", "parcels weighing over 20": a bound, and no column of theirs to show.
    pub(super) fn says_bound(&self, at: usize) -> bool {
        let word = self.words[self.pieces[at].tokens.start].to_lowercase();
        (word == "aged" || measured_by(&word).is_some()) && self.bounds_next(at + 1)
    }

    /// "Employees who are managers": a reference tells no rows apart, and is not asked for.
    pub(super) fn says_what_they_are(&self, here: usize, pick: Option<&Pick>) -> bool {
        let start = self.pieces[here].tokens.start;
        let before = |back: usize, known: &[&str]| {
            let word = start.checked_sub(back).map(|at| self.words[at].to_lowercase());
            word.is_some_and(|word| known.contains(&word.as_str()))
        };
        let column = pick.and_then(|pick| pick.candidates.first());
        column.is_some_and(|(column, _)| self.schema.columns[*column].foreign)
            && before(1, &["are", "is"])
            && before(2, &["who", "that", "which"])
    }

    /// "Physician John Wen": whose name it is, and nothing to show.
    pub(super) fn says_which(&self, mention: &Mention, next: usize) -> bool {
        let Some(value) = self.mention_at(next).filter(|value| value.only_values()) else {
            return false;
        };
        let of = mention
            .columns
            .first()
            .map(|(column, _)| self.schema.table_of(self.schema.referenced(*column)));
        let referred =
            mention.columns.first().is_some_and(|(column, _)| self.schema.columns[*column].foreign);
        !self.pieces[next].pause
            && referred
            && of.is_some_and(|table| super::nouns::has_value(self, value, table))
    }

    /// "How many car models", "bank branches", "movie directors": the last noun is what is counted; the
    /// key of the first only repeats whose rows they are.
    pub(super) fn count_compound(&mut self, here: usize, mention: &Mention, after: &Mention) {
        let next = here + 1;
        let (table, _) = mention.tables[0];
        let node = &self.schema.tables[table];
        let best = after.column_quality();
        let of_own = |column: usize| self.schema.table_of(column) == table;
        let names_rows = after.columns.iter().any(|(column, quality)| {
            of_own(*column)
                && *quality >= best - 0.01
                && (node.key == Some(*column) || node.display == Some(*column))
        });
        let head = after.best_table().filter(|(_, quality)| *quality > 0.9 && *quality >= best);
        self.at = next + 1;
        if let Some((head, _)) = head.filter(|_| !names_rows) {
            if head != table && !self.schema.refers_to(head, table) {
                // Nothing of a branch is a bank's, where no branch says whose it is.
                self.misplaced(here);
            }
            return self.select_table(head);
        }
        if names_rows {
            return self.select_table(table);
        }
        let pick = self.pick(next, Some(table));
        self.target_column(pick);
    }
}
