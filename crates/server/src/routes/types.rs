//! The field `types` of an upload: how columns shall be read.

use std::collections::BTreeMap;

use pacioli_sources::{
    files::{ColumnChoice, DateOrder, DecimalMark, TableChoice},
    typing::parse_type,
};
use serde::Deserialize;
use utoipa::ToSchema;

use super::uploads::TYPES_BYTES;
use crate::error::{ApiError, ApiResult};

/// How a column, or a table, of an uploaded file shall be read.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TypeChoice {
    /// Which table, by its name or by what its part of the file is called. Not needed for a file that
    /// makes one.
    table: Option<String>,
    /// Which column, by its name or its header. Left out where the choice is about the whole table.
    column: Option<String>,
    /// `text`, `integer`, `decimal(2)`, `float`, `date`, `timestamp` or `boolean`.
    #[serde(rename = "type")]
    #[schema(example = "decimal(2)")]
    data_type: Option<String>,
    /// How dates are written.
    date_order: Option<DateOrderIn>,
    /// What stands before the fraction of a number: `.` or `,`.
    decimal_mark: Option<DecimalMarkIn>,
    /// The line or row that the header stands in, from 1.
    header_row: Option<u64>,
    /// Whether the table is left out.
    skip: Option<bool>,
}

/// Which of a date's numbers stands first.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DateOrderIn {
    /// Day, month, year.
    Dmy,
    /// Month, day, year.
    Mdy,
    /// Year, month, day.
    Ymd,
}

/// What stands before a number's fraction.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum DecimalMarkIn {
    /// `1,234.50`
    #[serde(rename = ".")]
    Point,
    /// `1.234,50`
    #[serde(rename = ",")]
    Comma,
}

impl TypeChoice {
    /// Reads the field; nothing is chosen where it was not sent.
    pub fn read(text: &[u8]) -> ApiResult<Vec<TableChoice>> {
        if text.is_empty() {
            return Ok(Vec::new());
        }
        if text.len() > TYPES_BYTES {
            return Err(refused(format!("Must be at most {TYPES_BYTES} bytes.")));
        }
        let choices: Vec<Self> = serde_json::from_slice(text)
            .map_err(|error| refused(format!("Must be a JSON array of choices: {error}.")))?;
        let mut tables: BTreeMap<Option<String>, TableChoice> = BTreeMap::new();
        for choice in choices {
            let table = tables.entry(choice.table.clone()).or_default();
            table.table.clone_from(&choice.table);
            choice.add_to(table)?;
        }
        Ok(tables.into_values().collect())
    }

    fn add_to(self, table: &mut TableChoice) -> ApiResult<()> {
        let data_type = match &self.data_type {
            None => None,
            Some(text) => Some(parse_type(text).ok_or_else(|| {
                refused(format!(
                    "`{text}` is no type. Types are text, integer, decimal(2), float, date, timestamp and boolean."
                ))
            })?),
        };
        table.skip |= self.skip.unwrap_or(false);
        if self.header_row == Some(0) {
            return Err(refused("`header_row` is counted from 1.".to_owned()));
        }
        table.choices.header_row = self.header_row.or(table.choices.header_row);
        let says_type =
            data_type.is_some() || self.date_order.is_some() || self.decimal_mark.is_some();
        let Some(column) = self.column else {
            let text = "A `type`, a `date_order` or a `decimal_mark` is chosen for a `column`.";
            return if says_type { Err(refused(text.to_owned())) } else { Ok(()) };
        };
        if !says_type {
            return Err(refused(format!("Nothing is chosen for the column `{column}`.")));
        }
        if table.choices.columns.iter().any(|it| it.column == column) {
            return Err(refused(format!("The column `{column}` is named twice.")));
        }
        let date_order = self.date_order.map(DateOrder::from);
        let decimal_mark = self.decimal_mark.map(DecimalMark::from);
        let choice = ColumnChoice { column, data_type, date_order, decimal_mark };
        table.choices.columns.push(choice);
        Ok(())
    }
}

fn refused(text: String) -> ApiError {
    ApiError::invalid(&["body", "types"], "value_error", text)
}

impl From<DateOrderIn> for DateOrder {
    fn from(order: DateOrderIn) -> Self {
        match order {
            DateOrderIn::Dmy => Self::Day,
            DateOrderIn::Mdy => Self::Month,
            DateOrderIn::Ymd => Self::Year,
        }
    }
}

impl From<DecimalMarkIn> for DecimalMark {
    fn from(mark: DecimalMarkIn) -> Self {
        match mark {
            DecimalMarkIn::Point => Self::Point,
            DecimalMarkIn::Comma => Self::Comma,
        }
    }
}
