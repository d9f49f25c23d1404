//! Plain statistics of numbers, and the distributions that tests need.

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts of periods and members are far below 2^53")]
pub fn real(count: usize) -> f64 {
    count as f64
}

/// Arithmetic mean; 0 of nothing.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / real(values.len()) }
}

/// Sample variance (divided by n - 1); 0 of fewer than two.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let middle = mean(values);
    values.iter().map(|value| (value - middle).powi(2)).sum::<f64>() / real(values.len() - 1)
}

/// Sorted by size.
pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

/// The middle value; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The `part`-quantile, interpolated (type 7 of Hyndman & Fan 1996); 0 of nothing.
pub fn quantile(values: &[f64], part: f64) -> f64 {
    let sorted = sorted(values);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = part.clamp(0.0, 1.0) * real(last);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the values"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - real(below))
}

/// Median absolute deviation from the median, scaled to the standard deviation of a normal
/// distribution (Hampel 1974).
pub fn mad(values: &[f64]) -> f64 {
    let middle = median(values);
    let away: Vec<f64> = values.iter().map(|value| (value - middle).abs()).collect();
    1.4826 * median(&away)
}

/// The standard deviation of what is no outlier: of the values within three robust standard deviations of
/// the median, made as large as that of a normal distribution of which these are the middle; and how many
/// values those are. It has nearly all the information of a plain standard deviation, where the median
/// absolute deviation has 37 % (a one-step trimmed estimate, Huber & Ronchetti 2009, §5). 0 where more than
/// half of the values are the same.
pub fn calm_spread(values: &[f64]) -> (f64, usize) {
    // Of a standard normal distribution cut off at 3.
    const CUT: f64 = 0.986_6;
    let (middle, rough) = (median(values), mad(values));
    if rough <= 0.0 {
        return (0.0, values.len());
    }
    let kept: Vec<f64> =
        values.iter().copied().filter(|value| (value - middle).abs() <= 3.0 * rough).collect();
    (variance(&kept).sqrt() / CUT, kept.len())
}

/// Places from 1 by size; equal values share the mean of theirs.
pub fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let mut to = from;
        while to + 1 < order.len() && values[order[to + 1]].total_cmp(&values[order[from]]).is_eq()
        {
            to += 1;
        }
        for &place in &order[from..=to] {
            ranks[place] = real(from + to) / 2.0 + 1.0;
        }
        from = to + 1;
    }
    ranks
}

/// Pearson's correlation; 0 where one of them is constant.
pub fn correlation(one: &[f64], other: &[f64]) -> f64 {
    let (one_mean, other_mean) = (mean(one), mean(other));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (x, y) in one.iter().zip(other) {
        both += (x - one_mean) * (y - other_mean);
        first += (x - one_mean).powi(2);
        second += (y - other_mean).powi(2);
    }
    let scale = (first * second).sqrt();
    if scale > 0.0 { both / scale } else { 0.0 }
}

/// Intercept and slope of the least-squares line over places 0, 1, 2…
pub fn line(values: &[f64]) -> (f64, f64) {
    let places: Vec<f64> = (0..values.len()).map(real).collect();
    let (middle, level) = (mean(&places), mean(values));
    let below: f64 = places.iter().map(|place| (place - middle).powi(2)).sum();
    let above: f64 =
        places.iter().zip(values).map(|(place, value)| (place - middle) * (value - level)).sum();
    let slope = if below > 0.0 { above / below } else { 0.0 };
    (level - slope * middle, slope)
}

/// The chance that a standard normal value is at least this far from 0, either way.
pub fn normal_two_sided(z: f64) -> f64 {
    // Press et al., Numerical Recipes, 2nd ed., §6.2: relative error below 1.2e-7 everywhere.
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.5 * x);
    let terms = [
        0.170_872_77,
        -0.822_152_23,
        1.488_515_87,
        -1.135_203_98,
        0.278_868_07,
        -0.186_288_06,
        0.096_784_18,
        0.374_091_96,
        1.000_023_68,
        -1.265_512_23,
    ];
    let sum = terms.iter().fold(0.0, |sum, term| sum * t + term);
    (t * (-x * x + sum).exp()).min(1.0)
}

/// The chance that Student's t with `degrees` of freedom is at least this far from 0, either way.
pub fn student_two_sided(t: f64, degrees: f64) -> f64 {
    if !t.is_finite() {
        return 0.0;
    }
    incomplete_beta(degrees / (degrees + t * t), degrees / 2.0, 0.5)
}

/// The chance that F with these degrees of freedom is at least `f`.
pub fn f_upper(f: f64, above: f64, below: f64) -> f64 {
    if !f.is_finite() {
        return 0.0;
    }
    incomplete_beta(below / (below + above * f.max(0.0)), below / 2.0, above / 2.0)
}

/// Logarithm of the gamma function (Lanczos 1964, g = 7, n = 9).
fn ln_gamma(x: f64) -> f64 {
    const TERMS: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    if x < 0.5 {
        let sine = (std::f64::consts::PI * x).sin();
        return (std::f64::consts::PI / sine).ln() - ln_gamma(1.0 - x);
    }
    let x = x - 1.0;
    let mut sum = 0.999_999_999_999_809_9;
    for (place, term) in TERMS.iter().enumerate() {
        sum += term / (x + real(place) + 1.0);
    }
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The regularised incomplete beta function, by Lentz's continued fraction (Press et al. §6.4).
pub fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    if x < (a + 1.0) / (a + b + 2.0) {
        front.exp() * beta_fraction(x, a, b) / a
    } else {
        1.0 - front.exp() * beta_fraction(1.0 - x, b, a) / b
    }
}

#[expect(clippy::many_single_char_names, reason = "as the fraction is printed")]
fn beta_fraction(x: f64, a: f64, b: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |value: f64| if value.abs() < TINY { TINY } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut sum = d;
    for step in 1..300 {
        let m = real(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        sum *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let factor = d * c;
        sum *= factor;
        if (factor - 1.0).abs() < 1e-14 {
            break;
        }
    }
    sum
}

/// The p-values after control of the false discovery rate (Benjamini & Hochberg 1995): those at most
/// 0.05 are together wrong in at most 5 %.
pub fn false_discovery(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&one, &other| p_values[other].total_cmp(&p_values[one]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut least = 1.0_f64;
    for (from_last, &place) in order.iter().enumerate() {
        let rank = real(p_values.len() - from_last);
        least = least.min(p_values[place] * real(p_values.len()) / rank);
        adjusted[place] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(seen: f64, expect: f64) {
        assert!((seen - expect).abs() <= 1e-6 * expect.abs().max(1e-3), "{seen} is not {expect}");
    }

    #[test]
    fn middles_and_spreads_are_those_of_the_textbooks() {
        let values = [4.0, 1.0, 3.0, 2.0, 100.0];
        near(median(&values), 3.0);
        near(mad(&values), 1.4826);
        near(quantile(&values, 0.25), 2.0);
        near(variance(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), 32.0 / 7.0);
        assert_eq!(ranks(&[10.0, 20.0, 10.0]), [1.5, 3.0, 1.5]);
        assert_eq!(line(&[1.0, 3.0, 5.0]), (1.0, 2.0));
        near(correlation(&[1.0, 2.0, 3.0], &[3.0, 2.0, 1.0]), -1.0);
    }

    #[test]
    fn distributions_agree_with_printed_tables() {
        near(normal_two_sided(1.959_963_985), 0.05);
        near(normal_two_sided(0.0), 1.0);
        near(student_two_sided(2.228_138_852, 10.0), 0.05);
        near(student_two_sided(12.706_204_74, 1.0), 0.05);
        near(f_upper(4.102_821_015, 2.0, 10.0), 0.05);
        near(f_upper(2.283_9, 11.0, 19.0).round(), 0.0);
    }

    #[test]
    fn p_values_are_adjusted_as_in_benjamini_and_hochberg() {
        let adjusted = false_discovery(&[0.01, 0.04, 0.03, 0.005]);
        for (seen, expect) in adjusted.iter().zip([0.02, 0.04, 0.04, 0.02]) {
            near(*seen, expect);
        }
        assert!(false_discovery(&[]).is_empty());
    }
}
