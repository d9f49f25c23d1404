//! Servers that answer as Business Central and as the SAP Business One Service Layer do, after
//! <https://learn.microsoft.com/en-us/dynamics365/business-central/dev-itpro/api-reference/v2.0/>,
//! <https://help.sap.com/doc/6ab840ef2e8140f3af9eeb7d8fef9f06/latest/en-US/Working_with_SAP_Business_One_Service_Layer.pdf>
//! and OData 4.01.

use std::{
    cmp::Ordering as Order,
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Form, Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    middleware,
    response::{AppendHeaders, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};

use crate::apis::{
    SECRET,
    faults::{self, Faults},
    serving::Serving,
};

pub type Entities = BTreeMap<String, Vec<Value>>;
type Change = Box<dyn FnOnce(&mut Entities) + Send>;
type Asked = BTreeMap<String, String>;

pub const COMPANY: &str = "companies(2f5c9c44-0000-0000-0000-000000000001)";

pub struct Server {
    pub serving: Serving,
    pub faults: Faults,
    pub service: Arc<Service>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    BusinessCentral,
    ServiceLayer,
}

/// What the service keeps.
pub struct Service {
    kind: Kind,
    metadata: &'static str,
    pub entities: Mutex<Entities>,
    changes: Mutex<BTreeMap<usize, Change>>,
    pages: AtomicUsize,
    /// Logins and tokens given.
    pub entered: AtomicUsize,
    /// Requests that a session or a token lasts for.
    pub lasts: AtomicUsize,
    used: AtomicUsize,
    /// What a token is said to last, in seconds.
    pub expires_in: AtomicUsize,
    /// The link that every page ends with, instead of its own.
    pub link: Mutex<Option<String>>,
}

impl Server {
    pub async fn start(kind: Kind, metadata: &'static str, entities: Entities) -> Self {
        let faults = Faults::default();
        let service = Arc::new(Service {
            kind,
            metadata,
            entities: Mutex::new(entities),
            changes: Mutex::default(),
            pages: AtomicUsize::new(0),
            entered: AtomicUsize::new(0),
            lasts: AtomicUsize::new(usize::MAX),
            used: AtomicUsize::new(0),
            expires_in: AtomicUsize::new(3599),
            link: Mutex::default(),
        });
        let router = match kind {
            Kind::BusinessCentral => Router::new()
                .route("/token", post(token))
                .route("/BC/api/v2.0/$metadata", get(metadata_of))
                .route("/BC/api/v2.0/{company}/{set}", get(of_company)),
            Kind::ServiceLayer => Router::new()
                .route("/b1s/v2/Login", post(login))
                .route("/b1s/v2/$metadata", get(metadata_of))
                .route("/b1s/v2/{set}", get(of_service)),
        };
        let router = router
            .with_state(Arc::clone(&service))
            .layer(middleware::from_fn_with_state(faults.clone(), faults::meet));
        Self { serving: Serving::start(router).await, faults, service }
    }

    /// Changes the entities just before the page of this number from now is answered.
    pub fn before_page(&self, number: usize, change: impl FnOnce(&mut Entities) + Send + 'static) {
        let number = self.service.pages.load(Ordering::SeqCst) + number;
        self.service.changes.lock().unwrap().insert(number, Box::new(change));
    }
}

fn failed(status: u16, code: &str, message: &str) -> Response {
    let error = json!({ "error": { "code": code, "message": message } });
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}

async fn token(State(service): State<Arc<Service>>, Form(form): Form<Asked>) -> Response {
    let is = |name: &str, value: &str| form.get(name).map(String::as_str) == Some(value);
    let right = is("grant_type", "client_credentials")
        && is("client_id", "the-client")
        && is("client_secret", SECRET);
    if !right || !is("scope", "https://api.businesscentral.dynamics.com/.default") {
        let error = json!({ "error": "invalid_client", "error_description": format!("AADSTS7000215: Invalid client secret provided: {form:?}") });
        return (StatusCode::UNAUTHORIZED, Json(error)).into_response();
    }
    let number = service.entered.fetch_add(1, Ordering::SeqCst) + 1;
    service.used.store(0, Ordering::SeqCst);
    let expires_in = service.expires_in.load(Ordering::SeqCst);
    Json(json!({ "token_type": "Bearer", "expires_in": expires_in, "access_token": format!("token-s3cr3t-{number}") })).into_response()
}

async fn login(State(service): State<Arc<Service>>, Json(body): Json<Value>) -> Response {
    if body != json!({ "CompanyDB": "SBODEMOUS", "UserName": "manager", "Password": SECRET }) {
        return failed(401, "100000027", "Login failed");
    }
    let number = service.entered.fetch_add(1, Ordering::SeqCst) + 1;
    service.used.store(0, Ordering::SeqCst);
    let session = format!("session-s3cr3t-{number}");
    let cookies = AppendHeaders([
        (header::SET_COOKIE, format!("B1SESSION={session};HttpOnly;")),
        (header::SET_COOKIE, "ROUTEID=.node1; path=/b1s".to_owned()),
    ]);
    (cookies, Json(json!({ "SessionId": session, "Version": "1000190", "SessionTimeout": 30 })))
        .into_response()
}

impl Service {
    /// Whether the request carries the newest token or session, and that has not ended.
    fn turned_away(&self, headers: &HeaderMap) -> Option<Response> {
        let number = self.entered.load(Ordering::SeqCst);
        let (name, wanted) = match self.kind {
            Kind::BusinessCentral => ("authorization", format!("Bearer token-s3cr3t-{number}")),
            Kind::ServiceLayer => {
                ("cookie", format!("B1SESSION=session-s3cr3t-{number}; ROUTEID=.node1"))
            }
        };
        let carried = headers.get(name).is_some_and(|value| value == wanted.as_str());
        if carried && self.used.fetch_add(1, Ordering::SeqCst) < self.lasts.load(Ordering::SeqCst) {
            return None;
        }
        Some(match self.kind {
            Kind::BusinessCentral => failed(
                401,
                "Authentication_InvalidCredentials",
                "The server has rejected the client credentials.",
            ),
            Kind::ServiceLayer => failed(401, "301", "Invalid session or session already timeout."),
        })
    }

    fn page(&self, set: &str, asked: &Asked, headers: &HeaderMap) -> Response {
        if let Some(refused) = self.turned_away(headers) {
            return refused;
        }
        let number = self.pages.fetch_add(1, Ordering::SeqCst);
        if let Some(change) = self.changes.lock().unwrap().remove(&number) {
            change(&mut self.entities.lock().unwrap());
        }
        let entities = self.entities.lock().unwrap();
        let Some(rows) = entities.get(set) else {
            return failed(
                404,
                "BadRequest_ResourceNotFound",
                &format!("Resource not found for the segment '{set}'."),
            );
        };
        match self.select(set, rows, asked, headers) {
            Ok(page) => (
                [(header::CONTENT_TYPE, "application/json;odata.metadata=minimal")],
                page.to_string(),
            )
                .into_response(),
            Err(message) => failed(400, "BadRequest", &message),
        }
    }

    fn select(
        &self,
        set: &str,
        rows: &[Value],
        asked: &Asked,
        headers: &HeaderMap,
    ) -> Result<Value, String> {
        let key = super::key(set);
        let mut found: Vec<&Value> = Vec::new();
        for row in rows {
            let filter = asked.get("$filter").map_or(Ok(true), |filter| self.holds(row, filter))?;
            if filter {
                found.push(row);
            }
        }
        let order = asked.get("$orderby").map_or(key, String::as_str);
        let (property, descends) = order
            .split_once(' ')
            .map_or((order, false), |(property, way)| (property, way == "desc"));
        found.sort_by(|one, other| {
            let order = compared(&one[property], &other[property]);
            if descends { order.reverse() } else { order }
        });
        let count = found.len();
        // Business Central goes on behind a key, the Service Layer behind a number of rows.
        let mut skipped = 0;
        if let Some(token) = asked.get("$skiptoken") {
            found.retain(|row| {
                compared(&row[key], &json!(token.trim_matches('\''))) == Order::Greater
            });
        }
        if let Some(skip) = asked.get("$skip") {
            skipped = skip.parse().unwrap();
            found.drain(..skipped.min(found.len()));
        }
        let size = self.size(asked, headers);
        let more = found.len() > size && !asked.contains_key("$top");
        found.truncate(size);
        let link = found.last().filter(|_| more).map(|last| match self.kind {
            Kind::BusinessCentral => {
                let query =
                    with(asked, "$skiptoken", &format!("'{}'", last[key].as_str().unwrap()));
                // Absolute, with the host it was asked under.
                format!(
                    "http://{}/BC/api/v2.0/{COMPANY}/{set}?{query}",
                    headers["host"].to_str().unwrap()
                )
            }
            Kind::ServiceLayer => {
                format!("{set}?{}", with(asked, "$skip", &(skipped + size).to_string()))
            }
        });
        let value =
            found.into_iter().map(|row| self.project(row, asked)).collect::<Result<Vec<_>, _>>()?;
        let mut page = json!({ "@odata.context": "$metadata", "value": value });
        if let Some(link) = self.link.lock().unwrap().clone().or(link) {
            page["@odata.nextLink"] = json!(link);
        }
        if asked.contains_key("$count") {
            page["@odata.count"] = json!(count);
        }
        Ok(page)
    }

    /// The page's size: what is preferred, as far as it is allowed, or the service's own.
    fn size(&self, asked: &Asked, headers: &HeaderMap) -> usize {
        let prefer = headers.get("prefer").and_then(|value| value.to_str().ok());
        let preferred =
            prefer.and_then(|text| text.strip_prefix("odata.maxpagesize=")?.parse().ok());
        let own = match self.kind {
            Kind::BusinessCentral => preferred.unwrap_or(20_000).min(20_000),
            Kind::ServiceLayer => preferred.unwrap_or(20),
        };
        asked.get("$top").map_or(own, |top| top.parse::<usize>().unwrap().min(own))
    }

    fn holds(&self, row: &Value, filter: &str) -> Result<bool, String> {
        for leaf in filter.split(" and ") {
            let parts: Vec<&str> = leaf.splitn(3, ' ').collect();
            let [property, operator, literal] = parts[..] else {
                return Err(format!("no filter: {leaf}"));
            };
            let Some(value) = row.get(property) else {
                return Err(format!("no property {property}"));
            };
            let quoted = literal.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            let wanted = match (quoted, literal.parse::<i64>()) {
                (Some(text), _) => json!(text.replace("''", "'")),
                (None, Ok(number)) => json!(number),
                // A moment is written bare, and the Service Layer knows none.
                (None, _) if self.kind == Kind::BusinessCentral && literal.ends_with('Z') => {
                    json!(literal)
                }
                _ => return Err(format!("no literal: {literal}")),
            };
            let order = compared(value, &wanted);
            let holds = match operator {
                "gt" => order == Order::Greater,
                "ge" => order != Order::Less,
                _ => return Err(format!("no operator {operator}")),
            };
            if !holds {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Selected members; lines of Business Central only when they are expanded.
    fn project(&self, row: &Value, asked: &Asked) -> Result<Value, String> {
        let mut sent = json!({ "@odata.etag": "W/\"x\"" });
        let members = row.as_object().unwrap();
        match asked.get("$select") {
            Some(select) => {
                for name in select.split(',') {
                    let value = members
                        .get(name)
                        .ok_or_else(|| format!("Could not find a property named '{name}'"))?;
                    sent[name] = value.clone();
                }
            }
            None => {
                for (name, value) in members
                    .iter()
                    .filter(|(name, _)| self.kind == Kind::ServiceLayer || !name.ends_with("Lines"))
                {
                    sent[name] = value.clone();
                }
            }
        }
        if let Some((name, _)) = asked.get("$expand").and_then(|expand| expand.split_once('(')) {
            sent[name] = members
                .get(name)
                .cloned()
                .ok_or_else(|| format!("Could not find a property named '{name}'"))?;
        }
        Ok(sent)
    }
}

/// The query with this member, as a link repeats it.
fn with(asked: &Asked, name: &str, value: &str) -> String {
    let kept = asked.iter().filter(|(known, _)| !matches!(known.as_str(), "$skiptoken" | "$skip"));
    let kept = kept.map(|(name, value)| format!("{name}={}", value.replace(' ', "%20")));
    kept.chain([format!("{name}={value}")]).collect::<Vec<_>>().join("&")
}

fn compared(one: &Value, other: &Value) -> Order {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_str().cmp(&other.as_str()),
    }
}

async fn metadata_of(State(service): State<Arc<Service>>, headers: HeaderMap) -> Response {
    if let Some(refused) = service.turned_away(&headers) {
        return refused;
    }
    ([(header::CONTENT_TYPE, "application/xml")], service.metadata).into_response()
}

async fn of_company(
    State(service): State<Arc<Service>>,
    Path((company, set)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    if company != COMPANY {
        return failed(404, "BadRequest_NotFound", "no such company");
    }
    if set.ends_with("Lines") && !asked.contains_key("$filter") {
        return failed(
            400,
            "Application_DialogException",
            "You must specify an Id or a Document Id to get the lines.",
        );
    }
    service.page(&set, &asked, &headers)
}

async fn of_service(
    State(service): State<Arc<Service>>,
    Path(set): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    service.page(&set, &asked, &headers)
}
