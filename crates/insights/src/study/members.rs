//! Members over time: whose level shifted, and who had a period unlike its others.

use pacioli_model::Fact;

use super::{
    About, Breakdown, Candidate, Look, Member, Reach,
    evidence::of_member,
    parts::{FLOOR, evidence_of},
};
use crate::{Tested, decompose, mean, median, number::real, outlier};

/// Members whose own series are looked at.
const SERIES: usize = 30;

/// A ratio is looked at where it is known of three quarters of the periods, a sum where there is something in
/// as many: what is seldom there is odd whenever it is.
const KNOWN: f64 = 0.75;

/// Rows of a usual period of a member's sum, at least, for one period to be told by its value: one large row among
/// few makes any sum odd.
const SEVERAL: f64 = 5.0;

/// Rows that a member's ratio rests on, at least.
const ROWS: f64 = 30.0;

/// A member's series, ready to be looked at.
struct Followed {
    /// Its place in the breakdown.
    place: usize,
    /// What is tested, by period. Of a sum, as it would be if the whole had stayed at its median: what the whole
    /// does is told of the whole. A ratio as it is, for others need not move with it, and what is not known of it
    /// is as usual.
    tested: Vec<f64>,
    /// The other of the two, a sum as it is and a ratio beside the others: it must have moved along.
    other: Vec<f64>,
    /// Its part of the whole, 0 to 1.
    share: f64,
    /// Whether it is there often enough to tell a period that is unlike the others.
    steady: bool,
}

impl Look<'_> {
    /// Looks at the series of the largest members; says how many tests saw nothing.
    pub(super) fn member_series(&self, breakdown: &Breakdown, found: &mut Vec<Candidate>) -> usize {
        let series = &self.figure.series;
        if self.now().is_none() || breakdown.reach == Reach::Spans {
            return 0;
        }
        let phases: Vec<usize> =
            (0..series.values.len()).map(|place| series.phase(place)).collect();
        let mut without = 0;
        for followed in self.followed(breakdown) {
            let shift = self.member_shift(breakdown, &followed, &phases);
            let point = followed.steady.then(|| self.member_point(breakdown, &followed, &phases));
            without += usize::from(shift.is_none());
            without += usize::from(point.as_ref().is_some_and(Option::is_none));
            found.extend(shift.into_iter().chain(point.flatten()));
        }
        without
    }

    /// The largest members, where they are not next to nothing.
    fn followed(&self, breakdown: &Breakdown) -> Vec<Followed> {
        let whole = &self.figure.series.values;
        let level = median(whole);
        let members = breakdown.members.iter().enumerate().filter_map(|(place, member)| {
            let known: Vec<f64> = member.values.iter().copied().flatten().collect();
            let share = self.share(breakdown, place);
            let there = known.iter().filter(|value| **value != 0.0).count();
            let steady = real(there) >= KNOWN * real(whole.len())
                && (member.rows.is_empty() || median(&member.rows) >= SEVERAL);
            if self.figure.metric.adds_up {
                let values: Vec<f64> = member.values.iter().map(|it| it.unwrap_or(0.0)).collect();
                let beside = |(value, whole): (&f64, &f64)| match (level > 0.0, *whole > 0.0) {
                    (true, true) => value * level / whole,
                    (true, false) => 0.0,
                    (false, _) => *value,
                };
                let tested = values.iter().zip(whole).map(beside).collect();
                return Some(Followed { place, tested, other: values, share, steady });
            }
            let rests_on = member.rows.iter().sum::<f64>();
            let too_few = !member.rows.is_empty() && rests_on < ROWS;
            if too_few || real(known.len()) < KNOWN * real(whole.len()) {
                return None;
            }
            let usual = median(&known);
            let tested: Vec<f64> = member.values.iter().map(|it| it.unwrap_or(usual)).collect();
            let others = (1.0 - share).max(0.1);
            let other = tested.iter().zip(whole).map(|(value, whole)| (value - whole) / others);
            let other = other.collect();
            Some(Followed { place, tested, other, share, steady: true })
        });
        let mut members: Vec<Followed> = members.filter(|it| it.share >= FLOOR).collect();
        members.sort_by(|one, other| other.share.total_cmp(&one.share));
        members.truncate(SERIES);
        members
    }

    /// A member's part of the whole, 0 to 1: for a ratio that of a sum of the same table by the same members, or of the
    /// rows behind it, or the same for each.
    fn share(&self, breakdown: &Breakdown, place: usize) -> f64 {
        let all = 0..self.figure.series.values.len();
        if self.figure.metric.adds_up {
            return breakdown.members[place].sum(all.clone()) / self.total(all);
        }
        let name = &breakdown.members[place].name;
        let sums = self
            .study
            .figures
            .iter()
            .filter(|it| it.metric.adds_up && it.table == self.figure.table);
        let mut by_same = sums.filter_map(|figure| {
            let by = figure
                .breakdowns
                .iter()
                .find(|it| it.dimension == breakdown.dimension && it.reach == breakdown.reach)?;
            let member = by.members.iter().find(|it| it.name == *name)?;
            let whole = figure.series.values.iter().sum::<f64>().abs().max(f64::MIN_POSITIVE);
            Some(member.sum(0..figure.series.values.len()) / whole)
        });
        let rows = |member: &Member| member.rows.iter().sum::<f64>();
        let all_rows: f64 = breakdown.members.iter().map(rows).sum();
        let by_rows = || {
            let is_known = all_rows > 0.0;
            is_known.then(|| rows(&breakdown.members[place]) / all_rows)
        };
        by_same.next().or_else(by_rows).unwrap_or(1.0 / real(breakdown.members.len()))
    }

    fn member_shift(
        &self,
        breakdown: &Breakdown,
        followed: &Followed,
        phases: &[usize],
    ) -> Option<Candidate> {
        let series = &self.figure.series;
        let shift = self.shift(&decompose(&followed.tested, phases, series.cycle()))?;
        let levels = |of: &[f64]| (mean(&of[shift.from..shift.at]), mean(&of[shift.at..]));
        let other = levels(&followed.other);
        let moved = shift.after - shift.before;
        if !moved_along(other.1 - other.0, moved) {
            return None;
        }
        let (before, after) = levels(self.own(followed));
        let fact = Fact::ChangePoint { at: series.at(shift.at), before, after };
        let impact = followed.share * moved / shift.before.abs().max(f64::MIN_POSITIVE);
        Some(self.of_member(breakdown, followed, fact, ("student_t", shift.test), impact))
    }

    fn member_point(
        &self,
        breakdown: &Breakdown,
        followed: &Followed,
        phases: &[usize],
    ) -> Option<Candidate> {
        let series = &self.figure.series;
        let odd = self.oddest(&followed.tested, phases)?;
        let at = odd.at;
        let other = outlier(&followed.other, phases, series.cycle(), at)?;
        let value = self.own(followed)[at];
        let moved = followed.tested[at] - odd.expected;
        // From beside the whole back to the member's own size.
        let scale = match followed.tested[at] {
            aside if self.figure.metric.adds_up && aside != 0.0 => value / aside,
            _ => 1.0,
        };
        if !moved_along(followed.other[at] - other.expected, moved * scale) {
            return None;
        }
        let (expected, reach) = (value - moved * scale, odd.reach * scale);
        let fact = Fact::OutlierPoint {
            at: series.at(at),
            value,
            expected,
            low: expected - reach,
            high: expected + reach,
        };
        let impact = if self.figure.metric.adds_up {
            moved * scale / series.values[at].abs().max(f64::MIN_POSITIVE)
        } else {
            followed.share * moved / expected.abs().max(f64::MIN_POSITIVE)
        };
        Some(self.of_member(breakdown, followed, fact, ("robust_z", odd.test), impact))
    }

    /// The member's own values.
    fn own<'a>(&self, followed: &'a Followed) -> &'a [f64] {
        if self.figure.metric.adds_up { &followed.other } else { &followed.tested }
    }

    fn of_member(
        &self,
        breakdown: &Breakdown,
        followed: &Followed,
        fact: Fact,
        (name, test): (&str, Tested),
        impact: f64,
    ) -> Candidate {
        let about = About::of(breakdown).member(&breakdown.members[followed.place].name);
        let rows = of_member(self.figure, breakdown, followed.place);
        let test = Some((name, test, followed.tested.len()));
        self.candidate(fact, about, test, impact, evidence_of(breakdown, rows))
    }
}

/// Where another member falls, the shares of all others rise, and where all ratios fall, each does: of a member's
/// own movement and that beside the whole, the one that is not tested must be half at least of the other.
fn moved_along(other: f64, tested: f64) -> bool {
    other * tested > 0.0 && other.abs() >= 0.5 * tested.abs()
}
