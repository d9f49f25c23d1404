//! The raw rate of bcrypt: `hash crate|lanes COST THREADS SECONDS` hashes on as many threads for as
//! long, and prints how many hashes that were, and how many a second. `crate` is the bcrypt crate, `lanes` is
//! Pacioli's own, several passwords at a time.

use std::{
    env,
    error::Error,
    thread,
    time::{Duration, Instant},
};

use pacioli_bcrypt::{LANES, Lane};

const SALT: [u8; 16] = *b"sixteen bytes ok";
/// As long as what Pacioli gives to bcrypt: the base64 of 48 bytes.
const PASSWORD: &[u8] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kind, cost, threads, seconds] = arguments.as_slice() else {
        return Err("usage: hash crate|lanes COST THREADS SECONDS".into());
    };
    let (cost, threads): (u32, u32) = (cost.parse()?, threads.parse()?);
    let span = Duration::from_secs_f64(seconds.parse()?);
    let (once, at_once): (fn(u32), u32) = match kind.as_str() {
        "crate" => (hash_one, 1),
        "lanes" => (hash_lanes, LANES as u32),
        _ => return Err("the kind is crate or lanes".into()),
    };
    let workers: Vec<_> =
        (0..threads).map(|_| thread::spawn(move || count(once, cost, span))).collect();
    let (mut total, mut per_second) = (0, 0.0);
    for worker in workers {
        let (calls, seconds) = worker.join().map_err(|_| "a hashing thread panicked")?;
        total += calls * at_once;
        per_second += f64::from(calls * at_once) / seconds;
    }
    println!("{total} {per_second}");
    Ok(())
}

/// Calls and the seconds they took, over whole calls.
fn count(once: fn(u32), cost: u32, span: Duration) -> (u32, f64) {
    let begin = Instant::now();
    let mut calls = 0;
    while begin.elapsed() < span {
        once(cost);
        calls += 1;
    }
    (calls, begin.elapsed().as_secs_f64())
}

fn hash_one(cost: u32) {
    std::hint::black_box(bcrypt::bcrypt(cost, SALT, std::hint::black_box(PASSWORD)));
}

fn hash_lanes(cost: u32) {
    let lane = Lane { salt: SALT, password: std::hint::black_box(PASSWORD) };
    std::hint::black_box(pacioli_bcrypt::bcrypt(cost, &[lane; LANES]));
}
