use std::io::{self, Write as _};

use pacioli_store::CacheState;

use super::{CommandResult, Settings, block_on};
use crate::{compose::StartError, error::chain, models};

/// Checks everything the server depends on, and says what is wrong.
pub fn run(settings: &Settings) -> CommandResult {
    block_on(examine(settings))?
}

async fn examine(settings: &Settings) -> CommandResult {
    let mut out = io::stdout().lock();
    let config = settings.load()?;
    writeln!(out, "ok    configuration")?;
    if config.server.public_url.is_none() {
        writeln!(
            out,
            "note  server.public_url is not set: browsers are not told to stay on https"
        )?;
    }
    let (app, _lock) = match settings.open().await {
        Ok(opened) => opened,
        Err(error) if matches!(error.downcast_ref(), Some(StartError::InUse(_))) => {
            let text =
                "note  a server is running on this data folder: ask its /readyz for the rest";
            return Ok(writeln!(out, "{text}")?);
        }
        Err(error) => return Err(error),
    };
    let mut problems = 0;
    let mut report = |name: String, result: Result<(), String>| {
        let line = match result {
            Ok(()) => format!("ok    {name}"),
            Err(problem) => {
                problems += 1;
                format!("FAIL  {name}: {problem}")
            }
        };
        writeln!(out, "{line}")
    };
    let store = app.store.health().await.map_err(|error| chain(&error));
    report(format!("store ({})", app.store.kind()), store)?;
    let files = app.files.health().await.map_err(|error| chain(&error));
    report(format!("table files ({})", app.files.kind()), files)?;
    let cache = match app.cache.state() {
        CacheState::Degraded { reason, .. } => Err(reason),
        CacheState::InProcess | CacheState::Connected => Ok(()),
    };
    report(format!("cache ({})", app.cache.kind().as_str()), cache)?;
    let adapted = config.language.adapter.is_some();
    let file = if adapted { "language model (file, adapted)" } else { "language model (file)" };
    let models = [("language model (server)", &app.models.server), (file, &app.models.local)];
    for (name, model) in models {
        if let Some(model) = model {
            let health = models::health(model).await.map_err(|error| error.to_string());
            report(name.to_owned(), health)?;
        }
    }
    if problems > 0 { Err(format!("{problems} of these need mending").into()) } else { Ok(()) }
}
