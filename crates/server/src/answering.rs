//! From a question to rows: rules first, a model where they do not do.
//!
//! Rules answer what they are sure of, and ask back what can be meant in several ways. What they refuse,
//! or are not sure of, a model reads, where one is configured; its reading is held to the same catalog and
//! the same guard, and mended once if these refuse it. Where rules and model both answer and their rows
//! differ, the person is asked which is meant; a reading of the rules that is too unlikely to be run is
//! answered once the model comes to the same rows. Whatever happens to a model, what rules said still
//! stands, and the answer says what became of the model.

mod compared;
mod failed;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use pacioli_engine::{Answer, Engine, EngineError, Scope};
use pacioli_language::{
    Analysed, Choice, Context, Interpretation, Translation, Translator, Understood,
    model::{Completion, Model, ModelError, Prompt, Reading, chance, doubt, prompt, read},
};
use pacioli_model::{Ask, Catalog, QueryId};

use self::{
    compared::{same_rows, says_anything, summary},
    failed::{Failed, explained},
};
use crate::{asking::Source, stages::Stages, telemetry::Metrics};

/// Rules that are surer than this are not checked against a model.
const SURE: f64 = 0.9;
/// Rules that are surer than this stand against a model that is not sure itself: where a small one differed and they
/// were between this and 0.78, they were right in 7 of 10 questions of Spider, and in all 16 about our own companies.
const SURE_ENOUGH: f64 = 0.62;
/// A model that tells how sure it is, and is less sure than this, does not answer what the rules refuse: it is
/// asked whether that is meant. Small models were right in half of such questions of Spider, and in none
/// about our own companies.
const SURE_ALONE: f64 = 0.8;
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
        /// Which of them is a model's.
        of_model: Option<usize>,
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
    /// Whether a model read it that says itself that it is not sure.
    is_guess: bool,
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
    /// Where it is counted what became of a model's readings.
    pub metrics: Option<&'a Metrics>,
    /// How long a model is waited for, all its tries together; else as long as it takes.
    pub patience: Option<Duration>,
}

/// One question.
pub struct Asked<'a> {
    /// In the person's words.
    pub words: &'a str,
    /// The day, and the table if it must be one.
    pub context: &'a Context,
    /// What it may go on from.
    pub last: Option<&'a Ask>,
    /// Which reading the person has chosen, of those that were offered before.
    pub choice: Option<usize>,
}

/// What has been understood, before it was run.
struct FromModel {
    reading: Reading,
    completion: Completion,
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
        if !self.asks_model(&rules, asked.choice) {
            return Ok((self.of_rules(rules).await?, took));
        }
        let (model, took) = self.of_model_in_time(asked, started).await;
        let outcome = match model {
            Ok(model) => self.compared(rules, model).await?,
            Err(Failed::Engine(error)) if is_of_no_reading(&error) => return Err(error),
            Err(failed) => {
                failed.log();
                self.count(failed.outcome());
                let rules = match self.translators {
                    // There are no rules to fall back to: what went wrong is the reason.
                    Translators::Model => refused(&failed.to_string()),
                    Translators::Rules | Translators::Cascade => {
                        explained(rules, &failed, asked.words)
                    }
                };
                self.of_rules(rules).await?
            }
        };
        Ok((outcome, took))
    }

    /// Whether the question is for a model too: where rules are not sure, unless the person has chosen
    /// one of their readings.
    fn asks_model(&self, rules: &Translation, choice: Option<usize>) -> bool {
        if self.models.is_empty() || self.translators == Translators::Rules {
            return false;
        }
        let (readings, sure) = match rules {
            Translation::Understood(understood) => (1, understood.confidence >= SURE),
            Translation::Clarify { choices, confidence, .. } => {
                (choices.len(), confidence.is_none())
            }
            Translation::Analyse(_) => (1, true),
            Translation::Refuse { .. } => (0, false),
        };
        !sure && choice.is_none_or(|choice| choice >= readings)
    }

    fn count(&self, outcome: &'static str) {
        if let Some(metrics) = self.metrics {
            metrics.model_reading(outcome);
        }
    }

    /// Runs what has been understood, whoever understood it.
    pub async fn of_rules(&self, translation: Translation) -> Result<Outcome, EngineError> {
        Ok(match translation {
            Translation::Understood(understood) => {
                let answer = self.run(&understood.ask).await?;
                let ask = Some(understood.ask.clone());
                let understood = *understood;
                let source = Source::Rules;
                let is_guess = false;
                Outcome::Answered(Box::new(Answered { ask, understood, answer, source, is_guess }))
            }
            Translation::Analyse(analysed) => Outcome::Analyse(analysed),
            Translation::Clarify { question, choices, .. } => {
                Outcome::Clarify { question, choices, of_model: None }
            }
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

    /// A model's answer, if it comes before whoever asks gives up.
    async fn of_model_in_time(
        &self,
        asked: &Asked<'_>,
        started: Instant,
    ) -> (Result<Answered, Failed>, Duration) {
        let Some(patience) = self.patience else { return self.of_model(asked, started).await };
        match tokio::time::timeout(patience, self.of_model(asked, started)).await {
            Ok(settled) => settled,
            Err(_) => (Err(Failed::Model(ModelError::Late(patience))), started.elapsed()),
        }
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
                Ok(reading) => {
                    match self.answered(asked, FromModel { reading, completion }).await {
                        Err(Failed::Unusable(reason)) => reason,
                        settled => return (settled, took),
                    }
                }
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

    async fn answered(&self, asked: &Asked<'_>, from: FromModel) -> Result<Answered, Failed> {
        let FromModel { reading, completion } = from;
        if let Some(doubt) = doubt(asked.words, &completion, &reading) {
            return Err(Failed::Doubted(doubt));
        }
        let told = chance(&completion);
        let (confidence, is_guess) =
            (told.unwrap_or(UNTOLD), told.is_some_and(|chance| chance < SURE_ALONE));
        if let Some((ask, interpretation)) = &reading.ask {
            match self.run(ask).await {
                Ok(answer) => {
                    let mut interpretation = interpretation.clone();
                    interpretation.notes.push("A language model read the question.".to_owned());
                    let spans = Vec::new();
                    let understood =
                        Understood { ask: ask.clone(), spans, interpretation, confidence };
                    let (ask, source) = (Some(ask.clone()), Source::Model);
                    return Ok(Answered { ask, understood, answer, source, is_guess });
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
        Ok(Answered { ask: None, understood, answer, source: Source::Model, is_guess })
    }

    /// What becomes of a question that a model has an answer to, beside what rules made of it.
    async fn compared(&self, rules: Translation, model: Answered) -> Result<Outcome, EngineError> {
        match rules {
            Translation::Refuse { .. } if self.translators == Translators::Model => {
                Ok(Outcome::Answered(Box::new(model)))
            }
            // What no Ask says cannot be offered to be chosen.
            Translation::Refuse { .. } if model.is_guess && model.ask.is_none() => {
                self.count("doubted");
                self.of_rules(rules).await
            }
            Translation::Refuse { .. } if model.is_guess => Ok(self.asked_back(Vec::new(), model)),
            Translation::Refuse { .. } => {
                self.count("alone");
                Ok(Outcome::Answered(Box::new(model)))
            }
            Translation::Understood(understood) => self.checked(*understood, model).await,
            Translation::Clarify { choices, confidence: Some(confidence), .. } => {
                self.settled(choices, confidence, model).await
            }
            rules => self.of_rules(rules).await,
        }
    }

    /// Rules and model both answer: one answer where their rows agree, a question back where not.
    async fn checked(
        &self,
        understood: Understood,
        model: Answered,
    ) -> Result<Outcome, EngineError> {
        let Understood { ask, interpretation, confidence, .. } = &understood;
        let stands = model.is_guess && *confidence >= SURE_ENOUGH;
        let label = summary(interpretation);
        let (ask, interpretation) = (ask.clone(), interpretation.clone());
        let own = Choice { question: label.clone(), label, ask, analysis: None, interpretation };
        let outcome = self.of_rules(Translation::Understood(Box::new(understood))).await?;
        match &outcome {
            Outcome::Answered(answered) if same_rows(&answered.answer, &model.answer) => {
                self.count("agreed");
                Ok(outcome)
            }
            Outcome::Answered(_) if stands => {
                self.count("differed");
                Ok(outcome)
            }
            _ => Ok(self.asked_back(vec![own], model)),
        }
    }

    /// No reading of the rules is sure: the one that the model comes to as well is answered.
    async fn settled(
        &self,
        choices: Vec<Choice>,
        confidence: f64,
        model: Answered,
    ) -> Result<Outcome, EngineError> {
        for choice in &choices {
            let answer = match self.run(&choice.ask).await {
                Ok(answer) => answer,
                Err(error) if is_of_no_reading(&error) => return Err(error),
                // What cannot be run is not what the model ran.
                Err(_) => continue,
            };
            let same = model.ask.as_ref() == Some(&choice.ask)
                || same_rows(&answer, &model.answer) && says_anything(&answer.table);
            if same {
                self.count("agreed");
                let mut interpretation = choice.interpretation.clone();
                let note = "A language model read the question the same way.";
                interpretation.notes.push(note.to_owned());
                let confidence = confidence.max(model.understood.confidence);
                let (ask, spans) = (choice.ask.clone(), Vec::new());
                let understood = Understood { ask: ask.clone(), spans, interpretation, confidence };
                let (ask, source) = (Some(ask), Source::Rules);
                return Ok(Outcome::Answered(Box::new(Answered {
                    ask,
                    understood,
                    answer,
                    source,
                    is_guess: false,
                })));
            }
        }
        Ok(self.asked_back(choices, model))
    }

    /// The rules' readings, and the model's where an Ask says it, for the person to choose.
    fn asked_back(&self, mut choices: Vec<Choice>, model: Answered) -> Outcome {
        self.count(if choices.is_empty() { "guessed" } else { "differed" });
        let mut of_model = None;
        if let Some(ask) = model.ask {
            let interpretation = model.understood.interpretation;
            let label = summary(&interpretation);
            of_model = Some(choices.len());
            let alike = choices.iter().any(|choice| choice.label == label);
            let label = if alike { format!("{label} (as the model reads it)") } else { label };
            choices.push(Choice {
                question: label.clone(),
                label,
                ask,
                analysis: None,
                interpretation,
            });
        }
        let question = match (of_model, choices.len()) {
            (None, 1) => "A language model reads this differently. Is this what you mean?",
            (Some(0), 1) => "Only a language model understands this. Is this what you mean?",
            (_, 2) => "This can be read in two ways. Which do you mean?",
            _ => "This can be read in several ways. Which do you mean?",
        };
        Outcome::Clarify { question: question.to_owned(), choices, of_model }
    }
}

/// The statement itself is refused, by its words or its meaning: it may be written anew.
fn is_refusal(error: &EngineError) -> bool {
    matches!(error, EngineError::Invalid { .. } | EngineError::Ambiguous { .. })
}

/// Whatever the reading, it would have failed: somebody cancelled it, or what it needs is away.
fn is_of_no_reading(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Cancelled
            | EngineError::Missing
            | EngineError::Busy { .. }
            | EngineError::Storage { .. }
    )
}

fn refused(reason: &str) -> Translation {
    Translation::Refuse { not_understood: Vec::new(), reason: reason.to_owned() }
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
