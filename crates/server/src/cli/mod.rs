//! The command line.

mod accounts;
mod ask;
mod books;
mod catalogs;
#[cfg(feature = "cluster")]
mod cluster;
mod config;
mod demo;
mod doctor;
mod eval;
mod health;
mod secrets;
mod serve;

use std::{
    fmt::Display,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Parser, Subcommand};

use crate::{
    app::App,
    clock::{Clock, Random},
    compose::{FolderLock, claim_folder, compose, own_program},
    config::{Config, ConfigSources},
};

/// Ask your company's own books in plain English, and get answers you can check.
#[derive(Parser)]
#[command(name = "pacioli", version, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Settings {
    /// Configuration file [default: ./pacioli.toml where it exists]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the embedded parts keep everything [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the server
    Serve(serve::Serve),
    /// Write the files of a made-up trading company, and load them if asked to
    Demo(demo::Demo),
    /// Ask a question about files, without a server or an account
    Ask(ask::AskFiles),
    /// Score the translator on questions whose answers are known
    Eval(eval::Eval),
    /// Look after people's accounts
    #[command(subcommand)]
    User(accounts::UserCommand),
    /// Look after companies
    #[command(subcommand)]
    Company(accounts::CompanyCommand),
    /// Look at the configuration
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Look after the key that passwords of connected systems are encrypted with
    #[command(subcommand)]
    Secrets(secrets::SecretsCommand),
    /// Check everything the server depends on
    Doctor,
    /// Ask the running server whether it can do its work; 0 if it can
    Health,
    /// Print the OpenAPI document
    Openapi {
        /// Print the reference of error codes instead
        #[arg(long)]
        errors: bool,
        /// Print the reference of metrics instead
        #[arg(long, conflicts_with = "errors")]
        metrics: bool,
    },
    /// Write what is known of databases' tables, to make examples for a model from: for `model/train`
    #[command(hide = true)]
    Catalogs(catalogs::Catalogs),
    /// Share out the queries of servers among executors
    #[cfg(feature = "cluster")]
    Scheduler(cluster::RunScheduler),
    /// Run the parts of queries that a scheduler gives out
    #[cfg(feature = "cluster")]
    Executor(cluster::RunExecutor),
    /// Say that this build has no clusters
    #[cfg(not(feature = "cluster"))]
    #[command(name = "scheduler", alias = "executor", hide = true)]
    NoCluster {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        _options: Vec<String>,
    },
    /// Run queries for a server: started by it, not by people
    #[command(hide = true)]
    EngineWorker,
}

/// What a command ends with: nothing, or words for the person at the terminal.
type CommandResult = Result<(), Box<dyn std::error::Error>>;

/// Runs the command that this process was started with.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Command::EngineWorker) {
        return pacioli_engine::worker_main();
    }
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "pacioli: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> CommandResult {
    let settings = cli.settings;
    match cli.command {
        Command::Serve(command) => command.run(&settings),
        Command::Demo(command) => command.run(&settings),
        Command::Ask(command) => command.run(&settings),
        Command::Eval(command) => command.run(&settings),
        Command::Catalogs(command) => command.run(),
        Command::User(command) => command.run(&settings),
        Command::Company(command) => command.run(&settings),
        Command::Config(command) => command.run(&settings),
        Command::Secrets(command) => command.run(&settings),
        #[cfg(feature = "cluster")]
        Command::Scheduler(command) => command.run(&settings),
        #[cfg(feature = "cluster")]
        Command::Executor(command) => command.run(&settings),
        #[cfg(not(feature = "cluster"))]
        Command::NoCluster { .. } => {
            Err("this build has no clusters: build it with `--features cluster`".into())
        }
        Command::Doctor => doctor::run(&settings),
        Command::Health => health::run(&settings),
        Command::Openapi { metrics: true, .. } => print(&crate::telemetry::reference().trim_end()),
        Command::Openapi { errors: true, .. } => print(&crate::error::reference().trim_end()),
        Command::Openapi { .. } => print(&crate::router::document().to_pretty_json()?),
        Command::EngineWorker => Ok(()),
    }
}

impl Settings {
    fn sources(&self) -> ConfigSources {
        ConfigSources {
            file: self.config.clone(),
            data_dir: self.data_dir.clone(),
            ..ConfigSources::of_process()
        }
    }

    fn load(&self) -> Result<Config, crate::config::ConfigError> {
        Config::load(&self.sources())
    }

    /// All parts of a server, for a command that works on what the server keeps.
    async fn open(&self) -> Result<(App, FolderLock), Box<dyn std::error::Error>> {
        let config = self.load()?;
        let lock = claim_folder(&config)?;
        Ok((compose(config, Clock::System, Random, own_program()?).await?, lock))
    }
}

/// Runs a command's async part on a small runtime.
fn block_on<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    Ok(runtime.block_on(work))
}

fn print(text: &impl Display) -> CommandResult {
    writeln!(io::stdout(), "{text}")?;
    Ok(())
}
