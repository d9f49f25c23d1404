use crate::number::real;

/// The point with the least `cost`, from `start` on, by the simplex of Nelder & Mead (1965).
pub(super) fn minimum(start: &[f64], size: f64, cost: &dyn Fn(&[f64]) -> f64) -> Vec<f64> {
    let count = start.len();
    let valued = |point: Vec<f64>| {
        let value = cost(&point);
        (if value.is_finite() { value } else { f64::MAX }, point)
    };
    let mut simplex = vec![valued(start.to_vec())];
    for axis in 0..count {
        let mut point = start.to_vec();
        point[axis] += size;
        simplex.push(valued(point));
    }
    for _ in 0..40 * count {
        simplex.sort_by(|one, other| one.0.total_cmp(&other.0));
        let (best, worst) = (simplex[0].0, simplex[count].0);
        if worst - best <= 1e-7 * best.abs() {
            break;
        }
        let middle: Vec<f64> = (0..count)
            .map(|axis| simplex[..count].iter().map(|it| it.1[axis]).sum::<f64>() / real(count))
            .collect();
        let along = |factor: f64| {
            let pairs = middle.iter().zip(&simplex[count].1);
            valued(pairs.map(|(middle, worst)| middle + factor * (middle - worst)).collect())
        };
        let reflected = along(1.0);
        let next = if reflected.0 < best {
            let further = along(2.0);
            if further.0 < reflected.0 { further } else { reflected }
        } else if reflected.0 < simplex[count - 1].0 {
            reflected
        } else {
            along(if reflected.0 < worst { 0.5 } else { -0.5 })
        };
        if next.0 < worst {
            simplex[count] = next;
            continue;
        }
        let to = simplex[0].1.clone();
        for it in &mut simplex[1..] {
            let point = it.1.iter().zip(&to).map(|(at, to)| f64::midpoint(*at, *to)).collect();
            *it = valued(point);
        }
    }
    simplex.sort_by(|one, other| one.0.total_cmp(&other.0));
    simplex.swap_remove(0).1
}

/// A parameter of any size as one between two bounds.
pub(super) fn between(low: f64, high: f64, any: f64) -> f64 {
    low + (high - low) / (1.0 + (-any).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bottom_of_a_valley_is_found() {
        let at =
            minimum(&[-1.0, 2.0], 0.5, &|it| (it[0] - 1.0).powi(2) + 3.0 * (it[1] + 2.0).powi(2));
        assert!((at[0] - 1.0).abs() < 0.01 && (at[1] + 2.0).abs() < 0.01, "{at:?}");
    }
}
