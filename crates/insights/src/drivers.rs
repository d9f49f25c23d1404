//! Where a change comes from. In every method the parts add up to the change that they explain.

use std::collections::BTreeMap;

use pacioli_model::{Component, RatioComponent};

use crate::number::real;

/// A change by the members of one dimension.
#[derive(Debug, Clone, PartialEq)]
pub struct Drivers {
    /// The largest first; several rises and falls side by side.
    pub components: Vec<Component>,
    /// All others together.
    pub rest: Component,
    /// How many those are.
    pub others: usize,
    /// How unlike the shares are before and after, 0 to 1: Jensen-Shannon divergence in bits (the
    /// surprise of Adtributor, Bhagwan et al., NSDI 2014).
    pub surprise: f64,
    /// The part of all movement, up and down, that the components make up (explanatory power).
    pub explained: f64,
}

/// Members that are named at most.
pub const NAMED: usize = 5;

/// The drivers of an additive figure: `members` are its values before and after, one for each member of
/// a dimension that every row has exactly one of. Named are the fewest that make up two thirds of all
/// movement, at most five (the succinctness of Adtributor).
pub fn drivers(members: &[Component]) -> Drivers {
    let mut ranked: Vec<&Component> = members.iter().collect();
    ranked.sort_by(|one, other| {
        let by_size = other.change().abs().total_cmp(&one.change().abs());
        by_size.then_with(|| one.member.cmp(&other.member))
    });
    let movement: f64 = members.iter().map(|it| it.change().abs()).sum();
    let mut so_far = 0.0;
    let named = ranked.iter().take(NAMED).take_while(|it| {
        let open = so_far < movement * 2.0 / 3.0 && it.change() != 0.0;
        so_far += it.change().abs();
        open
    });
    let named = named.count();
    let components: Vec<Component> = ranked[..named].iter().map(|it| (*it).clone()).collect();
    let moved: f64 = components.iter().map(|it| it.change().abs()).sum();
    let sum = |value: fn(&Component) -> f64| ranked[named..].iter().map(|it| value(it)).sum();
    let rest =
        Component { member: String::new(), before: sum(|it| it.before), after: sum(|it| it.after) };
    Drivers {
        others: ranked.len() - named,
        rest,
        surprise: surprise(members),
        explained: if movement > 0.0 { moved / movement } else { 0.0 },
        components,
    }
}

fn surprise(members: &[Component]) -> f64 {
    let total =
        |value: fn(&Component) -> f64| members.iter().map(|it| value(it).max(0.0)).sum::<f64>();
    let (before, after) = (total(|it| it.before), total(|it| it.after));
    if before <= 0.0 || after <= 0.0 {
        return 0.0;
    }
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).log2() } else { 0.0 };
    let each = members.iter().map(|it| {
        let (p, q) = (it.before.max(0.0) / before, it.after.max(0.0) / after);
        let middle = f64::midpoint(p, q);
        f64::midpoint(part(p, middle), part(q, middle))
    });
    each.sum::<f64>().clamp(0.0, 1.0)
}

/// Quantity and value of one member, before and after.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sold {
    /// Units before.
    pub quantity_before: f64,
    /// Units after.
    pub quantity_after: f64,
    /// Value before.
    pub value_before: f64,
    /// Value after.
    pub value_after: f64,
}

/// A change of value in three parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PriceVolumeMix {
    /// Of members that were sold before and after: units after, times what their prices moved by.
    pub price: f64,
    /// More or fewer units altogether, at the average price before.
    pub volume: f64,
    /// What is left: other shares, new members and lost ones.
    pub mix: f64,
}

/// Splits a change of value into price, volume and mix (the sales price, quantity and mix variances of
/// cost accounting, Horngren et al., Cost Accounting). Empty where nothing was sold before or after, or
/// where units are negative in sum.
pub fn price_volume_mix(members: &[Sold]) -> Option<PriceVolumeMix> {
    let sum = |value: fn(&Sold) -> f64| members.iter().map(value).sum::<f64>();
    let (units_before, units_after) = (sum(|it| it.quantity_before), sum(|it| it.quantity_after));
    let (before, after) = (sum(|it| it.value_before), sum(|it| it.value_after));
    if units_before <= 0.0 || units_after <= 0.0 {
        return None;
    }
    let both = members.iter().filter(|it| it.quantity_before > 0.0 && it.quantity_after > 0.0);
    let price = both
        .map(|it| it.value_after - it.quantity_after * it.value_before / it.quantity_before)
        .sum::<f64>();
    let volume = (units_after - units_before) * before / units_before;
    Some(PriceVolumeMix { price, volume, mix: after - before - price - volume })
}

/// Numerator and denominator of one member's ratio, before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Fraction {
    /// Its name.
    pub member: String,
    /// Before.
    pub before: (f64, f64),
    /// After.
    pub after: (f64, f64),
}

/// The change of a ratio of sums (a margin, an average price, a rate) by member: what its own ratio did
/// and what its weight in the denominator did, each averaged over the two orders in which they can be
/// changed (the Shapley value of two factors, Shapley 1953). Weights count against the overall ratio, so
/// that a member that grows at the average ratio adds nothing. Empty where a denominator is not above 0.
pub fn ratio_drivers(members: &[Fraction]) -> Option<Vec<RatioComponent>> {
    let sum = |value: fn(&Fraction) -> f64| members.iter().map(value).sum::<f64>();
    let (below_before, below_after) = (sum(|it| it.before.1), sum(|it| it.after.1));
    if below_before <= 0.0 || below_after <= 0.0 {
        return None;
    }
    let overall =
        f64::midpoint(sum(|it| it.before.0) / below_before, sum(|it| it.after.0) / below_after);
    let ratio = |(above, below): (f64, f64), otherwise: f64| {
        if below == 0.0 { otherwise } else { above / below }
    };
    let each = members.iter().map(|it| {
        let (weight_before, weight_after) = (it.before.1 / below_before, it.after.1 / below_after);
        // A member that is only there before or after has one ratio, and only its weight moved.
        let after = ratio(it.after, ratio(it.before, overall));
        let before = ratio(it.before, after);
        RatioComponent {
            member: it.member.clone(),
            rate: f64::midpoint(weight_before, weight_after) * (after - before),
            mix: (weight_after - weight_before) * (f64::midpoint(before, after) - overall),
        }
    });
    Some(each.collect())
}

/// Who came, went and came back.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Movement {
    /// Members never seen before the window, and what they brought.
    pub new: (usize, f64),
    /// In the window before and not in this one, and what they had brought.
    pub lost: (usize, f64),
    /// Seen earlier, not in the window before, and here again, and what they brought.
    pub back: (usize, f64),
    /// In both, and by how much they changed.
    pub kept: (usize, f64),
}

/// Counts who came and went: for each member the value earlier than the window before, in it, and in the
/// window; `None` where it has no row there. `new - lost + back + kept` values are the whole change.
pub fn movement(
    members: impl Iterator<Item = (Option<f64>, Option<f64>, Option<f64>)>,
) -> Movement {
    let mut moved = Movement::default();
    for (earlier, before, now) in members {
        let (kind, value) = match (earlier, before, now) {
            (_, Some(before), Some(now)) => (&mut moved.kept, now - before),
            (_, Some(before), None) => (&mut moved.lost, before),
            (Some(_), None, Some(now)) => (&mut moved.back, now),
            (None, None, Some(now)) => (&mut moved.new, now),
            (_, None, None) => continue,
        };
        kind.0 += 1;
        kind.1 += value;
    }
    moved
}

/// Which of several dimensions explains a change best: the one of the highest surprise times explained
/// part over the number of members named (Adtributor's order, made one figure).
pub fn best_dimension(of: &BTreeMap<usize, Drivers>) -> Option<usize> {
    let worth = |it: &Drivers| {
        (0.01 + it.surprise) * it.explained / real(it.components.len().max(1)).sqrt()
    };
    let of_several = of.iter().filter(|(_, it)| it.components.len() + it.others > 1);
    of_several.max_by(|one, other| worth(one.1).total_cmp(&worth(other.1))).map(|(place, _)| *place)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount() -> impl Strategy<Value = f64> {
        prop_oneof![1 => Just(0.0), 6 => (0_u32..100_000_000).prop_map(|cents| f64::from(cents) / 100.0)]
    }

    fn close(seen: f64, expect: f64, scale: f64) -> bool {
        (seen - expect).abs() <= 1e-9 * scale.abs().max(1.0)
    }

    proptest! {
        #[test]
        fn components_add_up_to_the_change(values in prop::collection::vec((amount(), amount()), 0..40)) {
            let members: Vec<Component> = values.iter().enumerate()
                .map(|(place, (before, after))| Component { member: place.to_string(), before: *before, after: *after })
                .collect();
            let found = drivers(&members);
            let change: f64 = values.iter().map(|(before, after)| after - before).sum();
            let sum: f64 = found.components.iter().map(Component::change).sum::<f64>() + found.rest.change();
            let scale: f64 = values.iter().map(|(before, after)| after + before).sum();
            prop_assert!(close(sum, change, scale));
            prop_assert!(found.components.len() <= NAMED && found.components.len() + found.others == members.len());
            prop_assert!((0.0..=1.0).contains(&found.surprise) && (0.0..=1.0 + 1e-9).contains(&found.explained));
        }

        #[test]
        fn price_volume_and_mix_add_up_to_the_change(
            values in prop::collection::vec((amount(), amount(), amount(), amount()), 1..40)
        ) {
            let members: Vec<Sold> = values.iter()
                .map(|it| Sold { quantity_before: it.0, quantity_after: it.1, value_before: it.2, value_after: it.3 })
                .collect();
            if let Some(parts) = price_volume_mix(&members) {
                let change: f64 = values.iter().map(|it| it.3 - it.2).sum();
                let scale = parts.price.abs() + parts.volume.abs() + parts.mix.abs() + change.abs();
                prop_assert!(close(parts.price + parts.volume + parts.mix, change, scale));
            }
        }

        #[test]
        fn shapley_parts_add_up_to_the_change_of_the_ratio(
            values in prop::collection::vec((amount(), amount(), amount(), amount()), 1..40)
        ) {
            let members: Vec<Fraction> = values.iter().enumerate()
                // Without a denominator there is no numerator, as in a margin over revenue.
                .map(|(place, it)| Fraction {
                    member: place.to_string(),
                    before: (if it.1 == 0.0 { 0.0 } else { it.0 }, it.1),
                    after: (if it.3 == 0.0 { 0.0 } else { it.2 }, it.3),
                })
                .collect();
            if let Some(parts) = ratio_drivers(&members) {
                let ratio = |of: fn(&Fraction) -> (f64, f64)| {
                    let sums = members.iter().map(of).fold((0.0, 0.0), |sum, it| (sum.0 + it.0, sum.1 + it.1));
                    sums.0 / sums.1
                };
                let change = ratio(|it| it.after) - ratio(|it| it.before);
                let sum: f64 = parts.iter().map(|it| it.rate + it.mix).sum();
                let scale: f64 = parts.iter().map(|it| it.rate.abs() + it.mix.abs()).sum();
                prop_assert!(close(sum, change, scale), "{} is not {}", sum, change);
            }
        }

        #[test]
        fn who_came_and_went_makes_up_the_change(
            values in prop::collection::vec(
                (prop::option::of(amount()), prop::option::of(amount()), prop::option::of(amount())), 0..40)
        ) {
            let found = movement(values.iter().copied());
            let before: f64 = values.iter().filter_map(|it| it.1).sum();
            let now: f64 = values.iter().filter_map(|it| it.2).sum();
            let change = now - before;
            let parts = found.new.1 - found.lost.1 + found.back.1 + found.kept.1;
            prop_assert!(close(parts, change, before + now));
        }
    }

    #[test]
    fn price_volume_and_mix_are_told_apart() {
        let only = |quantity_after, value_after| {
            let sold =
                Sold { quantity_before: 10.0, quantity_after, value_before: 100.0, value_after };
            price_volume_mix(&[sold]).unwrap()
        };
        assert_eq!(only(10.0, 120.0), PriceVolumeMix { price: 20.0, volume: 0.0, mix: 0.0 });
        assert_eq!(only(12.0, 120.0), PriceVolumeMix { price: 0.0, volume: 20.0, mix: 0.0 });
    }

    #[test]
    fn the_dimension_that_a_change_lies_in_is_chosen() {
        let of = |values: &[(f64, f64)]| {
            let members = values.iter().enumerate();
            let members: Vec<_> = members
                .map(|(place, it)| Component {
                    member: place.to_string(),
                    before: it.0,
                    after: it.1,
                })
                .collect();
            drivers(&members)
        };
        let even = of(&[(100.0, 80.0), (100.0, 80.0), (100.0, 80.0), (100.0, 80.0)]);
        let one = of(&[(100.0, 100.0), (100.0, 100.0), (100.0, 100.0), (100.0, 20.0)]);
        assert_eq!(best_dimension(&BTreeMap::from([(0, even), (1, one)])), Some(1));
    }
}
