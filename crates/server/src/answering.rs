//! From a question to rows: rules first, a model where they do not do.
//!
//! Rules answer what they are sure of, and ask back what can be meant in several ways. What they refuse,
//! or are not sure of, a model reads, where one is configured; its reading is held to the same catalog and
//! the same guard, and mended once if these refuse it. Where rules and model both answer and their rows
//! differ, the person is asked which is meant. Whatever happens to a model, what rules said still stands.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pacioli_engine::{Answer, Engine, EngineError, Scope};
use pacioli_language::{
    Analysed, Choice, Context, Interpretation, Translation, Translator, Understood,
    model::{Completion, Doubt, Model, ModelError, Prompt, Reading, doubt, prompt, read},
};
use pacioli_model::{Ask, Catalog, QueryId, Table};

use crate::{asking::Source, stages::Stages};

/// Rules that are surer than this are not checked against a model.
const SURE: f64 = 0.9;
/// What is told of the confidence of a model that does not tell itself.
const UNTOLD: f64 = 0.5;

/// Who translates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Translators {
    /// Rules alone.
    Rules,
    /// A model alone.
    Model,
    /// Rules, and a model where they do not do.
    Cascade,
}

/// What became of a question.
pub enum Outcome {
    /// It was answered.
    Answered(Box<Answered>),
    /// It asks for no rows, but for what lies behind them.
    Analyse(Box<Analysed>),
    /// It is asked back.
    Clarify {
        /// What is asked.
        question: String,
        /// The readings.
        choices: Vec<Choice>,
    },
    /// It is refused.
    Refused {
        /// The words that stand in the way.
        not_understood: Vec<String>,
        /// Why.
        reason: String,
    },
}

/// An answer, and how the question was read.
pub struct Answered {
    /// The reading; none where only SQL says it.
    pub ask: Option<Ask>,
    /// How it was understood. Of SQL that is little.
    pub understood: Understood,
    /// The rows.
    pub answer: Answer,
    /// What read it.
    pub source: Source,
}

/// What a question is answered from.
pub struct Answering<'a> {
    /// Runs it.
    pub engine: &'a Engine,
    /// Whose tables, and how much of them.
    pub scope: Scope<'a>,
    /// The tables as the asker knows them: all that is told to a model.
    pub visible: &'a Catalog,
    /// Models, the best first.
    pub models: &'a [Arc<dyn Model>],
    /// Who translates.
    pub translators: Translators,
    /// What the query can be cancelled by.
    pub id: QueryId,
    /// Whom to tell how far the question is.
    pub stages: Option<&'a Stages>,
}

/// One question.
pub struct Asked<'a> {
    /// In the person's words.
    pub words: &'a str,
    /// The day, and the table if it must be one.
    pub context: &'a Context,
    /// What it may go on from.
    pub last: Option<&'a Ask>,
}

/// What has been understood, before it was run.
struct FromModel {
    reading: Reading,
    completion: Completion,
}

/// Why a model's reading gives no answer.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error("{0}")]
    Model(ModelError),
    /// What the model wrote cannot be run, and could not be mended.
    #[error("The model's statement cannot be run: {0}")]
    Unusable(String),
    #[error("The model's reading is in doubt: {0:?}")]
    Doubted(Doubt),
    #[error("{0}")]
    Engine(EngineError),
}

impl Answering<'_> {
    /// What becomes of the question, and how long it took to understand it.
    pub async fn answer(
        &self,
        translator: &Translator<'_>,
        asked: &Asked<'_>,
    ) -> Result<(Outcome, Duration), EngineError> {
        let started = Instant::now();
        let rules = match (self.translators, asked.last) {
            (Translators::Model, _) => refused("No model answered."),
            (_, Some(last)) => translator.translate_after(asked.words, asked.context, last),
            (_, None) => translator.translate(asked.words, asked.context),
        };
        let took = started.elapsed();
        let asks_model = !self.models.is_empty()
            && self.translators != Translators::Rules
            && match &rules {
                Translation::Understood(understood) => understood.confidence < SURE,
                Translation::Clarify { .. } | Translation::Analyse(_) => false,
                Translation::Refuse { .. } => true,
            };
        if !asks_model {
            return Ok((self.of_rules(rules).await?, took));
        }
        let (model, took) = self.of_model(asked, started).await;
        let outcome = match (rules, model) {
            (Translation::Refuse { .. }, Ok(answered)) => Outcome::Answered(Box::new(answered)),
            (rules, Ok(answered)) => self.compared(rules, answered).await?,
            (rules, Err(Failed::Engine(error))) if !is_refusal(&error) => {
                tracing::warn!(event = "model.query_failed", error = %error, "a model's query failed");
                self.of_rules(rules).await?
            }
            (rules, Err(failed)) => {
                log(&failed);
                let rules = match self.translators {
                    // There are no rules to fall back to: what went wrong is the reason.
                    Translators::Model => refused(&failed.to_string()),
                    Translators::Rules | Translators::Cascade => explained(rules, &failed),
                };
                self.of_rules(rules).await?
            }
        };
        Ok((outcome, took))
    }

    /// Runs what has been understood, whoever understood it.
    pub async fn of_rules(&self, translation: Translation) -> Result<Outcome, EngineError> {
        Ok(match translation {
            Translation::Understood(understood) => {
                let answer = self.run(&understood.ask).await?;
                let ask = Some(understood.ask.clone());
                let understood = *understood;
                let source = Source::Rules;
                Outcome::Answered(Box::new(Answered { ask, understood, answer, source }))
            }
            Translation::Analyse(analysed) => Outcome::Analyse(analysed),
            Translation::Clarify { question, choices } => Outcome::Clarify { question, choices },
            Translation::Refuse { not_understood, reason } => {
                Outcome::Refused { not_understood, reason }
            }
        })
    }

    async fn run(&self, ask: &Ask) -> Result<Answer, EngineError> {
        self.running();
        let query = self.engine.run(&self.scope, ask);
        self.engine.named(self.scope.company, self.id, query).await
    }

    fn running(&self) {
        if let Some(stages) = self.stages {
            stages.reached("running");
        }
    }

    async fn run_sql(&self, sql: &str) -> Result<Answer, EngineError> {
        self.running();
        let query = self.engine.sql(&self.scope, sql);
        self.engine.named(self.scope.company, self.id, query).await
    }

    /// A model's answer, and when it was read.
    async fn of_model(
        &self,
        asked: &Asked<'_>,
        started: Instant,
    ) -> (Result<Answered, Failed>, Duration) {
        let mut prompt = prompt(asked.words, asked.context.today, self.visible);
        let mut took = started.elapsed();
        for last in [false, true] {
            let completion = match self.complete(&prompt).await {
                Ok(completion) => completion,
                Err(error) => return (Err(Failed::Model(error)), started.elapsed()),
            };
            took = started.elapsed();
            let written = completion.text.clone();
            let reason = match read(&written, self.visible) {
                Err(reason) => reason,
                Ok(reading) => match self.answered(FromModel { reading, completion }).await {
                    Err(Failed::Unusable(reason)) => reason,
                    settled => return (settled, took),
                },
            };
            if last {
                return (Err(Failed::Unusable(reason)), took);
            }
            prompt.refused = Some((written, reason));
        }
        (Err(Failed::Unusable(String::new())), took)
    }

    /// The first model that answers, the best first.
    async fn complete(&self, prompt: &Prompt) -> Result<Completion, ModelError> {
        let mut failure = ModelError::Unavailable("none is configured".to_owned());
        for model in self.models {
            match model.complete(prompt).await {
                Ok(completion) => return Ok(completion),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn answered(&self, from: FromModel) -> Result<Answered, Failed> {
        let FromModel { reading, completion } = from;
        if let Some(doubt) = doubt(&completion, &reading) {
            return Err(Failed::Doubted(doubt));
        }
        let confidence = completion.probability.unwrap_or(UNTOLD);
        if let Some((ask, interpretation)) = &reading.ask {
            match self.run(ask).await {
                Ok(answer) => {
                    let mut interpretation = interpretation.clone();
                    interpretation.notes.push("A language model read the question.".to_owned());
                    let spans = Vec::new();
                    let understood =
                        Understood { ask: ask.clone(), spans, interpretation, confidence };
                    let (ask, source) = (Some(ask.clone()), Source::Model);
                    return Ok(Answered { ask, understood, answer, source });
                }
                // What an Ask cannot say after all, the statement may.
                Err(error) if is_refusal(&error) => {}
                Err(error) => return Err(Failed::Engine(error)),
            }
        }
        let answer = self.run_sql(&reading.sql).await.map_err(|error| match error {
            EngineError::Invalid { detail } => Failed::Unusable(detail),
            error => Failed::Engine(error),
        })?;
        let table = reading.tables.first().cloned();
        let Some(table) = table else {
            return Err(Failed::Unusable("It reads no table.".to_owned()));
        };
        let ask = Ask::about(table.clone());
        let interpretation = of_sql(reading.tables);
        let understood = Understood { ask, spans: Vec::new(), interpretation, confidence };
        Ok(Answered { ask: None, understood, answer, source: Source::Model })
    }

    /// Rules and model both answer: one answer where their rows agree, a question back where not.
    async fn compared(&self, rules: Translation, model: Answered) -> Result<Outcome, EngineError> {
        let Translation::Understood(understood) = &rules else {
            return self.of_rules(rules).await;
        };
        let own = understood.clone();
        let outcome = self.of_rules(rules).await?;
        let Outcome::Answered(answered) = &outcome else { return Ok(outcome) };
        let Some(other) = model.ask else { return Ok(outcome) };
        if same_rows(&answered.answer.table, &model.answer.table) {
            return Ok(outcome);
        }
        let choices = [(own.ask, own.interpretation), (other, model.understood.interpretation)];
        let choices = choices.map(|(ask, interpretation)| {
            let label = summary(&interpretation);
            Choice { question: label.clone(), label, ask, analysis: None, interpretation }
        });
        let question = "This can be read in two ways. Which do you mean?".to_owned();
        Ok(Outcome::Clarify { question, choices: choices.into() })
    }
}

/// The statement itself is refused, by its words or its meaning: it may be written anew.
fn is_refusal(error: &EngineError) -> bool {
    matches!(error, EngineError::Invalid { .. } | EngineError::Ambiguous { .. })
}

fn refused(reason: &str) -> Translation {
    Translation::Refuse { not_understood: Vec::new(), reason: reason.to_owned() }
}

/// What rules said, with what the model stumbled over.
fn explained(rules: Translation, failed: &Failed) -> Translation {
    match (rules, failed) {
        (
            Translation::Refuse { mut not_understood, .. },
            Failed::Doubted(Doubt::UnknownValues(values)),
        ) => {
            let reason = format!("No row has {}.", values.join(" or "));
            for value in values {
                if !not_understood.contains(value) {
                    not_understood.push(value.clone());
                }
            }
            Translation::Refuse { not_understood, reason }
        }
        (rules, _) => rules,
    }
}

fn log(failed: &Failed) {
    match failed {
        Failed::Model(error) => {
            tracing::warn!(event = "model.failed", error = %error, "a model gave no answer");
        }
        Failed::Engine(_) | Failed::Unusable(_) => {
            tracing::debug!(event = "model.unusable", "a model's statement could not be run");
        }
        Failed::Doubted(_) => {
            tracing::debug!(event = "model.doubted", "a model's reading was not trusted");
        }
    }
}

fn of_sql(tables: Vec<pacioli_model::TableName>) -> Interpretation {
    let note = "A language model wrote this query: check the SQL.".to_owned();
    Interpretation {
        table: tables[0].clone(),
        tables,
        measures: Vec::new(),
        groups: Vec::new(),
        filters: Vec::new(),
        date_range: None,
        grain: None,
        currency: None,
        as_of: None,
        notes: vec![note],
    }
}

/// What tells one reading from another, in a line.
fn summary(interpretation: &Interpretation) -> String {
    let Interpretation { measures, groups, filters, table, .. } = interpretation;
    let mut text =
        if measures.is_empty() { format!("rows of {table}") } else { measures.join(", ") };
    if !groups.is_empty() {
        text = format!("{text} by {}", groups.join(", "));
    }
    let days = interpretation.date_range.as_ref().map(|range| range.words.clone());
    let conditions: Vec<String> = filters.iter().cloned().chain(days).collect();
    if !conditions.is_empty() {
        text = format!("{text}, only {}", conditions.join(" and "));
    }
    text
}

/// Whether two answers have the same rows, in whatever order.
fn same_rows(one: &Table, other: &Table) -> bool {
    let texts = |table: &Table| {
        let row = |row: &Vec<pacioli_model::Cell>| {
            let mut cells: Vec<String> = row.iter().map(|cell| format!("{cell:?}")).collect();
            cells.sort();
            cells
        };
        let mut rows: Vec<Vec<String>> = table.rows.iter().map(row).collect();
        rows.sort();
        rows
    };
    one.rows.len() == other.rows.len() && texts(one) == texts(other)
}
