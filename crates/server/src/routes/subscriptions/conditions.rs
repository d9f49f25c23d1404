//! When a subscription is told of: conditions and quiet hours.

use chrono::{NaiveTime, Timelike as _};
use pacioli_model::{ColumnName, Condition, Decimal, QuietHours};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ApiError, ApiResult};

/// What makes an alert of a subscription. It is told of once, until it has not held.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ConditionShape {
    /// A figure of some row is more than this.
    Above {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
        /// The threshold.
        #[schema(value_type = f64)]
        than: serde_json::Number,
    },
    /// A figure of some row is less than this.
    Below {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
        /// The threshold.
        #[schema(value_type = f64)]
        than: serde_json::Number,
    },
    /// The rows are others than at the last look.
    Changed,
    /// The last whole period's figure is outside the interval in which four of five are expected, going by
    /// the periods before; of a question by day, week, month, quarter or year.
    OutsideForecast {
        /// Which column; the last with numbers where it is absent.
        #[serde(default)]
        column: Option<String>,
    },
}

impl ConditionShape {
    /// What is remembered of it.
    pub fn checked(self) -> ApiResult<Condition> {
        let refuse = |field: &str, text: &str| {
            ApiError::invalid(&["body", "condition", field], "value_error", text)
        };
        let name = |column: Option<String>| {
            let column = column.map(|column| ColumnName::parse(&column)).transpose();
            column.map_err(|error| refuse("column", &format!("Is no column: {error}.")))
        };
        let number = |than: &serde_json::Number| {
            let number = than.to_string().parse::<Decimal>();
            number.map_err(|_| refuse("than", "Must be a number without an exponent."))
        };
        Ok(match self {
            Self::Above { column, than } => {
                Condition::Above { column: name(column)?, than: number(&than)? }
            }
            Self::Below { column, than } => {
                Condition::Below { column: name(column)?, than: number(&than)? }
            }
            Self::Changed => Condition::Changed,
            Self::OutsideForecast { column } => {
                Condition::OutsideForecast { column: name(column)? }
            }
        })
    }
}

impl From<Condition> for ConditionShape {
    fn from(condition: Condition) -> Self {
        let name = |column: Option<ColumnName>| column.map(|column| column.to_string());
        let number = |than: Decimal| {
            than.to_string().parse().unwrap_or_else(|_| serde_json::Number::from(0))
        };
        match condition {
            Condition::Above { column, than } => {
                Self::Above { column: name(column), than: number(than) }
            }
            Condition::Below { column, than } => {
                Self::Below { column: name(column), than: number(than) }
            }
            Condition::Changed => Self::Changed,
            Condition::OutsideForecast { column } => Self::OutsideForecast { column: name(column) },
        }
    }
}

/// When nobody wants to be told: what comes then is sent at its end.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct QuietShape {
    /// Its first minute.
    #[schema(example = "22:00")]
    from: String,
    /// The minute after its last, of the same day or the next.
    #[schema(example = "07:00")]
    to: String,
    /// The IANA time zone; the company's where it is not sent.
    #[serde(default)]
    time_zone: Option<String>,
}

impl QuietShape {
    /// What is remembered of it.
    pub fn checked(self, company_zone: &str) -> ApiResult<QuietHours> {
        let refuse = |field: &str, text: &str| {
            ApiError::invalid(&["body", "quiet_hours", field], "value_error", text)
        };
        let minute = |field: &str, text: &str| -> ApiResult<u16> {
            let time = NaiveTime::parse_from_str(text, "%H:%M");
            let time = time.map_err(|_| refuse(field, "Must be a time, as 22:00."))?;
            Ok(u16::try_from(time.num_seconds_from_midnight() / 60).unwrap_or(0))
        };
        let time_zone = self.time_zone.unwrap_or_else(|| company_zone.to_owned());
        if time_zone.parse::<chrono_tz::Tz>().is_err() {
            let text = "Must be an IANA time zone, such as Europe/Berlin.";
            return Err(refuse("time_zone", text));
        }
        Ok(QuietHours { from: minute("from", &self.from)?, to: minute("to", &self.to)?, time_zone })
    }
}

impl From<QuietHours> for QuietShape {
    fn from(quiet: QuietHours) -> Self {
        let text = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        Self { from: text(quiet.from), to: text(quiet.to), time_zone: Some(quiet.time_zone) }
    }
}
