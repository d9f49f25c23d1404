//! One person's question to its answer, whoever wants it: a route, a dashboard, a delivery. What has been
//! verified comes first; then the translator. The policies of the person who asks hold for all of it.

mod answered;
mod choice;

use std::time::{Duration, Instant};

use chrono::NaiveDate;
use pacioli_engine::{Answer, EngineError, Scope, compile::compile};
use pacioli_language::{
    Analysed, Choice, Context, Interpretation, Span, Translator, interpretation,
    verified::{Reader, Recognised, Verified},
};
use pacioli_model::{
    Ask, Company, Computed, ConversationId, QueryId, SavedQuestion, User, VerifiedQuestion,
};
use pacioli_report::{Language, Told};
use pacioli_store::{PageRequest, TenantStore};

pub use self::answered::Answered;
use self::answered::{read, told};
use crate::{
    access::Seen,
    analysis::{self, Analyst, Found},
    answering::{self, Answering, Outcome as Became, Translators},
    app::App,
    error::{ApiError, ApiResult},
    extract::Caller,
    models::{self, Shared},
    stages::Stages,
};

/// Questions of a conversation among which the last one that was understood is looked for.
const LOOKS_BACK: u32 = 5;
/// The most questions that one company verifies.
pub const MOST_VERIFIED: u32 = 1000;

/// Who asks.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The server.
    pub app: &'a App,
    /// The person.
    pub user: &'a User,
    /// Their company.
    pub company: &'a Company,
    /// Its data.
    pub data: &'a TenantStore,
    /// Whom to tell how far the question is.
    pub stages: Option<&'a Stages>,
    /// The language of the answer.
    pub language: Language,
}

/// What they ask.
pub struct Asked {
    /// In their words.
    pub words: String,
    /// Which reading they mean, where there were several.
    pub choice: Option<usize>,
    /// What it goes on with.
    pub conversation: Option<ConversationId>,
    /// The day that relative dates are counted from.
    pub today: NaiveDate,
    /// What the query can be cancelled by.
    pub id: QueryId,
}

/// What read a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// Somebody with the right checked this answer.
    Verified,
    /// The rules.
    Rules,
    /// A model of language.
    Model,
}

impl Source {
    /// As answers say it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Rules => "rules",
            Self::Model => "model",
        }
    }
}

/// What became of a question.
pub enum Outcome {
    /// It was answered.
    Answered(Box<Answered>),
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

/// What shall be run, and how it came about.
struct Read {
    computed: Computed,
    interpretation: Option<Interpretation>,
    spans: Vec<Span>,
    confidence: f64,
    source: Source,
}

impl<'a> Asker<'a> {
    /// Whoever makes this request.
    pub fn of<P>(app: &'a App, caller: &'a Caller<P>) -> Self {
        let account = &caller.account;
        let (user, company) = (&account.user, &account.company);
        let (data, language) = (&caller.data, Language::English);
        Self { app, user, company, data, stages: None, language }
    }

    /// The same, answered in a language; in English where none is named.
    #[must_use]
    pub fn in_language(self, language: Option<impl Into<Language>>) -> Self {
        Self { language: language.map_or(Language::English, Into::into), ..self }
    }

    /// What becomes of the question, and how long it took to understand it.
    pub async fn answer(&self, asked: &Asked) -> ApiResult<(Outcome, Duration)> {
        let started = Instant::now();
        let seen = self.sees().await?;
        if asked.choice.is_none()
            && let Some(read) = self.verified(asked, &seen).await?
        {
            let took = started.elapsed();
            match Box::pin(self.run(seen, read, asked.id)).await {
                // SQL that a change of the tables has broken answers nothing any more.
                Err(EngineError::Invalid { .. } | EngineError::Ambiguous { .. }) => {}
                answered => return Ok((Outcome::Answered(Box::new(answered?)), took)),
            }
            let seen = self.sees().await?;
            return self.translated(asked, seen).await;
        }
        self.translated(asked, seen).await
    }

    /// What becomes of a saved question on a day.
    pub async fn answer_saved(
        &self,
        saved: &SavedQuestion,
        today: NaiveDate,
        id: QueryId,
    ) -> ApiResult<Outcome> {
        let Some(reading) = &saved.reading else {
            let words = saved.question.clone();
            let asked = Asked { words, choice: None, conversation: None, today, id };
            return Ok(self.answer(&asked).await?.0);
        };
        let seen = self.sees().await?;
        let then = reader(&seen, saved.today);
        let learned = Verified::learn(&saved.question, Some(reading), then, false);
        let known = learned.ok().and_then(|it| it.recognise(&saved.question, reader(&seen, today)));
        match known.and_then(|recognised| recognised.ask) {
            Some(ask) => Ok(Outcome::Answered(Box::new(self.run_ask(ask, id).await?))),
            None => {
                let reason = "The tables have changed: save this question anew.".to_owned();
                Ok(Outcome::Refused { not_understood: Vec::new(), reason })
            }
        }
    }

    /// The answer to an Ask that was read before.
    pub async fn run_ask(&self, ask: Ask, id: QueryId) -> ApiResult<Answered> {
        let seen = self.sees().await?;
        let interpretation = Some(interpretation(&ask, &seen.visible));
        let (computed, spans) = (Computed::Ask(ask), Vec::new());
        let read = Read { computed, interpretation, spans, confidence: 1.0, source: Source::Rules };
        Ok(Box::pin(self.run(seen, read, id)).await?)
    }

    /// The company's tables as the person may see them.
    pub async fn sees(&self) -> ApiResult<Seen> {
        Ok(Seen::by(self.user, self.data.catalog().await?))
    }

    async fn translated(&self, asked: &Asked, seen: Seen) -> ApiResult<(Outcome, Duration)> {
        let context = Context { today: asked.today, table: None };
        let last = self.last_ask(asked.conversation).await?;
        let models = self.app.models.of_company(self.data, &self.app.clock, &self.app.metrics);
        let question = answering::Asked {
            words: &asked.words,
            context: &context,
            last: last.as_ref(),
            choice: asked.choice,
        };
        let became = self.became(&seen, &question, &models, asked).await;
        // Where a load has replaced a table since the catalog was read, once more on the new version.
        let (seen, (became, took)) = match became {
            Err(Failure::Engine(EngineError::Missing)) => {
                let seen = self.sees().await?;
                let became = self.became(&seen, &question, &models, asked).await?;
                (seen, became)
            }
            became => (seen, became?),
        };
        let outcome = match became {
            Became::Answered(answered) => {
                Outcome::Answered(Box::new(told(*answered, &seen, self.language)))
            }
            Became::Analyse(analysed) => {
                Box::pin(self.analysed(*analysed, &seen, asked.today)).await?
            }
            Became::Clarify { question, choices, .. } => Outcome::Clarify { question, choices },
            Became::Refused { not_understood, reason } => {
                Outcome::Refused { not_understood, reason }
            }
        };
        Ok((outcome, took))
    }

    /// What is found out about a figure, by the functions that reports are made of.
    async fn analysed(
        &self,
        analysed: Analysed,
        seen: &Seen,
        today: NaiveDate,
    ) -> ApiResult<Outcome> {
        let Analysed { analysis, spans, mut interpretation, confidence } = analysed;
        if let Some(stages) = self.stages {
            stages.reached("running");
        }
        let mut analyst = Analyst::new(&self.app.engine, self.company.id, seen, None);
        let found = analysis::found(&mut analyst, &analysis, &interpretation, today).await?;
        let found = match found {
            Ok(found) => found,
            Err(reason) => return Ok(Outcome::Refused { not_understood: Vec::new(), reason }),
        };
        let chart = found.chart(self.language);
        let Found { sentences, table, query, finding, notes, .. } = found;
        interpretation.notes.push("Computed from the rows of the query that is shown.".to_owned());
        interpretation.notes.extend(notes);
        let version = seen.visible.table(&analysis.ask.table).map(|entry| entry.version);
        let read = read(Some(&interpretation));
        let [english, german] = sentences.map(|(language, sentence)| Told {
            sentence,
            ..read.in_words(Some(&analysis.ask), &seen.visible, language)
        });
        Ok(Outcome::Answered(Box::new(Answered {
            ask: None,
            table,
            sql: query.sql,
            rows_read: query.rows,
            finding: finding.map(Box::new),
            english,
            german,
            columns: Vec::new(),
            chart,
            interpretation: Some(interpretation),
            version,
            spans,
            confidence,
            source: Source::Rules,
        })))
    }

    /// What becomes of the question by rules and models, on these tables, and how long they took to
    /// understand it.
    async fn became(
        &self,
        seen: &Seen,
        question: &answering::Asked<'_>,
        models: &[Shared],
        asked: &Asked,
    ) -> Result<(Became, Duration), Failure> {
        let scope = Scope { company: self.company.id, catalog: &seen.whole, access: &seen.access };
        let answering = Answering {
            engine: &self.app.engine,
            scope,
            visible: &seen.visible,
            models,
            translators: Translators::Cascade,
            id: asked.id,
            stages: self.stages,
            metrics: Some(&self.app.metrics),
            patience: Some(models::patience(&self.app.config.server)),
        };
        let translator = Translator::new(&seen.visible);
        // Boxed, for they are large.
        let (became, took) = Box::pin(answering.answer(&translator, question)).await?;
        match (became, asked.choice) {
            (Became::Clarify { choices, of_model, .. }, Some(choice)) => {
                let chosen = choice::chosen(choices, choice).map_err(Failure::Choice)?;
                let mut became = Box::pin(answering.of_rules(chosen)).await?;
                if let Became::Answered(answered) = &mut became
                    && of_model == Some(choice)
                {
                    answered.source = Source::Model;
                }
                Ok((became, took))
            }
            (_, Some(choice)) if choice > 0 => Err(Failure::Choice(choice::of_none())),
            (became, _) => Ok((became, took)),
        }
    }

    /// What somebody has verified for this question; of several the closest, then the newest.
    async fn verified(&self, asked: &Asked, seen: &Seen) -> ApiResult<Option<Read>> {
        let page = PageRequest { after: None, limit: MOST_VERIFIED };
        let known = self.data.all_kept::<VerifiedQuestion>(&page).await?;
        let reader = reader(seen, asked.today);
        let mut best: Option<(Recognised, Computed)> = None;
        for verified in known.items {
            let Some(computed) = verified.computed.clone() else { continue };
            let Ok(learned) = learn(&verified, &computed, seen) else { continue };
            let Some(recognised) = learned.recognise(&asked.words, reader) else { continue };
            let computed = recognised.ask.clone().map_or(computed, Computed::Ask);
            let fits = match &computed {
                Computed::Ask(ask) => compile(&seen.visible, ask).is_ok(),
                Computed::Sql(_) => true,
            };
            if fits && best.as_ref().is_none_or(|(before, _)| recognised.slots < before.slots) {
                best = Some((recognised, computed));
            }
        }
        Ok(best.map(|(recognised, computed)| {
            let interpretation = match &computed {
                Computed::Ask(ask) => Some(interpretation(ask, &seen.visible)),
                Computed::Sql(_) => None,
            };
            let (spans, source) = (recognised.spans, Source::Verified);
            Read { computed, interpretation, spans, confidence: 1.0, source }
        }))
    }

    /// What the person asked last in this conversation, of what was understood.
    async fn last_ask(&self, conversation: Option<ConversationId>) -> ApiResult<Option<Ask>> {
        let Some(conversation) = conversation else { return Ok(None) };
        let page = PageRequest { after: None, limit: LOOKS_BACK };
        let before = self.data.questions_of(self.user.id, Some(conversation), &page).await?;
        Ok(before.items.into_iter().find_map(|question| question.ask))
    }

    /// Runs what was read; where a load has replaced a table since the catalog was read, once more on
    /// the new version.
    async fn run(&self, seen: Seen, read: Read, id: QueryId) -> Result<Answered, EngineError> {
        if let Some(stages) = self.stages {
            stages.reached("running");
        }
        let Read { computed, interpretation, spans, confidence, source } = read;
        let (seen, answer) = match self.run_once(&seen, &computed, id).await {
            Err(EngineError::Missing) => {
                let catalog = self.data.catalog().await.map_err(|_| EngineError::Missing)?;
                let seen = Seen::by(self.user, catalog);
                let answer = self.run_once(&seen, &computed, id).await?;
                (seen, answer)
            }
            answer => (seen, answer?),
        };
        let Answer { table, sql, notes } = answer;
        let mut answered = Answered {
            ask: None,
            rows_read: table.rows.len(),
            finding: None,
            english: Told::default(),
            german: Told::default(),
            columns: Vec::new(),
            chart: None,
            version: None,
            table,
            sql,
            interpretation,
            spans,
            confidence,
            source,
        };
        let ask = match computed {
            Computed::Ask(ask) => Some(ask),
            Computed::Sql(_) => None,
        };
        answered.tell(ask, &seen.visible, notes, self.language);
        Ok(answered)
    }

    async fn run_once(
        &self,
        seen: &Seen,
        computed: &Computed,
        id: QueryId,
    ) -> Result<Answer, EngineError> {
        let engine = &self.app.engine;
        let company = self.company.id;
        let scope = Scope { company, catalog: &seen.whole, access: &seen.access };
        match computed {
            Computed::Ask(ask) => engine.named(company, id, engine.run(&scope, ask)).await,
            Computed::Sql(sql) => engine.named(company, id, engine.sql(&scope, sql)).await,
        }
    }
}

/// Who reads a question: somebody who sees so much, on a day.
pub fn reader(seen: &Seen, today: NaiveDate) -> Reader<'_> {
    Reader { catalog: &seen.visible, today }
}

/// The verified question, ready to be compared with others.
pub fn learn(
    verified: &VerifiedQuestion,
    computed: &Computed,
    seen: &Seen,
) -> Result<Verified, pacioli_language::verified::Unfit> {
    let ask = match computed {
        Computed::Ask(ask) => Some(ask),
        Computed::Sql(_) => None,
    };
    let then = reader(seen, verified.today);
    Verified::learn(&verified.question, ask, then, verified.are_days_fixed)
}

/// Why nothing became of a question.
enum Failure {
    Engine(EngineError),
    /// No reading has the number that was chosen.
    Choice(ApiError),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Engine(error) => error.into(),
            Failure::Choice(error) => error,
        }
    }
}
