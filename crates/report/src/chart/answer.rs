use std::collections::BTreeMap;

use pacioli_model::{Aggregate, Ask, Catalog, Cell, Grouping, Measure, OverTime, Table, TimeGrain};
use serde_json::Value;

use super::{Axis, Bars, COLOURS, Chart, Line, Lines, Series, Shape, vega_lite};
use crate::{
    locale::{Format, Language},
    words::{Names, cell, is_code, sentence},
    write::{say, text},
};

/// More bars than this cannot be read.
const MOST_BARS: usize = 30;

/// Draws an answer as a Vega-Lite v5 specification with its data inside, in words of a language: periods as
/// a line, a breakdown as ranked bars, two groups as several lines or coloured bars. Field names are column
/// names, so none needs escaping.
pub fn chart(ask: &Ask, catalog: &Catalog, table: &Table, language: Language) -> Option<Value> {
    let names = Names { catalog: Some(catalog), language };
    Some(vega_lite(&answer_chart(ask, table, names)?, language))
}

/// The picture of an answer, of its first measure. Empty for lists, single values and three or
/// more groups.
pub(crate) fn answer_chart(ask: &Ask, table: &Table, names: Names<'_>) -> Option<Chart> {
    let wanted = ask.shown_measures().next()?;
    let groups: Vec<&Grouping> = ask.shown_groups().collect();
    let rows = drawable(ask, table, names.language);
    if rows.len() < 2 {
        return None;
    }
    let drawing = Drawing { ask, wanted, names };
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

impl Point {
    fn label(&self, group: &Grouping) -> String {
        self.groups.get(group.name.as_str()).cloned().unwrap_or_default()
    }
}

fn drawable(ask: &Ask, table: &Table, language: Language) -> Vec<Point> {
    let point = |row: &Vec<Cell>| {
        let value =
            row.get(ask.shown_groups().count())?.as_f64().filter(|value| value.is_finite())?;
        let groups = ask.shown_groups().zip(row);
        let groups = groups
            .map(|(group, value)| (group.name.to_string(), shown(value, group, ask, language)));
        Some(Point { groups: groups.collect(), value })
    };
    let mut points: Vec<Point> = table.rows.iter().filter_map(point).collect();
    // Two customers of one name are two bars, and neither hides the other nor adds to it.
    let mut seen: BTreeMap<BTreeMap<String, String>, usize> = BTreeMap::new();
    let named = ask.shown_groups().find(|group| group.grain().is_none());
    for point in &mut points {
        let times = seen.entry(point.groups.clone()).or_default();
        *times += 1;
        if let Some(label) = named.and_then(|group| point.groups.get_mut(group.name.as_str()))
            && *times > 1
        {
            *label = format!("{label} ({times})");
        }
    }
    points
}

/// A period on a time axis is its first day; everything else is a label.
fn shown(value: &Cell, group: &Grouping, ask: &Ask, language: Language) -> String {
    match value {
        Cell::Date(day) if group.grain().is_some() && ask.limit.is_none() => day.to_string(),
        Cell::Timestamp(moment) if group.grain().is_some() && ask.limit.is_none() => {
            moment.date_naive().to_string()
        }
        _ => cell(value, group.grain(), language),
    }
}

struct Drawing<'a> {
    ask: &'a Ask,
    wanted: &'a Measure,
    names: Names<'a>,
}

impl Drawing<'_> {
    fn lines(&self, time: &Grouping, colour: Option<&Grouping>, rows: &[Point]) -> Chart {
        let (rows, note) = match colour {
            Some(colour) => self.largest(colour, rows, COLOURS.len()),
            None => (rows.to_vec(), None),
        };
        let mut series: Vec<Line> = Vec::new();
        for point in &rows {
            let name = colour.map_or_else(String::new, |colour| point.label(colour));
            let Ok(day) = point.label(time).parse() else { continue };
            match series.iter_mut().find(|line| line.name == name) {
                Some(line) => line.points.push((day, point.value)),
                None => series.push(Line { name, points: vec![(day, point.value)] }),
            }
        }
        for line in &mut series {
            line.points.sort_by_key(|(day, _)| *day);
        }
        let shape = Shape::Lines(Lines {
            time: self.axis(time),
            grain: time.grain().unwrap_or(TimeGrain::Day),
            legend: colour.map(|colour| self.axis(colour)),
            series,
            band: Vec::new(),
            partial_from: None,
            forecast_from: None,
            marks: Vec::new(),
        });
        self.chart(shape, note)
    }

    fn bars(&self, group: &Grouping, colour: Option<&Grouping>, rows: &[Point]) -> Chart {
        let (rows, colour_note) = match colour {
            Some(colour) => self.largest(colour, rows, COLOURS.len()),
            None => (rows.to_vec(), None),
        };
        let (rows, note) = self.largest(group, &rows, MOST_BARS);
        let labels = self.ranking(group, &rows);
        let mut series: Vec<Series> = Vec::new();
        for point in &rows {
            let name = colour.map_or_else(String::new, |colour| point.label(colour));
            let Some(place) = labels.iter().position(|label| *label == point.label(group)) else {
                continue;
            };
            let known = series.iter().position(|one| one.name == name).unwrap_or_else(|| {
                series.push(Series { name, values: vec![None; labels.len()] });
                series.len() - 1
            });
            series[known].values[place] = Some(point.value);
        }
        let stacked = colour.is_some_and(|colour| self.stacks(colour, &rows));
        let (group, legend) = (self.axis(group), colour.map(|colour| self.axis(colour)));
        let bars = Bars { group, labels, legend, series, stacked, upright: false };
        self.chart(Shape::Bars(bars), note.or(colour_note))
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
        adds && rows.iter().all(|point| point.value >= 0.0)
            && !rows.iter().all(|point| is_code(&point.label(colour)))
    }

    fn chart(&self, shape: Shape, note: Option<String>) -> Chart {
        let language = self.names.language;
        let groups: Vec<String> =
            self.ask.shown_groups().map(|group| self.names.output(group)).collect();
        let name = sentence(&self.names.measure(self.wanted, &self.ask.measures, None));
        let groups = groups.join(&format!(" {} ", text(language, "and")));
        let title = say(language, "chart.title", &[("metric", &name), ("group", &groups)]);
        Chart {
            summary: title.clone(),
            title,
            note,
            value: Axis::new(self.wanted.name.as_str(), name),
            format: Format::Number,
            shape,
        }
    }

    fn axis(&self, group: &Grouping) -> Axis {
        Axis::new(group.name.as_str(), sentence(&self.names.output(group)))
    }

    /// The rows of the `most` labels that stand out most, and what to say where some are left out.
    fn largest(
        &self,
        group: &Grouping,
        rows: &[Point],
        most: usize,
    ) -> (Vec<Point>, Option<String>) {
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
        let (shown, all) = (most.to_string(), all.to_string());
        let values = [("shown", &*shown), ("all", &*all), ("group", &*self.names.output(group))];
        let note = say(self.names.language, "chart.cut_by", &values);
        (rows.iter().filter(kept).cloned().collect(), Some(note))
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
