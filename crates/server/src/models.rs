//! The models that a configuration names, metered.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pacioli_language::model::{Completing, Model, ModelError, Prompt};
use pacioli_llm::{LocalModel, LocalOptions, ServerModel, ServerOptions};
use pacioli_store::TenantStore;

use crate::{
    clock::Clock,
    config::{LanguageConfig, ServerConfig},
    error::chain,
    telemetry::Metrics,
};

/// What is kept of a request's time for the rules, at most.
const FOR_RULES: Duration = Duration::from_secs(10);

/// A model that can be asked.
pub type Shared = Arc<dyn Model>;

/// All that are configured.
#[derive(Debug, Clone, Default)]
pub struct Models {
    /// Of a file, in this process.
    pub local: Option<Shared>,
    /// Of a server, which is asked first.
    pub server: Option<Shared>,
    /// Tokens of the server that a company may spend in a month; 0 for any number.
    pub monthly_tokens: u64,
}

impl Models {
    /// As configured. A file that is no model's, or an adapter that does not fit it, is told now; a server is first spoken to when a
    /// question needs it.
    pub fn configured(config: &LanguageConfig) -> Result<Self, ModelError> {
        let local = config.model.as_ref().map(|path| local(Path::new(path), config)).transpose()?;
        let server = config.llm_base_url.as_ref().map(|url| server(url, config)).transpose()?;
        Ok(Self { local, server, monthly_tokens: config.llm_monthly_tokens })
    }

    /// Without meters: for a person at a terminal.
    pub fn all(&self) -> Vec<Shared> {
        self.server.iter().chain(&self.local).cloned().collect()
    }

    /// For a company: what it spends is counted, and stops at its budget.
    pub fn of_company(&self, data: &TenantStore, clock: &Clock, metrics: &Metrics) -> Vec<Shared> {
        let month = clock.now().utc().format("%Y-%m").to_string();
        let budget = || Budget { data: data.clone(), month, limit: self.monthly_tokens };
        let metered = |inner: &Shared, kind, budget| -> Shared {
            Arc::new(Metered { inner: inner.clone(), kind, budget, metrics: metrics.clone() })
        };
        let server = self.server.as_ref().map(|model| metered(model, "server", Some(budget())));
        let local = self.local.as_ref().map(|model| metered(model, "local", None));
        server.into_iter().chain(local).collect()
    }
}

/// How long a request waits for models: what is left of its time is for the query of the rules.
pub fn patience(config: &ServerConfig) -> Duration {
    let whole = config.request_timeout();
    whole.saturating_sub((whole / 4).min(FOR_RULES))
}

/// Whether a model completes a short prompt, which tells it nothing of anybody's tables.
pub async fn health(model: &Shared) -> Result<(), ModelError> {
    let prompt = Prompt {
        prefix: "Write one SELECT statement.\n\nCREATE TABLE days (\n  day DATE\n);".to_owned(),
        question: "-- Question: how many days".to_owned(),
        grammar: "start: \"SELECT COUNT(*) FROM days;\"\n".to_owned(),
        refused: None,
    };
    model.complete(&prompt).await.map(|_| ())
}

fn local(path: &Path, config: &LanguageConfig) -> Result<Shared, ModelError> {
    let deadline = Duration::from_secs(config.model_deadline_seconds.into());
    let adapter = config.adapter.as_ref().map(PathBuf::from);
    let options =
        LocalOptions { path: path.to_owned(), adapter, queue: config.model_queue, deadline };
    Ok(Arc::new(LocalModel::start(options)?))
}

fn server(base_url: &str, config: &LanguageConfig) -> Result<Shared, ModelError> {
    Ok(Arc::new(ServerModel::new(ServerOptions {
        base_url: base_url.to_owned(),
        key: config.llm_api_key.clone(),
        model: config.llm_model.clone(),
        deadline: Duration::from_secs(config.llm_deadline_seconds.into()),
    })?))
}

/// What a company may spend in a month.
#[derive(Debug)]
struct Budget {
    data: TenantStore,
    month: String,
    limit: u64,
}

/// A model whose use is counted.
#[derive(Debug)]
struct Metered {
    inner: Shared,
    kind: &'static str,
    budget: Option<Budget>,
    metrics: Metrics,
}

impl Model for Metered {
    fn complete<'a>(&'a self, prompt: &'a Prompt) -> Completing<'a> {
        Box::pin(async {
            let mut ended = Ended { of: self, outcome: "given_up" };
            let result = self.within_budget(prompt).await;
            ended.outcome = match &result {
                Ok(_) => "completed",
                Err(ModelError::Busy) => "busy",
                Err(ModelError::Late(_)) => "late",
                Err(ModelError::Unavailable(_)) => "unavailable",
                Err(ModelError::Garbled(_)) => "garbled",
                Err(ModelError::OverBudget) => "over_budget",
            };
            result
        })
    }
}

/// Counts a prompt when it ends, and as given up where nobody waits any more.
struct Ended<'a> {
    of: &'a Metered,
    outcome: &'static str,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.of.metrics.model(self.of.kind, self.outcome);
    }
}

impl Metered {
    async fn within_budget(
        &self,
        prompt: &Prompt,
    ) -> Result<pacioli_language::model::Completion, ModelError> {
        let unknown = |error: pacioli_store::StoreError| {
            ModelError::Unavailable(format!("what was spent is not known: {}", chain(&error)))
        };
        let mut spent = 0;
        if let Some(budget) = self.budget.as_ref().filter(|budget| budget.limit > 0) {
            spent = budget.data.model_tokens(&budget.month).await.map_err(unknown)?;
            self.metrics.model_budget(&budget.month, spent, budget.limit);
            if spent >= budget.limit {
                return Err(ModelError::OverBudget);
            }
        }
        let asked = self.metrics.model_prompt(self.kind);
        let completion = self.inner.complete(prompt).await;
        drop(asked);
        let completion = completion?;
        let tokens = completion.read_tokens + completion.written_tokens;
        self.metrics.model_tokens(self.kind, tokens);
        if let Some(budget) = &self.budget {
            budget.data.spend_model_tokens(&budget.month, tokens).await.map_err(unknown)?;
            if budget.limit > 0 {
                self.metrics.model_budget(&budget.month, spent + tokens, budget.limit);
            }
        }
        Ok(completion)
    }
}
