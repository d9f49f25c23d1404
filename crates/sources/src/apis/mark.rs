//! Where a load stands in a table's changes.
//!
//! A round gives every row, or every row that changed at or after `from`, in the order of the table's
//! key: a row that changes meanwhile is not met twice and none is passed over. `until` was the newest
//! change when the round began, so what changes during the round is the next round's.

use serde::{Deserialize, Serialize};

use crate::{SourceError, source::Watermark};

/// A position, as a [`Watermark`] holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mark {
    /// The round takes rows that changed at this moment or later; all rows when empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// What the next round takes as its `from`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<String>,
    /// The last key that this round gave; empty once the round is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) after: Option<String>,
}

impl Mark {
    /// What to ask for: the rest of a round that was cut off, or the next one.
    pub(super) fn read(since: Option<&Watermark>) -> Result<Self, SourceError> {
        let Some(Watermark(text)) = since else { return Ok(Self::default()) };
        let mark: Self = serde_json::from_str(text).map_err(|_| {
            SourceError::invalid(
                "watermark",
                "The table's mark is not one of this source. Load the table in full.",
            )
        })?;
        match mark.after {
            Some(_) => Ok(mark),
            None => Ok(Self { from: mark.until, until: None, after: None }),
        }
    }

    /// In a round, after the row with this key.
    pub(super) fn at(&self, after: String) -> Option<Watermark> {
        self.until.is_some().then(|| Self { after: Some(after), ..self.clone() }.watermark())
    }

    /// When the round is over.
    pub(super) fn end(&self) -> Option<Watermark> {
        let until = self.until.clone().or_else(|| self.from.clone())?;
        Some(Self { until: Some(until), ..Self::default() }.watermark())
    }

    fn watermark(&self) -> Watermark {
        // A struct of strings is always JSON.
        Watermark(serde_json::to_string(self).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_that_was_cut_off_goes_on_and_one_that_ended_leads_to_the_next() {
        let first = Mark { until: Some("T2".into()), ..Mark::default() };
        let cut = first.at("17".into()).unwrap();
        let resumed = Mark::read(Some(&cut)).unwrap();
        assert_eq!(resumed, Mark { after: Some("17".into()), ..first.clone() });
        let next = Mark::read(first.end().as_ref()).unwrap();
        assert_eq!(next, Mark { from: Some("T2".into()), ..Mark::default() });
        assert_eq!(Mark::read(next.end().as_ref()).unwrap(), next, "nothing new keeps the mark");
        assert_eq!(Mark::default().end(), None);
        assert!(Mark::read(Some(&Watermark("2024-01-01".into()))).is_err());
    }
}
