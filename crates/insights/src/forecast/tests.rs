use super::*;
use crate::random::Noise;

/// A monthly series as businesses have them: level, slope, season and noise of random sizes.
fn monthly(seed: u64, count: usize) -> Vec<f64> {
    let mut noise = Noise::new(seed);
    let level = 100.0 + 900.0 * noise.uniform();
    let slope = level * 0.01 * (noise.uniform() - 0.4);
    let spread = level * (0.02 + 0.08 * noise.uniform());
    let season: Vec<f64> =
        (0..12).map(|_| level * 0.2 * noise.uniform() * noise.normal()).collect();
    let mut walk = 0.0;
    (0..count)
        .map(|place| {
            walk += 0.3 * spread * noise.normal();
            let value = level + slope * real(place) + season[place % 12] + walk;
            (value + spread * noise.normal()).max(0.0)
        })
        .collect()
}

#[test]
fn intervals_cover_as_often_as_they_say_and_errors_are_below_the_naive_ones() {
    let (mut inside, mut all, mut better, mut same, mut ratios) = (0, 0, 0, 0, Vec::new());
    for seed in 0..100 {
        let values = monthly(seed, 54);
        let (past, future) = values.split_at(48);
        let found = forecast(past, TimeGrain::Month, 6).unwrap();
        let naive = seasonal_naive(past, 12, 6);
        let error = |of: &mut dyn Iterator<Item = f64>| {
            of.zip(future).map(|(seen, is)| (seen - is).abs()).sum::<f64>()
        };
        let ours = error(&mut found.steps.iter().map(|step| step.value));
        let theirs = error(&mut naive.into_iter());
        better += usize::from(ours < theirs);
        same += usize::from(!found.beats_naive);
        ratios.push(ours / theirs);
        for (step, is) in found.steps.iter().zip(future) {
            inside += usize::from((step.low..=step.high).contains(is));
            all += 1;
        }
    }
    let coverage = real(inside) / real(all);
    println!(
        "80 % intervals cover {:.1} %; error below seasonal naive on {better} of 100 series, the naive one \
         itself given on {same}; median ratio of errors {:.2}",
        100.0 * coverage,
        median(&ratios)
    );
    assert!((0.75..=0.85).contains(&coverage), "{coverage}");
    assert!(better + same >= 70 && median(&ratios) < 0.9, "{better} {same} {}", median(&ratios));
}

#[test]
fn what_cannot_be_forecast_is_not() {
    assert_eq!(forecast(&[1.0; 7], TimeGrain::Month, 3), None);
    assert_eq!(forecast(&[1.0; 20], TimeGrain::Month, 0), None);
    let mut holed = vec![1.0; 20];
    holed[3] = f64::NAN;
    assert_eq!(forecast(&holed, TimeGrain::Month, 3), None);
}

#[test]
fn a_constant_goes_on_and_a_pure_season_repeats() {
    let flat = forecast(&[5.0; 20], TimeGrain::Month, 3).unwrap();
    assert!(
        flat.steps
            .iter()
            .all(|step| (step.value - 5.0).abs() < 1e-9 && step.high - step.low < 1e-6)
    );
    let season: Vec<f64> = (0..48).map(|x| 100.0 + 30.0 * real(x % 12)).collect();
    let found = forecast(&season, TimeGrain::Month, 12).unwrap();
    assert!(!found.beats_naive && found.methods == ["seasonal_naive"], "{found:?}");
    for (step, is) in found.steps.iter().zip(&season) {
        assert!((step.value - is).abs() < 1e-6);
    }
}

#[test]
fn a_walk_is_not_said_to_be_foreseen() {
    let mut noise = Noise::new(5);
    let mut at = 1000.0;
    let walk: Vec<f64> = (0..60)
        .map(|_| {
            at += noise.normal() * 20.0;
            at
        })
        .collect();
    let found = forecast(&walk, TimeGrain::Month, 12).unwrap();
    let width = |step: usize| found.steps[step].high - found.steps[step].low;
    assert!(width(11) >= width(0), "{found:?}");
}

#[test]
fn values_that_are_mostly_zero_are_forecast_by_methods_made_for_them() {
    let mut noise = Noise::new(9);
    let values: Vec<f64> =
        (0..48).map(|_| if noise.uniform() < 0.3 { 10.0 + noise.uniform() } else { 0.0 }).collect();
    let found = forecast(&values, TimeGrain::Month, 3).unwrap();
    assert!(found.tried.iter().any(|(name, _)| *name == "croston"));
    assert!(found.steps.iter().all(|step| step.low >= 0.0 && step.value < 12.0), "{found:?}");
}

#[test]
fn extreme_values_do_not_break_anything() {
    for values in [
        vec![0.0; 30],
        vec![-1e12; 30],
        (0..30).map(|x| if x == 20 { 1e15 } else { 1.0 }).collect(),
    ] {
        let found = forecast(&values, TimeGrain::Month, 6).unwrap();
        assert!(
            found.steps.iter().all(|step| step.value.is_finite() && step.low <= step.high),
            "{found:?}"
        );
    }
}
