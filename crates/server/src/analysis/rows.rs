//! From rows to series.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use pacioli_insights::{Series, study::Member};
use pacioli_model::{Cell, Table, TimeGrain};

/// What a member is called that has no name.
const NAMELESS: &str = "–";

/// The figure at `value` of each period in the first column, as a series of whole periods from the first
/// that has rows (not before `from`) up to `to`. Periods without rows are 0 where figures add up; where they
/// do not, the series begins after the last gap. Nothing without two periods.
pub fn series(
    table: &Table,
    value: usize,
    grain: TimeGrain,
    (from, to): (NaiveDate, NaiveDate),
    adds_up: bool,
) -> Option<Series> {
    let mut seen: BTreeMap<NaiveDate, f64> = BTreeMap::new();
    for row in &table.rows {
        if let (Some(Cell::Date(day)), Some(number)) =
            (row.first(), row.get(value).and_then(Cell::as_f64))
        {
            seen.insert(*day, number);
        }
    }
    let mut first = *seen.keys().find(|day| **day >= from)?;
    let mut values = Vec::new();
    let mut at = first;
    while at < to {
        match seen.get(&at) {
            Some(value) if value.is_finite() => values.push(*value),
            _ if adds_up => values.push(0.0),
            _ => {
                values.clear();
                first = pacioli_insights::step(grain, at, 1);
            }
        }
        at = pacioli_insights::step(grain, at, 1);
    }
    (values.len() >= 2).then_some(Series { grain, from: first, values })
}

/// Members by the columns `period, member, value…` of rows, with a value for each period of `series`, and how
/// many rows are behind it where a column says so.
pub fn members(
    table: &Table,
    (value, count): (usize, Option<usize>),
    series: &Series,
) -> Vec<Member> {
    let places: BTreeMap<NaiveDate, usize> =
        (0..series.values.len()).map(|place| (series.at(place), place)).collect();
    let periods = series.values.len();
    let mut found: BTreeMap<String, Member> = BTreeMap::new();
    for row in &table.rows {
        let [Cell::Date(day), member, ..] = row.as_slice() else { continue };
        let Some(place) = places.get(day) else { continue };
        let Some(number) = row.get(value).and_then(Cell::as_f64) else { continue };
        let name = name(member);
        let empty = || Member {
            name: name.clone(),
            values: vec![None; periods],
            rows: vec![0.0; count.map_or(0, |_| periods)],
        };
        let member = found.entry(name.clone()).or_insert_with(empty);
        member.values[*place] = Some(member.values[*place].unwrap_or(0.0) + number);
        if let Some(count) = count {
            member.rows[*place] += row.get(count).and_then(Cell::as_f64).unwrap_or(0.0);
        }
    }
    found.into_values().collect()
}

/// A cell as the name of a member.
pub fn name(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => text.clone(),
        Cell::Null => NAMELESS.to_owned(),
        Cell::Boolean(value) => value.to_string(),
        Cell::Integer(value) => value.to_string(),
        Cell::Decimal(value) => value.to_string(),
        Cell::Float(value) => value.to_string(),
        Cell::Date(value) => value.to_string(),
        Cell::Timestamp(value) => value.to_rfc3339(),
    }
}

#[cfg(test)]
mod tests {
    use pacioli_model::{ColumnName, ColumnType, TableColumn};

    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn table(rows: Vec<Vec<Cell>>) -> Table {
        let column = |name: &str| TableColumn {
            name: ColumnName::parse(name).unwrap(),
            data_type: ColumnType::Float,
        };
        Table { columns: vec![column("period"), column("value")], rows, truncated: false }
    }

    #[test]
    fn months_without_rows_are_nothing_where_figures_add_up_and_a_break_where_they_do_not() {
        let rows =
            [("2025-01-01", 5.0), ("2025-02-01", 6.0), ("2025-04-01", 7.0), ("2025-05-01", 8.0)];
        let rows = rows.map(|(at, value)| vec![Cell::Date(day(at)), Cell::Float(value)]);
        let table = table(rows.to_vec());
        let range = (day("2025-01-01"), day("2025-06-01"));
        let of = |adds_up| series(&table, 1, TimeGrain::Month, range, adds_up).unwrap();
        assert_eq!(of(true).values, [5.0, 6.0, 0.0, 7.0, 8.0]);
        assert_eq!((of(false).from, of(false).values), (day("2025-04-01"), vec![7.0, 8.0]));
    }

    #[test]
    fn members_have_a_value_for_each_period_that_they_have_rows_in() {
        let rows = vec![
            vec![Cell::Date(day("2025-01-01")), Cell::Text("a".into()), Cell::Integer(3)],
            vec![Cell::Date(day("2025-02-01")), Cell::Null, Cell::Integer(4)],
        ];
        let series =
            Series { grain: TimeGrain::Month, from: day("2025-01-01"), values: vec![3.0, 4.0] };
        let found = members(&table(rows), (2, Some(2)), &series);
        assert_eq!(found[0].values, [Some(3.0), None]);
        assert_eq!(found[0].rows, [3.0, 0.0]);
        assert_eq!(found[1].name, NAMELESS);
    }
}
