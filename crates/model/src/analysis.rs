use serde::{Deserialize, Serialize};

use crate::{Ask, DayRange, Direction, TimeGrain};

/// What a question wants found out about a figure over time, where its rows alone are no answer: why it
/// changed, what it will be, what is out of the ordinary in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// What is to be found out.
    pub kind: AnalysisKind,
    /// The figure as a series: the first shown measure by periods of `grain`, with the question's
    /// conditions and with its other groupings, over all days that there are.
    pub ask: Ask,
    /// The periods that `ask` groups by.
    pub grain: TimeGrain,
    /// The days that are asked about; of a forecast, days to come. Empty where none were named.
    pub period: Option<DayRange>,
    /// The days that they are compared with. Empty where none were named.
    pub compare: Option<DayRange>,
}

/// What is to be found out about a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnalysisKind {
    /// What a change comes from.
    Why {
        /// Which way the question says that it went: a premise to check, no fact.
        direction: Option<Direction>,
    },
    /// What comes next.
    Forecast,
    /// What is out of the ordinary.
    Unusual,
}
