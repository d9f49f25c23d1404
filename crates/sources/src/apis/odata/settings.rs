use serde::{Deserialize, Serialize};

/// Which OData service, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ODataSettings {
    /// The service's root, under which `$metadata` lies.
    pub url: String,
    /// How the service knows us.
    pub access: ODataAccess,
    /// These entity sets and no others; when empty, all that the service declares.
    #[serde(default)]
    pub entity_sets: Vec<String>,
    /// The property that tells changes, where a set has it: `ModifiedOn`.
    #[serde(default)]
    pub changed: Option<String>,
    /// How pages follow each other.
    #[serde(default)]
    pub paging: Paging,
    /// Entities of one request, as a wish: the service may send fewer.
    #[serde(default = "page_rows")]
    pub page_rows: u32,
    /// How far an incremental load looks back behind its mark.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u32,
    /// A certificate in PEM that is trusted besides the public ones.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

/// How a service knows us. The secret is given apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum ODataAccess {
    /// It need not.
    Open {},
    /// By a user's name; the secret is the password.
    Basic {
        /// The user's name.
        user: String,
    },
    /// By a token, which is the secret.
    Bearer {},
    /// By OAuth 2.0 client credentials (RFC 6749, section 4.4); the secret is the client's.
    ClientCredentials {
        /// Where tokens are given: `https://login.microsoftonline.com/<tenant>/oauth2/v2.0/token`.
        token_url: String,
        /// The client's id.
        client_id: String,
        /// What the token is for.
        #[serde(default)]
        scope: Option<String>,
    },
    /// By a session of the SAP Business One Service Layer; the secret is the password.
    ServiceLayer {
        /// The company's database: `SBODEMOUS`.
        company_db: String,
        /// The user's name.
        user: String,
    },
}

/// How the pages of an entity set follow each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Paging {
    /// By the link that each page ends with.
    #[default]
    NextLink,
    /// By the last key, for services whose links count rows and so lose some when others come or go.
    /// Sets whose key is not one number or text go by the link.
    Key,
}

/// Which Business Central company, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BusinessCentralSettings {
    /// The Entra tenant's id or domain.
    pub tenant: String,
    /// `production`.
    pub environment: String,
    /// The company's id, a GUID.
    pub company: String,
    /// The registered application's client id; its secret is given apart.
    pub client_id: String,
    /// These entity sets and no others; when empty, those that the Business Central pack knows.
    #[serde(default)]
    pub entity_sets: Vec<String>,
    /// Where the interface is; when empty, Microsoft's. For an installation of one's own:
    /// `https://bc.example.com:7048/BC`.
    #[serde(default)]
    pub url: Option<String>,
    /// Where tokens are given; when empty, Microsoft's.
    #[serde(default)]
    pub token_url: Option<String>,
    /// Entities of one request, 20 000 at most.
    #[serde(default = "business_central_rows")]
    pub page_rows: u32,
    /// How far an incremental load looks back behind its mark.
    #[serde(default = "overlap_seconds")]
    pub overlap_seconds: u32,
    /// A certificate in PEM that is trusted besides the public ones.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

/// Which SAP Business One company, and what of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SapBusinessOneSettings {
    /// The Service Layer: `https://sap.example.com:50000/b1s/v2`.
    pub url: String,
    /// The company's database: `SBODEMOUS`.
    pub company_db: String,
    /// The user's name; the password is given apart.
    pub user: String,
    /// These entity sets and no others; when empty, those that the SAP Business One pack knows.
    #[serde(default)]
    pub entity_sets: Vec<String>,
    /// Entities of one request, as a wish.
    #[serde(default = "service_layer_rows")]
    pub page_rows: u32,
    /// How far an incremental load looks back behind its mark; dates of change have no time of day, so
    /// a day at least.
    #[serde(default = "service_layer_overlap")]
    pub overlap_seconds: u32,
    /// The server's certificate in PEM, where it is not a public one.
    #[serde(default)]
    pub certificate_authority: Option<String>,
}

fn page_rows() -> u32 {
    1000
}

fn business_central_rows() -> u32 {
    5000
}

/// Documents come with hundreds of members each.
fn service_layer_rows() -> u32 {
    100
}

fn overlap_seconds() -> u32 {
    600
}

fn service_layer_overlap() -> u32 {
    86_400
}
