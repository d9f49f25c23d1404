//! Saved questions and their answers, with the names and units that are declared.

use std::collections::BTreeSet;

use pacioli_model::{Aggregate, Ask, SavedAnswer};

use super::{Writer, say, text};
use crate::{
    chart::{Axis, Chart, Shape, answer_chart},
    document::{Grid, Section, Tone},
    locale::{Format, Language},
    words::{Names, sentence},
};

impl Writer<'_> {
    pub(super) fn answer(&self, answer: &SavedAnswer) -> Section {
        let ask = self.content.queries.get(answer.query).and_then(|query| query.ask.as_ref());
        let mut grid = Grid::of_answer(ask, &answer.table);
        if let Some(ask) = ask {
            self.name_columns(&mut grid, answer, ask);
        }
        let names = Names { catalog: None, language: self.language };
        let chart = ask.and_then(|ask| {
            let chart = answer_chart(ask, &answer.table, names)?;
            Some(self.name_chart(chart, ask, &grid))
        });
        let (chart, grid) = match &answer.finding {
            Some(finding) => {
                let section = self.section(finding);
                (section.chart, section.grid)
            }
            None => (chart, grid),
        };
        Section {
            heading: sentence(&answer.question),
            tone: Tone::Neutral,
            sentences: Some(&answer.answer)
                .filter(|it| !it.is_empty())
                .cloned()
                .into_iter()
                .collect(),
            test: None,
            advice: None,
            caveats: Vec::new(),
            chart,
            grid,
            queries: vec![answer.query],
        }
    }

    /// Columns by their declared names and units, periods and counts by ours.
    fn name_columns(&self, grid: &mut Grid, answer: &SavedAnswer, ask: &Ask) {
        let groups = ask.shown_groups().count();
        let measures: Vec<_> = ask.shown_measures().collect();
        let names = Names { catalog: None, language: self.language };
        for (place, column) in grid.columns.iter_mut().enumerate() {
            let known = answer.columns.get(place).filter(|known| !known.label.is_empty());
            let counts = |place: usize| {
                let of = measures.get(place).and_then(|measure| measure.aggregation());
                of.is_some_and(|it| it.aggregate == Aggregate::Count && it.value.is_none())
            };
            if let Some(grain) = column.grain {
                let period = format!("period.{}", grain.as_str());
                column.label = sentence(text(self.language, &period));
            } else if let Some(known) = known {
                column.label = sentence(&known.label);
                let unit = known.unit.as_ref();
                column.format = unit.map_or(Format::Number, |unit| self.format(unit));
            } else if place.checked_sub(groups).is_some_and(counts) {
                text(self.language, "column.count").clone_into(&mut column.label);
                column.format = Format::Count;
            } else if self.language != Language::English {
                let group = ask.shown_groups().nth(place).map(|group| names.group(group));
                let measure = place.checked_sub(groups).and_then(|place| measures.get(place));
                let measure = measure.map(|it| names.measure(it, &ask.measures, None));
                column.label = group.or(measure).map_or_else(String::new, |it| sentence(&it));
            }
        }
    }

    /// The answer's picture in the words of its columns.
    fn name_chart(&self, mut chart: Chart, ask: &Ask, grid: &Grid) -> Chart {
        let fields: Vec<&str> = ask.shown_groups().map(|group| group.name.as_str()).collect();
        let Some(measured) = grid.columns.get(fields.len()) else { return chart };
        let label = |place: usize| grid.columns.get(place).map(|column| column.label.clone());
        let name = |axis: &mut Axis| {
            let place = fields.iter().position(|field| *field == axis.field);
            if let Some(label) = place.and_then(label) {
                axis.title = label;
            }
        };
        let left_out = chart.note.as_ref().and_then(|_| self.left_out(&chart.shape, grid));
        match &mut chart.shape {
            Shape::Lines(lines) => {
                name(&mut lines.time);
                lines.legend.iter_mut().for_each(name);
            }
            Shape::Bars(bars) => {
                name(&mut bars.group);
                bars.legend.iter_mut().for_each(name);
            }
            Shape::Waterfall { .. } | Shape::Heatmap(_) | Shape::Scatter { .. } => {}
        }
        let groups: Vec<String> = (0..fields.len()).filter_map(label).collect();
        let groups = groups.join(&format!(" {} ", text(self.language, "and")));
        let values = [("metric", measured.label.as_str()), ("group", &groups)];
        chart.title = say(self.language, "chart.title", &values);
        chart.summary.clone_from(&chart.title);
        chart.value.title.clone_from(&measured.label);
        chart.format.clone_from(&measured.format);
        chart.note = left_out;
        chart
    }

    /// How many of how many are drawn: of the first group with too many members.
    fn left_out(&self, shape: &Shape, grid: &Grid) -> Option<String> {
        let members = |place: usize| {
            let cells = grid.rows.iter().filter_map(|row| row.get(place));
            cells.map(|cell| grid.text(place, cell, self.language)).collect::<BTreeSet<_>>().len()
        };
        let drawn = match shape {
            Shape::Bars(bars) => vec![bars.labels.len(), bars.series.len()],
            Shape::Lines(lines) => vec![usize::MAX, lines.series.len()],
            Shape::Waterfall { .. } | Shape::Heatmap(_) | Shape::Scatter { .. } => Vec::new(),
        };
        let counted = drawn.into_iter().enumerate().map(|(place, shown)| (shown, members(place)));
        let (shown, all) = { counted }.find(|(shown, all)| shown < all)?;
        let values = [("shown", &*shown.to_string()), ("all", &*all.to_string())];
        Some(say(self.language, "chart.cut", &values))
    }
}
