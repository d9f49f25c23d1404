use std::io::{self, Write as _};

use clap::Subcommand;

use super::{CommandResult, Settings, block_on};
use crate::{
    clock::{Clock, Random},
    compose::{claim_folder, compose, own_program},
    seal::reseal_all,
};

/// Look after the key that passwords of connected systems are encrypted with
#[derive(Subcommand)]
pub enum SecretsCommand {
    /// Encrypt all of them anew: with a fresh key where the server keeps its own, else with the one that
    /// is configured. The server must not be running on the same data folder
    Rotate,
}

impl SecretsCommand {
    pub fn run(self, settings: &Settings) -> CommandResult {
        match self {
            Self::Rotate => block_on(rotate(settings))?,
        }
    }
}

async fn rotate(settings: &Settings) -> CommandResult {
    let config = settings.load()?;
    let _lock = claim_folder(&config)?;
    config.renew_encryption_key(Random)?;
    let app = compose(config, Clock::System, Random, own_program()?).await?;
    let (resealed, lost) = reseal_all(&app).await?;
    let mut out = io::stdout().lock();
    writeln!(out, "{resealed} secrets encrypted anew")?;
    if lost > 0 {
        return Err(format!(
            "{lost} secrets cannot be decrypted and stay as they are, and so do the keys from before. \
             Configure the keys that are missing, or give the connections their secrets anew"
        )
        .into());
    }
    // Nothing needs them any more.
    app.config.forget_previous_keys(Random)?;
    Ok(())
}
