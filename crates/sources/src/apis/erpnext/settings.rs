use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::apis::chosen;

/// The document types that the ERPNext pack knows metrics for. Their child tables come with them.
const USUAL: [&str; 35] = [
    "Account",
    "Attendance",
    "Bin",
    "Brand",
    "Company",
    "Cost Center",
    "Currency Exchange",
    "Customer",
    "Customer Group",
    "Delivery Note",
    "Department",
    "Employee",
    "GL Entry",
    "Item",
    "Item Group",
    "Journal Entry",
    "Lead",
    "Leave Application",
    "Material Request",
    "Opportunity",
    "Payment Entry",
    "Payment Ledger Entry",
    "Purchase Invoice",
    "Purchase Order",
    "Purchase Receipt",
    "Quotation",
    "Salary Slip",
    "Sales Invoice",
    "Sales Order",
    "Sales Person",
    "Stock Ledger Entry",
    "Supplier",
    "Territory",
    "Warehouse",
    "Work Order",
];

/// Which Frappe site, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErpNextSettings {
    /// `https://mycompany.erpnext.com`.
    pub url: String,
    /// The API key of the user; its API secret is given apart.
    pub api_key: String,
    /// These document types and no others, with their child tables; when empty, those that the ERPNext
    /// pack knows, as far as they are there and may be read.
    #[serde(default)]
    pub doctypes: Vec<String>,
    /// More document types.
    #[serde(default)]
    pub more_doctypes: Vec<String>,
    /// The site's time zone, in which it keeps times: `Asia/Kolkata`; when empty, the site is asked.
    #[serde(default)]
    pub time_zone: Option<String>,
    /// Rows of one request.
    #[serde(default = "page_rows")]
    pub page_rows: u32,
    /// How far an incremental load looks back behind its mark. Stamps are in local time, which is set
    /// back by an hour once a year, so a little more than that.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u32,
    /// A certificate in PEM that is trusted besides the public ones.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

fn page_rows() -> u32 {
    500
}

fn overlap_seconds() -> u32 {
    3900
}

impl ErpNextSettings {
    /// The document types to look for.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        chosen(&self.doctypes, &self.more_doctypes, &USUAL)
    }

    /// Whether a person asked for this one, so that its absence is an error.
    pub(super) fn names(&self, doctype: &str) -> bool {
        self.doctypes.iter().chain(&self.more_doctypes).any(|named| named == doctype)
    }
}
