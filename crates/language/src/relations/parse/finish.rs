//! What is settled once all pieces are read.

use pacioli_model::Aggregate;

use super::Parser;
use crate::relations::{
    lexicon::KnownValue,
    pieces::Item,
    schema::Schema,
    sketch::{Noun, Pick, Sketch, Target, Test},
    vocabulary::Key,
};

impl Parser<'_> {
    pub(super) fn finish(mut self) -> Sketch {
        self.close_column();
        let declared = self.sketch.targets.iter().any(|target| matches!(target, Target::Metric(_)));
        let summed = self.aggregates.iter().all(|aggregate| *aggregate == Aggregate::Sum);
        if self.counting || !(self.aggregates.is_empty() || declared && summed) {
            self.waiting();
        }
        if let Some(metric) = self.metric.take() {
            self.sketch.targets.push(Target::Metric(metric));
        }
        self.figures_of_groups();
        self.kinds_side_by_side();
        if declared {
            self.either_value();
        }
        self.rows_since();
        let nothing = self.sketch.targets.is_empty();
        if self.everything
            && nothing
            && let Some(entity) = self.sketch.entity
        {
            self.sketch.targets.push(Target::Everything(entity));
        }
        let nothing = self.sketch.targets.is_empty();
        if let Some(entity) = self.sketch.entity.filter(|_| nothing) {
            self.sketch.targets.push(Target::Entity(entity));
        }
        if self.negated && !self.denied {
            let not = self.pieces.iter().find(|piece| piece.item == Item::Key(Key::Not));
            self.sketch.unplaced.extend(not.map(|piece| piece.tokens.clone()));
        }
        for (_, piece) in self.pieces.iter().enumerate().filter(|(at, _)| !self.read.contains(at)) {
            if matches!(piece.item, Item::Unknown | Item::Key(Key::Beyond))
                && !self.sketch.unplaced.contains(&piece.tokens)
            {
                self.sketch.unplaced.push(piece.tokens.clone());
            }
        }
        self.sketch.unplaced.sort_by_key(|tokens| tokens.start);
        self.sketch.settled()
    }

    /// "The average age of male and female students": of either, each by itself, for none is both.
    fn kinds_side_by_side(&mut self) {
        let figure = |target: &Target| {
            matches!(target, Target::Count { what: Noun::Table(_), .. } | Target::Aggregate { .. })
        };
        let alone =
            self.sketch.groups.is_empty() && !self.sketch.both && self.sketch.best.is_none();
        let figures = !self.sketch.targets.is_empty() && self.sketch.targets.iter().all(figure);
        let [one, other] = self.sketch.clauses.as_slice() else { return };
        let ([Test::Values { values, .. }], [Test::Values { values: more, .. }]) =
            (one.tests.as_slice(), other.tests.as_slice())
        else {
            return;
        };
        let column = |values: &[Vec<(KnownValue, f64)>]| {
            values.first().and_then(|one| one.first()).map(|(value, _)| value.column)
        };
        let (Some(column), true) = (column(values), column(values) == column(more)) else { return };
        let own = self.sketch.entity == Some(self.schema.table_of(column));
        let plain = !one.negated && !other.negated && !other.alternative;
        if !(alone && figures && own && plain) {
            return;
        }
        let more = more.clone();
        self.sketch.clauses.truncate(1);
        if let Some(Test::Values { values, tokens, .. }) = self.sketch.clauses[0].tests.first_mut()
        {
            values.extend(more);
            self.sketch.groups.push(Noun::Column(Pick {
                candidates: vec![(column, 1.0)],
                owner: None,
                near: None,
                tokens: tokens.clone(),
            }));
        }
    }

    /// "Clients since before 2020": a date that begins the question and is bound tells which rows are
    /// asked for, and is not asked for itself.
    fn rows_since(&mut self) {
        let [Target::Column(pick)] = self.sketch.targets.as_slice() else { return };
        let Some((column, _)) = pick.candidates.first() else { return };
        let node = &self.schema.columns[*column];
        let bound = self.sketch.clauses.iter().flat_map(|clause| &clause.tests).any(|test| {
            matches!(test, Test::Year { .. } | Test::Days { .. } | Test::Compare { .. })
        });
        let begins = pick.tokens.start == 0 && pick.tokens.len() > 1;
        if begins && bound && node.column.data_type.is_time() && self.sketch.best.is_none() {
            let table = node.table;
            self.sketch.entity = Some(table);
            self.sketch.targets = vec![Target::Entity(table)];
        }
    }

    /// "Revenue in Germany and in France": rows of either, for none is in both.
    fn either_value(&mut self) {
        let column = |test: &Test| match test {
            Test::Values { values, .. } => Some(values.first()?.first()?.0.column),
            _ => None,
        };
        let mut known: Vec<(usize, usize)> = Vec::new();
        for at in 0..self.sketch.clauses.len() {
            if self.sketch.clauses[at].negated || self.sketch.clauses[at].alternative {
                continue;
            }
            for test in std::mem::take(&mut self.sketch.clauses[at].tests) {
                let same = known.iter().copied().find(|(clause, place)| {
                    column(&test).is_some()
                        && column(&self.sketch.clauses[*clause].tests[*place]) == column(&test)
                });
                if let (Some((clause, place)), Test::Values { values: more, .. }) = (same, &test) {
                    if let Test::Values { values, .. } =
                        &mut self.sketch.clauses[clause].tests[place]
                    {
                        values.extend(more.iter().cloned());
                    }
                    continue;
                }
                if column(&test).is_some() {
                    known.push((at, self.sketch.clauses[at].tests.len()));
                }
                self.sketch.clauses[at].tests.push(test);
            }
        }
        self.sketch.clauses.retain(|clause| !clause.tests.is_empty());
    }

    /// "revenue by month" is the sum of it; "orders by country" is how many.
    fn figures_of_groups(&mut self) {
        let periods = self.sketch.groups.iter().any(|group| matches!(group, Noun::Period(_)));
        let per = !self.sketch.groups.is_empty() && self.words.contains(&"per");
        if !(periods || per || self.bare_figure() || self.sketch.by || self.sketch.change.is_some())
        {
            return;
        }
        for target in &mut self.sketch.targets {
            if let Target::Column(pick) = target
                && let Some(aggregate) = usual_aggregate(pick, self.schema)
            {
                *target = Target::Aggregate { aggregate, of: pick.clone() };
            }
        }
        let only_rows =
            self.sketch.targets.iter().all(|target| matches!(target, Target::Entity(_)));
        if let Some(entity) = self.sketch.entity.filter(|_| only_rows) {
            self.sketch.targets =
                vec![Target::Count { what: Noun::Table(entity), distinct: false }];
        }
    }

    /// "Net amount in Berlin last month": a figure and days, and no word that asks for rows.
    fn bare_figure(&self) -> bool {
        let named = matches!(self.item(0), Some(Item::Mention(_)));
        let mut tests = self.sketch.clauses.iter().flat_map(|clause| &clause.tests);
        let dated = tests.any(|test| matches!(test, Test::Days { .. } | Test::Year { .. }));
        let alone = matches!(self.sketch.targets.as_slice(), [Target::Column(pick)]
            if usual_aggregate(pick, self.schema) == Some(Aggregate::Sum));
        named && dated && alone
    }

    /// A count or an aggregate at the end of the question is of what it is about.
    fn waiting(&mut self) {
        if let Some(entity) =
            self.sketch.entity.filter(|_| self.counting && self.aggregates.is_empty())
        {
            self.sketch.targets.push(Target::Count { what: Noun::Table(entity), distinct: false });
            return;
        }
        let unread = self
            .pieces
            .iter()
            .find(|piece| matches!(piece.item, Item::Key(Key::HowMany | Key::Aggregate(_))));
        self.sketch.unplaced.extend(unread.map(|piece| piece.tokens.clone()));
    }
}

/// How figures of a column become one: amounts add up, rates are averaged.
pub(super) fn usual_aggregate(pick: &Pick, schema: &Schema<'_>) -> Option<Aggregate> {
    let (column, _) = pick.candidates.first()?;
    let role = schema.columns[*column].role;
    if role.adds_up() {
        Some(Aggregate::Sum)
    } else {
        role.measures().then_some(Aggregate::Average)
    }
}
