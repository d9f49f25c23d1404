//! What is settled once all pieces are read.

mod sides;

use pacioli_model::Aggregate;

use super::Parser;
use crate::relations::{
    lexicon::KnownValue,
    pieces::{Item, Mention},
    schema::Schema,
    sketch::{Best, Measured, Noun, Pick, Sketch, Target, Test},
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
        self.count_rows_too();
        self.extreme_of_each();
        self.figures_of_groups();
        self.kinds_side_by_side();
        if declared {
            self.either_value();
        }
        self.rows_since();
        self.when_or_where();
        self.rows_of_conditions();
        self.details_or_everything();
        let rows = self.sketch.entity.map(Target::Entity);
        if self.everything && self.sketch.targets.iter().all(|it| Some(it) == rows.as_ref()) {
            self.sketch.targets.clear();
        }
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
        self.who_is_asked();
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

    /// "The number and average age of the members"
    fn count_rows_too(&mut self) {
        let Some((here, place)) = self.rows_too else { return };
        match self.sketch.entity.filter(|it| !self.sketch.groups.contains(&Noun::Table(*it))) {
            Some(table) => {
                let count = Target::Count { what: Noun::Table(table), distinct: false };
                self.sketch.targets.insert(place.min(self.sketch.targets.len()), count);
            }
            None => self.misplaced(here),
        }
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

    /// "Who wrote the book": whoever did it is asked for, and not what it was done to.
    fn who_is_asked(&mut self) {
        let who = self.words.first().is_some_and(|word| word.eq_ignore_ascii_case("who"));
        let object = self.mention_at(self.solid(2)).and_then(Mention::best_table);
        let rows = object.map(|(table, _)| Target::Entity(table));
        let done = who && self.key_at(1) == Some(Key::Verb) && self.sketch.best.is_none();
        if done && rows.is_some() && self.sketch.targets.as_slice() == rows.as_slice() {
            self.misplaced(0);
        }
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

    /// "Countries and the highest score of each country": the figure of each, and no rank of countries.
    fn extreme_of_each(&mut self) {
        let first = |pick: &Pick| pick.candidates.first().map(|(column, _)| *column);
        let [Noun::Column(group)] = self.sketch.groups.as_slice() else { return };
        let shown =
            self.sketch.targets.iter().any(
                |target| matches!(target, Target::Column(pick) if first(pick) == first(group)),
            );
        let plain = |best: &mut Best| {
            shown && best.number.is_none() && matches!(best.by, Measured::Column(_))
        };
        if let Some(Best { direction, by: Measured::Column(of), .. }) =
            self.sketch.best.take_if(plain)
        {
            let aggregate = super::select::extreme(direction);
            self.sketch.targets.push(Target::Aggregate { aggregate, of });
        }
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
        let adds_up = |target: &Target| {
            matches!(target, Target::Column(pick)
                if usual_aggregate(pick, self.schema) == Some(Aggregate::Sum))
        };
        let targets = &self.sketch.targets;
        named && dated && !targets.is_empty() && targets.iter().all(adds_up)
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
        // "How old are the students on average"
        if let ([Target::Column(of)], [aggregate], false) =
            (self.sketch.targets.as_slice(), self.aggregates.as_slice(), self.counting)
            && *aggregate == Aggregate::Average
        {
            self.sketch.targets = vec![Target::Aggregate { aggregate: *aggregate, of: of.clone() }];
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
    if schema.columns[*column].foreign {
        // A reference says which row, and not how much.
        None
    } else if role.adds_up() {
        Some(Aggregate::Sum)
    } else {
        role.measures().then_some(Aggregate::Average)
    }
}
