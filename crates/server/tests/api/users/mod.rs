//! `/users…`

mod list;
mod owners;
mod person;
