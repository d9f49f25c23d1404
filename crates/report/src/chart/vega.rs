use chrono::NaiveDate;
use pacioli_model::TimeGrain;
use serde_json::{Map, Value, json};

use super::{Axis, Bars, COLOURS, Chart, Dot, Heatmap, Lines, Shape, Step};
use crate::locale::{Format, Language};

const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";

/// A chart as a Vega-Lite v5 specification, its data inside.
pub fn vega_lite(chart: &Chart, language: Language) -> Value {
    let title = match &chart.note {
        Some(note) => json!({"text": chart.title, "subtitle": note}),
        None => json!({"text": chart.title}),
    };
    let mut config = json!({"mark": {"color": COLOURS[0]}});
    if let Some(locale) = language.vega() {
        config["locale"] = locale;
    }
    let mut spec = json!({
        "$schema": SCHEMA,
        "title": title,
        "description": chart.summary,
        "width": "container",
        "config": config,
    });
    let drawn = match &chart.shape {
        Shape::Lines(lines) => chart.lines(lines),
        Shape::Bars(bars) => chart.bars(bars),
        Shape::Waterfall { group, steps } => chart.waterfall(group, steps),
        Shape::Heatmap(map) => chart.heatmap(map),
        Shape::Scatter { across, across_format, dots } => {
            chart.scatter(across, across_format, dots)
        }
    };
    for (member, told) in drawn {
        spec[member] = told;
    }
    spec
}

type Members = Map<String, Value>;

fn members(spec: Value) -> Members {
    match spec {
        Value::Object(members) => members,
        _ => Members::new(),
    }
}

impl Chart {
    fn lines(&self, lines: &Lines) -> Members {
        let x = json!({
            "field": lines.time.field,
            "type": "temporal",
            // Days are days everywhere: read in the viewer's zone, the first of March may be February.
            "scale": {"type": "utc"},
            "axis": {"title": lines.time.title, "format": time_format(lines.grain)},
        });
        let y = self.value_axis();
        let mut encoding = members(json!({"x": x, "y": y}));
        if let Some(legend) = &lines.legend {
            encoding.insert("color".to_owned(), coloured(legend));
            encoding.insert("strokeDash".to_owned(), nominal(legend));
        }
        let rows = |from: Option<NaiveDate>, to: Option<NaiveDate>| {
            let mut rows = Vec::new();
            for line in &lines.series {
                let kept = line.points.iter().filter(|(day, _)| {
                    from.is_none_or(|from| *day >= from) && to.is_none_or(|to| *day < to)
                });
                rows.extend(kept.map(|(day, value)| {
                    let mut row = Members::new();
                    row.insert(lines.time.field.clone(), json!(day.to_string()));
                    row.insert(self.value.field.clone(), json!(value));
                    if let Some(legend) = &lines.legend {
                        row.insert(legend.field.clone(), json!(line.name));
                    }
                    Value::Object(row)
                }));
            }
            json!({"values": rows})
        };
        let mark = json!({"type": "line", "point": true, "tooltip": true});
        let first_unsure = [lines.partial_from, lines.forecast_from].into_iter().flatten().min();
        if lines.band.is_empty() && first_unsure.is_none() && lines.marks.is_empty() {
            return members(json!({"data": rows(None, None), "mark": mark, "encoding": encoding}));
        }
        let mut layers = Vec::new();
        if !lines.band.is_empty() {
            layers.push(self.band(lines));
        }
        layers.push(json!({"data": rows(None, first_unsure), "mark": mark, "encoding": encoding}));
        if first_unsure.is_some() {
            let last = lines.series.iter().filter_map(|line| {
                line.points.iter().map(|(day, _)| *day).rfind(|day| Some(*day) < first_unsure)
            });
            let mark = json!({
                "type": "line", "strokeDash": [4, 3], "tooltip": true,
                "point": {"filled": false, "fill": "white"},
            });
            let from = last.max().or(first_unsure);
            layers.push(json!({"data": rows(from, None), "mark": mark, "encoding": encoding}));
        }
        for (day, word) in &lines.marks {
            layers.push(json!({
                "data": {"values": [{"day": day.to_string(), "word": word}]},
                "mark": {"type": "rule", "strokeDash": [2, 2], "tooltip": true},
                "encoding": {
                    "x": {"field": "day", "type": "temporal", "scale": {"type": "utc"}},
                    "tooltip": {"field": "word", "type": "nominal"},
                },
            }));
        }
        members(json!({"layer": layers}))
    }

    fn band(&self, lines: &Lines) -> Value {
        let rows: Vec<Value> = lines
            .band
            .iter()
            .map(|band| json!({"day": band.day.to_string(), "low": band.low, "high": band.high}))
            .collect();
        json!({
            "data": {"values": rows},
            "mark": {"type": "area", "opacity": 0.2, "line": {"strokeWidth": 0.5}},
            "encoding": {
                "x": {"field": "day", "type": "temporal", "scale": {"type": "utc"}},
                "y": {"field": "low", "type": "quantitative", "title": self.value.title},
                "y2": {"field": "high"},
            },
        })
    }

    fn bars(&self, bars: &Bars) -> Members {
        let mut rows = Vec::new();
        for (place, label) in bars.labels.iter().enumerate() {
            for series in &bars.series {
                let Some(value) = series.values.get(place).copied().flatten() else { continue };
                let mut row = Members::new();
                row.insert(bars.group.field.clone(), json!(label));
                row.insert(self.value.field.clone(), json!(value));
                if let Some(legend) = &bars.legend {
                    row.insert(legend.field.clone(), json!(series.name));
                }
                rows.push(Value::Object(row));
            }
        }
        let group = json!({
            "field": bars.group.field,
            "type": "nominal",
            "sort": bars.labels,
            "axis": {"title": bars.group.title},
        });
        let (along, across, offset) =
            if bars.upright { ("x", "y", "xOffset") } else { ("y", "x", "yOffset") };
        let mut encoding = Members::new();
        encoding.insert(along.to_owned(), group);
        encoding.insert(across.to_owned(), self.value_axis());
        if let Some(legend) = &bars.legend {
            encoding.insert("color".to_owned(), coloured(legend));
            if !bars.stacked {
                encoding.insert(offset.to_owned(), json!({"field": legend.field}));
            }
        }
        members(json!({
            "data": {"values": rows},
            "mark": {"type": "bar", "tooltip": true},
            "encoding": encoding,
        }))
    }

    fn waterfall(&self, group: &Axis, steps: &[Step]) -> Members {
        let labels: Vec<&str> = steps.iter().map(|step| step.label.as_str()).collect();
        let rows: Vec<Value> = steps
            .iter()
            .zip(spans(steps))
            .map(|(step, (from, to))| {
                let kind = match step {
                    Step { total: true, .. } => "total",
                    Step { value, .. } if *value < 0.0 => "fall",
                    Step { .. } => "rise",
                };
                let mut row =
                    members(json!({"from": from, "to": to, "value": step.value, "kind": kind}));
                row.insert(group.field.clone(), json!(step.label));
                Value::Object(row)
            })
            .collect();
        let tooltip = json!([
            {"field": group.field, "type": "nominal", "title": group.title},
            {"field": "value", "type": "quantitative", "title": self.value.title,
             "format": number_format(&self.format)},
        ]);
        let mut value = self.value_axis();
        value["field"] = json!("from");
        members(json!({
            "data": {"values": rows},
            "mark": {"type": "bar"},
            "encoding": {
                "y": {"field": group.field, "type": "nominal", "sort": labels,
                      "axis": {"title": group.title}},
                "x": value,
                "x2": {"field": "to"},
                "color": {
                    "field": "kind", "type": "nominal", "legend": null,
                    "scale": {"domain": ["total", "rise", "fall"],
                              "range": ["#666666", COLOURS[0], COLOURS[1]]},
                },
                "tooltip": tooltip,
            },
        }))
    }

    fn heatmap(&self, map: &Heatmap) -> Members {
        let mut rows = Vec::new();
        for (row, cells) in map.rows.iter().zip(&map.cells) {
            for (column, value) in map.columns.iter().zip(cells) {
                let Some(value) = value else { continue };
                let mut told = Members::new();
                told.insert(map.down.field.clone(), json!(row));
                told.insert(map.across.field.clone(), json!(column));
                told.insert(self.value.field.clone(), json!(value));
                rows.push(Value::Object(told));
            }
        }
        let ordered = |axis: &Axis, labels: &[String]| {
            json!({"field": axis.field, "type": "ordinal", "sort": labels,
                   "axis": {"title": axis.title}})
        };
        members(json!({
            "data": {"values": rows},
            "mark": {"type": "rect", "tooltip": true},
            "encoding": {
                "x": ordered(&map.across, &map.columns),
                "y": ordered(&map.down, &map.rows),
                "color": {
                    "field": self.value.field, "type": "quantitative",
                    "scale": {"scheme": "cividis"},
                    "legend": {"title": self.value.title, "format": number_format(&self.format)},
                },
            },
        }))
    }

    fn scatter(&self, across: &Axis, format: &Format, dots: &[Dot]) -> Members {
        let rows = dots.iter().map(|dot| {
            let mut row = members(json!({"label": dot.label}));
            row.insert(across.field.clone(), json!(dot.x));
            row.insert(self.value.field.clone(), json!(dot.y));
            Value::Object(row)
        });
        members(json!({
            "data": {"values": rows.collect::<Vec<_>>()},
            "mark": {"type": "point", "filled": true, "tooltip": {"content": "data"}},
            "encoding": {
                "x": {"field": across.field, "type": "quantitative",
                      "axis": {"title": across.title, "format": number_format(format)}},
                "y": self.value_axis(),
            },
        }))
    }

    fn value_axis(&self) -> Value {
        json!({
            "field": self.value.field,
            "type": "quantitative",
            "axis": {"title": self.value.title, "format": number_format(&self.format)},
        })
    }
}

/// Where each step's bar begins and ends.
pub(crate) fn spans(steps: &[Step]) -> Vec<(f64, f64)> {
    let mut level = 0.0;
    let span = |step: &Step| {
        let from = if step.total { 0.0 } else { level };
        level = from + step.value;
        (from, level)
    };
    steps.iter().map(span).collect()
}

fn nominal(axis: &Axis) -> Value {
    json!({"field": axis.field, "type": "nominal", "legend": {"title": axis.title}})
}

fn coloured(axis: &Axis) -> Value {
    let mut told = nominal(axis);
    told["scale"] = json!({"range": COLOURS});
    told
}

fn number_format(format: &Format) -> &'static str {
    match format {
        Format::Percent | Format::Points => ".1~%",
        Format::Count => ",.0f",
        _ => ",.2~f",
    }
}

fn time_format(grain: TimeGrain) -> &'static str {
    match grain {
        TimeGrain::Year => "%Y",
        TimeGrain::Quarter => "Q%q %Y",
        TimeGrain::Month => "%b %Y",
        TimeGrain::Week | TimeGrain::Day => "%d %b %Y",
    }
}
