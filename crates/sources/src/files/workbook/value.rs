//! Cells as they would stand in a text file.

use calamine::{DataRef, ExcelDateTime};
use chrono::{NaiveTime, Timelike};

use crate::files::row::{Real, Row};

/// Adds the cell to the row; says whether it is an error such as #N/A, which is no value.
pub(super) fn push(row: &mut Row, value: &DataRef<'_>) -> bool {
    match value {
        DataRef::Empty => row.push_nothing(),
        DataRef::Int(value) => row.push_number(value),
        DataRef::Float(value) => push_number(row, *value),
        DataRef::SharedString(text) => push_text(row, text),
        DataRef::Bool(value) => row.push_text(if *value { "true" } else { "false" }),
        DataRef::DateTime(moment) => push_moment(row, moment),
        DataRef::String(text) | DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => {
            push_text(row, text);
        }
        DataRef::Error(_) => {
            row.push_nothing();
            return true;
        }
    }
    false
}

fn push_text(row: &mut Row, text: &str) {
    if text.trim().is_empty() { row.push_nothing() } else { row.push_text(text) }
}

/// With the fifteen digits that a spreadsheet reckons with, so that 0.1 + 0.2 is 0.3.
fn push_number(row: &mut Row, value: f64) {
    let rounded = format!("{value:.14e}").parse().unwrap_or(value);
    if !value.is_finite() {
        row.push_text(&value.to_string());
    } else if rounded.fract() == 0.0 && rounded.abs() < 1e15 {
        row.push_number(rounded);
    } else {
        row.push_number(Real(rounded));
    }
}

/// A date, a moment, or a time that belongs to no day.
fn push_moment(row: &mut Row, moment: &ExcelDateTime) {
    let found = moment.as_datetime().filter(|_| !moment.is_duration());
    match found {
        Some(found) if moment.as_f64() >= 1.0 => {
            let text = if found.time() == NaiveTime::MIN {
                found.format("%Y-%m-%d")
            } else if found.nanosecond() == 0 {
                found.format("%Y-%m-%d %H:%M:%S")
            } else {
                found.format("%Y-%m-%d %H:%M:%S%.3f")
            };
            row.push_text(&text.to_string());
        }
        _ => push_duration(row, moment),
    }
}

fn push_duration(row: &mut Row, moment: &ExcelDateTime) {
    let Some(duration) = moment.as_duration() else { return push_number(row, moment.as_f64()) };
    let (seconds, sign) =
        (duration.num_seconds().abs(), if moment.as_f64() < 0.0 { "-" } else { "" });
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    row.push_text(&format!("{sign}{hours:02}:{minutes:02}:{seconds:02}"));
}
