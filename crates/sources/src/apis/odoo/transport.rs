//! One call of a model's method, in the way that the server's version understands.

use reqwest::{
    StatusCode,
    header::{AUTHORIZATION, HeaderName, HeaderValue},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::OnceCell;

use super::{OdooApi, OdooSettings};
use crate::{
    SourceError,
    apis::{
        answer::{Answer, Refusal},
        http::{Call, Http, secret_header},
        pace::Reach,
        url,
    },
};

/// The code of "there is no such model".
const NO_MODEL: &str = "odoo_model";

const JSON: &str = "application/json; charset=utf-8";

/// What the server was found to understand.
enum Way {
    Json2,
    Rpc { user: i64, version: u32 },
}

pub(super) struct Transport {
    http: Http,
    base: reqwest::Url,
    database: Option<String>,
    user: Option<String>,
    api: OdooApi,
    key: SecretString,
    way: OnceCell<Way>,
}

/// What a method returned.
pub(super) struct Outcome {
    body: Vec<u8>,
    wrapped: bool,
}

impl Outcome {
    /// The result as `T`.
    pub(super) fn parse<'b, T: Deserialize<'b>>(&'b self) -> Result<T, SourceError> {
        #[derive(Deserialize)]
        struct Wrapped<'a> {
            #[serde(borrow)]
            result: &'a RawValue,
        }
        let parsed = if self.wrapped {
            serde_json::from_slice::<Wrapped<'b>>(&self.body)
                .and_then(|wrapped| serde_json::from_str(wrapped.result.get()))
        } else {
            serde_json::from_slice(&self.body)
        };
        parsed.map_err(|_| {
            SourceError::invalid(
                "source_answer",
                "Odoo answered with something else than was asked for.",
            )
        })
    }

    /// What it weighs.
    pub(super) fn bytes(&self) -> u64 {
        self.body.len() as u64
    }
}

impl Transport {
    pub(super) fn new(
        settings: &OdooSettings,
        key: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        let http = Http::new(reach, settings.page_rows, settings.certificate_authority.as_deref())?;
        http.hide(key);
        Ok(Self {
            http,
            base: url::base(&settings.url)?,
            database: settings.database.clone(),
            user: settings.user.clone(),
            api: settings.api,
            key: key.clone(),
            way: OnceCell::new(),
        })
    }

    /// Calls a method that only reads, with named arguments.
    pub(super) async fn call(
        &self,
        model: &str,
        method: &str,
        arguments: Map<String, Value>,
    ) -> Result<Outcome, Refusal> {
        match self.way().await? {
            Way::Json2 => self.json2(model, method, arguments).await,
            Way::Rpc { user, .. } => self.execute(*user, model, method, arguments).await,
        }
    }

    /// Whether `search_read` takes `load`, by which references come as plain numbers.
    pub(super) async fn gives_plain_references(&self) -> Result<bool, SourceError> {
        Ok(match self.way().await? {
            Way::Json2 => true,
            Way::Rpc { version, .. } => *version >= 15,
        })
    }

    async fn way(&self) -> Result<&Way, SourceError> {
        self.way.get_or_try_init(|| self.find_way()).await
    }

    /// Credentials are tried before anything is looked for: else each model would seem closed.
    async fn find_way(&self) -> Result<Way, SourceError> {
        let version = match self.api {
            OdooApi::Json2 => None,
            OdooApi::Auto | OdooApi::JsonRpc => Some(self.version().await?),
        };
        match version {
            Some(version) if self.api == OdooApi::JsonRpc || version < 19 => {
                Ok(Way::Rpc { user: self.login().await?, version })
            }
            _ => match self.json2("res.users", "context_get", Map::new()).await {
                Ok(_) => Ok(Way::Json2),
                Err(Refusal::Absent(_)) => Err(self.no_database()),
                Err(refusal) => Err(refusal.into()),
            },
        }
    }

    /// The server's major version: from `/web/version`, which servers with JSON-2 have, or from the
    /// service `common`.
    async fn version(&self) -> Result<u32, SourceError> {
        let probe = Call::get(url::with(&self.base, &["web", "version"], &[]));
        match self.http.send(&probe).await {
            Ok(answer) if answer.status == StatusCode::OK => {
                let value: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                if let Some(version) =
                    major(&value["version_info"][0]).or_else(|| major(&value["version"]))
                {
                    return Ok(version);
                }
            }
            // An older server shows its login page there, or nothing.
            Ok(_)
            | Err(SourceError::Invalid { code: "source_not_data" | "source_redirect", .. }) => {}
            Err(error) => return Err(error),
        }
        let call = self.rpc("common", "version", &json!([]), true);
        let told: Value = self.rpc_outcome(&call, "its version").await?.parse()?;
        major(&told["server_version_info"][0])
            .or_else(|| major(&told["server_version"]))
            .ok_or_else(|| {
                SourceError::invalid(
                    "odoo_version",
                    "The server does not tell an Odoo version. Check the address.",
                )
            })
    }

    /// A wrong key locks the user out after some tries, so this is not repeated blindly.
    async fn login(&self) -> Result<i64, SourceError> {
        let (database, user) = (self.database()?, self.user.as_deref());
        let user = user.ok_or_else(|| {
            SourceError::invalid(
                "odoo_user",
                "This version of Odoo needs the user's login: set `user`.",
            )
        })?;
        let arguments = json!([database, user, self.key.expose_secret(), {}]);
        let call = self.rpc("common", "authenticate", &arguments, false);
        let told: Value = self.rpc_outcome(&call, "the login").await?.parse()?;
        told.as_i64().ok_or_else(|| SourceError::Denied {
            detail: "Odoo does not accept this database, user and key together.".to_owned(),
        })
    }

    /// Every database has users, so where they are not, there is no database.
    fn no_database(&self) -> SourceError {
        let detail = match &self.database {
            Some(database) => format!("The server has no Odoo database {database}."),
            None => "The server does not say which Odoo database it is: set `database`.".to_owned(),
        };
        SourceError::invalid("odoo_database", detail)
    }

    fn database(&self) -> Result<&str, SourceError> {
        self.database.as_deref().ok_or_else(|| {
            SourceError::invalid(
                "odoo_database",
                "This version of Odoo needs the database's name: set `database`.",
            )
        })
    }

    async fn json2(
        &self,
        model: &str,
        method: &str,
        arguments: Map<String, Value>,
    ) -> Result<Outcome, Refusal> {
        let target = url::with(&self.base, &["json", "2", model, method], &[]);
        let body = Value::Object(arguments).to_string().into_bytes();
        let bearer = secret_header(&format!("bearer {}", self.key.expose_secret()))?;
        let mut call = Call::post(target, JSON, body).header(AUTHORIZATION, bearer);
        if let Some(database) = &self.database {
            let value = HeaderValue::from_str(database).map_err(|_| {
                SourceError::invalid(
                    "odoo_database",
                    "The database's name holds characters that no header can carry.",
                )
            })?;
            call = call.header(HeaderName::from_static("x-odoo-database"), value);
        }
        let answer = self.http.send(&call).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.refusal(&self.http, NO_MODEL, &format!("the model {model}")));
        }
        Ok(Outcome { body: answer.body, wrapped: false })
    }

    /// `execute_kw`. The domain goes by position: its name is another in older versions.
    async fn execute(
        &self,
        user: i64,
        model: &str,
        method: &str,
        mut arguments: Map<String, Value>,
    ) -> Result<Outcome, Refusal> {
        let positional: Vec<Value> = arguments.remove("domain").into_iter().collect();
        let key = self.key.expose_secret();
        let sent = json!([self.database()?, user, key, model, method, positional, arguments]);
        let call = self.rpc("object", "execute_kw", &sent, true);
        self.rpc_outcome(&call, &format!("the model {model}")).await
    }

    fn rpc(&self, service: &str, method: &str, arguments: &Value, repeatable: bool) -> Call {
        let params = json!({ "service": service, "method": method, "args": arguments });
        let body = json!({ "jsonrpc": "2.0", "method": "call", "id": 1, "params": params });
        let target = url::with(&self.base, &["jsonrpc"], &[]);
        let call = Call::post(target, JSON, body.to_string().into_bytes());
        Call { repeatable, ..call }
    }

    /// JSON-RPC says with status 200 that something failed, and how.
    async fn rpc_outcome(&self, call: &Call, what: &str) -> Result<Outcome, Refusal> {
        #[derive(Deserialize)]
        struct Reply {
            error: Option<Failed>,
        }
        #[derive(Deserialize)]
        struct Failed {
            #[serde(default)]
            data: Value,
        }
        let answer = self.http.send(call).await?;
        if answer.status != StatusCode::OK {
            return Err(answer.refusal(&self.http, NO_MODEL, what));
        }
        let reply: Option<Reply> = serde_json::from_slice(&answer.body).ok();
        match reply.and_then(|reply| reply.error) {
            None => Ok(Outcome { body: answer.body, wrapped: true }),
            Some(failed) => {
                let status = status_of(failed.data["name"].as_str().unwrap_or_default());
                Err(Answer { status, ..answer }.refusal(&self.http, NO_MODEL, what))
            }
        }
    }
}

/// The status that JSON-2 answers with for the same exception. A model that is not there is a
/// `UserError` of `execute_kw`, which reading raises for nothing else.
fn status_of(exception: &str) -> StatusCode {
    match exception.rsplit('.').next().unwrap_or_default() {
        "AccessDenied" => StatusCode::UNAUTHORIZED,
        "AccessError" => StatusCode::FORBIDDEN,
        "UserError" | "KeyError" | "NotFound" => StatusCode::NOT_FOUND,
        "ValueError" | "ValidationError" | "TypeError" => StatusCode::BAD_REQUEST,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// 17 of `17`, `"17.0"`, `"saas~17"` and `"saas~17.2+e"`.
fn major(version: &Value) -> Option<u32> {
    if let Some(number) = version.as_u64() {
        return u32::try_from(number).ok();
    }
    let text = version.as_str()?;
    let text = text.strip_prefix("saas~").unwrap_or(text);
    text.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_odoo_writes_them() {
        for (value, expect) in [
            (json!(17), Some(17)),
            (json!("saas~18"), Some(18)),
            (json!("19.0+e"), Some(19)),
            (json!("saas~18.3"), Some(18)),
            (json!("x"), None),
            (json!(null), None),
        ] {
            assert_eq!(major(&value), expect, "{value}");
        }
    }
}
