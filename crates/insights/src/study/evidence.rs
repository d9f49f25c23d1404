use pacioli_model::{Cell, ColumnName, ColumnType, Table, TableColumn};

use super::{Breakdown, Figure};

/// Columns of evidence: name, type, cells.
pub type Cells<'a> = (&'a str, ColumnType, Vec<Cell>);

/// Columns as a table; a column whose name is none is left out.
pub fn table(columns: Vec<Cells<'_>>) -> Table {
    let rows = columns.iter().map(|column| column.2.len()).max().unwrap_or(0);
    let mut table = Table { columns: Vec::new(), rows: vec![Vec::new(); rows], truncated: false };
    for (name, data_type, cells) in columns {
        let Ok(name) = ColumnName::parse(name) else { continue };
        table.columns.push(TableColumn { name, data_type });
        let cells = cells.into_iter().chain(std::iter::repeat(Cell::Null));
        for (row, cell) in table.rows.iter_mut().zip(cells) {
            row.push(cell);
        }
    }
    table
}

pub(super) fn numbers(name: &str, values: impl IntoIterator<Item = f64>) -> Cells<'_> {
    (name, ColumnType::Float, values.into_iter().map(Cell::Float).collect())
}

pub(super) fn names(name: &str, values: impl IntoIterator<Item = String>) -> Cells<'_> {
    (name, ColumnType::Text, values.into_iter().map(Cell::Text).collect())
}

/// `period, value` of a whole series.
pub(super) fn periods(figure: &Figure) -> Vec<Cells<'static>> {
    let places = 0..figure.series.values.len();
    let days = places.map(|place| Cell::Date(figure.series.at(place))).collect();
    vec![("period", ColumnType::Date, days), numbers("value", figure.series.values.iter().copied())]
}

/// `period, value` of one member.
pub(super) fn of_member(
    figure: &Figure,
    breakdown: &Breakdown,
    member: usize,
) -> Vec<Cells<'static>> {
    let places = 0..figure.series.values.len();
    let days = places.map(|place| Cell::Date(figure.series.at(place))).collect();
    let values = breakdown.members[member].values.iter().map(|it| it.unwrap_or(0.0));
    vec![("period", ColumnType::Date, days), numbers("value", values)]
}
