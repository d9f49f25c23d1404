use std::collections::BTreeMap;

use pacioli_model::{Aggregate, Ask, Cell, Grouping, Measure, OverTime, Table, TimeGrain};
use serde_json::{Map, Value, json};

use crate::words::{cell, is_code, measure, sentence, spaced};

const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v5.json";
/// More bars than this cannot be read.
const MOST_BARS: usize = 30;
/// Okabe and Ito's colours, told apart by everybody; also the most series in one picture.
const COLOURS: [&str; 8] =
    ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000"];

/// Draws an answer as a Vega-Lite v5 specification with its data inside: periods as a line, a
/// breakdown as ranked bars, two groups as several lines or coloured bars. The first measure is
/// drawn. Empty for lists, single values and three or more groups. Field names are column names, so
/// none needs escaping.
pub fn chart(ask: &Ask, table: &Table) -> Option<Value> {
    let wanted = ask.shown_measures().next()?;
    let groups: Vec<&Grouping> = ask.shown_groups().collect();
    let rows = drawable(ask, table);
    if rows.len() < 2 {
        return None;
    }
    let drawing = Drawing { ask, wanted };
    // The best months are no run of months.
    let timed = |group: &Grouping| group.grain().is_some() && ask.limit.is_none();
    match groups.as_slice() {
        [time] if timed(time) => Some(drawing.lines(time, None, &rows)),
        [group] => Some(drawing.bars(group, None, &rows)),
        [time, group] | [group, time] if timed(time) && !timed(group) => {
            Some(drawing.lines(time, Some(group), &rows))
        }
        [group, colour] => Some(drawing.bars(group, Some(colour), &rows)),
        _ => None,
    }
}

/// A row's groups in words or as dates, and its value.
#[derive(Clone)]
struct Point {
    /// By output name.
    groups: BTreeMap<String, String>,
    value: f64,
}

fn drawable(ask: &Ask, table: &Table) -> Vec<Point> {
    let point = |row: &Vec<Cell>| {
        let value =
            row.get(ask.shown_groups().count())?.as_f64().filter(|value| value.is_finite())?;
        let groups = ask.shown_groups().zip(row);
        let groups =
            groups.map(|(group, value)| (group.name.to_string(), shown(value, group, ask)));
        Some(Point { groups: groups.collect(), value })
    };
    table.rows.iter().filter_map(point).collect()
}

/// A period on a time axis is its first day; everything else is a label.
fn shown(value: &Cell, group: &Grouping, ask: &Ask) -> String {
    match value {
        Cell::Date(day) if group.grain().is_some() && ask.limit.is_none() => day.to_string(),
        Cell::Timestamp(moment) if group.grain().is_some() && ask.limit.is_none() => {
            moment.date_naive().to_string()
        }
        _ => cell(value, group.grain()),
    }
}

struct Drawing<'a> {
    ask: &'a Ask,
    wanted: &'a Measure,
}

impl Drawing<'_> {
    fn lines(&self, time: &Grouping, colour: Option<&Grouping>, rows: &[Point]) -> Value {
        let (rows, note) = match colour {
            Some(colour) => largest(colour, rows, COLOURS.len()),
            None => (rows.to_vec(), None),
        };
        let mut encoding = Map::new();
        encoding.insert(
            "x".to_owned(),
            json!({
                "field": time.name.as_str(),
                "type": "temporal",
                // Days are days everywhere: read in the viewer's zone, the first of March may be February.
                "scale": {"type": "utc"},
                "axis": {"title": title(time.name.as_str()), "format": axis_format(time.grain())},
            }),
        );
        encoding.insert("y".to_owned(), self.value_axis());
        if let Some(colour) = colour {
            encoding.insert("color".to_owned(), coloured(colour));
        }
        self.spec(&json!({"type": "line", "point": true, "tooltip": true}), &encoding, &rows, note)
    }

    fn bars(&self, group: &Grouping, colour: Option<&Grouping>, rows: &[Point]) -> Value {
        let (rows, colour_note) = match colour {
            Some(colour) => largest(colour, rows, COLOURS.len()),
            None => (rows.to_vec(), None),
        };
        let (mut rows, note) = largest(group, &rows, MOST_BARS);
        let ranking = self.ranking(group, &rows);
        let place = |point: &Point| {
            ranking.iter().position(|label| Some(label) == point.groups.get(group.name.as_str()))
        };
        rows.sort_by_key(place);
        let mut encoding = Map::new();
        encoding.insert(
            "y".to_owned(),
            json!({
                "field": group.name.as_str(),
                "type": "nominal",
                "sort": ranking,
                "axis": {"title": title(group.name.as_str())},
            }),
        );
        encoding.insert("x".to_owned(), self.value_axis());
        if let Some(colour) = colour {
            encoding.insert("color".to_owned(), coloured(colour));
            if !self.stacks(colour, &rows) {
                encoding.insert("yOffset".to_owned(), json!({"field": colour.name.as_str()}));
            }
        }
        self.spec(&json!({"type": "bar", "tooltip": true}), &encoding, &rows, note.or(colour_note))
    }

    /// The labels of `group`, in the order of the bars: largest first, or smallest where that was asked.
    fn ranking(&self, group: &Grouping, rows: &[Point]) -> Vec<String> {
        let mut totals: Vec<(String, f64)> = totals(group, rows);
        let ascending = self.ask.order.iter().find(|order| order.name == self.wanted.name);
        let ascending =
            ascending.is_some_and(|order| order.direction == pacioli_model::Direction::Ascending);
        totals.sort_by(|left, right| {
            let order = right.1.total_cmp(&left.1);
            if ascending { order.reverse() } else { order }.then_with(|| left.0.cmp(&right.0))
        });
        totals.into_iter().map(|(label, _)| label).collect()
    }

    /// Bars are stacked only where their sum means something: counts and totals of one currency, none
    /// below zero. Different customers in two regions may be the same.
    fn stacks(&self, colour: &Grouping, rows: &[Point]) -> bool {
        let adds = self.wanted.aggregation().is_some_and(|one| {
            one.over_time == OverTime::Within
                && (one.aggregate == Aggregate::Sum
                    || (one.aggregate == Aggregate::Count && one.value.is_none()))
        });
        let label =
            |point: &Point| point.groups.get(colour.name.as_str()).cloned().unwrap_or_default();
        adds && rows.iter().all(|point| point.value >= 0.0)
            && !rows.iter().all(|point| is_code(&label(point)))
    }

    fn value_axis(&self) -> Value {
        let name = sentence(&measure(self.wanted, None));
        json!({
            "field": self.wanted.name.as_str(),
            "type": "quantitative",
            "axis": {"title": name, "format": ",.2~f"},
        })
    }

    fn spec(
        &self,
        mark: &Value,
        encoding: &Map<String, Value>,
        rows: &[Point],
        note: Option<String>,
    ) -> Value {
        let groups: Vec<String> =
            self.ask.shown_groups().map(|group| spaced(group.name.as_str())).collect();
        let text = format!("{} by {}", sentence(&measure(self.wanted, None)), groups.join(" and "));
        let title = match note {
            Some(note) => json!({"text": text, "subtitle": note}),
            None => json!({"text": text}),
        };
        let values: Vec<Value> = rows
            .iter()
            .map(|point| {
                let labels = point.groups.iter().map(|(name, label)| (name.clone(), json!(label)));
                let value = (self.wanted.name.to_string(), json!(point.value));
                Value::Object(labels.chain([value]).collect())
            })
            .collect();
        json!({
            "$schema": SCHEMA,
            "title": title,
            "width": "container",
            "data": {"values": values},
            "mark": mark,
            "encoding": encoding,
            "config": {"mark": {"color": COLOURS[0]}},
        })
    }
}

/// The sum over each label of `group`, in order of appearance.
fn totals(group: &Grouping, rows: &[Point]) -> Vec<(String, f64)> {
    let mut totals: Vec<(String, f64)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for point in rows {
        let Some(label) = point.groups.get(group.name.as_str()) else { continue };
        let place = *places.entry(label).or_insert_with(|| {
            totals.push((label.clone(), 0.0));
            totals.len() - 1
        });
        totals[place].1 += point.value;
    }
    totals
}

/// The rows of the `most` labels that stand out most, and what to say where some are left out.
fn largest(group: &Grouping, rows: &[Point], most: usize) -> (Vec<Point>, Option<String>) {
    let mut totals = totals(group, rows);
    let all = totals.len();
    if all <= most {
        return (rows.to_vec(), None);
    }
    totals.sort_by(|left, right| {
        right.1.abs().total_cmp(&left.1.abs()).then_with(|| left.0.cmp(&right.0))
    });
    totals.truncate(most);
    let kept = |point: &&Point| {
        let label = point.groups.get(group.name.as_str());
        totals.iter().any(|(known, _)| Some(known) == label)
    };
    let note = format!("The {most} largest of {all} by {}", spaced(group.name.as_str()));
    (rows.iter().filter(kept).cloned().collect(), Some(note))
}

fn coloured(colour: &Grouping) -> Value {
    json!({
        "field": colour.name.as_str(),
        "type": "nominal",
        "scale": {"range": COLOURS},
        "legend": {"title": title(colour.name.as_str())},
    })
}

fn title(name: &str) -> String {
    sentence(&spaced(name))
}

fn axis_format(grain: Option<TimeGrain>) -> &'static str {
    match grain {
        Some(TimeGrain::Year) => "%Y",
        Some(TimeGrain::Quarter) => "Q%q %Y",
        Some(TimeGrain::Month) => "%b %Y",
        _ => "%d %b %Y",
    }
}
