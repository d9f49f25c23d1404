//! Pieces to a sketch: one walk from left to right through the parts of a question: what is asked
//! for, for each what, under which conditions, in what order.

mod ages;
mod conditions;
mod everything;
mod finish;
mod groups;
mod implied;
mod order;
mod select;

use std::ops::Range;

use pacioli_model::{Aggregate, Comparison, Direction};

use self::finish::usual_aggregate;
use super::{
    pieces::{Degree, Item, Mention, Piece},
    schema::{ColumnId, Schema, TableId},
    sketch::{Best, Clause, Measured, Noun, Pick, Sketch, Target, Test},
    vocabulary::{Key, key},
};

/// Which part of the question is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Zone {
    Select,
    Condition,
    Group,
    Order,
}

#[expect(clippy::struct_excessive_bools, reason = "each is what the words before say of the next")]
pub(super) struct Parser<'a> {
    pub(super) pieces: &'a [Piece],
    pub(super) schema: &'a Schema<'a>,
    pub(super) sketch: Sketch,
    pub(super) zone: Zone,
    pub(super) at: usize,
    /// Aggregates that wait for their column.
    pub(super) aggregates: Vec<Aggregate>,
    /// The aggregates that the last column took: "average age and weight".
    pub(super) taken: Vec<Aggregate>,
    pub(super) counting: bool,
    /// A preposition that narrows stands before.
    pub(super) narrowing: bool,
    /// A column that waits for what it is compared with.
    pub(super) column: Option<Pick>,
    pub(super) negated: bool,
    pub(super) alternative: bool,
    /// The table that conditions are about.
    pub(super) focus: Option<TableId>,
    /// `with`, `have`: what follows may belong to the row.
    pub(super) having: bool,
    /// A clause is open and takes more tests.
    pub(super) open: bool,
    /// The question's words as they were typed.
    pub(super) words: Vec<&'a str>,
    /// Pieces whose words were taken as they stand.
    pub(super) read: Vec<usize>,
    /// `in`, `from` stands before.
    pub(super) within: bool,
    /// A declared figure that waits for its bound.
    pub(super) metric: Option<usize>,
    /// Rows are counted beside other figures: where that is said, and before which of them.
    pub(super) rows_too: Option<(usize, usize)>,
    /// All columns are asked for.
    pub(super) everything: bool,
    /// "Information" was asked for: where, before how many other things, and of which rows.
    pub(super) detailed: Option<(usize, usize, Option<TableId>)>,
    /// A `not` has found what it denies.
    pub(super) denied: bool,
    /// Tests go to the aggregate that the last one compares with.
    pub(super) inside: bool,
    /// How many are shown of what is ranked later.
    pub(super) so_many: Option<u32>,
    /// Where the test begins that is read.
    pub(super) from: usize,
    /// The focus is where a value stands, and no table that is named.
    pub(super) by_value: bool,
    /// Which way all keys are sorted that follow: "in descending order of sales and profits".
    pub(super) towards: Option<Direction>,
    /// The question begins with a word that sorts.
    pub(super) sorts: bool,
}

/// Reads the pieces of one question.
pub(crate) fn parse(pieces: &[Piece], words: Vec<&str>, schema: &Schema<'_>) -> Sketch {
    run(Parser::new(pieces, words, schema))
}

/// Reads what goes on from a question about `entity`: only conditions, groups, order and rank.
pub(crate) fn parse_on(
    pieces: &[Piece],
    words: Vec<&str>,
    schema: &Schema<'_>,
    entity: TableId,
) -> Sketch {
    let mut parser = Parser::new(pieces, words, schema);
    parser.sketch.entity = Some(entity);
    parser.sketch.targets = vec![Target::Count { what: Noun::Table(entity), distinct: false }];
    parser.zone = Zone::Condition;
    run(parser)
}

fn run(mut parser: Parser<'_>) -> Sketch {
    let mut stays = 0;
    while parser.at < parser.pieces.len() {
        let here = parser.at;
        parser.step();
        stays = if parser.at > here { 0 } else { stays + 1 };
        // A piece that every part of the question hands to another has no place in any.
        if stays > 3 {
            parser.misplaced(here);
            parser.at = here + 1;
            stays = 0;
        }
    }
    parser.finish()
}

/// The tables that the question names, surest first in its order.
fn mentioned(pieces: &[Piece]) -> Vec<TableId> {
    let mut tables = Vec::new();
    for piece in pieces {
        let Item::Mention(mention) = &piece.item else { continue };
        let best = mention.table_quality();
        for (table, quality) in &mention.tables {
            if *quality >= best - 0.01 && !tables.contains(table) {
                tables.push(*table);
            }
        }
    }
    tables
}

impl<'a> Parser<'a> {
    fn new(pieces: &'a [Piece], words: Vec<&'a str>, schema: &'a Schema<'a>) -> Self {
        Self {
            pieces,
            schema,
            sketch: Sketch { mentioned: mentioned(pieces), ..Sketch::default() },
            zone: Zone::Select,
            at: 0,
            aggregates: Vec::new(),
            taken: Vec::new(),
            counting: false,
            narrowing: false,
            column: None,
            negated: false,
            alternative: false,
            focus: None,
            having: false,
            open: false,
            words,
            read: Vec::new(),
            metric: None,
            within: false,
            rows_too: None,
            everything: false,
            detailed: None,
            denied: false,
            inside: false,
            so_many: None,
            from: 0,
            by_value: false,
            towards: None,
            sorts: false,
        }
    }
}

impl Parser<'_> {
    fn step(&mut self) {
        match self.zone {
            Zone::Select => self.select(),
            Zone::Condition => self.condition(),
            Zone::Group => self.group(),
            Zone::Order => self.order(),
        }
    }

    pub(super) fn item(&self, at: usize) -> Option<&Item> {
        self.pieces.get(at).map(|piece| &piece.item)
    }

    pub(super) fn key_at(&self, at: usize) -> Option<Key> {
        match self.item(at) {
            Some(Item::Key(key)) => Some(*key),
            _ => None,
        }
    }

    /// The next place from `at` on that is more than a stop word.
    pub(super) fn solid(&self, mut at: usize) -> usize {
        while matches!(self.key_at(at), Some(Key::Stop)) {
            at += 1;
        }
        at
    }

    /// The same, verbs and prepositions passed too.
    pub(super) fn solid_noun(&self, mut at: usize) -> usize {
        while matches!(self.key_at(at), Some(Key::Stop | Key::Of | Key::Verb | Key::In)) {
            at += 1;
        }
        at
    }

    pub(super) fn mention_at(&self, at: usize) -> Option<&Mention> {
        match self.item(at) {
            Some(Item::Mention(mention)) => Some(mention),
            _ => None,
        }
    }

    pub(super) fn tokens(&self, at: usize) -> Range<usize> {
        self.pieces[at].tokens.clone()
    }

    pub(super) fn misplaced(&mut self, at: usize) {
        if let Some(piece) = self.pieces.get(at) {
            self.sketch.unplaced.push(piece.tokens.clone());
        }
    }

    pub(super) fn pick(&self, at: usize, owner: Option<TableId>) -> Option<Pick> {
        let mention = self.mention_at(at)?;
        if mention.columns.is_empty() {
            return None;
        }
        Some(Pick {
            candidates: mention.columns.clone(),
            owner,
            near: self.focus,
            tokens: self.tokens(at),
        })
    }

    /// Whether some column that is meant holds numbers or days.
    pub(super) fn measures(&self, mention: &Mention) -> bool {
        let best = mention.column_quality();
        mention.columns.iter().filter(|(_, quality)| *quality > best - 0.15).any(|(column, _)| {
            let data_type = self.schema.columns[*column].column.data_type;
            data_type.is_number() || data_type.is_time()
        })
    }

    /// Whether some column that is meant holds figures, and no key.
    pub(super) fn quantifies(&self, mention: &Mention) -> bool {
        let best = mention.column_quality();
        // "Orders" that best name their key are rows, whatever else is called nearly so.
        let keyed = mention.columns.first().is_some_and(|(column, _)| self.is_key(*column));
        let near = if keyed && mention.table_quality() > 0.6 { 0.03 } else { 0.15 };
        let close = mention.columns.iter().filter(|(_, quality)| *quality > best - near);
        close.into_iter().any(|(column, _)| self.is_figure(*column))
    }

    /// The rows that are counted where the words best name a day of theirs, or their name: enrolments
    /// are no days, and books no titles.
    pub(super) fn rows_told(&self, mention: &Mention) -> Option<TableId> {
        let (column, quality) = *mention.columns.first()?;
        let node = &self.schema.columns[column];
        let dated = node.column.data_type.is_time();
        let name = self.schema.tables[node.table].display == Some(column) && quality < 0.99;
        let table = mention.best_table().map_or(node.table, |(table, _)| table);
        (dated || name && table == node.table && !node.foreign).then_some(table)
    }

    /// Whether a column tells rows apart or names those of another table.
    pub(super) fn is_key(&self, column: ColumnId) -> bool {
        let node = &self.schema.columns[column];
        let mut words = node.words.iter();
        let year = words.any(|word| matches!(word.stem.as_str(), "year" | "month" | "day"));
        node.foreign
            || node.role == crate::role::Role::Identifier && !year
            || self.schema.tables[node.table].key == Some(column)
    }

    /// Whether a column holds numbers or days that say how much or when.
    fn is_figure(&self, column: ColumnId) -> bool {
        let data_type = self.schema.columns[column].column.data_type;
        (data_type.is_number() || data_type.is_time()) && !self.is_key(column)
    }

    /// The column to rank by: among what the words may mean, those that hold figures.
    pub(super) fn figure(&self, at: usize, owner: Option<TableId>) -> Option<Pick> {
        let mut pick = self.pick(at, owner)?;
        if pick.candidates.iter().any(|(column, _)| self.is_figure(*column)) {
            pick.candidates.retain(|(column, _)| self.is_figure(*column));
        }
        Some(pick)
    }

    /// A table is named, so that what follows is of its rows.
    pub(super) fn speak_of(&mut self, table: TableId) {
        self.focus = Some(table);
        self.by_value = false;
    }

    /// The table whose year is meant: of what is asked for, and not of where a value happens to stand.
    pub(super) fn dated_near(&self) -> Option<TableId> {
        // "Who has a cat born in 2001": of whatever the value is.
        let start = self.pieces[self.from].tokens.start;
        let born = self.words[start.saturating_sub(2)..start].contains(&"born");
        self.focus.filter(|_| !self.by_value || born)
    }

    /// Whether the mention is a table rather than a column.
    pub(super) fn is_table(mention: &Mention) -> bool {
        mention.table_quality() > 0.0 && mention.table_quality() + 0.051 > mention.column_quality()
    }

    /// The table of a mention, when only an owner of a column is wanted: "name of the stadium".
    pub(super) fn owner_after(&self, at: usize) -> Option<TableId> {
        let of = self.solid(at);
        if !matches!(self.key_at(of), Some(Key::Of)) {
            return None;
        }
        let mut next = self.solid(of + 1);
        while matches!(
            self.item(next),
            Some(
                Item::Key(Key::Distinct | Key::Each | Key::Most(_))
                    | Item::Adjective { .. }
                    | Item::Number(_)
            )
        ) || self.mention_at(next).is_some_and(Mention::only_values)
        {
            next = self.solid(next + 1);
        }
        let mention = self.mention_at(next)?;
        // "the name of the airport code": the column is what counts there.
        if self
            .mention_at(next + 1)
            .is_some_and(|after| !after.columns.is_empty() && !self.pieces[next + 1].pause)
            && mention.table_quality() < 0.9
        {
            return None;
        }
        (mention.table_quality() > 0.0 && mention.table_quality() >= mention.column_quality() - 0.2)
            .then(|| mention.best_table())
            .flatten()
            .map(|(table, _)| table)
    }

    pub(super) fn enter(&mut self, zone: Zone) {
        self.close_column();
        self.zone = zone;
        self.narrowing = false;
    }

    /// A condition that names a column and says nothing of it asks that it has a value.
    pub(super) fn close_column(&mut self) {
        let Some(pick) = self.column.take() else { return };
        let flag = pick
            .candidates
            .first()
            .is_some_and(|(column, _)| self.schema.affirms(*column).is_some());
        if self.is_tested(&pick) {
            return;
        }
        if let Some(direction) = self.named_extreme(&pick).filter(|_| !self.negated) {
            let (by, tokens) = (Measured::Column(pick.clone()), pick.tokens.clone());
            return self.rank(Best { direction, by, number: None, of: None, tokens }, self.from);
        }
        if let Some(table) = self.rows_of_name(&pick).filter(|_| self.having) {
            self.push(Test::Exists { table, tokens: pick.tokens });
        } else if self.having || flag && !self.is_said(&pick) {
            if self.is_shown_with(&pick) {
                let rows = self.sketch.entity.filter(|_| self.sketch.targets.is_empty());
                self.sketch.targets.extend(rows.map(Target::Entity));
                return self.sketch.targets.push(Target::Column(pick));
            }
            self.push(Test::Has { pick });
        } else if !self.is_said(&pick) {
            self.sketch.unplaced.push(pick.tokens);
        }
    }

    /// "Suppliers from Italy with lead time": where each row has one, it is shown, and none is left out.
    fn is_shown_with(&self, pick: &Pick) -> bool {
        let start = pick.tokens.start;
        let with =
            start.checked_sub(1).is_some_and(|at| self.words[at].eq_ignore_ascii_case("with"));
        let each = pick.candidates.first().is_some_and(|(column, _)| {
            let node = &self.schema.columns[*column];
            node.column.profile.nulls == 0
                && self.schema.affirms(*column).is_none()
                && self.sketch.entity == Some(node.table)
        });
        let listed = matches!(self.sketch.targets.as_slice(), [] | [Target::Entity(_)]);
        with && each && listed && !self.negated && self.sketch.groups.is_empty()
    }

    /// "Genres that have no title from 1990": the rows that a name stands for, where only a column of theirs
    /// is asked for.
    fn rows_of_name(&self, pick: &Pick) -> Option<TableId> {
        let (column, _) = *pick.candidates.first()?;
        let table = self.schema.table_of(column);
        let named = self.schema.tables[table].display == Some(column) && !self.is_said(pick);
        let asked = self.sketch.entity.is_none_or(|entity| entity == table)
            && self.asks_for_columns()
            && self.asked_column_is_of(table);
        (named && asked).then_some(table)
    }

    /// "The room with the maximum occupancy", where a column of numbers itself is called so.
    fn named_extreme(&self, pick: &Pick) -> Option<Direction> {
        let (column, _) = pick.candidates.first()?;
        let word = self.words[pick.tokens.start].to_lowercase();
        let number = self.schema.columns[*column].column.data_type.is_number();
        match key(&word).filter(|_| number && self.having)? {
            Key::Most(direction) => Some(direction),
            Key::Aggregate(Aggregate::Max) => Some(Direction::Descending),
            Key::Aggregate(Aggregate::Min) => Some(Direction::Ascending),
            _ => None,
        }
    }

    /// "the count of schools with that denomination": it only repeats what is asked for.
    fn is_said(&self, pick: &Pick) -> bool {
        let best = pick.candidates.first().map(|(column, _)| *column);
        let same = |known: &Pick| known.candidates.first().map(|(column, _)| *column) == best;
        let grouped = |noun: &Noun| matches!(noun, Noun::Column(known) if same(known));
        let asked = |target: &Target| matches!(target, Target::Column(known) if same(known));
        self.sketch.groups.iter().any(grouped) || self.sketch.targets.iter().any(asked)
    }

    /// "The fall term": what the value just before is of says no more.
    fn is_tested(&self, pick: &Pick) -> bool {
        let Some(Test::Values { values, tokens, .. }) =
            self.sketch.clauses.last().and_then(|clause| clause.tests.last())
        else {
            return false;
        };
        let best = pick.candidates.first().map(|(column, _)| *column);
        tokens.end == pick.tokens.start
            && values.iter().flatten().any(|(value, _)| Some(value.column) == best)
    }

    /// Adds a test to the open clause, or opens one.
    pub(super) fn push(&mut self, mut test: Test) {
        if let Test::Count { of, .. } = &mut test {
            *of = of.or(self.noun_before(self.from));
        }
        self.denied |= self.negated;
        if self.inside && !self.negated && !self.alternative {
            let last = self.sketch.clauses.last_mut().and_then(|clause| clause.tests.last_mut());
            if let Some(Test::Compare {
                side: super::sketch::Side::Aggregate(_, _, tests), ..
            }) = last
            {
                if !matches!(test, Test::Exists { .. }) {
                    tests.push(test);
                }
                return;
            }
        }
        let continues = self.open
            && !self.alternative
            && self.sketch.clauses.last().is_some_and(|clause| clause.negated == self.negated);
        if continues {
            if let Some(clause) = self.sketch.clauses.last_mut() {
                clause.tests.push(test);
            }
        } else {
            let alternative =
                std::mem::take(&mut self.alternative) && !self.sketch.clauses.is_empty();
            self.sketch.clauses.push(Clause {
                negated: self.negated,
                alternative,
                tests: vec![test],
            });
            self.open = true;
        }
    }
}

/// Which comparison an adjective makes: older than 20 is more years.
pub(super) fn compared(direction: Direction) -> Comparison {
    match direction {
        Direction::Descending => Comparison::Greater,
        Direction::Ascending => Comparison::Less,
    }
}

/// Whether an adjective ranks.
pub(super) fn ranks(item: Option<&Item>) -> bool {
    matches!(
        item,
        Some(
            Item::Adjective { degree: Degree::Most, .. } | Item::Key(Key::Most(_) | Key::Common(_))
        )
    )
}
