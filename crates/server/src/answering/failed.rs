//! What became of a model that gave no answer: for its operator, for whoever asked, and as it is counted.

use pacioli_engine::EngineError;
use pacioli_language::{
    Translation,
    model::{Doubt, ModelError},
};

use super::is_refusal;

/// Why a model's reading gives no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    /// There is none.
    #[error("{0}")]
    Model(ModelError),
    /// What the model wrote cannot be run, and could not be mended.
    #[error("The model's statement cannot be run: {0}")]
    Unusable(String),
    /// It is not answered from.
    #[error("The model's reading is in doubt: {0:?}")]
    Doubted(Doubt),
    /// It was run, and that failed.
    #[error("{0}")]
    Engine(EngineError),
}

impl Failed {
    /// As it is counted.
    pub(super) fn outcome(&self) -> &'static str {
        match self {
            Self::Model(_) => "none",
            Self::Unusable(_) => "unusable",
            Self::Doubted(_) => "doubted",
            Self::Engine(_) => "failed",
        }
    }

    /// For the person who asked. What the model wrote is no part of it.
    fn told(&self) -> &'static str {
        match self {
            Self::Model(ModelError::Busy) => {
                "No language model was asked: too many questions wait for it."
            }
            Self::Model(ModelError::Late(_)) => {
                "A language model was asked too, and took too long."
            }
            Self::Model(ModelError::Unavailable(_)) => {
                "A language model was to be asked too, and cannot be used now."
            }
            Self::Model(ModelError::Garbled(_)) => {
                "A language model was asked too, and its answer cannot be read."
            }
            Self::Model(ModelError::OverBudget) => {
                "No language model was asked: the company's budget for it is used up this month."
            }
            Self::Unusable(_) => {
                "A language model was asked too, and wrote nothing that can be run."
            }
            Self::Doubted(Doubt::Unsure(_)) => "A language model was asked too, and was not sure.",
            Self::Doubted(Doubt::UnknownValues(_)) => {
                "A language model was asked too, and looked for what no row has."
            }
            Self::Doubted(Doubt::Own(_)) => {
                "A language model was asked too, and answered with figures or words of its own."
            }
            Self::Engine(_) => "A language model was asked too, and its query failed.",
        }
    }

    /// Says to the operator what the person is not told.
    pub(super) fn log(&self) {
        match self {
            Self::Model(error) => {
                tracing::warn!(event = "model.failed", error = %error, "a model gave no answer");
            }
            Self::Engine(error) if !is_refusal(error) => {
                tracing::warn!(event = "model.query_failed", error = %error, "a model's query failed");
            }
            Self::Engine(_) | Self::Unusable(_) => {
                tracing::debug!(event = "model.unusable", "a model's statement could not be run");
            }
            Self::Doubted(_) => {
                tracing::debug!(event = "model.doubted", "a model's reading was not trusted");
            }
        }
    }
}

/// What rules said, and what became of the model. Of what the model wrote nothing is told but words that
/// the question has too.
pub(super) fn explained(rules: Translation, failed: &Failed, question: &str) -> Translation {
    let told = failed.told();
    match rules {
        Translation::Refuse { not_understood, reason } => {
            let asked = question.to_lowercase();
            let strange: Vec<&String> = match failed {
                Failed::Doubted(Doubt::UnknownValues(values)) => {
                    values.iter().filter(|value| asked.contains(&value.to_lowercase())).collect()
                }
                _ => Vec::new(),
            };
            if strange.is_empty() {
                return Translation::Refuse { not_understood, reason: format!("{reason} {told}") };
            }
            let texts: Vec<&str> = strange.iter().map(|value| value.as_str()).collect();
            let reason = format!("No row has {}.", texts.join(" or "));
            let mut not_understood = not_understood;
            for value in strange {
                if !not_understood.contains(value) {
                    not_understood.push(value.clone());
                }
            }
            Translation::Refuse { not_understood, reason }
        }
        Translation::Understood(mut understood) => {
            understood.interpretation.notes.push(told.to_owned());
            Translation::Understood(understood)
        }
        Translation::Clarify { question, choices, confidence } => {
            let question = format!("{told} {question}");
            Translation::Clarify { question, choices, confidence }
        }
        rules @ Translation::Analyse(_) => rules,
    }
}
