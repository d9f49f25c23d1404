//! A figure by its members: who changed, who stands out, who came and went, and what a change is made of.

use std::{collections::BTreeMap, ops::Range};

use pacioli_model::{Better, Component, Evidence, Fact, Window};

use super::{
    About, Breakdown, Candidate, Figure, Look, Reach,
    evidence::{Cells, names, numbers, table},
};
use crate::{
    Drivers, Sold, best_dimension, concentration, drivers, movement, number::real, outlier_member,
    outstanding_first, outstanding_last, price_volume_mix,
};

/// The least share of the whole that a member has, to be looked at by itself.
pub(super) const FLOOR: f64 = 0.01;

/// From so many members on they come and go: customers, products.
const MANY: usize = 20;

impl Look<'_> {
    /// How many tests of members saw nothing, to be counted with the others.
    pub(super) fn at_members(&self, found: &mut Vec<Candidate>) -> usize {
        let mut without = 0;
        for breakdown in self.figure.breakdowns.iter().filter(|it| it.members.len() > 1) {
            without += self.member_series(breakdown, found);
            without += self.bursts(breakdown, found);
            if !self.figure.metric.adds_up || breakdown.reach == Reach::Largest {
                continue;
            }
            found.extend(self.outlier_member(breakdown));
            found.extend(self.outstanding(breakdown));
            found.extend(self.concentration(breakdown));
            found.extend(self.new_lost(breakdown));
        }
        without
    }

    pub(super) fn total(&self, periods: Range<usize>) -> f64 {
        self.figure.series.values[periods].iter().sum::<f64>().abs().max(f64::MIN_POSITIVE)
    }

    fn outlier_member(&self, breakdown: &Breakdown) -> Option<Candidate> {
        let (now, (before, _)) = (self.now()?, self.before()?);
        let least = FLOOR * self.total(before.clone()).max(self.total(now.clone()));
        let peers: Vec<(usize, f64, f64)> = breakdown
            .members
            .iter()
            .enumerate()
            .map(|(place, it)| (place, it.sum(before.clone()), it.sum(now.clone())))
            .filter(|(_, before, after)| {
                before.max(*after) >= least && *before >= 0.0 && *after >= 0.0
            })
            .collect();
        let pairs: Vec<(f64, f64)> = peers.iter().map(|it| (it.1, it.2)).collect();
        let (at, test, typical_rate) = outlier_member(&pairs)?;
        let (place, before_value, value) = peers[at];
        let member = &breakdown.members[place];
        let fact = Fact::OutlierMember {
            value,
            before: before_value,
            rate: if before_value > 0.0 { value / before_value - 1.0 } else { 1.0 },
            typical_rate,
            members: peers.len(),
        };
        let rows = components(breakdown, &before, &now);
        let impact = (value - before_value * (1.0 + typical_rate)) / self.total(before);
        let test = Some(("robust_z", test, peers.len()));
        let about = About::of(breakdown).member(&member.name);
        Some(self.candidate(fact, about, test, impact, evidence_of(breakdown, by_change(&rows))))
    }

    fn outstanding(&self, breakdown: &Breakdown) -> Vec<Candidate> {
        let Some(now) = self.now() else { return Vec::new() };
        let ranked = ranked(breakdown, &now);
        let values: Vec<f64> = ranked.iter().map(|it| it.1).collect();
        let total = self.total(now);
        let rows = || {
            let (members, amounts) = (ranked.iter().map(|it| it.0.clone()), values.iter().copied());
            vec![names("member", members), numbers("value", amounts)]
        };
        let about = |place: usize| About::of(breakdown).member(&ranked[place].0);
        let mut found = Vec::new();
        if let Some(first) = outstanding_first(&values) {
            let fact = Fact::OutstandingFirst {
                value: values[0],
                next: values[1],
                expected: first.expected,
                members: values.len(),
            };
            let test = Some(("robust_z", first.test, values.len()));
            let impact = (values[0] - first.expected) / total;
            found.push(self.candidate(
                fact,
                about(0),
                test,
                impact,
                evidence_of(breakdown, rows()),
            ));
        }
        // Of many members the last is always small.
        let last = (values.len() <= 12).then(|| outstanding_last(&values)).flatten();
        if let Some(last) = last {
            let place = values.len() - 1;
            let fact = Fact::OutstandingLast {
                value: values[place],
                next: values[place - 1],
                expected: last.expected,
                members: values.len(),
            };
            let test = Some(("robust_z", last.test, values.len()));
            let impact = (values[place] - last.expected) / total;
            found.push(self.candidate(
                fact,
                about(place),
                test,
                impact,
                evidence_of(breakdown, rows()),
            ));
        }
        found
    }

    /// Told where it is worth telling: one member makes up a quarter and fewer than half of all 80 %, or a fifth of
    /// many do. Of five regions four always make up most.
    fn concentration(&self, breakdown: &Breakdown) -> Option<Candidate> {
        let mut ranked = ranked(breakdown, &self.now()?);
        ranked.retain(|it| it.1 != 0.0);
        let values: Vec<f64> = ranked.iter().map(|it| it.1).collect();
        let found = concentration(&values)?;
        let few = |of: f64| real(found.for_80_percent) < of * real(values.len());
        let is_told = found.first_share >= 0.25 && few(0.5) || few(0.2) && values.len() >= MANY;
        if values.len() < 5 || breakdown.cut || !is_told {
            return None;
        }
        let fact = Fact::Concentration {
            hhi: found.hhi,
            first_share: found.first_share,
            for_80_percent: found.for_80_percent,
            members: values.len(),
            total: found.total,
        };
        let (members, amounts) = (ranked.iter().map(|it| it.0.clone()), values.iter().copied());
        let rows = vec![names("member", members), numbers("value", amounts)];
        let about = About::of(breakdown).member(&ranked[0].0);
        Some(self.candidate(
            fact,
            about,
            None,
            found.first_share.max(found.hhi) / 2.0,
            evidence_of(breakdown, rows),
        ))
    }

    /// Told of dimensions with many members that mostly stay, where those that came or went make up a twentieth, of
    /// figures that nobody wants to be less: who is not ill this month has not left.
    fn new_lost(&self, breakdown: &Breakdown) -> Option<Candidate> {
        let (now, (before, _)) = (self.now()?, self.before()?);
        if breakdown.members.len() < MANY || breakdown.cut || before.start == 0 {
            return None;
        }
        let some = |member: &super::Member, periods: Range<usize>| {
            let seen = member.values[periods.clone()].iter().any(Option::is_some);
            seen.then(|| member.sum(periods))
        };
        let moved = movement(breakdown.members.iter().map(|member| {
            (some(member, 0..before.start), some(member, before.clone()), some(member, now.clone()))
        }));
        let total = self.total(before.clone());
        let moving = moved.new.1.abs().max(moved.lost.1.abs()).max(moved.back.1.abs());
        let mostly_stay = moved.kept.0 >= moved.lost.0;
        if moving < 0.05 * total || !mostly_stay || self.figure.metric.better == Better::Lower {
            return None;
        }
        let fact = Fact::NewLost {
            new: moved.new.0,
            new_value: moved.new.1,
            lost: moved.lost.0,
            lost_value: moved.lost.1,
            back: moved.back.0,
            back_value: moved.back.1,
            kept: moved.kept.0,
            kept_change: moved.kept.1,
        };
        let rows = components(breakdown, &before, &now);
        let rows: Vec<Component> =
            rows.into_iter().filter(|it| it.before == 0.0 || it.after == 0.0).collect();
        Some(self.candidate(
            fact,
            About::of(breakdown),
            None,
            moving / total,
            evidence_of(breakdown, by_change(&rows)),
        ))
    }

    /// Where the change of the window comes from, by the dimension that tells most.
    pub(super) fn drivers(&self) -> Option<Candidate> {
        let (place, fact, rows) =
            drivers_of(self.figure, &self.study.window, &self.study.against?)?;
        let breakdown = &self.figure.breakdowns[place];
        let Fact::Drivers { value, before, .. } = &fact else { return None };
        let impact = (value - before) / before.abs().max(f64::MIN_POSITIVE);
        Some(self.candidate(fact, About::of(breakdown), None, impact, evidence_of(breakdown, rows)))
    }

    /// What of a change of money is price, volume and mix: where a figure of units of the same table has
    /// the same members, and more of it is better.
    pub(super) fn price_volume_mix(&self) -> Option<Candidate> {
        // What costs or comes back is not made of the units that were sold.
        if self.figure.metric.better != Better::Higher {
            return None;
        }
        let units = self.study.figures.iter().find(|it| {
            it.table == self.figure.table
                && it.metric.adds_up
                && it.metric.unit != self.figure.metric.unit
                && matches!(it.metric.unit, pacioli_model::Unit::Named(_))
        })?;
        let (place, fact, rows) =
            mix_of(self.figure, units, &self.study.window, &self.study.against?)?;
        let breakdown = &self.figure.breakdowns[place];
        let Fact::PriceVolumeMix { value, before, .. } = &fact else { return None };
        let impact = 0.8 * (value - before) / before.abs().max(f64::MIN_POSITIVE);
        Some(self.candidate(fact, About::of(breakdown), None, impact, evidence_of(breakdown, rows)))
    }
}

pub(super) fn evidence_of(breakdown: &Breakdown, rows: Vec<Cells<'_>>) -> Evidence {
    Evidence { table: table(rows), queries: vec![breakdown.query] }
}

/// Members by what they have in some periods, the largest first; those without a row are left out.
fn ranked(breakdown: &Breakdown, periods: &Range<usize>) -> Vec<(String, f64)> {
    let here = breakdown
        .members
        .iter()
        .filter(|it| it.values[periods.clone()].iter().any(Option::is_some));
    let mut ranked: Vec<(String, f64)> =
        here.map(|member| (member.name.clone(), member.sum(periods.clone()))).collect();
    ranked.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    ranked
}

fn components(breakdown: &Breakdown, before: &Range<usize>, now: &Range<usize>) -> Vec<Component> {
    let each = breakdown.members.iter().map(|member| Component {
        member: member.name.clone(),
        before: member.sum(before.clone()),
        after: member.sum(now.clone()),
    });
    each.filter(|it| it.before != 0.0 || it.after != 0.0).collect()
}

/// `member, before, after, change`, the largest change first.
fn by_change(rows: &[Component]) -> Vec<Cells<'static>> {
    let mut rows: Vec<&Component> = rows.iter().collect();
    rows.sort_by(|one, other| other.change().abs().total_cmp(&one.change().abs()));
    vec![
        names("member", rows.iter().map(|it| it.member.clone())),
        numbers("before", rows.iter().map(|it| it.before)),
        numbers("after", rows.iter().map(|it| it.after)),
        numbers("change", rows.iter().map(|it| it.change())),
    ]
}

/// Where a figure's change from one window to another comes from: the place of the breakdown that tells
/// most, the fact, its rows. Empty where nothing changed, nothing adds up or members are cut.
pub fn drivers_of<'a>(
    figure: &Figure,
    window: &Window,
    against: &Window,
) -> Option<(usize, Fact, Vec<Cells<'a>>)> {
    let now = super::range(&figure.series, window)?;
    let before = super::range(&figure.series, against)?;
    let whole = figure
        .breakdowns
        .iter()
        .enumerate()
        .filter(|(_, it)| figure.metric.adds_up && it.is_whole());
    let found: BTreeMap<usize, Drivers> = whole
        .map(|(place, breakdown)| (place, drivers(&components(breakdown, &before, &now))))
        .filter(|(_, it)| !it.components.is_empty())
        .collect();
    let place = best_dimension(&found)?;
    let best = found.get(&place)?;
    let rows = by_change(&components(&figure.breakdowns[place], &before, &now));
    let sum =
        |of: fn(&Component) -> f64| best.components.iter().map(of).sum::<f64>() + of(&best.rest);
    let fact = Fact::Drivers {
        value: sum(|it| it.after),
        before: sum(|it| it.before),
        against: *against,
        components: best.components.clone(),
        rest: best.rest.clone(),
        others: best.others,
        crossed: None,
    };
    Some((place, fact, rows))
}

/// What of a change of money from one window to another is price, volume and mix, by the finest breakdown
/// that both figures have: its place, the fact, its rows.
pub fn mix_of<'a>(
    money: &Figure,
    units: &Figure,
    window: &Window,
    against: &Window,
) -> Option<(usize, Fact, Vec<Cells<'a>>)> {
    let now = super::range(&money.series, window)?;
    let before = super::range(&money.series, against)?;
    let same = |one: &Breakdown| {
        let mut both = units.breakdowns.iter().filter(|it| it.dimension == one.dimension);
        both.find(|it| it.is_whole() && one.is_whole() && units.series.from == money.series.from)
    };
    let breakdowns = money.breakdowns.iter().enumerate();
    let (place, breakdown, other) = breakdowns
        .filter_map(|(place, it)| Some((place, it, same(it)?)))
        .max_by_key(|(_, it, _)| it.members.len())?;
    let quantities: BTreeMap<&str, &super::Member> =
        other.members.iter().map(|it| (it.name.as_str(), it)).collect();
    let mut sold: Vec<(String, Sold)> = breakdown
        .members
        .iter()
        .map(|member| {
            let of = |periods: &Range<usize>| {
                quantities.get(member.name.as_str()).map_or(0.0, |it| it.sum(periods.clone()))
            };
            let sold = Sold {
                quantity_before: of(&before),
                quantity_after: of(&now),
                value_before: member.sum(before.clone()),
                value_after: member.sum(now.clone()),
            };
            (member.name.clone(), sold)
        })
        .filter(|(_, it)| it.value_before != 0.0 || it.value_after != 0.0)
        .collect();
    let parts = price_volume_mix(&sold.iter().map(|it| it.1).collect::<Vec<_>>())?;
    sold.sort_by(|one, other| {
        let size = |it: &Sold| (it.value_after - it.value_before).abs();
        size(&other.1).total_cmp(&size(&one.1))
    });
    let sum = |of: fn(&Sold) -> f64| sold.iter().map(|it| of(&it.1)).sum::<f64>();
    let fact = Fact::PriceVolumeMix {
        value: sum(|it| it.value_after),
        before: sum(|it| it.value_before),
        against: *against,
        price: parts.price,
        volume: parts.volume,
        mix: parts.mix,
    };
    let rows = vec![
        names("member", sold.iter().map(|it| it.0.clone())),
        numbers("quantity_before", sold.iter().map(|it| it.1.quantity_before)),
        numbers("quantity_after", sold.iter().map(|it| it.1.quantity_after)),
        numbers("value_before", sold.iter().map(|it| it.1.value_before)),
        numbers("value_after", sold.iter().map(|it| it.1.value_after)),
    ];
    Some((place, fact, rows))
}
