//! Nouns to columns, and columns to the ways that lead there.

use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap, VecDeque},
    ops::Range,
};

use pacioli_model::{ColumnRef, RelationshipName};

use super::{
    lexicon::KnownValue,
    schema::{ColumnId, Schema, Step, TableId},
    sketch::{Measured, Noun, Pick, Sketch, Target},
    thesaurus::{lemma, same},
};
use crate::token::Token;

/// More candidates than this are not compared one by one.
const MANY: usize = 60;

/// A column that scores less than the best by this could be meant just as well.
pub(crate) const CLOSE: f64 = 0.06;

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
    // A declared figure is about its own rows, whatever it is shown by.
    let declared = sketch.targets.iter().find_map(|target| match target {
        Target::Metric(metric) => schema.metric_table(*metric),
        _ => None,
    });
    if let Some(table) = declared {
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
            let near = match pick.near.filter(|_| pick.owner.is_none()) {
                Some(near) if near == node.table => 0.25,
                // The words just before speak of another table than the question as a whole.
                Some(near) if node.table == self.entity && near != self.entity => -0.2,
                _ => 0.0,
            };
            quality + near + own + spoken + self.closeness(node.table) + foreign
        };
        let mut scored: Vec<(f64, ColumnId)> =
            pick.candidates.iter().map(|candidate| (score(candidate), candidate.0)).collect();
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
            _ => Err(Misfit::new(
                pick.tokens.clone(),
                "These words are known, but not how they belong together here.",
            )),
        }
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
        let columns = self.columns_of(values);
        let text_of = |column: ColumnId, candidates: &[(KnownValue, f64)]| {
            let own: Vec<&(KnownValue, f64)> =
                candidates.iter().filter(|(value, _)| value.column == column).collect();
            let best = own.iter().map(|(_, quality)| *quality).fold(0.0, f64::max);
            let texts: Vec<String> = own
                .iter()
                .filter(|(_, quality)| *quality >= best - 0.001)
                .map(|(value, _)| value.text.clone())
                .collect();
            (best > 0.0).then_some((best, texts))
        };
        let hints = self.hints(tokens);
        let mut scored: Vec<(f64, ColumnId, Vec<String>)> = Vec::new();
        for candidate in columns {
            let found: Option<Vec<(f64, Vec<String>)>> =
                values.iter().map(|one| text_of(candidate, one)).collect();
            let Some(found) = found else { continue };
            let quality = found.iter().map(|(quality, _)| *quality).fold(1.0, f64::min);
            let node = &self.schema.columns[candidate];
            let asked = column
                .and_then(|pick| pick.candidates.iter().find(|(known, _)| *known == candidate));
            let related = column.is_some_and(|pick| {
                pick.candidates.iter().any(|(known, _)| self.schema.table_of(*known) == node.table)
            });
            let named = asked.map_or(if related { 0.1 } else { 0.0 }, |(_, quality)| 0.4 * quality);
            let hinted = if node.words.iter().any(|word| hints.contains(&lemma(&word.stem))) {
                0.08
            } else {
                0.0
            };
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
            let score = quality
                + close
                + named
                + hinted
                + by_owner
                + foreign
                + shown
                + self.closeness(node.table);
            scored.push((
                score,
                candidate,
                found.into_iter().flat_map(|(_, texts)| texts).collect(),
            ));
        }
        scored.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
        let margin = match scored.as_slice() {
            [(score, ..), (other, ..), ..] => Some(score - other),
            _ => None,
        };
        if let Some(margin) = margin {
            self.margins.borrow_mut().insert(tokens.start, margin);
        }
        // Whoever asks for another column knows that there is one.
        let taken = usize::from(margin.is_some() && self.instead == Some(tokens.start));
        match scored.into_iter().nth(taken) {
            Some((score, column, texts)) if score > 0.5 => Ok((column, texts)),
            _ => Err(Misfit::new(tokens.clone(), "No one column has these values.")),
        }
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
        words
    }

    /// The way from one table to another, and whether it must be said. One that leads to one row is
    /// preferred; among equally short ones, the one that the words around `tokens` speak of.
    pub(crate) fn way(
        &self,
        from: TableId,
        to: TableId,
        tokens: &Range<usize>,
    ) -> Result<(Vec<Step>, bool), Misfit> {
        let ways = self.schema.ways(from, to);
        let apart = || Misfit::new(tokens.clone(), "Nothing relates these tables.");
        match ways.len() {
            0 => return Err(apart()),
            1 => return ways.into_iter().next().map(|way| (way, false)).ok_or_else(apart),
            _ => {}
        }
        let single: Vec<Vec<Step>> =
            ways.iter().filter(|way| way.iter().all(|step| !step.many)).cloned().collect();
        let ways = if single.is_empty() { ways } else { single };
        if let [only] = ways.as_slice() {
            return Ok((only.clone(), true));
        }
        let near = self.near_hints(tokens);
        let overlap = |way: &Vec<Step>| self.spoken(way, &near);
        let mut scores: Vec<usize> = ways.iter().map(overlap).collect();
        if scores.iter().all(|score| *score == scores[0]) && tokens.len() < self.tokens.len() {
            // Nothing near: the one way that any word of the question speaks of.
            let wide = self.wide_hints();
            scores = ways.iter().map(|way| self.spoken(way, &wide)).collect();
        }
        let best = scores.iter().copied().max().unwrap_or(0);
        let leading = ways.iter().zip(&scores).filter(|(_, score)| **score == best);
        let leading: Vec<&Vec<Step>> = leading.map(|(way, _)| way).collect();
        match (leading.as_slice(), self.way.and_then(|way| leading.get(way))) {
            ([only], _) => Ok(((*only).clone(), true)),
            (_, Some(chosen)) => Ok(((*chosen).clone(), true)),
            _ => Err(Misfit {
                ways: leading.len(),
                labels: leading.iter().map(|way| self.said(way)).collect(),
                ..Misfit::new(
                    tokens.clone(),
                    "These tables belong together in several ways, and the question does not say which.",
                )
            }),
        }
    }

    /// What tells a way from others: the columns that it follows.
    fn said(&self, way: &[Step]) -> String {
        let step = |step: &Step| {
            let relationship = self.schema.relationships[step.relationship];
            let columns: Vec<String> =
                relationship.columns.iter().map(ToString::to_string).collect();
            relationship
                .label
                .clone()
                .unwrap_or_else(|| format!("{} of {}", columns.join(" and "), relationship.table))
        };
        way.iter().map(step).collect::<Vec<_>>().join(", ")
    }

    /// How much some words speak of a way.
    fn spoken(&self, way: &[Step], hints: &[(String, usize)]) -> usize {
        let mut score = 0;
        for step in way {
            let relationship = self.schema.relationships[step.relationship];
            let mut words: Vec<String> = relationship
                .columns
                .iter()
                .flat_map(|column| super::lexicon::name_words(column.as_str()))
                .collect();
            words.extend(
                relationship.label.iter().flat_map(|label| super::lexicon::name_words(label)),
            );
            let said = |hint: &str| {
                words.iter().any(|word| word == hint || hint.len() > 3 && word.starts_with(hint))
            };
            score += hints
                .iter()
                .filter(|(hint, _)| said(hint))
                .map(|(_, weight)| *weight)
                .sum::<usize>();
        }
        score
    }

    fn wide_hints(&self) -> Vec<(String, usize)> {
        let mut hints = Vec::new();
        for token in self.tokens {
            let stem = lemma(&token.word);
            hints.extend(same(&stem).chain(same(&token.word)).map(|other| (other.to_owned(), 1)));
            hints.push((stem, 1));
        }
        hints.sort();
        hints.dedup();
        hints
    }

    /// Words before some tokens; those next to them count most.
    fn near_hints(&self, tokens: &Range<usize>) -> Vec<(String, usize)> {
        let mut hints = Vec::new();
        let start = tokens.start.saturating_sub(6);
        for at in (start..tokens.start).chain(tokens.end..(tokens.end + 2).min(self.tokens.len())) {
            let weight = if at < tokens.start {
                7_usize.saturating_sub(tokens.start - at).max(1)
            } else {
                1
            };
            let word = &self.tokens[at].word;
            let stem = lemma(word.strip_suffix("ly").unwrap_or(word));
            hints.extend(same(&stem).chain(same(word)).map(|other| (other.to_owned(), weight)));
            hints.push((stem, weight));
        }
        hints.sort();
        hints.dedup_by(|next, kept| next.0 == kept.0);
        hints
    }

    /// A column as a table refers to it.
    pub(crate) fn reference(
        &self,
        from: TableId,
        column: ColumnId,
        tokens: &Range<usize>,
    ) -> Result<ColumnRef, Misfit> {
        let (way, said) = self.way(from, self.schema.table_of(column), tokens)?;
        let mut reference = self.schema.reference(column);
        if said {
            reference.via = self.schema.names(&way);
        }
        Ok(reference)
    }

    pub(crate) fn via(
        &self,
        from: TableId,
        to: TableId,
        tokens: &Range<usize>,
    ) -> Result<Vec<RelationshipName>, Misfit> {
        let (way, said) = self.way(from, to, tokens)?;
        Ok(if said { self.schema.names(&way) } else { Vec::new() })
    }

    /// Whether each row of `from` has at most one value there.
    pub(crate) fn is_single(&self, from: TableId, to: TableId) -> bool {
        self.schema.reaches_one(from, to)
    }

    /// The closest table from whose rows all these are single.
    pub(crate) fn base(&self, tables: &[TableId], prefer: TableId) -> Option<TableId> {
        let mut total: Vec<Option<usize>> = vec![Some(0); self.schema.tables.len()];
        for table in tables {
            let reach = self.reached_by(*table);
            for (sum, steps) in total.iter_mut().zip(reach) {
                *sum = sum.zip(steps).map(|(sum, steps)| sum + steps);
            }
        }
        let cost = |table: &TableId| {
            (total[*table], *table != prefer, !self.mentioned.contains(table), *table)
        };
        if total.get(prefer).copied().flatten().is_some() {
            return Some(prefer);
        }
        (0..total.len()).filter(|table| total[*table].is_some()).min_by_key(cost)
    }

    /// How many steps each table takes to its one row of `table`; empty where it has none or several.
    fn reached_by(&self, table: TableId) -> Vec<Option<usize>> {
        let mut steps = vec![None; self.schema.tables.len()];
        steps[table] = Some(0);
        let mut queue = VecDeque::from([table]);
        while let Some(at) = queue.pop_front() {
            for step in &self.schema.tables[at].steps {
                // The step back must lead to one row.
                let relationship = self.schema.relationships[step.relationship];
                let forward = self.schema.tables[step.to].entry.name == relationship.table
                    && self.schema.tables[at].entry.name == relationship.to;
                if (forward || relationship.one_to_one) && steps[step.to].is_none() {
                    steps[step.to] = steps[at].map(|count: usize| count + 1);
                    queue.push_back(step.to);
                }
            }
        }
        steps
    }
}
