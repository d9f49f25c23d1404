//! The API as its clients see it: every test starts a whole server on loopback, on stores of its own,
//! with a clock that is moved and never slept on.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod adoption;
mod audit;
mod auth;
mod catalogue;
mod chat;
mod checks;
mod command_line;
mod company;
mod connections;
mod dashboards;
mod data_analysis;
mod data_jobs;
mod data_query;
mod data_sql;
mod data_tables;
mod data_uploads;
mod data_uploads_several;
mod deliveries;
mod demo_questions;
mod history;
mod input_bodies;
mod input_heads;
mod input_random;
mod input_uploads;
mod job_events;
mod limits;
mod logs;
mod matrix;
mod models;
mod models_local;
mod models_unsure;
mod people;
mod process_kill;
mod process_kill_loads;
mod process_log;
mod process_start;
mod program;
mod push;
mod quality;
mod raw;
mod reports;
mod runs;
mod sales;
mod schedules;
mod semantics;
mod server;
mod sinks;
mod stores;
mod surroundings;
mod systems;
#[path = "../../../llm/tests/it/tiny.rs"]
mod tiny;
mod users;
mod verified;
