//! Each method beside the one of the same name of statsforecast 2.1.1, on series that both were given once:
//! `statsforecast.json`, which `bench/forecast/fixture.py` writes.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;

const MONTHS: usize = 12;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|it| it.as_f64().unwrap()).collect()
}

/// How far the methods may be apart, in mean absolute errors of repeating the season: the median over the
/// series. Those without parameters agree to the last digit; the others settle theirs another way.
fn limit(method: &str) -> f64 {
    match method {
        "seasonal_naive" | "drift" => 1e-6,
        "ses" | "tsb" => 0.1,
        _ => 0.5,
    }
}

#[test]
fn methods_agree_with_those_of_statsforecast() {
    let fixture: Vec<Value> = serde_json::from_str(include_str!("statsforecast.json")).unwrap();
    let mut apart: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for series in &fixture {
        let values = numbers(&series["values"]);
        let lagged = values.iter().zip(&values[MONTHS..]);
        let scale = mean(&lagged.map(|(before, after)| (after - before).abs()).collect::<Vec<_>>());
        let mut compare = |name: &'static str, ours: &[f64]| {
            let theirs = numbers(&series["forecasts"][name]);
            let off: Vec<f64> = ours.iter().zip(&theirs).map(|(x, y)| (x - y).abs()).collect();
            apart.entry(name).or_default().push(mean(&off) / scale);
        };
        compare("seasonal_naive", &seasonal_naive(&values, MONTHS, 6));
        for method in &METHODS {
            if let Some(fitted) = (method.fit)(&values, MONTHS) {
                compare(method.name, &fitted(&values, 6));
            }
        }
    }
    assert_eq!(apart.len(), METHODS.len() + 1, "{apart:?}");
    for (name, apart) in &apart {
        let (middle, most) = (median(apart), apart.iter().copied().fold(0.0, f64::max));
        println!("{name}: {middle:.4} apart in the middle of {}, {most:.3} at most", apart.len());
    }
    for (name, apart) in &apart {
        assert!(median(apart) <= limit(name), "{name}: {apart:?}");
    }
}
