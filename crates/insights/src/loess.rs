use crate::number::{median, real};

/// A local line's value, and how uncertain it is.
#[derive(Debug, Clone, Copy)]
pub struct Local {
    /// At the place.
    pub value: f64,
    /// Sum of the squares of the weights that the values have in it: its variance, if theirs is 1.
    pub variance: f64,
}

/// The local line at `at` through the `width` nearest values, tricube weights (Cleveland 1979), times
/// `weights` where there are any.
pub fn local_line(values: &[f64], weights: Option<&[f64]>, width: usize, at: f64) -> Local {
    let Some(last) = values.len().checked_sub(1) else {
        return Local { value: 0.0, variance: 1.0 };
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the values"
    )]
    let nearest = at.clamp(0.0, real(last)).round() as usize;
    let count = width.clamp(1, values.len());
    let from = nearest.saturating_sub(count / 2).min(values.len() - count);
    let edge = (at - real(from)).abs().max((real(from + count - 1) - at).abs());
    let reach = edge + real(width.saturating_sub(values.len()) / 2);
    let near: Vec<(f64, f64, f64)> = (from..from + count)
        .map(|place| {
            let away = real(place) - at;
            let part = (away.abs() / (reach * 1.001).max(1e-9)).min(1.0);
            let weight = (1.0 - part.powi(3)).powi(3) * weights.map_or(1.0, |it| it[place]);
            (weight, away, values[place])
        })
        .collect();
    let sum = |of: &dyn Fn(f64, f64) -> f64| near.iter().map(|it| of(it.0, it.1)).sum::<f64>();
    let (w, wx, wxx) = (sum(&|w, _| w), sum(&|w, x| w * x), sum(&|w, x| w * x * x));
    if w <= 0.0 {
        return Local { value: values[nearest], variance: 1.0 };
    }
    let spread = w * wxx - wx * wx;
    let is_line = spread > 1e-9 * w * w;
    let part = |weight: f64, away: f64| {
        if is_line { weight * (wxx - wx * away) / spread } else { weight / w }
    };
    let value = near.iter().map(|it| part(it.0, it.1) * it.2).sum();
    let variance = near.iter().map(|it| part(it.0, it.1).powi(2)).sum();
    Local { value, variance }
}

/// Local lines through all values, three times, each time with less weight on what lies far from the last
/// (bisquare; LOWESS of Cleveland 1979).
pub fn lowess(values: &[f64], width: usize) -> Vec<f64> {
    let mut weights = vec![1.0; values.len()];
    let mut smooth = Vec::new();
    for _ in 0..3 {
        smooth = (0..values.len())
            .map(|at| local_line(values, Some(&weights), width, real(at)).value)
            .collect();
        let away: Vec<f64> = values.iter().zip(&smooth).map(|(y, s)| (y - s).abs()).collect();
        let scale = 6.0 * median(&away);
        if scale <= 0.0 {
            break;
        }
        for (weight, away) in weights.iter_mut().zip(&away) {
            *weight = (1.0 - (away / scale).min(1.0).powi(2)).powi(2);
        }
    }
    smooth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_stays_one_and_an_odd_value_does_not_bend_it() {
        let mut values: Vec<f64> = (0..30).map(|x| 5.0 + 2.0 * real(x) + real(x % 3)).collect();
        values[29] += 100.0;
        let smooth = lowess(&values, 15);
        assert!((smooth[29] - 64.0).abs() < 4.0, "{smooth:?}");
        assert!((smooth[10] - 26.0).abs() < 1.0);
        assert!(lowess(&[], 7).is_empty() && lowess(&[1.0], 7) == [1.0]);
    }
}
