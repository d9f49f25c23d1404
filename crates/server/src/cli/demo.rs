use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use pacioli_model::{AuditAction, AuditEvent, AuditId, Email, Outcome, User};
use pacioli_sources::{
    demo::{self, DemoOptions},
    files::FileOptions,
};

use super::{CommandResult, Settings, block_on};
use crate::{
    app::App,
    loads::{self, InputFile},
};

/// Write the files of a made-up trading company, and load them if asked to
#[derive(Args)]
pub struct Demo {
    /// Where to write the files
    #[arg(default_value = "demo", value_name = "DIR")]
    directory: PathBuf,
    /// How large: 1 is about 60,000 order lines
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// The same seed and scale always write the same bytes
    #[arg(long, default_value_t = 1494)]
    seed: u64,
    /// Also load the files into the company of this superuser; the server must not be running on the
    /// same data folder
    #[arg(long, value_name = "EMAIL")]
    load_for: Option<String>,
}

impl Demo {
    pub fn run(self, settings: &Settings) -> CommandResult {
        if !(0.01..=100.0).contains(&self.scale) {
            return Err("--scale is 0.01 to 100".into());
        }
        let options = DemoOptions { seed: self.seed, scale: self.scale, ..DemoOptions::default() };
        std::fs::create_dir_all(&self.directory)?;
        let summary = demo::write(&self.directory, &options)?;
        let mut out = io::stdout().lock();
        for file in &summary.files {
            let path = self.directory.join(&file.name);
            writeln!(out, "{:>10} rows  {}", file.rows, path.display())?;
        }
        let Some(email) = self.load_for else { return Ok(()) };
        let files: Vec<PathBuf> =
            summary.files.iter().map(|file| self.directory.join(&file.name)).collect();
        block_on(load_all(settings, &email, &files))?
    }
}

async fn load_all(settings: &Settings, email: &str, files: &[PathBuf]) -> CommandResult {
    let (app, _lock) = settings.open().await?;
    let email = Email::parse(email)?;
    let user = app.store.user_by_email(&email).await?;
    let user = user.ok_or_else(|| format!("nobody has the address {email}"))?;
    for path in files {
        load(&app, &user, path).await?;
    }
    Ok(())
}

async fn load(app: &App, user: &User, path: &Path) -> CommandResult {
    let file = InputFile::at(path)?;
    let event = AuditEvent {
        id: AuditId(app.random.uuid()),
        company_id: user.company_id,
        at: app.clock.now(),
        action: AuditAction::TableLoaded,
        outcome: Outcome::Success,
        actor: Some(user.id),
        target: None,
        detail: Some("pacioli demo".to_owned()),
        address: None,
        request_id: None,
    };
    let data = app.store.tenant(user.company_id);
    let request =
        loads::Request { data, user: user.id, file, options: FileOptions::default(), event };
    let (_, ended) = loads::start(app, request).await?;
    for entry in ended.await?? {
        writeln!(io::stdout(), "{:>10} rows loaded into {}", entry.rows, entry.name)?;
    }
    Ok(())
}
