//! The server: HTTP, accounts, configuration, composition, jobs and the command line. It is the only
//! room that knows JSON shapes and status codes, and it asks every other room for the rest.
//!
//! Start reading at `router` (all routes) and `compose` (all choices). To add a route: a handler in
//! `routes`, whose signature names the permission as `Caller<P>`; one line in `routes`;
//! one row in the authorisation matrix of the tests, which fail until it is there.

mod access;
mod analysis;
mod answering;
mod app;
mod asking;
mod auth;
mod catalogue;
mod cli;
mod clock;
mod compose;
mod config;
mod connect;
mod declaring;
mod delivery;
mod error;
mod extract;
mod http;
mod jobs;
mod loads;
mod models;
mod openapi;
mod password;
mod rendering;
mod router;
mod routes;
mod seal;
mod serve;
mod shared;
mod stages;
mod telemetry;

pub use analysis::resume_reports;
pub use app::{App, Parts};
pub use cli::main;
pub use clock::{Clock, Random};
pub use compose::{StartError, claim_folder, compose, compose_with, tend};
pub use config::{Config, ConfigSources};
pub use connect::{Connector, Opener, Target};
pub use delivery::deliver_due;
pub use error::Code;
pub use loads::start_due;
pub use router::{document, public};
pub use seal::reseal_all;
pub use serve::{Listeners, serve};
