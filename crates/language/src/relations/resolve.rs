//! Nouns to columns, and columns to the ways that lead there.

mod ways;

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
    ops::Range,
};

use super::{
    lexicon::KnownValue,
    schema::{ColumnId, Schema, TableId},
    sketch::{Measured, Noun, Pick, Sketch, Target, Test},
    thesaurus::{end_of, in_full, lemma, same},
};
use crate::{judge::NOT_TOGETHER, role::HeaderWord, token::Token};

/// More candidates than this are not compared one by one.
const MANY: usize = 60;

/// A column that scores less than the best by this could be meant just as well.
pub(crate) const CLOSE: f64 = 0.06;

/// A name that fits worse by this than another is not meant beside it.
const WEAK: f64 = 0.4;

/// Why a sketch cannot be fitted to the catalog.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Misfit {
    pub(crate) tokens: Range<usize>,
    pub(crate) reason: String,
    /// How many ways there were where there was no telling which.
    pub(crate) ways: usize,
    /// What tells them apart.
    pub(crate) labels: Vec<String>,
}

impl Misfit {
    pub(crate) fn new(tokens: Range<usize>, reason: &str) -> Self {
        Self { tokens, reason: reason.to_owned(), ways: 0, labels: Vec::new() }
    }

    /// The same, of some words where none were named yet.
    pub(crate) fn of(self, tokens: &Range<usize>) -> Self {
        if self.tokens.is_empty() { Self { tokens: tokens.clone(), ..self } } else { self }
    }
}

pub(crate) struct Resolver<'a> {
    pub(crate) schema: &'a Schema<'a>,
    pub(crate) tokens: &'a [Token],
    pub(crate) mentioned: &'a [TableId],
    pub(crate) entity: TableId,
    /// The table that counts are grouped by, where it is not the entity.
    pub(crate) grouped: Option<TableId>,
    /// Which of several equally good ways to take.
    pub(crate) way: Option<usize>,
    /// The words, by their first, for which the second best column is taken.
    pub(crate) instead: Option<usize>,
    /// The one column that is asked for: its values are not what tells the rows apart.
    pub(crate) asked: Option<ColumnId>,
    /// By how much the second best column was worse, for each words by their first.
    pub(crate) margins: RefCell<BTreeMap<usize, f64>>,
    /// Distances from the tables that were asked about before.
    pub(crate) distances: RefCell<HashMap<TableId, Vec<Option<usize>>>>,
}

/// What the question is about where no table is named: the table that most of its columns are of.
pub(crate) fn entity_of(sketch: &Sketch, schema: &Schema<'_>) -> Option<TableId> {
    if sketch.entity.is_some() {
        return sketch.entity;
    }
    let mut scores = vec![0.0; schema.tables.len()];
    let mut add = |pick: &Pick, weight: f64| {
        if let Some(owner) = pick.owner {
            scores[owner] += weight;
        }
        let mut best = std::collections::BTreeMap::new();
        for (column, quality) in &pick.candidates {
            let known = best.entry(schema.table_of(*column)).or_insert(0.0_f64);
            *known = known.max(*quality - if schema.columns[*column].foreign { 0.04 } else { 0.0 });
        }
        for (table, quality) in best {
            scores[table] += quality * weight;
        }
    };
    for target in &sketch.targets {
        match target {
            Target::Column(pick)
            | Target::Aggregate { of: pick, .. }
            | Target::Count { what: Noun::Column(pick), .. } => add(pick, 1.0),
            Target::Metric(_) | Target::Count { what: Noun::Period(_), .. } => {}
            Target::Entity(table)
            | Target::Everything(table)
            | Target::Count { what: Noun::Table(table), .. } => return Some(*table),
        }
    }
    for group in &sketch.groups {
        if let Noun::Column(pick) = group {
            add(pick, 0.7);
        }
    }
    let ranked = sketch.best.as_ref().map(|best| &best.by);
    if let Some(Measured::Column(pick)) = ranked.filter(|_| sketch.targets.is_empty()) {
        add(pick, 0.7);
    }
    for table in &sketch.mentioned {
        scores[*table] += 0.3;
    }
    tell_by_tests(sketch, schema, &mut scores);
    // A declared figure is about its own rows, whatever it is shown by.
    let declared = sketch.targets.iter().find_map(|target| match target {
        Target::Metric(metric) => schema.metric_table(*metric),
        _ => None,
    });
    let ranked = match ranked {
        Some(Measured::Metric(metric)) => schema.metric_table(*metric),
        _ => None,
    };
    if let Some(table) = declared.or(ranked) {
        scores[table] += 1.0;
    }
    let best = scores.iter().copied().fold(0.0, f64::max);
    if best <= 0.0 {
        return sketch.targets.iter().find_map(|target| match target {
            Target::Metric(metric) => schema.metric_table(*metric),
            _ => None,
        });
    }
    (best > 0.0).then(|| scores.iter().position(|score| (*score - best).abs() < 1e-9)).flatten()
}

/// "The phone number of Ada Lind" is that of the table where she stands; "numbers of pupils without
/// lessons" are not those of lessons.
fn tell_by_tests(sketch: &Sketch, schema: &Schema<'_>, scores: &mut [f64]) {
    for clause in &sketch.clauses {
        for test in &clause.tests {
            match test {
                Test::Exists { table, .. } if clause.negated => scores[*table] -= 0.5,
                Test::Values { values, column: None, .. } if !clause.negated => {
                    let known = values.first().into_iter().flatten();
                    let mut tables: Vec<TableId> = known
                        .filter(|(_, quality)| *quality > 0.9)
                        .map(|(value, _)| schema.table_of(value.column))
                        .collect();
                    tables.dedup();
                    if let [only] = tables.as_slice()
                        && scores[*only] > 0.0
                    {
                        scores[*only] += 0.2;
                    }
                }
                _ => {}
            }
        }
    }
}

impl Resolver<'_> {
    fn distance(&self, from: TableId, to: TableId) -> Option<usize> {
        let mut known = self.distances.borrow_mut();
        known.entry(from).or_insert_with(|| self.schema.distances(from))[to]
    }

    /// How close a table is to what the question is about.
    fn closeness(&self, table: TableId) -> f64 {
        let distance = self.distance(self.entity, table);
        let near = match distance {
            Some(0) => 0.25,
            Some(1) => 0.1,
            Some(2) => 0.04,
            Some(3) => 0.0,
            Some(_) => -0.1,
            None => -1.0,
        };
        let named = if self.mentioned.contains(&table) { 0.14 } else { 0.0 };
        let grouped = if self.grouped == Some(table) { 0.16 } else { 0.0 };
        near + named + grouped
    }

    /// A reference is rarely what is meant by a word, least of all where its table is named too.
    fn foreign(&self, column: ColumnId) -> f64 {
        let to = self.schema.table_of(self.schema.referenced(column));
        if to != self.schema.table_of(column) && self.mentioned.contains(&to) {
            -0.25
        } else {
            -0.03
        }
    }

    pub(crate) fn choose(&self, pick: &Pick) -> Result<ColumnId, Misfit> {
        let (near_words, all_words) = self.words_around(&pick.tokens);
        let score = |(column, quality): &(ColumnId, f64)| {
            let node = &self.schema.columns[*column];
            // "the rank points of the winner": what the name says beyond the words themselves.
            let says = |words: &[String]| node.words.iter().any(|word| words.contains(&word.stem));
            let spoken = if pick.candidates.len() == 1 {
                0.0
            } else if says(&near_words) {
                0.08
            } else if says(&all_words) {
                0.04
            } else {
                0.0
            };
            let own = match pick.owner {
                Some(owner) if owner == node.table => 0.5,
                Some(owner) => match self.distance(owner, node.table) {
                    Some(1) if node.foreign => 0.05,
                    Some(1) => 0.15,
                    Some(_) => 0.0,
                    None => -0.5,
                },
                None => 0.0,
            };
            let foreign = if node.foreign { self.foreign(*column) } else { 0.0 };
            let between = if *quality > 0.94 && node.role.measures() {
                self.between(pick.owner, node.table)
            } else {
                0.0
            };
            let near = match pick.near.filter(|_| pick.owner.is_none()) {
                Some(near) if near == node.table => 0.25,
                // The words just before speak of another table than the question as a whole.
                Some(near) if node.table == self.entity && near != self.entity => -0.2,
                _ => 0.0,
            };
            quality + between + near + own + spoken + self.closeness(node.table) + foreign
        };
        // A key that is only nearly called so is not meant where something close by is called so itself.
        let exact = pick.candidates.iter().find(|(column, quality)| {
            let distance = self.distance(self.entity, self.schema.table_of(*column));
            *quality > 0.94 && distance.is_some_and(|steps| steps <= 2)
        });
        let least = exact.map_or(0.0, |(_, quality)| quality - WEAK);
        let meant = pick.candidates.iter().filter(|(column, quality)| {
            let table = self.schema.table_of(*column);
            *quality > least
                || pick.owner == Some(table)
                || self.schema.tables[table].key != Some(*column)
        });
        let mut scored: Vec<(f64, ColumnId)> =
            meant.map(|candidate| (score(candidate), candidate.0)).collect();
        scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        match scored.as_slice() {
            [(score, best), others @ ..] if *score > 0.3 => {
                let same = |column: ColumnId| {
                    self.schema.referenced(column) == self.schema.referenced(*best)
                };
                let second = others.iter().find(|(_, column)| !same(*column));
                let close = second.filter(|(other, _)| score - other < CLOSE);
                self.must_belong(pick, *best)?;
                let at = pick.tokens.start;
                if let Some((other, _)) = second {
                    self.margins.borrow_mut().insert(at, score - other);
                }
                Ok(close.filter(|_| self.instead == Some(at)).map_or(*best, |(_, column)| *column))
            }
            _ => Err(Misfit::new(pick.tokens.clone(), NOT_TOGETHER)),
        }
    }

    /// "The quantity of parts per job": what is called so in the rows that join the two is theirs, sooner than
    /// what is only nearly called so in one of them.
    fn between(&self, owner: Option<TableId>, table: TableId) -> f64 {
        let one = owner.unwrap_or(self.entity);
        let joins = |other: TableId| table != other && self.schema.refers_to(table, other);
        let mut others = self.mentioned.iter().filter(|other| **other != one && joins(**other));
        let direct = self.distance(table, one) == Some(1) && joins(one);
        if direct && others.next().is_some() { 0.6 } else { 0.0 }
    }

    /// "The age of authors", where only some other table tells an age, asks for what nobody knows here.
    fn must_belong(&self, pick: &Pick, column: ColumnId) -> Result<(), Misfit> {
        let table = self.schema.table_of(column);
        let Some(owner) = pick.owner.filter(|owner| !self.has(*owner, table)) else {
            return Ok(());
        };
        Err(self.apart(pick, owner, column))
    }

    /// The same for a condition on rows that the words before it speak of: "authors with an age over 40".
    pub(crate) fn must_be_near(&self, pick: &Pick, column: ColumnId) -> Result<(), Misfit> {
        let table = self.schema.table_of(column);
        match pick.near.filter(|_| pick.owner.is_none()) {
            Some(near) if !self.has(near, table) && !self.has(self.entity, table) => {
                Err(self.apart(pick, near, column))
            }
            _ => Ok(()),
        }
    }

    fn apart(&self, pick: &Pick, owner: TableId, column: ColumnId) -> Misfit {
        let table = self.schema.table_of(column);
        let name = |table: TableId| &self.schema.tables[table].entry.name;
        let reason = format!(
            "The rows of {} have no such column, and nothing leads from them to {} of {}.",
            name(owner),
            self.schema.columns[column].column.name,
            name(table),
        );
        Misfit::new(pick.tokens.clone(), &reason)
    }

    /// Whether what a table says can be said of another's rows: it belongs to them, or they to it, or
    /// something joins just the two; or the question names both.
    fn has(&self, owner: TableId, table: TableId) -> bool {
        owner == table
            || self.mentioned.contains(&table)
            || self.schema.ways(owner, table).iter().any(|way| {
                way.iter().all(|step| !step.many)
                    || matches!(way.as_slice(), [_])
                    || matches!(way.as_slice(), [one, other] if one.many && !other.many)
            })
    }

    /// The stems of the words near some tokens, and of all other words of the question.
    fn words_around(&self, tokens: &Range<usize>) -> (Vec<String>, Vec<String>) {
        let stem = |token: &Token| lemma(&token.word);
        let near = tokens.start.saturating_sub(3)..(tokens.end + 3).min(self.tokens.len());
        let of = |range: Range<usize>| {
            range.filter(|at| !tokens.contains(at)).map(|at| stem(&self.tokens[at])).collect()
        };
        (of(near), of(0..self.tokens.len()))
    }

    /// The column and the texts that some values are; all of one column.
    pub(crate) fn choose_values(
        &self,
        values: &[Vec<(KnownValue, f64)>],
        column: Option<&Pick>,
        near: Option<TableId>,
        tokens: &Range<usize>,
    ) -> Result<(ColumnId, Vec<String>), Misfit> {
        let mut scored: Vec<(f64, ColumnId, Vec<String>)> = Vec::new();
        let around = (self.hints(tokens), self.words_around(tokens).1);
        for candidate in self.columns_of(values) {
            let found: Option<Vec<(f64, Vec<String>)>> =
                values.iter().map(|one| texts_of(candidate, one)).collect();
            let Some(found) = found else { continue };
            let quality = found.iter().map(|(quality, _)| *quality).fold(1.0, f64::min);
            scored.push((
                quality + self.fits_values(candidate, column, near, &around),
                candidate,
                found.into_iter().flat_map(|(_, texts)| texts).collect(),
            ));
        }
        scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        // A reference and the key that it names are the same said twice.
        let same = |column: ColumnId, other: ColumnId| {
            self.schema.referenced(column) == other || self.schema.referenced(other) == column
        };
        let margin = scored.split_first().and_then(|((score, best, _), others)| {
            let other = others.iter().find(|(_, column, _)| !same(*best, *column));
            other.map(|(other, ..)| score - other)
        });
        if let Some(margin) = margin {
            self.margins.borrow_mut().insert(tokens.start, margin);
        }
        // Whoever asks for another column knows that there is one.
        let other = margin.is_some() && self.instead == Some(tokens.start);
        let best = scored.first().map(|(_, column, _)| *column);
        let mut fitting = scored.into_iter();
        let taken =
            fitting.find(|(_, column, _)| !other || best.is_some_and(|best| !same(best, *column)));
        match taken {
            Some((score, column, texts)) if score > 0.5 => Ok((column, texts)),
            _ => Err(Misfit::new(tokens.clone(), "No one column has these values.")),
        }
    }

    /// How well the words around values fit a column that has them.
    fn fits_values(
        &self,
        candidate: ColumnId,
        column: Option<&Pick>,
        near: Option<TableId>,
        (hints, words): &(Vec<String>, Vec<String>),
    ) -> f64 {
        let node = &self.schema.columns[candidate];
        let asked =
            column.and_then(|pick| pick.candidates.iter().find(|(known, _)| *known == candidate));
        let related = column.is_some_and(|pick| {
            pick.candidates.iter().any(|(known, _)| self.schema.table_of(*known) == node.table)
        });
        let named = asked.map_or(if related { 0.1 } else { 0.0 }, |(_, quality)| 0.4 * quality);
        let owner = column.and_then(|pick| pick.owner).is_some_and(|owner| owner == node.table);
        let by_owner = if owner { 0.3 } else { 0.0 };
        let foreign = if node.foreign { -0.02 } else { 0.0 };
        let shown =
            if self.schema.tables[node.table].display == Some(candidate) { 0.03 } else { 0.0 };
        let close = match near.and_then(|near| self.distance(near, node.table)) {
            Some(0) => 0.2,
            Some(1) => 0.06,
            _ => 0.0,
        };
        let hinted = hinted(&node.words, hints, words);
        // "The friends of Bob" are not called Bob.
        let asked = if self.asked == Some(candidate) { -0.4 } else { 0.0 };
        asked + close + named + hinted + by_owner + foreign + shown + self.closeness(node.table)
    }

    /// The columns that values may be of; where there are very many, only those nearby.
    fn columns_of(&self, values: &[Vec<(KnownValue, f64)>]) -> Vec<ColumnId> {
        let mut columns: Vec<ColumnId> =
            values.iter().flatten().map(|(value, _)| value.column).collect();
        columns.sort_unstable();
        columns.dedup();
        if columns.len() > MANY {
            let near = |column: &ColumnId| {
                let table = self.schema.table_of(*column);
                self.mentioned.contains(&table)
                    || self.distance(self.entity, table).is_some_and(|steps| steps <= 2)
            };
            columns.retain(near);
            columns.truncate(MANY);
        }
        columns
    }

    /// Words around some tokens, for telling equally short ways apart.
    fn hints(&self, tokens: &Range<usize>) -> Vec<String> {
        let around = tokens.start.saturating_sub(3)..(tokens.end + 2).min(self.tokens.len());
        let mut words = Vec::new();
        for token in &self.tokens[around] {
            let stem = lemma(&token.word);
            words.extend(same(&stem).chain(same(&token.word)).map(str::to_owned));
            words.push(stem);
        }
        words.extend(self.end_before(tokens).map(str::to_owned));
        words
    }

    /// The end that the words before some tokens speak of: "arriving in Oslo" is of a destination.
    fn end_before(&self, tokens: &Range<usize>) -> impl Iterator<Item = &'static str> {
        let before = tokens.start.saturating_sub(4)..tokens.start.min(self.tokens.len());
        let mut words = self.tokens[before].iter().rev().map(|token| token.word.as_str());
        let word = words.find(|word| end_of(word).next().is_some());
        word.into_iter().flat_map(end_of)
    }
}

/// The texts of a column among what some words may mean, and how well they fit.
fn texts_of(column: ColumnId, candidates: &[(KnownValue, f64)]) -> Option<(f64, Vec<String>)> {
    let own: Vec<&(KnownValue, f64)> =
        candidates.iter().filter(|(value, _)| value.column == column).collect();
    let best = own.iter().map(|(_, quality)| *quality).fold(0.0, f64::max);
    let fitting = own.iter().filter(|(_, quality)| *quality >= best - 0.001);
    let texts = fitting.map(|(value, _)| value.text.clone()).collect();
    (best > 0.0).then_some((best, texts))
}

/// "Left handed winners": a hand, and the winner's. How much a column's name is said near its value, and
/// in the question at all.
fn hinted(name: &[HeaderWord], hints: &[String], all_words: &[String]) -> f64 {
    let said = |word: &&HeaderWord| {
        let full = in_full(&word.stem).map_or_else(|| lemma(&word.stem), lemma);
        hints.contains(&full)
    };
    let near = match name.iter().filter(said).count() {
        0 => 0.0,
        1 => 0.08,
        _ => 0.12,
    };
    let far = name.iter().any(|word| all_words.contains(&word.stem));
    near + if far { 0.02 } else { 0.0 }
}
