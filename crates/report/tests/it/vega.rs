//! Specifications of pictures against Vega-Lite's own schema.

use std::{
    io::Write as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use pacioli_model::TimeGrain;
use pacioli_report::{
    Format, Language,
    chart::{Axis, Bars, Chart, Line, Lines, Series, Shape, svg, vega_lite},
    write,
};
use serde_json::Value;

use crate::sample::report;

/// A picture of every shape that findings do not have.
fn others() -> Vec<Chart> {
    let chart = |shape| Chart {
        title: "Revenue & <cost>".to_owned(),
        note: Some("The 8 largest of 9".to_owned()),
        summary: "Revenue by region".to_owned(),
        value: Axis::new("revenue", "Revenue"),
        format: Format::Amount("EUR".to_owned()),
        shape,
    };
    let series =
        |name: &str| Series { name: name.to_owned(), values: vec![Some(-3.0), None, Some(8.5)] };
    let bars = |stacked, upright| {
        chart(Shape::Bars(Bars {
            group: Axis::new("region", "Region"),
            labels: ["North", "South", "\u{1}<&>\"'"].map(str::to_owned).to_vec(),
            legend: Some(Axis::new("channel", "Channel")),
            series: ["Online", "Direct", "Shop"].map(series).to_vec(),
            stacked,
            upright,
        }))
    };
    let line = |name: &str| Line {
        name: name.to_owned(),
        points: vec![("2025-01-01".parse().unwrap(), 1.0), ("2025-02-01".parse().unwrap(), 2.0)],
    };
    let lines = chart(Shape::Lines(Lines {
        time: Axis::new("month", "Month"),
        grain: TimeGrain::Month,
        legend: Some(Axis::new("region", "Region")),
        series: vec![line("North"), line("South")],
        band: Vec::new(),
        partial_from: "2025-02-01".parse().ok(),
        forecast_from: None,
        marks: Vec::new(),
    }));
    vec![bars(false, false), bars(true, false), bars(false, true), bars(true, true), lines]
}

fn all() -> Vec<Chart> {
    let document = write(&report(), Language::English);
    document.sections.into_iter().filter_map(|section| section.chart).chain(others()).collect()
}

#[test]
fn every_specification_is_one_by_the_schema() {
    let tools = std::env::var_os("PACIOLI_TOOLS").map_or_else(PathBuf::new, PathBuf::from);
    let python = tools.join("python/bin/python");
    let has_schema = Command::new(&python)
        .args(["-c", "import altair, jsonschema"])
        .output()
        .is_ok_and(|run| run.status.success());
    if !has_schema {
        assert!(std::env::var_os("CI").is_none(), "altair, which carries the schema, is missing");
        eprintln!("SKIPPED: altair is missing ($PACIOLI_TOOLS/python); scripts/tools installs it");
        return;
    }
    let charts = all();
    let specs: Vec<Value> = [Language::English, Language::German]
        .iter()
        .flat_map(|language| charts.iter().map(|chart| vega_lite(chart, *language)))
        .collect();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vega_schema.py");
    let mut check = Command::new(&python)
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input = serde_json::to_vec(&specs).unwrap();
    check.stdin.take().unwrap().write_all(&input).unwrap();
    let run = check.wait_with_output().unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}

#[test]
fn pictures_are_one_well_formed_document_each() {
    for (place, chart) in all().iter().enumerate() {
        let picture = svg(chart, &format!("c{place}"), Language::German);
        let mut open: Vec<&str> = Vec::new();
        for tag in picture.split('<').skip(1) {
            let tag = tag.split('>').next().unwrap();
            let name = tag.split([' ', '\n']).next().unwrap();
            if let Some(name) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(name), "{}", chart.title);
            } else if !tag.ends_with('/') {
                open.push(name);
            }
        }
        assert!(open.is_empty(), "{}: {open:?}", chart.title);
        assert!(!picture.contains("NaN") && !picture.contains("inf\""), "{}", chart.title);
        assert!(picture.contains("role=\"img\"") && picture.contains("<desc "), "{}", chart.title);
        for name in picture.split("url(#").skip(1).filter_map(|rest| rest.split(')').next()) {
            assert!(picture.contains(&format!("id=\"{name}\"")), "{name} is nowhere");
        }
    }
}
