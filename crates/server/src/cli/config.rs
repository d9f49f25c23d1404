use clap::Subcommand;

use super::{CommandResult, Settings, print};

/// Look at the configuration
#[derive(Subcommand)]
pub enum ConfigCommand {
    /// Name every problem of the configuration at once
    Check,
    /// Print the values in force and where each came from
    Show,
}

impl ConfigCommand {
    pub fn run(self, settings: &Settings) -> CommandResult {
        let config = settings.load()?;
        match self {
            Self::Check => print(&"The configuration is good."),
            Self::Show => config.describe().iter().try_for_each(|setting| print(setting)),
        }
    }
}
