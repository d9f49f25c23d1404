//! What a person decided about a column, which goes before what its values say.

use pacioli_model::{ColumnName, ColumnType};

use super::{evidence::Evidence, moment::Order, number::Mark, reading::Reading};
use crate::SourceError;

/// How one column shall be read. What is empty is decided from the values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnChoice {
    /// The column's name, or its header.
    pub column: String,
    /// What it shall hold.
    pub data_type: Option<ColumnType>,
    /// Which of a date's numbers stands first.
    pub date_order: Option<Order>,
    /// What stands before a number's fraction.
    pub decimal_mark: Option<Mark>,
}

/// The choices for one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Where the header stands, from 1; found or taken to be the first where this is empty.
    pub header_row: Option<u64>,
    /// At most one for a column.
    pub columns: Vec<ColumnChoice>,
}

impl Choices {
    /// What was chosen for this column.
    pub(crate) fn of(&self, name: &ColumnName, label: &str) -> Option<&ColumnChoice> {
        self.columns.iter().find(|choice| choice.names(name, label))
    }

    /// Refuses a choice for a column that is not there.
    pub(crate) fn check<'a>(
        &self,
        columns: impl Iterator<Item = (&'a ColumnName, &'a str)> + Clone,
    ) -> Result<(), SourceError> {
        let unknown = self
            .columns
            .iter()
            .find(|choice| !columns.clone().any(|(name, label)| choice.names(name, label)));
        let Some(unknown) = unknown else { return Ok(()) };
        let known: Vec<&str> = columns.map(|(name, _)| name.as_str()).take(20).collect();
        let detail = format!(
            "A type is chosen for the column {}, which the table does not have. Its columns are {}.",
            unknown.column,
            known.join(", ")
        );
        Err(SourceError::invalid("unknown_column", detail))
    }
}

impl ColumnChoice {
    fn names(&self, name: &ColumnName, label: &str) -> bool {
        self.column == name.as_str() || self.column.trim().eq_ignore_ascii_case(label)
    }

    /// How the column is read by this choice. Whether every value fits is seen when they are read.
    pub(crate) fn decide(
        &self,
        label: &str,
        evidence: &Evidence,
        usual: Mark,
        note: &mut dyn FnMut(String),
    ) -> Result<(ColumnType, Reading), SourceError> {
        let mark = self.decimal_mark.or_else(|| evidence.proven_mark()).unwrap_or(usual);
        let order = self.date_order.or_else(|| evidence.date_order()).unwrap_or(Order::Day);
        let decided = match self.data_type {
            Some(ColumnType::Text) => (ColumnType::Text, Reading::Text),
            Some(ColumnType::Boolean) => (ColumnType::Boolean, Reading::Boolean),
            Some(ColumnType::Integer) => (ColumnType::Integer, Reading::Integer { mark }),
            Some(ColumnType::Decimal { scale }) => {
                (ColumnType::Decimal { scale }, Reading::Decimal { mark, scale })
            }
            Some(ColumnType::Float) => (ColumnType::Float, Reading::Float { mark }),
            Some(ColumnType::Date) => (ColumnType::Date, Reading::Date { order }),
            Some(ColumnType::Timestamp) => (ColumnType::Timestamp, Reading::Timestamp { order }),
            None => evidence.decide_with(self.decimal_mark, self.date_order, usual, &mut |_| {}),
        };
        let (data_type, reading) = decided;
        let marked = self.decimal_mark.is_none() || reading.mark() == self.decimal_mark;
        let ordered = self.date_order.is_none() || reading.order() == self.date_order;
        if !marked || !ordered {
            let what = if marked {
                "dates in the chosen order"
            } else {
                "numbers with the chosen decimal mark"
            };
            let detail = format!("The values of the column {label} are not {what}.");
            return Err(SourceError::invalid("type_does_not_fit", detail));
        }
        note(format!("Read as {}, as was chosen.", type_words(data_type)));
        Ok(decided)
    }
}

/// Reads `text`, `integer`, `decimal(2)`, `float`, `date`, `timestamp` or `boolean`.
pub fn parse_type(text: &str) -> Option<ColumnType> {
    Some(match text.trim().to_ascii_lowercase().as_str() {
        "text" => ColumnType::Text,
        "integer" => ColumnType::Integer,
        "float" => ColumnType::Float,
        "date" => ColumnType::Date,
        "timestamp" => ColumnType::Timestamp,
        "boolean" => ColumnType::Boolean,
        other => {
            let scale = other.strip_prefix("decimal(")?.strip_suffix(')')?.trim();
            let scale = scale.parse().ok().filter(|scale| *scale <= 18)?;
            ColumnType::Decimal { scale }
        }
    })
}

/// The type as [`parse_type`] reads it.
pub fn type_words(data_type: ColumnType) -> String {
    match data_type {
        ColumnType::Decimal { scale } => format!("decimal({scale})"),
        other => other.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_written() {
        for text in [
            "text",
            "integer",
            "float",
            "date",
            "timestamp",
            "boolean",
            "decimal(0)",
            "decimal(18)",
        ] {
            assert_eq!(type_words(parse_type(text).unwrap()), text);
        }
        for text in ["", "decimal", "decimal(19)", "decimal(-1)", "decimal(a)", "int", "varchar"] {
            assert_eq!(parse_type(text), None, "{text}");
        }
        assert_eq!(parse_type(" Decimal(2) "), Some(ColumnType::Decimal { scale: 2 }));
    }
}
