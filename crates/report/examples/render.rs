//! Writes a report in every form and says how long each took:
//! `cargo run -p pacioli-report --example render -- FOLDER [en|de] [REPORT.json]`. Without a report
//! it takes the tests' own, which has a finding of every kind.

#![expect(clippy::unwrap_used, reason = "a program for whoever works on the renderers")]

use std::{fs, path::Path, time::Instant};

use pacioli_report::{Language, archive, csv, html, pdf, write, xlsx};

#[path = "../tests/it/sample.rs"]
mod sample;

#[expect(clippy::print_stdout, reason = "its output")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| "report".to_owned());
    let language = arguments.next().and_then(|code| Language::parse(&code)).unwrap_or_default();
    let report = arguments.next().map_or_else(sample::report, |path| {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    });
    fs::create_dir_all(&folder).unwrap();
    let put = |name: &str, make: &dyn Fn() -> Vec<u8>| {
        let started = Instant::now();
        let bytes = make();
        println!("{name} {} bytes in {:.3} s", bytes.len(), started.elapsed().as_secs_f64());
        fs::write(Path::new(&folder).join(name), bytes).unwrap();
    };
    let document = write(&report, language);
    put("report.pdf", &|| pdf(&document).unwrap());
    put("report.xlsx", &|| xlsx(&document).unwrap());
    put("report.csv", &|| csv(&document).unwrap());
    put("report.zip", &|| archive(&document).unwrap());
    put("report.html", &|| html(&document).into_bytes());
}
