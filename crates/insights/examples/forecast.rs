//! Forecasts monthly series, one JSON array a line of standard input: `forecast HORIZON THREADS`. A line of
//! JSON comes back for each, in order; how long the forecasting took, in seconds, goes to standard error.
#![expect(clippy::unwrap_used, reason = "a program that cannot go on has failed")]
#![expect(clippy::print_stderr, reason = "that is where its time goes")]

use std::{
    io::{BufWriter, Read as _, Write as _, stdin, stdout},
    thread,
    time::Instant,
};

use pacioli_insights::forecast::{Forecast, forecast};
use pacioli_model::TimeGrain;
use serde_json::json;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|it| it.parse::<usize>().unwrap());
    let (horizon, threads) = (arguments.next().unwrap(), arguments.next().unwrap().max(1));
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    let series: Vec<Vec<f64>> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let started = Instant::now();
    let chunk = series.len().div_ceil(threads).max(1);
    let found: Vec<Option<Forecast>> = thread::scope(|scope| {
        let part = |series: &[Vec<f64>]| -> Vec<Option<Forecast>> {
            series.iter().map(|values| forecast(values, TimeGrain::Month, horizon)).collect()
        };
        let running: Vec<_> =
            series.chunks(chunk).map(|some| scope.spawn(move || part(some))).collect();
        running.into_iter().flat_map(|it| it.join().unwrap()).collect()
    });
    let seconds = started.elapsed().as_secs_f64();
    let mut out = BufWriter::new(stdout().lock());
    for one in &found {
        let line = one.as_ref().map(|it| {
            let of = |value: fn(&pacioli_insights::forecast::Step) -> f64| {
                it.steps.iter().map(value).collect::<Vec<f64>>()
            };
            json!({"value": of(|it| it.value), "low": of(|it| it.low), "high": of(|it| it.high),
                   "methods": it.methods})
        });
        writeln!(out, "{}", json!(line)).unwrap();
    }
    out.flush().unwrap();
    eprintln!("{seconds}");
}
