//! Examples to train on: what a server would show a model, and what the model should write.
//!
//! Both are made by the server's own functions, from questions whose answer is known: drawn from made-up
//! companies ([`drawn`]), or of public sets whose SQL the grammar can say (`gold`). An example that the
//! server would not take from a model as it stands is none.

mod company;
mod draw;
mod gold;
mod names;
mod say;
mod write;

use std::collections::{BTreeMap, HashSet};

use chrono::NaiveDate;
use pacioli_language::model::{Completion, Reading, doubt, prompt, read};
use pacioli_llm::Acceptor;
use pacioli_model::{Ask, Catalog};
use serde::{Deserialize, Serialize};

use crate::random::Random;

pub use company::Company;
pub use gold::{Gold, converted};

/// One line of a file of examples.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Where it came from: `drawn/17`, `spider/concert_singer`.
    pub source: String,
    /// [`pacioli_language::model::Prompt::prefix`].
    pub prefix: String,
    /// [`pacioli_language::model::Prompt::question`].
    pub question: String,
    /// The statement.
    pub answer: String,
}

/// An example that was made from an Ask, with what it was made from.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// What is asked.
    pub ask: Ask,
    /// As it is asked.
    pub words: String,
    /// The statement.
    pub answer: String,
}

/// Why there is no example of a question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NoExample {
    /// Its SQL has something that models may not write.
    #[error("models may not write {0}")]
    Beyond(String),
    /// The grammar of its prompt does not allow the statement.
    #[error("its grammar does not allow it")]
    NotInGrammar,
    /// The server cannot read the statement.
    #[error("the server cannot read it")]
    NotRead,
    /// The server would not answer from it.
    #[error("the server would not answer from it")]
    Doubted,
}

/// Holds statements to the server's own grammar and reader.
#[derive(Debug)]
pub struct Checker(Acceptor);

impl Checker {
    /// A checker.
    pub fn new() -> Result<Self, String> {
        Acceptor::new().map(Self)
    }

    /// The example, if the server would take `answer` as it stands from a model that it asked `words`.
    pub fn example(
        &mut self,
        source: String,
        words: &str,
        answer: &str,
        catalog: &Catalog,
        today: NaiveDate,
    ) -> Result<(Example, Reading), NoExample> {
        let shown = prompt(words, today, catalog);
        self.0.check(&shown.grammar, answer).map_err(|_| NoExample::NotInGrammar)?;
        let reading = read(answer, catalog).map_err(|_| NoExample::NotRead)?;
        let (text, probability) = (answer.to_owned(), Some(1.0));
        let completion = Completion { text, probability, read_tokens: 0, written_tokens: 0 };
        if doubt(words, &completion, &reading).is_some() {
            return Err(NoExample::Doubted);
        }
        let example = Example {
            source,
            prefix: shown.prefix,
            question: shown.question,
            answer: answer.to_owned(),
        };
        Ok((example, reading))
    }
}

/// Up to `count` different questions to a made-up company. The Ask comes first; the question and the
/// statement are both printed from it.
pub fn drawn(company: &Company, seed: u64, count: usize) -> Vec<Drawn> {
    let mut random = Random::new(seed, u64::MAX);
    let mut known = HashSet::new();
    let mut drawn = Vec::new();
    for _ in 0..count * 8 {
        if drawn.len() == count {
            break;
        }
        let Some(ask) = draw::Draw::new(company, &mut random).ask() else { continue };
        let Some(answer) = write::statement(&ask, &company.catalog) else { continue };
        let Some(words) = say::question(&ask, company, &mut random) else { continue };
        if known.insert(answer.clone()) {
            drawn.push(Drawn { ask, words, answer });
        }
    }
    drawn
}

/// How many examples came of how many questions, and why not of the others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Count {
    /// Made.
    pub made: usize,
    /// Not made, by the reason.
    pub left_out: BTreeMap<String, usize>,
}

impl Count {
    /// Counts one that was not made.
    pub fn leave_out(&mut self, reason: &impl ToString) {
        *self.left_out.entry(reason.to_string()).or_default() += 1;
    }
}

/// Examples of made-up companies.
pub fn of_companies(
    seed: u64,
    companies: u64,
    each: usize,
    checker: &mut Checker,
    mut take: impl FnMut(Example) -> Result<(), String>,
) -> Result<Count, String> {
    let mut count = Count::default();
    for number in 0..companies {
        let company = Company::make(seed, number);
        for one in drawn(&company, seed ^ number, each) {
            let source = format!("drawn/{number}");
            let (words, catalog) = (&one.words, &company.catalog);
            match checker.example(source, words, &one.answer, catalog, company.today) {
                Ok((example, _)) => {
                    take(example)?;
                    count.made += 1;
                }
                Err(reason) => count.leave_out(&reason),
            }
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests;
