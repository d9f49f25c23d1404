//! Members over time: whose level shifted, and who had a period unlike its others.

use pacioli_model::Fact;

use super::{
    About, Breakdown, Candidate, Look, Reach,
    evidence::of_member,
    parts::{FLOOR, evidence_of},
};
use crate::{Tested, change_point, decompose, mean, median, number::real, outlier};

/// Members whose own series are looked at.
const SERIES: usize = 30;

/// A ratio is looked at where it is known of three quarters of the periods, a sum where there is something in
/// as many: what is seldom there is odd whenever it is.
const KNOWN: f64 = 0.75;

/// A member's series, ready to be looked at.
struct Followed {
    /// Its place in the breakdown.
    place: usize,
    /// By period; what is not known of a ratio is as usual.
    values: Vec<f64>,
    /// As they would be if the whole had stayed at its median: what the whole does is told of the whole.
    beside: Vec<f64>,
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
            let steady = real(there) >= KNOWN * real(whole.len());
            if self.figure.adds_up {
                let values: Vec<f64> = member.values.iter().map(|it| it.unwrap_or(0.0)).collect();
                let beside = |(value, whole): (&f64, &f64)| match (level > 0.0, *whole > 0.0) {
                    (true, true) => value * level / whole,
                    (true, false) => 0.0,
                    (false, _) => *value,
                };
                let beside = values.iter().zip(whole).map(beside).collect();
                return Some(Followed { place, values, beside, share, steady });
            }
            if real(known.len()) < KNOWN * real(whole.len()) {
                return None;
            }
            let usual = median(&known);
            let values: Vec<f64> = member.values.iter().map(|it| it.unwrap_or(usual)).collect();
            let beside = values.iter().zip(whole).map(|(value, whole)| value - whole + level);
            let beside = beside.collect();
            Some(Followed { place, values, beside, share, steady: true })
        });
        let mut members: Vec<Followed> = members.filter(|it| it.share >= FLOOR).collect();
        members.sort_by(|one, other| other.share.total_cmp(&one.share));
        members.truncate(SERIES);
        members
    }

    /// A member's part of the whole, 0 to 1: for a ratio that of a sum of the same table by the same members, or the
    /// same for each.
    fn share(&self, breakdown: &Breakdown, place: usize) -> f64 {
        let all = 0..self.figure.series.values.len();
        if self.figure.adds_up {
            return breakdown.members[place].sum(all.clone()) / self.total(all);
        }
        let name = &breakdown.members[place].name;
        let sums =
            self.study.figures.iter().filter(|it| it.adds_up && it.table == self.figure.table);
        let mut by_same = sums.filter_map(|figure| {
            let by = figure
                .breakdowns
                .iter()
                .find(|it| it.dimension == breakdown.dimension && it.reach == breakdown.reach)?;
            let member = by.members.iter().find(|it| it.name == *name)?;
            let whole = figure.series.values.iter().sum::<f64>().abs().max(f64::MIN_POSITIVE);
            Some(member.sum(0..figure.series.values.len()) / whole)
        });
        by_same.next().unwrap_or(1.0 / real(breakdown.members.len()))
    }

    fn member_shift(
        &self,
        breakdown: &Breakdown,
        followed: &Followed,
        phases: &[usize],
    ) -> Option<Candidate> {
        let (series, now) = (&self.figure.series, self.now()?);
        let recent = now.start.saturating_sub(series.cycle().max(6));
        let recent = recent.min(self.before().map_or(recent, |it| it.0.start));
        let parts = decompose(&followed.beside, phases, series.cycle());
        let adjusted = parts.adjusted();
        let shift = change_point(&adjusted, parts.by_phase.len()).filter(|it| it.at >= recent)?;
        let (before, after) =
            (mean(&followed.values[..shift.at]), mean(&followed.values[shift.at..]));
        let moved = shift.after - shift.before;
        if !moved_itself(after - before, moved) {
            return None;
        }
        let fact = Fact::ChangePoint { at: series.at(shift.at), before, after };
        let impact = followed.share * moved / shift.before.abs().max(f64::MIN_POSITIVE);
        Some(self.of_member(breakdown, followed, fact, ("student_t", shift.test), impact))
    }

    /// The oddest period of the window, at most the last three of it.
    fn member_point(
        &self,
        breakdown: &Breakdown,
        followed: &Followed,
        phases: &[usize],
    ) -> Option<Candidate> {
        let (series, now) = (&self.figure.series, self.now()?);
        let tried = now.start.max(now.end.saturating_sub(3))..now.end;
        let count = tried.len();
        let beside = tried.filter_map(|at| outlier(&followed.beside, phases, series.cycle(), at));
        let beside = beside.min_by(|one, other| one.test.p_value.total_cmp(&other.test.p_value))?;
        let at = beside.at;
        let own = outlier(&followed.values, phases, series.cycle(), at)?;
        let value = followed.values[at];
        let moved = followed.beside[at] - beside.expected;
        // From beside the whole back to the member's own size.
        let scale = match followed.beside[at] {
            aside if self.figure.adds_up && aside != 0.0 => value / aside,
            _ => 1.0,
        };
        if !moved_itself(value - own.expected, moved * scale) {
            return None;
        }
        let (expected, reach) = (value - moved * scale, beside.reach * scale);
        let fact = Fact::OutlierPoint {
            at: series.at(at),
            value,
            expected,
            low: expected - reach,
            high: expected + reach,
        };
        let impact = if self.figure.adds_up {
            moved * scale / series.values[at].abs().max(f64::MIN_POSITIVE)
        } else {
            followed.share * moved / expected.abs().max(f64::MIN_POSITIVE)
        };
        let p_value = (beside.test.p_value * real(count)).min(1.0);
        let test = Tested { p_value, ..beside.test };
        Some(self.of_member(breakdown, followed, fact, ("robust_z", test), impact))
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
        let test = Some((name, test, followed.values.len()));
        self.candidate(fact, about, test, impact, evidence_of(breakdown, rows))
    }
}

/// Where another member falls, the shares of all others rise: a member must have moved itself, by half at
/// least of what it moved beside the whole.
fn moved_itself(own: f64, beside: f64) -> bool {
    own * beside > 0.0 && own.abs() >= 0.5 * beside.abs()
}
