//! Systems that are asked over HTTP: Odoo, ERPNext and other Frappe sites, and OData services, of which
//! Business Central and the SAP Business One Service Layer have profiles of their own.
//!
//! To add a system: settings that deserialise and name no secret, a [`Source`](crate::source::Source)
//! whose requests go through `http`, whose rows go through `rows`, and whose position is a `mark`; and a
//! server in the test tree that pages, throttles and fails as its documentation says.

mod answer;
mod erpnext;
mod http;
mod mark;
mod notify;
mod odata;
mod odoo;
mod pace;
mod retry;
mod rows;
mod secrets;
mod url;
mod value;

use std::collections::BTreeSet;

pub use erpnext::{ErpNext, ErpNextSettings};
pub use http::Limits;
pub use notify::{check_address, notify};
pub use odata::{
    BusinessCentralSettings, OData, ODataAccess, ODataSettings, Paging, SapBusinessOneSettings,
};
pub use odoo::{Odoo, OdooApi, OdooSettings};
pub use pace::{Pace, Patience, Reach};

/// Which things of a system are looked for: those that a person names, else the usual ones, and more.
fn chosen(named: &[String], more: &[String], usual: &[&str]) -> BTreeSet<String> {
    let usual = usual.iter().filter(|_| named.is_empty()).map(|one| (*one).to_owned());
    usual.chain(named.iter().chain(more).cloned()).collect()
}
