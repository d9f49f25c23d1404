//! What is settled once all pieces are read.

use pacioli_model::Aggregate;

use super::Parser;
use crate::relations::{
    lexicon::KnownValue,
    pieces::Item,
    schema::Schema,
    sketch::{Clause, Measured, Noun, Pick, Sketch, Target, Test},
    vocabulary::Key,
};

/// Words of columns that say where something is, surest first.
const PLACES: &[&str] = &[
    "location",
    "place",
    "city",
    "hometown",
    "address",
    "country",
    "venue",
    "district",
    "state",
    "region",
    "nationality",
];

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
        self.when_or_where();
        self.rows_of_conditions();
        let nothing = self.sketch.targets.is_empty();
        if let (true, None, [Noun::Table(table)]) =
            (nothing && self.everything, self.sketch.entity, self.sketch.groups.as_slice())
        {
            // "All information about each student"
            self.sketch.entity = Some(*table);
        }
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
        if self.so_many.is_some() {
            let number = self.pieces.iter().find(|piece| matches!(piece.item, Item::Number(_)));
            self.sketch.unplaced.extend(number.map(|piece| piece.tokens.clone()));
        }
        self.values_over_presence();
        self.columns_of_each();
        self.values_side_by_side();
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

    /// "Where is the club?", "when did it start?": the column that says so, or nothing does.
    fn when_or_where(&mut self) {
        let first = self.words.first().map(|word| word.to_lowercase()).unwrap_or_default();
        let days = first == "when";
        let asks = days || first == "where";
        let open = self.sketch.targets.iter().all(|target| matches!(target, Target::Entity(_)));
        let answered = self.sketch.targets.iter().any(|target| {
            let Target::Column(pick) = target else { return false };
            pick.candidates.first().is_some_and(|(column, _)| self.tells(*column, days))
        });
        let lost = asks && !open && !answered && self.sketch.groups.is_empty();
        if lost && self.asks_with_verb() {
            // "Where does she live, and what is her phone number?"
            return self.misplaced(0);
        }
        if !(asks && open && self.sketch.groups.is_empty()) {
            return;
        }
        let Some(entity) = self.sketch.entity.or(self.focus) else { return };
        let candidates: Vec<(usize, f64)> = self.schema.tables[entity]
            .columns
            .clone()
            .filter_map(|column| {
                let node = &self.schema.columns[column];
                let said = |word: &&str| node.words.iter().any(|known| known.stem == **word);
                let fit = if days {
                    let dated = node.column.data_type.is_time() || said(&"date") || said(&"year");
                    dated.then_some(1.0)
                } else {
                    PLACES
                        .iter()
                        .zip(0_u8..)
                        .find(|(word, _)| said(word))
                        .map(|(_, rank)| 1.0 - f64::from(rank) * 0.05)
                };
                Some((column, fit?))
            })
            .collect();
        if candidates.is_empty() {
            return self.misplaced(0);
        }
        // Where figures are declared, "when" is of what happened, and not of what the words name.
        if days && !self.schema.catalog.semantics.metrics.is_empty() {
            return;
        }
        self.sketch.entity = Some(entity);
        let tokens = self.tokens(0);
        let pick = Pick { candidates, owner: Some(entity), near: None, tokens };
        self.sketch.targets = vec![Target::Column(pick)];
    }

    /// Whether a column says when, or where, something is.
    fn tells(&self, column: usize, days: bool) -> bool {
        let node = &self.schema.columns[column];
        let said = |word: &str| node.words.iter().any(|known| known.stem == word);
        if days {
            node.column.data_type.is_time() || said("date") || said("year")
        } else {
            PLACES.iter().any(|word| said(word))
        }
    }

    /// "Where is", "when did": the word asks, and begins no condition.
    fn asks_with_verb(&self) -> bool {
        let second = self.words.get(1).map(|word| word.to_lowercase()).unwrap_or_default();
        matches!(second.as_str(), "is" | "are" | "was" | "were" | "do" | "does" | "did")
    }

    /// That a column has a value is said already where it is tested what value that is.
    fn values_over_presence(&mut self) {
        let tested: Vec<usize> = self
            .sketch
            .clauses
            .iter()
            .flat_map(|clause| &clause.tests)
            .filter_map(|test| match test {
                Test::Values { values, column: Some(pick), .. } => {
                    let (column, _) = *pick.candidates.first()?;
                    let of = |(value, _): &(KnownValue, f64)| value.column == column;
                    values.iter().flatten().any(of).then_some(column)
                }
                Test::Compare { pick, .. } => pick.candidates.first().map(|(column, _)| *column),
                _ => None,
            })
            .collect();
        for clause in &mut self.sketch.clauses {
            clause.tests.retain(|test| {
                !matches!(test, Test::Has { pick } if pick.candidates.first().is_some_and(|(column, _)| tested.contains(column)))
            });
        }
        self.sketch.clauses.retain(|clause| !clause.tests.is_empty());
    }

    /// "Each student's first name": what belongs to each is what is asked for.
    fn columns_of_each(&mut self) {
        let column = |noun: &Noun| match noun {
            Noun::Column(pick) if pick.owner.is_some() => Some(pick.clone()),
            _ => None,
        };
        let columns: Option<Vec<Pick>> = self.sketch.groups.iter().map(column).collect();
        let alone = self.sketch.targets.is_empty() && self.sketch.entity.is_none();
        if let Some(columns) = columns.filter(|columns| alone && !columns.is_empty()) {
            self.sketch.entity = columns.first().and_then(|pick| pick.owner);
            self.sketch.targets = columns.into_iter().map(Target::Column).collect();
            self.sketch.groups.clear();
        }
    }

    /// "The budgets of Marketing and Finance": no row is both, so either counts. Where rows that belong
    /// to what is asked for have the values, each may have one of them.
    fn values_side_by_side(&mut self) {
        let column = |test: &Test| match test {
            Test::Values { values, .. } => Some(values.first()?.first()?.0.column),
            _ => None,
        };
        if self.sketch.both {
            return;
        }
        let asked = self.sketch.targets.first().and_then(|target| match target {
            Target::Column(pick) | Target::Aggregate { of: pick, .. } => pick.candidates.first(),
            _ => None,
        });
        let asked = asked.map(|(column, _)| self.schema.table_of(*column));
        let entity = self.sketch.entity.or(asked);
        let one_each = |column: usize| {
            let table = self.schema.table_of(column);
            entity.is_some_and(|entity| self.schema.reaches_one(entity, table))
        };
        let names = |pick: &Pick| {
            pick.candidates.first().is_some_and(|(column, _)| {
                let node = &self.schema.tables[self.schema.table_of(*column)];
                node.key == Some(*column) || node.display == Some(*column)
            })
        };
        let rows = self.sketch.targets.iter().any(|target| match target {
            Target::Column(pick) => names(pick),
            Target::Entity(_) | Target::Everything(_) => true,
            _ => false,
        });
        let figures = self.sketch.targets.iter().all(|target| {
            matches!(target, Target::Count { .. } | Target::Aggregate { .. } | Target::Metric(_))
        });
        // "Marketing and Finance", which are values of the same columns, whichever is meant.
        let shared = |one: &Test, other: &Test| match (one, other) {
            (Test::Values { values: one, .. }, Test::Values { values: other, .. }) => {
                let of = |values: &[Vec<(KnownValue, f64)>], column: usize| {
                    values.iter().all(|one| one.iter().any(|(value, _)| value.column == column))
                };
                one.iter().flatten().any(|(value, _)| {
                    of(one, value.column) && of(other, value.column) && one_each(value.column)
                })
            }
            _ => false,
        };
        let mut clauses: Vec<Clause> = Vec::new();
        for clause in std::mem::take(&mut self.sketch.clauses) {
            let mut kept = Clause { tests: Vec::new(), ..clause.clone() };
            let mut apart = Vec::new();
            for test in clause.tests {
                let ends = self.apart_by_ends(&kept.tests, &test);
                let known = kept.tests.iter_mut().find(|known| {
                    column(&test).is_some() && column(known) == column(&test)
                        || shared(known, &test)
                });
                let alike = known.as_ref().is_some_and(|known| shared(known, &test));
                match (known, test) {
                    (Some(Test::Values { values, .. }), Test::Values { values: more, .. })
                        if !kept.negated && !ends && alike && (rows || figures) =>
                    {
                        values.extend(more);
                    }
                    (Some(_), test) if !kept.negated && !kept.alternative => {
                        apart.push(Clause { tests: vec![test], ..Clause::default() });
                    }
                    (_, test) => kept.tests.push(test),
                }
            }
            let alone = matches!(kept.tests.as_slice(), [Test::Values { .. }])
                && !kept.negated
                && !kept.alternative
                && (rows || figures);
            let told = clauses.iter().flat_map(|known| &known.tests).cloned().collect::<Vec<_>>();
            let ends = kept.tests.first().is_some_and(|test| self.apart_by_ends(&told, test));
            let alone = alone && !ends;
            let earlier = clauses.iter_mut().filter(|known| !known.negated && !known.alternative);
            let same = earlier
                .flat_map(|known| &mut known.tests)
                .find(|known| alone && shared(known, &kept.tests[0]));
            match (same, kept.tests.first_mut()) {
                (Some(Test::Values { values, .. }), Some(Test::Values { values: more, .. })) => {
                    values.append(more);
                }
                _ => clauses.push(kept),
            }
            clauses.extend(apart);
        }
        self.sketch.clauses = clauses;
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
            let count = Target::Count { what: Noun::Table(entity), distinct: false };
            // "How many are male and how many are female": each by itself.
            self.sketch.versus |= self.sketch.targets.contains(&count);
            self.sketch.targets.push(count);
            return;
        }
        let ranked = self.sketch.best.as_ref().map(|best| best.by.clone());
        if let (Some(Measured::Count(Some(what))), true) =
            (ranked, self.counting && self.aggregates.is_empty())
        {
            // "The genre with the most books and how many there are"
            self.sketch.targets.push(Target::Count { what, distinct: false });
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
