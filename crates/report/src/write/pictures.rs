//! The picture of each kind of fact, from the rows behind it.

use chrono::{Datelike, NaiveDate};
use pacioli_model::{Cell, Fact, RatioComponent};

use super::{text, voice::Voice};
use crate::{
    chart::{Axis, Band, Bars, Chart, Dot, Heatmap, Line, Lines, Series, Shape, Step},
    locale::Format,
};

/// More bars than this are not read in a report.
const MOST_BARS: usize = 15;
/// More steps than this neither.
const MOST_STEPS: usize = 10;

impl Voice<'_> {
    pub(super) fn picture(&self) -> Option<Chart> {
        let shape = match &self.finding.fact {
            Fact::Change { .. }
            | Fact::Trend { .. }
            | Fact::DaysOutstanding { .. }
            | Fact::Pace { .. } => self.over_time(Vec::new()),
            Fact::ChangePoint { at, .. } | Fact::OutlierPoint { at, .. } => {
                self.over_time(vec![(*at, self.period(*at))])
            }
            Fact::Burst { at, .. } => self.over_time(vec![(*at, self.period(*at))]),
            Fact::Season { length, .. } => self.season_picture(*length),
            Fact::OutstandingFirst { .. }
            | Fact::OutstandingLast { .. }
            | Fact::Concentration { .. } => self.ranking("member", "value", false),
            Fact::StockCover { .. } => self.ranking("item", "days", true),
            Fact::OutlierMember { .. } => self.dots("before", "after", &self.format.clone()),
            Fact::LeadLag { other, .. } => {
                self.dots("other", "value", &self.writer().format(&other.unit))
            }
            Fact::Drivers { .. } | Fact::PriceVolumeMix { .. } | Fact::NewLost { .. } => {
                self.bridge()
            }
            Fact::RatioDrivers { value, before, components, .. } => {
                self.ratio_bridge(*value, *before, components)
            }
            Fact::Ageing { buckets, .. } => {
                let labels: Vec<String> = buckets.iter().map(|one| self.bucket(one)).collect();
                let values = buckets.iter().map(|one| Some(one.amount)).collect();
                let group = self.axis("bucket");
                let series = vec![Series { name: String::new(), values }];
                (!labels.is_empty()).then_some(Shape::Bars(Bars {
                    group,
                    labels,
                    legend: None,
                    series,
                    stacked: false,
                    upright: true,
                }))
            }
            Fact::Forecast { .. } => self.forecast_picture(),
            Fact::DataQuality { .. } => None,
        }?;
        let title = self.title(&shape);
        let (value, format) = match &self.finding.fact {
            Fact::StockCover { .. } => (self.axis("days"), Format::Number),
            Fact::Ageing { .. } => {
                (self.axis("amount"), self.writer().format(&pacioli_model::Unit::CompanyCurrency))
            }
            Fact::OutlierMember { .. } => (self.axis("after"), self.format.clone()),
            Fact::OutstandingFirst { .. }
            | Fact::OutstandingLast { .. }
            | Fact::Concentration { .. }
            | Fact::RatioDrivers { .. }
            | Fact::Drivers { .. } => (
                Axis::new("value", self.finding.subject.metric.label.as_str()),
                self.format.clone(),
            ),
            _ => (Axis::new("value", self.subject.as_str()), self.format.clone()),
        };
        let note = self.note(&shape);
        Some(Chart { summary: self.summary(&title), title, note, value, format, shape })
    }

    /// What who cannot see the picture is told: what it shows, and what was found in it.
    fn summary(&self, title: &str) -> String {
        let said = self.said();
        format!("{title}. {}", said.sentences.first().map_or("", String::as_str))
    }

    fn title(&self, shape: &Shape) -> String {
        let metric = self.subject.as_str();
        match (&self.finding.fact, shape) {
            (Fact::OutlierMember { .. }, _) => {
                self.say("chart.before_after", &[("group", self.dimension())])
            }
            (Fact::LeadLag { other, .. }, _) => {
                self.say("chart.against", &[("other", &other.label)])
            }
            (Fact::StockCover { .. }, _) => {
                let metric = text(self.language, "column.days");
                self.say(
                    "chart.title",
                    &[("metric", metric), ("group", text(self.language, "column.item"))],
                )
            }
            (Fact::Ageing { .. }, _) => {
                let metric = text(self.language, "column.amount");
                self.say(
                    "chart.title",
                    &[("metric", metric), ("group", text(self.language, "column.bucket"))],
                )
            }
            (_, Shape::Lines(_) | Shape::Heatmap(_)) => {
                self.say("chart.over_time", &[("metric", metric)])
            }
            (_, Shape::Waterfall { steps, .. }) => match (steps.first(), steps.last()) {
                (Some(first), Some(last)) if first.total => {
                    let (before, value) = (self.told(first.value), self.told(last.value));
                    self.say("chart.bridge", &[("before", &before), ("value", &value)])
                }
                _ => self.say("chart.title", &[("group", self.dimension())]),
            },
            _ => self.say("chart.title", &[("group", self.dimension())]),
        }
    }

    fn note(&self, shape: &Shape) -> Option<String> {
        let Shape::Bars(bars) = shape else { return None };
        let (shown, all) = (bars.labels.len(), self.finding.evidence.table.rows.len());
        let smallest = matches!(self.finding.fact, Fact::StockCover { .. });
        let key = if smallest { "chart.cut_smallest" } else { "chart.cut" };
        (!bars.upright && shown < all)
            .then(|| self.say(key, &[("shown", &shown.to_string()), ("all", &all.to_string())]))
    }

    fn axis(&self, column: &str) -> Axis {
        Axis::new(column, text(self.language, &format!("column.{column}")))
    }

    /// The place of a column of the evidence.
    fn column(&self, name: &str) -> Option<usize> {
        let columns = &self.finding.evidence.table.columns;
        columns.iter().position(|column| column.name.as_str() == name)
    }

    /// Period and value of a column, where there are both.
    fn run(&self, name: &str) -> Vec<(NaiveDate, f64)> {
        let (Some(period), Some(value)) = (self.column("period"), self.column(name)) else {
            return Vec::new();
        };
        let pair = |row: &Vec<Cell>| {
            let day = match row.get(period)? {
                Cell::Date(day) => *day,
                Cell::Timestamp(moment) => moment.date_naive(),
                _ => return None,
            };
            Some((day, row.get(value)?.as_f64().filter(|value| value.is_finite())?))
        };
        let mut run: Vec<_> = self.finding.evidence.table.rows.iter().filter_map(pair).collect();
        run.sort_by_key(|(day, _)| *day);
        run
    }

    fn band(&self) -> Vec<Band> {
        let (low, high) = (self.run("low"), self.run("high"));
        let both = low.iter().filter_map(|(day, low)| {
            let (_, high) = high.iter().find(|(other, _)| other == day)?;
            Some(Band { day: *day, low: *low, high: *high })
        });
        both.collect()
    }

    fn over_time(&self, marks: Vec<(NaiveDate, String)>) -> Option<Shape> {
        let points = self.run("value");
        if points.len() < 3 {
            return None;
        }
        let window = &self.finding.subject.window;
        let last = points.last().map(|(day, _)| *day);
        let partial_from = last.filter(|day| !window.complete && *day >= window.from);
        Some(self.lines(points, self.band(), (partial_from, None), marks))
    }

    fn lines(
        &self,
        points: Vec<(NaiveDate, f64)>,
        band: Vec<Band>,
        (partial_from, forecast_from): (Option<NaiveDate>, Option<NaiveDate>),
        marks: Vec<(NaiveDate, String)>,
    ) -> Shape {
        Shape::Lines(Lines {
            time: self.axis("period"),
            grain: self.grain(),
            legend: None,
            series: vec![Line { name: String::new(), points }],
            band,
            partial_from,
            forecast_from,
            marks,
        })
    }

    fn forecast_picture(&self) -> Option<Shape> {
        let (mut points, ahead) = (self.run("value"), self.run("forecast"));
        let from = ahead.first().map(|(day, _)| *day)?;
        points.retain(|(day, _)| *day < from);
        points.extend(ahead);
        Some(self.lines(points, self.band(), (None, Some(from)), Vec::new()))
    }

    /// Years under each other, where the cycle is a year; else the values over time.
    fn season_picture(&self, length: usize) -> Option<Shape> {
        let run = self.run("value");
        let years: Vec<i32> = {
            let mut years: Vec<i32> = run.iter().map(|(day, _)| day.year()).collect();
            years.dedup();
            years
        };
        if length != 12 && length != 4 || years.len() < 2 {
            return self.over_time(Vec::new());
        }
        let place = |day: NaiveDate| day.month0() as usize * length / 12;
        let mut cells = vec![vec![None; length]; years.len()];
        for (day, value) in run {
            if let Some(row) = years.iter().position(|year| *year == day.year()) {
                cells[row][place(day)] = Some(value);
            }
        }
        let short = |place: usize| self.language.short_place(place, length);
        Some(Shape::Heatmap(Heatmap {
            across: Axis::new("part", text(self.language, "column.period")),
            columns: (1..=length).map(short).collect(),
            down: Axis::new("year", text(self.language, "period.year")),
            rows: years.iter().map(ToString::to_string).collect(),
            cells,
        }))
    }

    /// Members and their values, the largest first.
    fn ranking(&self, member: &str, value: &str, smallest: bool) -> Option<Shape> {
        let mut members = self.pairs(member, value);
        members.sort_by(|left, right| {
            let order = right.1.total_cmp(&left.1);
            if smallest { order.reverse() } else { order }
        });
        members.truncate(MOST_BARS);
        if members.len() < 2 {
            return None;
        }
        let (labels, values) =
            members.into_iter().map(|(label, value)| (label, Some(value))).unzip();
        let title = if self.dimension().is_empty() {
            text(self.language, &format!("column.{member}"))
        } else {
            self.dimension()
        };
        Some(Shape::Bars(Bars {
            group: Axis::new(member, title),
            labels,
            legend: None,
            series: vec![Series { name: String::new(), values }],
            stacked: false,
            upright: false,
        }))
    }

    fn pairs(&self, member: &str, value: &str) -> Vec<(String, f64)> {
        let (Some(member), Some(value)) = (self.column(member), self.column(value)) else {
            return Vec::new();
        };
        let pair = |row: &Vec<Cell>| {
            let label = self.language.cell(row.get(member)?, &Format::Number, None);
            Some((label, row.get(value)?.as_f64().filter(|value| value.is_finite())?))
        };
        self.finding.evidence.table.rows.iter().filter_map(pair).collect()
    }

    fn dots(&self, across: &str, up: &str, across_format: &Format) -> Option<Shape> {
        let (x, y) = (self.column(across)?, self.column(up)?);
        let member = self.column("member").or_else(|| self.column("period"));
        let grain = self.column("member").is_none().then(|| self.grain());
        let dot = |row: &Vec<Cell>| {
            let label = member.and_then(|member| row.get(member));
            let label = label.map(|cell| self.language.cell(cell, &Format::Number, grain));
            let label = label.unwrap_or_default();
            let number = |place: usize| row.get(place)?.as_f64().filter(|value| value.is_finite());
            let marked = !label.is_empty() && label == self.member();
            Some(Dot { label, x: number(x)?, y: number(y)?, marked })
        };
        let dots: Vec<Dot> = self.finding.evidence.table.rows.iter().filter_map(dot).collect();
        let title = match &self.finding.fact {
            Fact::LeadLag { other, .. } => other.label.as_str(),
            _ => text(self.language, &format!("column.{across}")),
        };
        let across = Axis::new(across, title);
        (dots.len() > 2).then(|| Shape::Scatter {
            across,
            across_format: across_format.clone(),
            dots,
        })
    }

    /// From before to after, member by member or part by part.
    fn bridge(&self) -> Option<Shape> {
        let word = |key: &str| text(self.language, key).to_owned();
        let total = |key: &str, value: f64| Step { label: word(key), value, total: true };
        let part = |key: &str, value: f64| Step { label: word(key), value, total: false };
        let steps = match &self.finding.fact {
            Fact::Drivers { value, before, components, rest, others, .. } => {
                let mut steps = vec![total("step.start", *before)];
                steps.extend(components.iter().take(MOST_STEPS).map(|component| Step {
                    label: component.member.clone(),
                    value: component.change(),
                    total: false,
                }));
                let cut = components.iter().skip(MOST_STEPS);
                let count = others + cut.clone().count();
                let left = cut.map(pacioli_model::Component::change).sum::<f64>() + rest.change();
                if count > 0 || left.abs() > f64::EPSILON {
                    let label = self.say("step.rest", &[("count", &count.to_string())]);
                    steps.push(Step { label, value: left, total: false });
                }
                steps.push(total("step.end", *value));
                steps
            }
            Fact::PriceVolumeMix { value, before, price, volume, mix, .. } => vec![
                total("step.start", *before),
                part("step.price", *price),
                part("step.volume", *volume),
                part("step.mix", *mix),
                total("step.end", *value),
            ],
            Fact::NewLost { new_value, lost_value, back_value, kept_change, .. } => vec![
                part("step.new", *new_value),
                part("step.back", *back_value),
                part("step.kept", *kept_change),
                part("step.lost", -lost_value.abs()),
            ],
            _ => return None,
        };
        Some(Shape::Waterfall { group: Axis::new("part", self.dimension()), steps })
    }

    fn ratio_bridge(&self, value: f64, before: f64, parts: &[RatioComponent]) -> Option<Shape> {
        let word = |key: &str| text(self.language, key).to_owned();
        let mut ordered: Vec<&RatioComponent> = parts.iter().collect();
        let size = |part: &RatioComponent| (part.rate + part.mix).abs();
        ordered.sort_by(|left, right| size(right).total_cmp(&size(left)));
        let mut steps = vec![Step { label: word("step.start"), value: before, total: true }];
        steps.extend(ordered.iter().take(MOST_STEPS).map(|part| Step {
            label: part.member.clone(),
            value: part.rate + part.mix,
            total: false,
        }));
        let cut = ordered.iter().skip(MOST_STEPS);
        let count = cut.clone().count();
        if count > 0 {
            let left = cut.map(|part| part.rate + part.mix).sum();
            let label = self.say("step.rest", &[("count", &count.to_string())]);
            steps.push(Step { label, value: left, total: false });
        }
        steps.push(Step { label: word("step.end"), value, total: true });
        (!parts.is_empty())
            .then(|| Shape::Waterfall { group: Axis::new("part", self.dimension()), steps })
    }
}
