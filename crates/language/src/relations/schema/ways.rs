//! The ways from one table to another.

use std::collections::VecDeque;

use pacioli_model::RelationshipName;

use super::{Schema, Step, TableId};
use crate::relations::lexicon::name_words;

impl Schema<'_> {
    /// All shortest ways from one table to another that do not lead through what both only have in common,
    /// where there is such a one.
    pub(crate) fn ways(&self, from: TableId, to: TableId) -> Vec<Vec<Step>> {
        let mut ways = self.shortest(from, to);
        let steps = ways.first().map_or(0, Vec::len);
        if !ways.iter().all(|way| Self::fans(way)) {
            ways.retain(|way| !Self::fans(way));
        } else if (1..=2).contains(&steps) {
            let mut others = Vec::new();
            self.joined(from, to, steps + 1, &mut Vec::new(), &mut others);
            if !others.is_empty() {
                return others;
            }
        }
        ways
    }

    /// Whether a way is the only one that nothing shorter or as short stands beside.
    pub(crate) fn goes_unsaid(&self, from: TableId, to: TableId, way: &[Step]) -> bool {
        matches!(self.shortest(from, to).as_slice(), [only] if only.as_slice() == way)
    }

    fn shortest(&self, from: TableId, to: TableId) -> Vec<Vec<Step>> {
        let mut distance = vec![usize::MAX; self.tables.len()];
        distance[from] = 0;
        let mut queue = VecDeque::from([from]);
        while let Some(table) = queue.pop_front() {
            for step in &self.tables[table].steps {
                if distance[step.to] == usize::MAX {
                    distance[step.to] = distance[table] + 1;
                    queue.push_back(step.to);
                }
            }
        }
        let mut ways = Vec::new();
        if distance[to] != usize::MAX {
            self.collect(from, to, &distance, &mut Vec::new(), &mut ways);
        }
        ways
    }

    /// Whether no row of a table lacks a row of another that belongs to it.
    pub(crate) fn always_has(&self, from: TableId, to: TableId) -> bool {
        let filled = |step: &Step| {
            let relationship = self.relationships[step.relationship];
            let table = self.catalog.table(&relationship.table);
            let mut columns = relationship.columns.iter();
            // The other way round there may be none, though never several.
            self.tables[step.to].entry.name == relationship.to
                && relationship.orphans.unwrap_or_default() == 0
                && columns.all(|name| {
                    table
                        .and_then(|table| table.column(name))
                        .is_some_and(|column| column.profile.nulls == 0)
                })
        };
        self.ways(from, to).iter().all(|way| way.iter().all(filled))
    }

    /// Whether a way goes up to what two tables have in common and down again: a student and a course
    /// of the same department have nothing else to do with each other.
    fn fans(way: &[Step]) -> bool {
        way.windows(2).any(|pair| !pair[0].many && pair[1].many)
    }

    /// The ways of so many steps that do not fan.
    fn joined(
        &self,
        at: TableId,
        to: TableId,
        steps: usize,
        way: &mut Vec<Step>,
        ways: &mut Vec<Vec<Step>>,
    ) {
        if at == to {
            if !way.is_empty() {
                ways.push(way.clone());
            }
            return;
        }
        for step in self.tables[at].steps.iter().filter(|_| steps > 0) {
            let fan = way.last().is_some_and(|last| !last.many && step.many);
            let back = way.iter().any(|known| known.relationship == step.relationship);
            if !fan && !back && ways.len() < 8 {
                way.push(*step);
                self.joined(step.to, to, steps - 1, way, ways);
                way.pop();
            }
        }
    }

    fn collect(
        &self,
        at: TableId,
        to: TableId,
        distance: &[usize],
        way: &mut Vec<Step>,
        ways: &mut Vec<Vec<Step>>,
    ) {
        // More than a handful of equally short ways cannot be told apart anyway.
        if at == to {
            ways.push(way.clone());
        }
        for step in &self.tables[at].steps {
            let closer = distance[step.to] == distance[at] + 1 && distance[step.to] <= distance[to];
            if at != to && closer && ways.len() < 8 {
                way.push(*step);
                self.collect(step.to, to, distance, way, ways);
                way.pop();
            }
        }
    }

    /// How many steps every table is away from one.
    pub(crate) fn distances(&self, from: TableId) -> Vec<Option<usize>> {
        let mut distances = vec![None; self.tables.len()];
        distances[from] = Some(0);
        let mut queue = VecDeque::from([(from, 0)]);
        while let Some((table, steps)) = queue.pop_front() {
            for step in &self.tables[table].steps {
                if distances[step.to].is_none() {
                    distances[step.to] = Some(steps + 1);
                    queue.push_back((step.to, steps + 1));
                }
            }
        }
        distances
    }

    /// How many steps apart two tables are.
    pub(crate) fn distance(&self, from: TableId, to: TableId) -> Option<usize> {
        self.ways(from, to).first().map(Vec::len)
    }

    /// Whether each row of `from` has at most one row of `to`.
    pub(crate) fn reaches_one(&self, from: TableId, to: TableId) -> bool {
        self.ways(from, to).iter().any(|way| way.iter().all(|step| !step.many))
    }

    /// Whether each row of `from` names its row of `to`, or one that does. Where rows only happen to have
    /// one each so far, the table that is named does not refer to the other.
    pub(crate) fn refers_to(&self, from: TableId, to: TableId) -> bool {
        self.ways(from, to).iter().any(|way| way.iter().all(|step| self.is_forward(step)))
    }

    /// The table that is named after both of two and names rows of either: `hospitals_departments`.
    pub(crate) fn link_of(&self, one: TableId, other: TableId) -> Option<TableId> {
        let words = |table: TableId| name_words(self.tables[table].entry.name.as_str());
        let is_last = |table: TableId, of: &[String]| {
            words(table).last().is_some_and(|last| of.contains(last))
        };
        (0..self.tables.len()).find(|link| {
            let own = words(*link);
            ![one, other].contains(link)
                && is_last(one, &own)
                && is_last(other, &own)
                && self.refers_to(*link, one)
                && self.refers_to(*link, other)
        })
    }

    /// Whether all that two tables have to do with each other is what rows of both name.
    pub(crate) fn only_share(&self, from: TableId, to: TableId) -> bool {
        let turns = |pair: &[Step]| self.is_forward(&pair[0]) && !self.is_forward(&pair[1]);
        self.ways(from, to).iter().all(|way| way.windows(2).any(turns))
    }

    /// Whether a step leads from the row that names to the row that is named.
    pub(crate) fn is_forward(&self, step: &Step) -> bool {
        !step.many && self.tables[step.to].entry.name == self.relationships[step.relationship].to
    }

    pub(crate) fn names(&self, way: &[Step]) -> Vec<RelationshipName> {
        way.iter().map(|step| self.relationships[step.relationship].name.clone()).collect()
    }
}
