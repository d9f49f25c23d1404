//! One file for each thing the API knows, its shapes beside its handlers.

mod audit;
mod auth;
mod belonging;
mod cells;
mod company;
mod connections;
mod dashboards;
mod health;
mod history;
mod job_events;
mod jobs;
mod keeping;
mod no_store;
mod paging;
mod people;
mod quality;
mod query;
mod query_events;
mod reports;
mod results;
mod rows;
mod saved;
mod semantics;
mod shapes;
mod sql;
mod subscriptions;
mod tables;
mod types;
mod uploads;
mod verified;
mod votes;
mod webhooks;

use utoipa_axum::{router::OpenApiRouter, routes};

pub use self::{
    cells::{CellOut, ColumnOut, shaped_columns, shaped_rows},
    reports::ReportOut,
    results::csv,
};
use crate::app::App;

/// Open without a token. Everything else is closed by its handler's signature, and a test walks all
/// operations to see that it is.
pub fn anonymous() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::sign_up))
        .routes(routes!(auth::log_in))
        .routes(routes!(auth::refresh))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
}

/// People and companies. Only with a good token whose role carries the permission that the handler
/// names, as everything below.
pub fn accounts() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(auth::who_am_i))
        .routes(routes!(auth::my_profile))
        .routes(routes!(auth::update_user_profile))
        .routes(routes!(auth::update_superuser_profile))
        .routes(routes!(auth::change_password))
        .routes(routes!(auth::log_out))
        .routes(routes!(auth::log_out_everywhere))
        .routes(routes!(auth::list_sessions))
        .routes(routes!(auth::revoke_session))
        .routes(routes!(auth::add_user))
        .routes(routes!(people::list_users))
        .routes(routes!(people::get_user, people::update_user, people::delete_user))
        .routes(routes!(people::deactivate_user))
        .routes(routes!(people::reactivate_user))
        .routes(routes!(people::reset_password))
        .routes(routes!(company::get_company, company::update_company))
        .routes(routes!(audit::list_audit))
}

/// Tables and questions.
pub fn books() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(tables::list_tables))
        .routes(routes!(tables::get_table, tables::delete_table))
        .routes(routes!(
            semantics::get_semantics,
            semantics::update_semantics,
            semantics::replace_semantics
        ))
        .routes(routes!(semantics::list_semantics_versions))
        .routes(routes!(quality::list_findings))
        .routes(routes!(jobs::list_jobs))
        .routes(routes!(jobs::get_job, jobs::cancel_job))
        .routes(routes!(connections::list_connections, connections::create_connection))
        .routes(routes!(
            connections::get_connection,
            connections::update_connection,
            connections::delete_connection
        ))
        .routes(routes!(connections::test_connection))
        .routes(routes!(connections::discover_connection))
        .routes(routes!(connections::choose_tables))
        .routes(routes!(connections::run_connection))
        .routes(routes!(connections::list_runs))
        .routes(routes!(connections::get_run))
        .routes(routes!(query::ask))
        .routes(routes!(reports::create_report))
        .routes(routes!(reports::list_reports))
        .routes(routes!(reports::get_report))
        .routes(routes!(reports::run_report_query))
        .routes(routes!(votes::vote_on_finding))
        .routes(routes!(votes::list_votes))
        .routes(routes!(votes::withdraw_vote))
        .routes(routes!(sql::run_sql))
        .routes(routes!(history::list_queries))
        .routes(routes!(history::get_query, sql::cancel_query))
        .routes(routes!(history::rerun_query))
        .routes(routes!(history::give_feedback))
        .routes(routes!(history::list_feedback))
        .routes(routes!(verified::list_verified, verified::verify_answer))
        .routes(routes!(verified::delete_verified))
        .routes(routes!(saved::list_questions, saved::save_question))
        .routes(routes!(saved::get_question, saved::update_question, saved::delete_question))
        .routes(routes!(saved::run_question))
        .routes(routes!(dashboards::list_dashboards, dashboards::create_dashboard))
        .routes(routes!(
            dashboards::get_dashboard,
            dashboards::update_dashboard,
            dashboards::delete_dashboard
        ))
        .routes(routes!(dashboards::run_dashboard))
        .routes(routes!(subscriptions::list_subscriptions, subscriptions::create_subscription))
        .routes(routes!(
            subscriptions::get_subscription,
            subscriptions::update_subscription,
            subscriptions::delete_subscription
        ))
        .routes(routes!(subscriptions::run_subscription))
        .routes(routes!(subscriptions::list_deliveries))
        .routes(routes!(webhooks::list_webhooks, webhooks::create_webhook))
        .routes(routes!(webhooks::delete_webhook))
}

/// Bodies of any size, as a stream.
pub fn streaming() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(uploads::upload)).routes(routes!(rows::push_rows))
}
