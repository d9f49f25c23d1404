//! Asking a model of language what rules could not read.
//!
//! A model is shown the part of the catalog that a question may be about, and writes one SELECT.
//! [`prompt`] makes what it is shown, and [`grammar`] what it may write; [`read`] turns the SELECT into
//! an Ask where an Ask can say it, and hands it on as SQL, for the engine's guard, where none can. What
//! people and systems called things, and what cells hold, is a comment in a prompt: it is cut to
//! length, its line breaks are taken out, and whatever a model makes of it is held to the same
//! catalog and the same guard. A SELECT that would show numbers or texts of the model's own is not answered
//! from (`own`): no number of an answer ever comes from a model.

mod grammar;
mod own;
mod prompt;
mod read;
mod trust;

use std::{fmt, future::Future, pin::Pin, time::Duration};

pub use grammar::{grammar, written};
pub use prompt::{Prompt, prompt};
pub use read::{Reading, read};
pub use trust::{Doubt, chance, doubt};

/// What a model wrote.
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The text.
    pub text: String,
    /// How probable the model itself held it, 0 to 1: the geometric mean over its tokens. Absent where
    /// the model does not say.
    pub probability: Option<f64>,
    /// Tokens that it read for this.
    pub read_tokens: u64,
    /// Tokens that it wrote.
    pub written_tokens: u64,
}

/// Why a model gave no text. The question is then answered as if there were none.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ModelError {
    /// Too many questions wait for it already.
    #[error("too many questions wait for the model")]
    Busy,
    /// It was not done in time.
    #[error("the model took longer than {} s", .0.as_secs())]
    Late(Duration),
    /// It cannot be reached, or says that it cannot.
    #[error("the model cannot be used: {0}")]
    Unavailable(String),
    /// What it sent is no completion.
    #[error("the model's answer cannot be read: {0}")]
    Garbled(String),
    /// The company has used up what it may spend on a model this month.
    #[error("the company's budget for the model is used up")]
    OverBudget,
}

/// A completion on its way. Dropping it gives the work up.
pub type Completing<'a> = Pin<Box<dyn Future<Output = Result<Completion, ModelError>> + Send + 'a>>;

/// What completes prompts: a file of weights in this process, or a server.
///
/// ```
/// # use std::future::ready;
/// # use pacioli_language::model::{Completing, Completion, Model, Prompt};
/// /// Writes the same whatever it is asked.
/// #[derive(Debug)]
/// struct Stubborn(&'static str);
///
/// impl Model for Stubborn {
///     fn complete<'a>(&'a self, _: &'a Prompt) -> Completing<'a> {
///         let text = self.0.to_owned();
///         let (probability, read_tokens, written_tokens) = (None, 0, 0);
///         Box::pin(ready(Ok(Completion { text, probability, read_tokens, written_tokens })))
///     }
/// }
/// ```
pub trait Model: fmt::Debug + Send + Sync {
    /// Completes one prompt, greedily: the same prompt gets the same text.
    fn complete<'a>(&'a self, prompt: &'a Prompt) -> Completing<'a>;
}
