//! Small ARIMA models (Box & Jenkins 1970), fitted by conditional least squares and chosen by the
//! corrected information criterion of Akaike (Hurvich & Tsai 1989).

use super::{
    Fitted,
    optimum::{between, minimum},
};
use crate::number::{mad, mean, real, variance};

/// What is taken off before: differences of neighbours, and of cycles; and the order of what is left.
#[derive(Debug, Clone, Copy)]
struct Order {
    differences: usize,
    seasonal: bool,
    cycle: usize,
    /// Autoregressive terms.
    auto: usize,
    /// Moving average terms.
    moving: usize,
}

/// ARIMA(p,d,q) without a season, p and q at most 2.
pub(super) fn plain(history: &[f64], _: usize) -> Option<Fitted> {
    choose(history, 1, false)
}

/// ARIMA(p,d,q)(0,1,1) over a cycle.
pub(super) fn seasonal(history: &[f64], cycle: usize) -> Option<Fitted> {
    (cycle > 1 && history.len() >= 2 * cycle + 4).then(|| choose(history, cycle, true)).flatten()
}

fn choose(history: &[f64], cycle: usize, seasonal: bool) -> Option<Fitted> {
    let base = if seasonal { lagged(history, cycle) } else { history.to_vec() };
    // Once more where that makes the values less spread out: what a unit root does.
    let once = lagged(&base, 1);
    let differences = usize::from(variance(&once) < variance(&base));
    let mut best: Option<(f64, Order, Vec<f64>)> = None;
    for (auto, moving) in [(0, 1), (1, 0), (1, 1), (2, 0)] {
        let order = Order { differences, seasonal, cycle, auto, moving };
        let values = stationary(history, order);
        if values.len() < 6 || mad(&values) <= 0.0 {
            continue;
        }
        let count = auto + moving + usize::from(seasonal);
        let cost =
            |any: &[f64]| residuals(&values, order, any).iter().map(|it| it * it).sum::<f64>();
        let any = minimum(&vec![0.1; count], 0.8, &cost);
        let (n, k) = (real(values.len()), real(count + 1));
        if n - k - 1.0 <= 0.0 {
            continue;
        }
        let aicc =
            n * (cost(&any) / n).max(1e-300).ln() + 2.0 * k + 2.0 * k * (k + 1.0) / (n - k - 1.0);
        if best.as_ref().is_none_or(|it| aicc < it.0) {
            best = Some((aicc, order, any));
        }
    }
    let (_, order, any) = best?;
    Some(Box::new(move |history, steps| ahead(history, order, &any, steps)))
}

fn lagged(values: &[f64], lag: usize) -> Vec<f64> {
    if values.len() <= lag {
        return Vec::new();
    }
    values.iter().zip(&values[lag..]).map(|(before, after)| after - before).collect()
}

/// The values without differences and, where none were taken, without their mean.
fn stationary(history: &[f64], order: Order) -> Vec<f64> {
    let mut values = if order.seasonal { lagged(history, order.cycle) } else { history.to_vec() };
    for _ in 0..order.differences {
        values = lagged(&values, 1);
    }
    let level = constant(&values, order);
    values.iter().map(|value| value - level).collect()
}

/// What values return to: nothing where they were differenced twice or by neighbours.
fn constant(values: &[f64], order: Order) -> f64 {
    if order.differences == 0 { mean(values) } else { 0.0 }
}

/// Autoregressive, moving average and seasonal moving average weights, each inside the region where
/// the model neither explodes nor forgets how it came about.
fn weights(order: Order, any: &[f64]) -> (Vec<f64>, Vec<f64>, f64) {
    let bounded: Vec<f64> = any.iter().map(|it| between(-0.98, 0.98, *it)).collect();
    let (auto, rest) = bounded.split_at(order.auto);
    let (moving, rest) = rest.split_at(order.moving);
    // Partial autocorrelations to weights (Barndorff-Nielsen & Schou 1973).
    let auto = match auto {
        [first, second] => vec![first * (1.0 - second), *second],
        few => few.to_vec(),
    };
    (auto, moving.to_vec(), rest.first().copied().unwrap_or(0.0))
}

fn expected(
    place: usize,
    values: &[f64],
    errors: &[f64],
    order: Order,
    (auto, moving, seasonal): &(Vec<f64>, Vec<f64>, f64),
) -> f64 {
    let back = |of: &[f64], lag: usize| place.checked_sub(lag).map_or(0.0, |at| of[at]);
    let mut sum = 0.0;
    for (lag, weight) in auto.iter().enumerate() {
        sum += weight * back(values, lag + 1);
    }
    for (lag, weight) in moving.iter().enumerate() {
        sum += weight * back(errors, lag + 1);
    }
    if order.seasonal {
        sum += seasonal * back(errors, order.cycle);
        for (lag, weight) in moving.iter().enumerate() {
            sum += seasonal * weight * back(errors, order.cycle + lag + 1);
        }
    }
    sum
}

fn residuals(values: &[f64], order: Order, any: &[f64]) -> Vec<f64> {
    let weights = weights(order, any);
    let mut errors = Vec::with_capacity(values.len());
    for (place, value) in values.iter().enumerate() {
        errors.push(value - expected(place, values, &errors, order, &weights));
    }
    errors
}

fn ahead(history: &[f64], order: Order, any: &[f64], steps: usize) -> Vec<f64> {
    let weights = weights(order, any);
    let mut values = stationary(history, order);
    let mut errors = residuals(&values, order, any);
    let base = if order.seasonal { lagged(history, order.cycle) } else { history.to_vec() };
    let level = constant(&base, order);
    for _ in 0..steps {
        let next = expected(values.len(), &values, &errors, order, &weights);
        values.push(next);
        errors.push(0.0);
    }
    // Differences are summed up again, first those of neighbours, then those of cycles.
    let changes = &values[values.len() - steps..];
    let mut of_base = base;
    for change in changes {
        let last =
            if order.differences > 0 { of_base.last().copied().unwrap_or(0.0) } else { level };
        of_base.push(last + change);
    }
    let future = &of_base[of_base.len() - steps..];
    if !order.seasonal {
        return future.to_vec();
    }
    let mut all = history.to_vec();
    for change in future {
        all.push(all[all.len() - order.cycle] + change);
    }
    all.split_off(history.len())
}
