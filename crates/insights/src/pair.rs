//! Which combination of two members a change lies in: lamps in the North.

use crate::{Tested, outlier_member};

/// One combination of a member of one dimension with one of another, before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Crossing {
    /// The member of the one.
    pub first: String,
    /// The member of the other.
    pub second: String,
    /// Its value before.
    pub before: f64,
    /// And after.
    pub after: f64,
    /// How many rows are behind both.
    pub rows: f64,
}

impl Crossing {
    /// By how much it changed.
    pub fn change(&self) -> f64 {
        self.after - self.before
    }
}

/// The combination that explains a change better than any single member.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Its place among the combinations.
    pub place: usize,
    /// The part of all movement that it explains, 0 to 1.
    pub explained: f64,
    /// The same of the best single member of either dimension.
    pub single: f64,
    /// By how much all other combinations together changed.
    pub rest: f64,
    /// How unlike the others it changed.
    pub test: Tested,
}

/// It makes up half of the change at least, and explains so many times what a single member does.
const HALF: f64 = 0.5;
const TIMES: f64 = 2.0;
/// Its part of the whole, before or after, and its rows, at least.
const FLOOR: f64 = 0.01;
const ROWS: f64 = 10.0;
/// How sure its change is unlike that of the others, whatever number of pairs of dimensions is tried.
const SURE: f64 = 0.01;

/// The combination that a change lies in, where it does so clearly. What a set of combinations explains is the
/// potential score of `HotSpot` (Sun et al. 2018): were the set the origin, its combinations would all have changed
/// in proportion and the others not at all; the score is the part of all movement that this leaves nothing of. So
/// a member explains a change that all its combinations share, and a combination one that is its own. It must be
/// unlike the other combinations by a robust z, its p-value times their number and the `tried` pairs of dimensions.
pub fn pair(cells: &[Crossing], tried: f64) -> Option<Pair> {
    let sum = |of: fn(&Crossing) -> f64| cells.iter().map(of).sum::<f64>();
    let (before, after) = (sum(|it| it.before), sum(|it| it.after));
    let moved = sum(|it| it.change().abs());
    let size = |place: &usize| cells[*place].change().abs();
    let place = (0..cells.len()).max_by(|one, other| size(one).total_cmp(&size(other)))?;
    let cell = &cells[place];
    let floor = FLOOR * before.max(after);
    let large = |it: &Crossing| it.before.max(it.after) >= floor && it.before.min(it.after) >= 0.0;
    let share = cell.change() / (after - before);
    if !share.is_finite() || share < HALF || !large(cell) || cell.rows < ROWS {
        return None;
    }
    let explained = cell.change().abs() / moved;
    let of_first = cells.iter().map(|member| score(cells, |it| it.first == member.first));
    let of_second = cells.iter().map(|member| score(cells, |it| it.second == member.second));
    let single = of_first.chain(of_second).fold(0.0, f64::max);
    if explained < TIMES * single {
        return None;
    }
    let peers: Vec<usize> = (0..cells.len()).filter(|place| large(&cells[*place])).collect();
    let rates: Vec<(f64, f64)> =
        peers.iter().map(|place| (cells[*place].before, cells[*place].after)).collect();
    let (at, test, _) = outlier_member(&rates)?;
    let p_value = (test.p_value * tried).min(1.0);
    let sure = peers[at] == place && p_value <= SURE;
    let others = cells.iter().enumerate().filter(|(other, _)| *other != place);
    let rest = others.map(|(_, it)| it.change()).sum();
    sure.then_some(Pair { place, explained, single, rest, test: Tested { p_value, ..test } })
}

/// The potential score of a set, 0 to 1.
fn score(cells: &[Crossing], is_in: impl Fn(&Crossing) -> bool) -> f64 {
    let sum = |of: fn(&Crossing) -> f64| cells.iter().filter(|it| is_in(it)).map(of).sum::<f64>();
    let (before, after) = (sum(|it| it.before), sum(|it| it.after));
    let left = cells.iter().map(|it| match (is_in(it), before > 0.0) {
        (true, true) => (it.after - it.before * after / before).abs(),
        // What was not there before has no proportions.
        (true, false) => 0.0,
        (false, _) => it.change().abs(),
    });
    let moved: f64 = cells.iter().map(|it| it.change().abs()).sum();
    if moved > 0.0 { (1.0 - left.sum::<f64>() / moved).max(0.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{number::real, random::Noise};

    /// Eight products in five regions, with noise of a twentieth.
    fn cells(seed: u64, loses: impl Fn(usize, usize) -> f64) -> Vec<Crossing> {
        let mut noise = Noise::new(seed);
        let pairs = (0..8).flat_map(|product| (0..5).map(move |region| (product, region)));
        let cell = |(product, region): (usize, usize)| {
            let size = 100.0 + 20.0 * real(product) + 30.0 * real(region);
            let mut value = || size * (1.0 + 0.05 * noise.normal());
            let (before, after) = (value(), value());
            Crossing {
                first: format!("product {product}"),
                second: format!("region {region}"),
                before,
                after: after * (1.0 - loses(product, region)),
                rows: 40.0,
            }
        };
        pairs.map(cell).collect()
    }

    fn told(loses: impl Fn(usize, usize) -> f64) -> Vec<Crossing> {
        let found = (0..100).filter_map(|seed| {
            let cells = cells(seed, &loses);
            pair(&cells, 3.0).map(|it| cells[it.place].clone())
        });
        found.collect()
    }

    #[test]
    fn a_combination_is_told_where_the_change_is_its_own() {
        let lost = |lost: bool| if lost { 1.0 } else { 0.0 };
        let own = told(|product, region| lost((product, region) == (6, 4)) * 0.95);
        let is_it = |it: &&Crossing| (&*it.first, &*it.second) == ("product 6", "region 4");
        let right = own.iter().filter(is_it).count();
        let nothing = told(|_, _| 0.0).len();
        let member = told(|product, _| lost(product == 6) * 0.4).len();
        let other = told(|_, region| lost(region == 4) * 0.3).len();
        let both = told(|product, region| lost(product == 6 || region == 4) * 0.3).len();
        println!(
            "a combination's own change: {right} of 100 told; of nothing {nothing}, of a member {member} and \
             {other}, of both {both}"
        );
        assert!(right >= 95 && own.len() == right, "{right} of {}", own.len());
        assert_eq!((nothing, member, other, both), (0, 0, 0, 0));
    }

    proptest! {
        #[test]
        fn what_is_told_and_the_rest_are_the_whole_change(
            values in prop::collection::vec((90_000_u32..110_000, 90_000_u32..110_000), 16..40),
            at in 0_usize..16, lost in 0_u32..110_000,
        ) {
            let cells = values.iter().enumerate().map(|(place, (before, after))| Crossing {
                first: (place / 4).to_string(),
                second: (place % 4).to_string(),
                before: f64::from(*before) / 100.0,
                after: f64::from(after.saturating_sub(if place == at { lost } else { 0 })) / 100.0,
                rows: 20.0,
            });
            let cells: Vec<Crossing> = cells.collect();
            for score in cells.iter().map(|one| score(&cells, |it| it.first == one.first)) {
                prop_assert!((0.0..=1.0).contains(&score), "{score}");
            }
            if let Some(found) = pair(&cells, 1.0) {
                prop_assert!(found.explained >= TIMES * found.single && found.explained <= 1.0 + 1e-9);
                prop_assert!(cells[found.place].rows >= ROWS);
                let change: f64 = cells.iter().map(Crossing::change).sum();
                let sum = cells[found.place].change() + found.rest;
                prop_assert!((sum - change).abs() < 1e-6, "{sum} is not {change}");
            }
        }
    }
}
