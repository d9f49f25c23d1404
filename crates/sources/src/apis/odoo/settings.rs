use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::apis::chosen;

/// The models that the Odoo pack knows metrics for.
const USUAL: [&str; 37] = [
    "account.account",
    "account.journal",
    "account.move",
    "account.move.line",
    "account.payment",
    "crm.lead",
    "crm.stage",
    "crm.team",
    "hr.attendance",
    "hr.department",
    "hr.employee",
    "hr.job",
    "hr.leave",
    "hr.leave.type",
    "mrp.production",
    "mrp.workorder",
    "product.category",
    "product.product",
    "product.template",
    "purchase.order",
    "purchase.order.line",
    "res.company",
    "res.country",
    "res.currency",
    "res.currency.rate",
    "res.partner",
    "res.users",
    "sale.order",
    "sale.order.line",
    "stock.location",
    "stock.move",
    "stock.move.line",
    "stock.picking",
    "stock.quant",
    "stock.valuation.layer",
    "stock.warehouse",
    "uom.uom",
];

/// Which Odoo database, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OdooSettings {
    /// `https://mycompany.odoo.com`.
    pub url: String,
    /// Needed before version 19, and where one server has several databases.
    #[serde(default)]
    pub database: Option<String>,
    /// The user's login: needed before version 19.
    #[serde(default)]
    pub user: Option<String>,
    /// How to speak with it.
    #[serde(default)]
    pub api: OdooApi,
    /// These models and no others; when empty, those that the Odoo pack knows, as far as they are
    /// installed and may be read.
    #[serde(default)]
    pub models: Vec<String>,
    /// More models: `x_project`.
    #[serde(default)]
    pub more_models: Vec<String>,
    /// The companies whose records are read; when empty, all that the user may see.
    #[serde(default)]
    pub companies: Vec<i64>,
    /// The language of labels and translated texts: `en_US`; when empty, the user's own.
    #[serde(default)]
    pub language: Option<String>,
    /// Records of one request.
    #[serde(default = "page_rows")]
    pub page_rows: u32,
    /// How far an incremental load looks back behind its mark.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u32,
    /// A certificate in PEM that is trusted besides the public ones.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

/// How an Odoo server is spoken with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OdooApi {
    /// As its version wants it.
    #[default]
    Auto,
    /// `POST /json/2/<model>/<method>`, from version 19 on.
    Json2,
    /// `POST /jsonrpc`.
    JsonRpc,
}

fn page_rows() -> u32 {
    1000
}

fn overlap_seconds() -> u32 {
    600
}

impl OdooSettings {
    /// The models to look for.
    pub(super) fn wanted(&self) -> BTreeSet<String> {
        chosen(&self.models, &self.more_models, &USUAL)
    }

    /// Whether a person asked for this model, so that its absence is an error.
    pub(super) fn names(&self, model: &str) -> bool {
        self.models.iter().chain(&self.more_models).any(|named| named == model)
    }
}
