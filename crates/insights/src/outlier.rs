use crate::{
    decompose::{Parts, decompose, trend_width},
    loess::local_line,
    number::{calm_spread, mad, median, real, student_two_sided},
    trend::Tested,
};

/// Degrees of freedom that a local line takes.
const TREND: f64 = 3.0;

/// One value unlike what is expected of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outlier {
    /// Its place.
    pub at: usize,
    /// What was expected.
    pub expected: f64,
    /// Three standard deviations to either side of it.
    pub reach: f64,
    /// How many standard deviations it is away, p-value of Student's t.
    pub test: Tested,
}

/// How far the value at a place is from what the others lead to expect: a local line through the others,
/// and the median of their season. The spread is that of the same for every other place, each left out in
/// its turn and scaled by how uncertain its expectation is, so that a last value, which is only extrapolated
/// to, does not look odd for that; other outliers do not count in it. Fewer than 8 others tell nothing.
pub fn outlier(values: &[f64], phases: &[usize], cycle: usize, at: usize) -> Option<Outlier> {
    if values.len() < 9 || at >= values.len() {
        return None;
    }
    let parts = decompose(values, phases, cycle);
    let width = trend_width(values.len(), cycle);
    let expect = |place: usize| {
        let season = season_without(&parts, values, phases, place);
        let adjusted = parts.adjusted();
        let mut weights = vec![1.0; values.len()];
        weights[place] = 0.0;
        let trend = local_line(&adjusted, Some(&weights), width, real(place));
        let variance = 1.0 + trend.variance + season.1;
        (trend.value + season.0, variance.sqrt())
    };
    let scaled = |place: usize| {
        let (expected, scale) = expect(place);
        (values[place] - expected) / scale
    };
    let others: Vec<f64> = (0..values.len()).filter(|place| *place != at).map(scaled).collect();
    let (expected, scale) = expect(at);
    let (spread, kept) = calm_spread(&others);
    let spread = spread * scale;
    let degrees = real(kept) - TREND;
    let test = z_of(values[at] - expected, spread, degrees)?;
    Some(Outlier { at, expected, reach: 3.0 * spread, test })
}

/// The season's effect at a place by the others of its phase, and its variance.
fn season_without(parts: &Parts, values: &[f64], phases: &[usize], place: usize) -> (f64, f64) {
    if parts.by_phase.is_empty() {
        return (0.0, 0.0);
    }
    let same = (0..values.len()).filter(|other| *other != place && phases[*other] == phases[place]);
    let of_phase: Vec<f64> = same.map(|other| values[other] - parts.trend[other]).collect();
    if of_phase.is_empty() {
        return (parts.by_phase[phases[place]], 1.0);
    }
    // The median of many varies by pi/2 as much as the mean of as many; of one or two it is the mean.
    let factor = if of_phase.len() > 2 { std::f64::consts::FRAC_PI_2 } else { 1.0 };
    (median(&of_phase), factor / real(of_phase.len()))
}

/// The member among `peers` whose rate of change is least like theirs: robust z of the logarithms of
/// `after / before`. Members below the volume floor are left out by whoever asks. The p-value is times
/// the number of members. Fewer than 8 members tell nothing.
pub fn outlier_member(peers: &[(f64, f64)]) -> Option<(usize, Tested, f64)> {
    if peers.len() < 8 {
        return None;
    }
    // Half a per cent of the larger value stands for nothing, so that a member that is lost has a rate.
    let rates: Vec<f64> = peers
        .iter()
        .map(|(before, after)| {
            let floor = 0.005 * before.max(*after);
            (after.max(floor) / before.max(floor)).ln()
        })
        .collect();
    let middle = median(&rates);
    let spread = mad(&rates);
    let far = |place: &usize| (rates[*place] - middle).abs();
    let at = (0..rates.len()).max_by(|one, other| far(one).total_cmp(&far(other)))?;
    let test = robust_z(rates[at] - middle, spread, rates.len())?;
    let p_value = (test.p_value * real(peers.len())).min(1.0);
    Some((at, Tested { p_value, ..test }, middle.exp() - 1.0))
}

/// `away` in robust standard deviations. A MAD of few values is itself uncertain: it has about 37 % of
/// the information of a standard deviation (Rousseeuw & Croux 1993), hence Student's t with so many
/// degrees of freedom.
pub fn robust_z(away: f64, spread: f64, others: usize) -> Option<Tested> {
    z_of(away, spread, 0.37 * real(others))
}

/// `away` in standard deviations that rest on so many degrees of freedom.
pub fn z_of(away: f64, spread: f64, degrees: f64) -> Option<Tested> {
    if spread <= 0.0 {
        return None;
    }
    let z = away / spread;
    Some(Tested { statistic: z, p_value: student_two_sided(z, degrees.max(2.0)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_is_found_and_noise_is_not() {
        let mut values: Vec<f64> = (0..30).map(|x| 100.0 + real(x * 37 % 11)).collect();
        let phases: Vec<usize> = (0..30).map(|x| x % 12).collect();
        let calm = outlier(&values, &phases, 12, 29).unwrap();
        assert!(calm.test.p_value > 0.1, "{calm:?}");
        values[29] += 60.0;
        let found = outlier(&values, &phases, 12, 29).unwrap();
        assert!(found.test.p_value < 1e-3 && found.test.statistic > 5.0, "{found:?}");
    }

    #[test]
    fn a_member_that_goes_its_own_way_is_named() {
        let mut peers: Vec<(f64, f64)> =
            (0..12).map(|x| (100.0 + real(x), 104.0 + real(x * 5 % 7))).collect();
        peers[4].1 = 0.0;
        let (at, test, typical) = outlier_member(&peers).unwrap();
        assert!(at == 4 && test.p_value < 0.01 && typical.abs() < 0.1);
        assert!(outlier_member(&peers[..7]).is_none());
    }
}
