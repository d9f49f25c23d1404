//! Credentials, tokens and sessions.

use std::time::Duration;

use pacioli_model::Timestamp;
use reqwest::{
    StatusCode, Url,
    header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::settings::ODataAccess;
use crate::{
    SourceError,
    apis::{
        answer::{Answer, Form},
        http::{self, Call, Http},
        url,
    },
};

/// A token is renewed this long before it ends: what is on its way then still arrives in time.
const BEFORE_THE_END: Duration = Duration::from_mins(2);

/// How one service is entered.
pub(super) struct Access {
    kind: ODataAccess,
    secret: SecretString,
    /// Where the session is opened.
    root: Url,
    held: Mutex<Held>,
}

/// What the next request carries.
#[derive(Default)]
struct Held {
    header: Option<(HeaderName, HeaderValue)>,
    ends: Option<Timestamp>,
    /// Counts what was obtained, so that of several requests that are turned away one renews.
    number: u64,
}

impl Access {
    pub(super) fn new(
        kind: ODataAccess,
        secret: &SecretString,
        root: Url,
        http: &Http,
    ) -> Result<Self, SourceError> {
        http.hide(secret);
        if let ODataAccess::ClientCredentials { token_url, .. } = &kind {
            url::base(token_url)?;
        }
        let secret = secret.clone();
        let header = match &kind {
            ODataAccess::Basic { user } => Some((AUTHORIZATION, http::basic(user, &secret)?)),
            ODataAccess::Bearer {} => Some((
                AUTHORIZATION,
                http::secret_header(&format!("Bearer {}", secret.expose_secret()))?,
            )),
            _ => None,
        };
        let held = Mutex::new(Held { header, ..Held::default() });
        Ok(Self { kind, secret, root, held })
    }

    /// Asks with credentials; when a token or a session has ended, gets another one, once.
    pub(super) async fn ask(
        &self,
        http: &Http,
        target: &Url,
        wishes: &HeaderMap,
        form: Form,
    ) -> Result<Answer, SourceError> {
        let mut turned_away = None;
        loop {
            let (header, number) = self.header(http, turned_away).await?;
            let mut call = Call { headers: wishes.clone(), form, ..Call::get(target.clone()) };
            if let Some((name, value)) = header {
                call = call.header(name, value);
            }
            let answer = http.send(&call).await?;
            if answer.status != StatusCode::UNAUTHORIZED || !self.renews() || turned_away.is_some()
            {
                return Ok(answer);
            }
            turned_away = Some(number);
        }
    }

    fn renews(&self) -> bool {
        matches!(
            self.kind,
            ODataAccess::ClientCredentials { .. } | ODataAccess::ServiceLayer { .. }
        )
    }

    /// What to send, new where there is none, where it ends soon, or where it is the one that was
    /// turned away.
    async fn header(
        &self,
        http: &Http,
        turned_away: Option<u64>,
    ) -> Result<(Option<(HeaderName, HeaderValue)>, u64), SourceError> {
        let mut held = self.held.lock().await;
        let now = http.reach.pace.now();
        let is_over = held.ends.is_some_and(|ends| ends <= now);
        if self.renews() && (held.header.is_none() || is_over || turned_away == Some(held.number)) {
            let number = held.number + 1;
            *held = match &self.kind {
                ODataAccess::ClientCredentials { token_url, client_id, scope } => {
                    self.token(http, token_url, client_id, scope.as_deref()).await?
                }
                ODataAccess::ServiceLayer { company_db, user } => {
                    self.session(http, company_db, user).await?
                }
                _ => Held::default(),
            };
            held.number = number;
        }
        Ok((held.header.clone(), held.number))
    }

    /// A token by client credentials (RFC 6749, section 4.4). One more token does no harm, so this is
    /// asked again when the connection breaks.
    async fn token(
        &self,
        http: &Http,
        token_url: &str,
        client_id: &str,
        scope: Option<&str>,
    ) -> Result<Held, SourceError> {
        #[derive(Deserialize)]
        struct Token {
            access_token: String,
            #[serde(default)]
            expires_in: Option<u64>,
        }
        let secret = self.secret.expose_secret();
        let mut form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}",
            url::encode(client_id),
            url::encode(secret)
        );
        if let Some(scope) = scope {
            form.push_str("&scope=");
            form.push_str(&url::encode(scope));
        }
        let mut target = url::base(token_url)?;
        target.set_path(target.path().trim_end_matches('/').to_owned().as_str());
        let call = Call::post(target, "application/x-www-form-urlencoded", form.into_bytes());
        let answer = http.send(&call).await?;
        if answer.status != StatusCode::OK {
            return Err(denied(&answer, http, "the client's id and secret"));
        }
        let token: Token = serde_json::from_slice(&answer.body).map_err(|_| {
            SourceError::invalid("odata_token", "The token's address answered without a token.")
        })?;
        let bearer = http::secret_header(&format!("Bearer {}", token.access_token))?;
        http.hide(&SecretString::from(token.access_token));
        let ends = token.expires_in.map(|seconds| {
            let lasts = Duration::from_secs(seconds).saturating_sub(BEFORE_THE_END);
            http.reach.pace.now() + chrono::Duration::from_std(lasts).unwrap_or_default()
        });
        Ok(Held { header: Some((AUTHORIZATION, bearer)), ends, number: 0 })
    }

    /// A session of the Service Layer: `POST Login`, then the cookies `B1SESSION` and, where several
    /// nodes share the work, `ROUTEID`. A wrong password locks the user out after some tries.
    async fn session(
        &self,
        http: &Http,
        company_db: &str,
        user: &str,
    ) -> Result<Held, SourceError> {
        let password = self.secret.expose_secret();
        let body = json!({ "CompanyDB": company_db, "UserName": user, "Password": password });
        let target = url::with(&self.root, &["Login"], &[]);
        let call = Call::post(target, "application/json", body.to_string().into_bytes());
        let answer = http.send(&Call { repeatable: false, ..call }).await?;
        if answer.status != StatusCode::OK {
            return Err(denied(&answer, http, "the company, user and password"));
        }
        let cookies = answer.headers.get_all(SET_COOKIE).into_iter().filter_map(|cookie| {
            let pair = cookie.to_str().ok()?.split(';').next()?.trim();
            pair.contains('=').then_some(pair)
        });
        let cookies: Vec<&str> = cookies.collect();
        if !cookies.iter().any(|pair| pair.starts_with("B1SESSION=")) {
            return Err(SourceError::invalid(
                "odata_session",
                "The Service Layer opened no session.",
            ));
        }
        for (_, value) in cookies.iter().filter_map(|pair| pair.split_once('=')) {
            http.hide(&SecretString::from(value));
        }
        Ok(Held {
            header: Some((COOKIE, http::secret_header(&cookies.join("; "))?)),
            ..Held::default()
        })
    }
}

/// OAuth turns a wrong secret away with 400 or 401 (RFC 6749, section 5.2).
fn denied(answer: &Answer, http: &Http, what: &str) -> SourceError {
    match answer.refusal(http, "odata_access", what).into() {
        SourceError::Invalid { code: "source_refused", detail } => SourceError::Denied { detail },
        error => error,
    }
}
