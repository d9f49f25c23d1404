//! Members of which something seldom happens more often than it should.

use std::{collections::BTreeMap, ops::Range};

use pacioli_model::{Cell, ColumnType, Fact};

use super::{
    About, Breakdown, Candidate, Figure, Look, Member, Reach,
    evidence::numbers,
    parts::{FLOOR, evidence_of},
};
use crate::{Burst, Counted, bursts};

/// The part of a table's rows that something seldom is, at most.
const SELDOM: f64 = 0.1;

impl Look<'_> {
    /// Looks at the members of a figure that few rows of its table make up, beside all their rows: returns beside
    /// all order lines. Says how many tests saw nothing.
    pub(super) fn bursts(&self, breakdown: &Breakdown, found: &mut Vec<Candidate>) -> usize {
        let (Some(now), Some((of, size))) = (self.now(), self.rows_beside(breakdown)) else {
            return 0;
        };
        let end = now.end;
        let tried = now.start.max(end.saturating_sub(3))..end;
        let own: BTreeMap<&str, &Member> =
            breakdown.members.iter().map(|it| (it.name.as_str(), it)).collect();
        if total_rows(breakdown, end) > SELDOM * size {
            return 0;
        }
        let counted: Vec<Counted> = of
            .members
            .iter()
            .map(|member| {
                let seen = own.get(member.name.as_str()).map(|it| it.rows[..end].to_vec());
                let seen = seen.unwrap_or_else(|| vec![0.0; end]);
                Counted { seen, of: member.rows[..end].to_vec() }
            })
            .collect();
        let Some(bursts) = bursts(&counted, tried) else { return 0 };
        let seen = bursts.len();
        found.extend(bursts.iter().filter_map(|burst| {
            let member = *own.get(of.members[burst.member].name.as_str())?;
            Some(self.burst(breakdown, (member, &counted[burst.member]), burst))
        }));
        counted.len() - seen
    }

    /// The same members by the figure of the same table that most rows make up, and how many those are.
    fn rows_beside(&self, breakdown: &Breakdown) -> Option<(&Breakdown, f64)> {
        let periods = self.figure.series.values.len();
        let is_counted = |it: &Breakdown| {
            let known = |member: &Member| member.rows.len() == periods;
            it.reach != Reach::Spans && it.members.iter().all(known)
        };
        let same = |figure: &Figure| {
            figure.metric.adds_up
                && figure.table == self.figure.table
                && figure.series.from == self.figure.series.from
                && figure.series.values.len() == periods
        };
        if !self.figure.metric.adds_up || !is_counted(breakdown) {
            return None;
        }
        let others = self.study.figures.iter().filter(|it| same(it));
        let of = others.flat_map(|it| &it.breakdowns).filter(|it| {
            it.dimension == breakdown.dimension && it.reach == breakdown.reach && is_counted(it)
        });
        of.map(|it| (it, total_rows(it, periods))).max_by(|one, other| one.1.total_cmp(&other.1))
    }

    fn burst(
        &self,
        breakdown: &Breakdown,
        (member, counted): (&Member, &Counted),
        burst: &Burst,
    ) -> Candidate {
        let series = &self.figure.series;
        let value = member.sum(burst.periods.clone());
        let expected = value * burst.expected / burst.seen;
        let fact = Fact::Burst {
            at: series.at(burst.periods.start),
            to: series.at(burst.periods.end),
            value,
            expected,
            rows: burst.seen,
            expected_rows: burst.expected,
        };
        let places: Range<usize> = 0..counted.seen.len();
        let days = places.clone().map(|place| Cell::Date(series.at(place))).collect();
        let rows = vec![
            ("period", ColumnType::Date, days),
            numbers("value", places.map(|place| member.values[place].unwrap_or(0.0))),
            numbers("rows", counted.seen.iter().copied()),
            numbers("rows_in_all", counted.of.iter().copied()),
        ];
        let about = About::of(breakdown).member(&member.name);
        let impact = (value - expected) / self.total(burst.periods.clone());
        let test = Some(("gamma_poisson", burst.test, counted.seen.len()));
        let evidence = evidence_of(breakdown, rows);
        Candidate { untold: impact < FLOOR, ..self.candidate(fact, about, test, impact, evidence) }
    }
}

fn total_rows(breakdown: &Breakdown, end: usize) -> f64 {
    breakdown.members.iter().flat_map(|it| &it.rows[..end.min(it.rows.len())]).sum()
}
