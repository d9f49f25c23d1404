use std::io::{self, BufRead as _, Write as _};

use clap::{Subcommand, ValueEnum};
use pacioli_model::{
    AuditAction, AuditEvent, AuditId, Company, CompanyId, Email, Outcome, Role, User,
};
use pacioli_store::{PageRequest, Scope, UserChange, UserQuery};

use super::{CommandResult, Settings, block_on};
use crate::app::App;

/// Look after people's accounts
#[derive(Subcommand)]
pub enum UserCommand {
    /// List the people of a company
    List {
        /// The company's id: see `pacioli company list`
        company: CompanyId,
    },
    /// Shut a person out
    Disable {
        /// Their address
        email: String,
    },
    /// Let a person in again
    Enable {
        /// Their address
        email: String,
    },
    /// Set a password, read from standard input, that has to be changed at the next login
    ResetPassword {
        /// Their address
        email: String,
    },
    /// Change what a person may do
    SetRole {
        /// Their address
        email: String,
        /// The role
        role: RoleArgument,
    },
}

/// A role as it is typed.
#[derive(Clone, Copy, ValueEnum)]
pub enum RoleArgument {
    /// Owns the company
    Superuser,
    /// Asks questions
    User,
}

/// Look after companies
#[derive(Subcommand)]
pub enum CompanyCommand {
    /// List all companies
    List,
    /// Shut a whole company out
    Disable {
        /// Its id
        company: CompanyId,
    },
    /// Let a company in again
    Enable {
        /// Its id
        company: CompanyId,
    },
}

impl UserCommand {
    pub fn run(self, settings: &Settings) -> CommandResult {
        block_on(async {
            let (app, _lock) = settings.open().await?;
            let now = app.clock.now();
            let base = UserChange { updated_at: Some(now), ..UserChange::default() };
            let (email, change, action) = match self {
                Self::List { company } => return list_users(&app, company).await,
                Self::Disable { email } => (
                    email,
                    UserChange { disabled_at: Some(Some(now)), ..base },
                    AuditAction::UserDeactivated,
                ),
                Self::Enable { email } => (
                    email,
                    UserChange { disabled_at: Some(None), ..base },
                    AuditAction::UserReactivated,
                ),
                Self::ResetPassword { email } => {
                    let password_hash = Some(new_password(&app, &email).await?);
                    let must_change_password = Some(true);
                    let change = UserChange { password_hash, must_change_password, ..base };
                    (email, change, AuditAction::PasswordReset)
                }
                Self::SetRole { email, role } => {
                    let role = match role {
                        RoleArgument::Superuser => Role::Superuser,
                        RoleArgument::User => Role::User,
                    };
                    (email, UserChange { role: Some(role), ..base }, AuditAction::RoleChanged)
                }
            };
            let user = find(&app, &email).await?;
            change_user(&app, &user, &change, action).await
        })?
    }
}

async fn find(app: &App, email: &str) -> Result<User, Box<dyn std::error::Error>> {
    let email = Email::parse(email)?;
    let user = app.store.user_by_email(&email).await?;
    Ok(user.ok_or_else(|| format!("nobody has the address {email}"))?)
}

async fn change_user(
    app: &App,
    user: &User,
    change: &UserChange,
    action: AuditAction,
) -> CommandResult {
    let data = app.store.tenant(user.company_id);
    let event = event(app, user.company_id, action, user.id.to_string());
    data.update_user(user.id, change, Some(&event)).await?;
    if change.disabled_at.is_some() || change.password_hash.is_some() {
        data.end_sessions_of(user.id, None, None).await?;
    }
    app.accounts.invalidate(Scope::User(user.company_id, user.id)).await;
    writeln!(io::stdout(), "{}: done", user.email)?;
    Ok(())
}

/// From standard input, so that it shows in no list of processes and in no shell's history.
async fn new_password(app: &App, email: &str) -> Result<String, Box<dyn std::error::Error>> {
    let user = find(app, email).await?;
    write!(io::stderr(), "New password: ")?;
    let mut password = String::new();
    io::stdin().lock().read_line(&mut password)?;
    let password = password.trim_end_matches(['\r', '\n']);
    let context = ["", user.full_name.as_str(), user.email.as_str()];
    app.check_password("password", password, context).map_err(|error| error.reasons())?;
    Ok(app.hasher.hash(password.to_owned()).await?)
}

async fn list_users(app: &App, company: CompanyId) -> CommandResult {
    let data = app.store.tenant(company);
    let mut query = UserQuery { limit: 100, ..UserQuery::default() };
    let mut out = io::stdout().lock();
    loop {
        let page = data.users(&query).await?;
        for user in &page.items {
            let state = if user.is_active() { "active" } else { "disabled" };
            let (id, role, email) = (user.id, user.role.as_str(), &user.email);
            writeln!(out, "{id}  {role:<9}  {state:<8}  {email}  {}", user.full_name)?;
        }
        match page.next {
            Some(after) => query.after = Some(after),
            None => return Ok(()),
        }
    }
}

impl CompanyCommand {
    pub fn run(self, settings: &Settings) -> CommandResult {
        block_on(async {
            let (app, _lock) = settings.open().await?;
            match self {
                Self::List => list_companies(&app).await,
                Self::Disable { company } => set_disabled(&app, company, true).await,
                Self::Enable { company } => set_disabled(&app, company, false).await,
            }
        })?
    }
}

async fn list_companies(app: &App) -> CommandResult {
    let mut request = PageRequest { after: None, limit: 100 };
    let mut out = io::stdout().lock();
    loop {
        let page = app.store.companies(&request).await?;
        for Company { id, company_name, disabled_at, .. } in &page.items {
            let state = if disabled_at.is_none() { "active" } else { "disabled" };
            writeln!(out, "{id}  {state:<8}  {company_name}")?;
        }
        match page.next {
            Some(after) => request.after = Some(after),
            None => return Ok(()),
        }
    }
}

async fn set_disabled(app: &App, company: CompanyId, disabled: bool) -> CommandResult {
    let now = app.clock.now();
    let change = pacioli_store::CompanyChange {
        disabled_at: Some(disabled.then_some(now)),
        ..pacioli_store::CompanyChange::default()
    };
    let event = event(app, company, AuditAction::CompanyUpdated, company.to_string());
    app.store.tenant(company).update_company(&change, now, &event).await?;
    app.accounts.invalidate(Scope::Company(company)).await;
    writeln!(io::stdout(), "{company}: done")?;
    Ok(())
}

fn event(app: &App, company: CompanyId, action: AuditAction, target: String) -> AuditEvent {
    AuditEvent {
        id: AuditId(app.random.uuid()),
        company_id: company,
        at: app.clock.now(),
        action,
        outcome: Outcome::Success,
        actor: None,
        target: Some(target),
        detail: Some("command line".to_owned()),
        address: None,
        request_id: None,
    }
}
