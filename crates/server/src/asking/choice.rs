//! One reading of several.

use pacioli_language::{Analysed, Choice, Translation, Understood};

use crate::error::ApiError;

/// The reading that the person has chosen of several.
pub(super) fn chosen(choices: Vec<Choice>, choice: usize) -> Result<Translation, ApiError> {
    let count = choices.len();
    let reading = choices.into_iter().nth(choice).ok_or_else(|| {
        let text = format!("This question has {count} readings: 0 to {}.", count - 1);
        ApiError::invalid(&["body", "choice"], "out_of_range", text)
    })?;
    let Choice { ask, analysis, interpretation, .. } = reading;
    let (spans, confidence) = (Vec::new(), 1.0);
    if let Some(analysis) = analysis {
        let analysed = Analysed { analysis, spans, interpretation, confidence };
        return Ok(Translation::Analyse(Box::new(analysed)));
    }
    Ok(Translation::Understood(Box::new(Understood { ask, spans, interpretation, confidence })))
}

/// The reading that was chosen is not among those of now, for the tables or what a model says have changed:
/// nothing else may pass for it.
pub(super) fn of_none() -> ApiError {
    let text = "This question is not read in several ways now: ask it without a choice.";
    ApiError::invalid(&["body", "choice"], "out_of_range", text)
}
