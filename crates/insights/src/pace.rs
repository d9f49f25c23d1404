use crate::number::{mean, real};

/// Where a running period ends at the present rate. `so_far` is what its first `done` of `days` days
/// brought. `profile` holds, of earlier periods, what share the same first days had of the whole: their
/// mean is used where there are three or more (a seasonal run rate), else time itself. Empty before a
/// fifth of the days is over: a rate of few days is noise.
pub fn pace(so_far: f64, done: u32, days: u32, profile: &[f64]) -> Option<f64> {
    if done == 0 || days == 0 || done > days || u64::from(done) * 5 < u64::from(days) {
        return None;
    }
    let by_time = real(done as usize) / real(days as usize);
    let usual: Vec<f64> =
        profile.iter().copied().filter(|share| *share > 0.0 && *share <= 1.0).collect();
    let share = if usual.len() >= 3 { mean(&usual) } else { by_time };
    Some(so_far / share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_ends_at_its_rate_or_as_earlier_ones_did() {
        assert_eq!(pace(50.0, 15, 30, &[]), Some(100.0));
        assert_eq!(pace(50.0, 15, 30, &[0.25, 0.25, 0.25]), Some(200.0));
        assert_eq!(pace(50.0, 5, 30, &[]), None);
        assert_eq!(pace(50.0, 0, 0, &[]), None);
    }
}
