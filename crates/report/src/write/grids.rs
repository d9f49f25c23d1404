//! The rows behind a finding, their columns named.

use pacioli_model::{Ask, Cell, ColumnType, Fact, Table};

use super::{text, voice::Voice};
use crate::{
    document::{Grid, GridColumn},
    locale::Format,
    words::{sentence, spaced},
};

impl Voice<'_> {
    pub(super) fn grid(&self) -> Grid {
        let table = &self.finding.evidence.table;
        let columns = table.columns.iter().enumerate();
        let columns = columns.map(|(place, column)| {
            let name = column.name.as_str();
            let numeric = is_number(column.data_type);
            GridColumn {
                label: self.column_label(name),
                format: self.column_format(name),
                grain: matches!(column.data_type, ColumnType::Date | ColumnType::Timestamp)
                    .then(|| self.grain())
                    .filter(|_| name == "period"),
                numeric: numeric && (place > 0 || !matches!(name, "member" | "bucket")),
            }
        });
        let mut rows = table.rows.clone();
        self.name_buckets(&mut rows);
        Grid { columns: columns.collect(), rows, truncated: table.truncated }
    }

    /// Ages are numbered in the rows; people read their days.
    fn name_buckets(&self, rows: &mut [Vec<Cell>]) {
        let Fact::Ageing { buckets, .. } = &self.finding.fact else { return };
        for row in rows {
            let Some(Cell::Integer(place)) = row.first() else { continue };
            let bucket = usize::try_from(*place).ok().and_then(|place| buckets.get(place));
            if let Some(bucket) = bucket {
                row[0] = Cell::Text(self.bucket(bucket));
            }
        }
    }

    fn column_label(&self, name: &str) -> String {
        match (name, &self.finding.fact) {
            ("member" | "item", _) if !self.dimension().is_empty() => self.dimension().to_owned(),
            ("value", _) => self.finding.subject.metric.label.clone(),
            ("other", Fact::LeadLag { other, .. }) => other.label.clone(),
            _ => {
                let known = text(self.language, &format!("column.{name}"));
                if known.is_empty() { sentence(&spaced(name)) } else { known.to_owned() }
            }
        }
    }

    fn column_format(&self, name: &str) -> Format {
        match (name, &self.finding.fact) {
            ("items" | "rows" | "rows_in_all", _) => Format::Count,
            ("days" | "on_hand" | "per_day" | "quantity_before" | "quantity_after", _)
            | (_, Fact::RatioDrivers { .. }) => Format::Number,
            ("other", Fact::LeadLag { other, .. }) => self.writer().format(&other.unit),
            ("change", _) if self.format == Format::Percent => Format::Points,
            ("amount" | "open" | "billed", _) => {
                self.writer().format(&pacioli_model::Unit::CompanyCurrency)
            }
            _ => self.format.clone(),
        }
    }
}

fn is_number(data_type: ColumnType) -> bool {
    matches!(data_type, ColumnType::Integer | ColumnType::Decimal { .. } | ColumnType::Float)
}

impl Grid {
    /// The rows of an answer as they stand. A group that is a number is a key; a measure is a quantity.
    pub(crate) fn of_answer(ask: Option<&Ask>, table: &Table) -> Self {
        let groups: Vec<_> = ask.map(|ask| ask.shown_groups().collect()).unwrap_or_default();
        let columns = table.columns.iter().enumerate().map(|(place, column)| GridColumn {
            label: sentence(&spaced(column.name.as_str())),
            format: Format::Number,
            grain: groups.get(place).and_then(|group| group.grain()),
            numeric: is_number(column.data_type) && (ask.is_none() || place >= groups.len()),
        });
        Self { columns: columns.collect(), rows: table.rows.clone(), truncated: table.truncated }
    }

    /// Its first column is periods, in order: the last ones are those that count.
    pub(crate) fn is_run(&self) -> bool {
        self.columns.first().is_some_and(|column| column.grain.is_some())
    }

    /// At most so many rows: of a run of periods the last, else the first.
    pub(crate) fn shown(&self, most: usize) -> &[Vec<Cell>] {
        let count = self.rows.len();
        let from = if self.is_run() { count.saturating_sub(most) } else { 0 };
        &self.rows[from..count.min(from + most)]
    }
}
