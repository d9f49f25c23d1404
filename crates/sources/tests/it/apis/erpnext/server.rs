//! A server that answers as a Frappe site does, after
//! <https://docs.frappe.io/framework/user/en/api/rest> and
//! <https://docs.frappe.io/framework/user/en/guides/integration/rest_api/listing_documents>.

use std::{
    cmp::Ordering as Order,
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use pacioli_sources::apis::ErpNext;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{doctypes, documents, settings};
use crate::apis::{
    SECRET,
    faults::{self, Faults},
    pace::Moved,
    reach,
    serving::Serving,
};

pub type Documents = BTreeMap<String, Vec<Value>>;
type Change = Box<dyn FnOnce(&mut Documents) + Send>;

pub struct Server {
    pub serving: Serving,
    pub faults: Faults,
    pub site: Arc<Site>,
}

/// What the site keeps.
pub struct Site {
    pub documents: Mutex<Documents>,
    changes: Mutex<BTreeMap<usize, Change>>,
    lists: AtomicUsize,
    /// Types that the user may not read.
    pub closed: Mutex<Vec<&'static str>>,
    pub time_zone: Mutex<&'static str>,
}

impl Server {
    pub async fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub fn on<L: Listener<Addr = SocketAddr>>(listener: L) -> Self {
        let faults = Faults::default();
        let site = Arc::new(Site {
            documents: Mutex::new(documents()),
            changes: Mutex::default(),
            lists: AtomicUsize::new(0),
            closed: Mutex::default(),
            time_zone: Mutex::new("Asia/Kolkata"),
        });
        let router = Router::new()
            .route("/api/resource/{doctype}", get(list))
            .route("/api/method/{method}", get(method))
            .with_state(Arc::clone(&site))
            .layer(middleware::from_fn_with_state(faults.clone(), faults::meet));
        Self { serving: Serving::on(listener, router), faults, site }
    }

    pub fn source(&self, pace: &Arc<Moved>) -> ErpNext {
        ErpNext::new(settings(self), &SecretString::from(SECRET), &reach(pace)).unwrap()
    }

    /// Changes the documents just before the list of this number from now is answered.
    pub fn before_list(&self, number: usize, change: impl FnOnce(&mut Documents) + Send + 'static) {
        let number = self.site.lists.load(Ordering::SeqCst) + number;
        self.site.changes.lock().unwrap().insert(number, Box::new(change));
    }
}

fn failed(status: u16, kind: &str) -> Response {
    let error = json!({ "exception": format!("frappe.exceptions.{kind}"), "exc_type": kind, "exc": "[\"Traceback …\"]" });
    (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
}

fn knows(headers: &HeaderMap) -> bool {
    let token = format!("token the-key:{SECRET}");
    headers.get("authorization").is_some_and(|value| value == token.as_str())
}

async fn method(
    State(site): State<Arc<Site>>,
    Path(method): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if !knows(&headers) {
        return failed(401, "AuthenticationError");
    }
    match method.as_str() {
        "frappe.auth.get_logged_user" => {
            Json(json!({ "message": "reader@example.com" })).into_response()
        }
        "frappe.client.get_time_zone" => {
            let zone = *site.time_zone.lock().unwrap();
            Json(json!({ "message": { "time_zone": zone } })).into_response()
        }
        "frappe.desk.form.load.getdoctype" => {
            let name = query.get("doctype").map(String::as_str).unwrap_or_default();
            let docs = doctypes(name);
            if docs.is_empty() {
                return failed(404, "DoesNotExistError");
            }
            Json(json!({ "docs": docs, "user_settings": "{}" })).into_response()
        }
        _ => failed(404, "DoesNotExistError"),
    }
}

async fn list(
    State(site): State<Arc<Site>>,
    Path(doctype): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if !knows(&headers) {
        return failed(401, "AuthenticationError");
    }
    let number = site.lists.fetch_add(1, Ordering::SeqCst);
    if let Some(change) = site.changes.lock().unwrap().remove(&number) {
        change(&mut site.documents.lock().unwrap());
    }
    let documents = site.documents.lock().unwrap();
    let Some(rows) = documents.get(&doctype) else { return failed(404, "DoesNotExistError") };
    // Children are for whoever may read a type that has them.
    let is_child = doctypes(&doctype).first().is_some_and(|doc| doc["istable"] == json!(1));
    let parent = query.get("parent").cloned();
    let asked = if is_child { parent.unwrap_or_default() } else { doctype.clone() };
    let closed = site.closed.lock().unwrap().iter().any(|closed| *closed == asked);
    let is_parent = doctypes(&asked).iter().any(|doc| doc["name"] == json!(doctype));
    if closed || !is_parent {
        return failed(403, "PermissionError");
    }
    match answered(rows, &query) {
        Ok(data) => Json(json!({ "data": data })).into_response(),
        Err(kind) => failed(417, kind),
    }
}

/// By default the names of 20 documents, the last changed first.
fn answered(rows: &[Value], query: &BTreeMap<String, String>) -> Result<Vec<Value>, &'static str> {
    let parsed =
        |name: &str| query.get(name).map(|text| serde_json::from_str::<Value>(text).unwrap());
    let fields = parsed("fields").unwrap_or(json!(["name"]));
    let filters = parsed("filters").unwrap_or(json!([]));
    let mut found: Vec<&Value> = rows
        .iter()
        .filter(|row| filters.as_array().unwrap().iter().all(|filter| holds(row, filter)))
        .collect();
    let order = query.get("order_by").map_or("modified desc", String::as_str);
    let (field, direction) = order.split_once(' ').unwrap();
    found.sort_by(|one, other| {
        let order = compared(&one[field], &other[field]);
        if direction == "desc" { order.reverse() } else { order }
    });
    let limit: usize = query.get("limit_page_length").map_or(20, |text| text.parse().unwrap());
    let project = |row: &Value| {
        if fields == json!(["*"]) {
            return Ok(row.clone());
        }
        let names = fields.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
        let members = names.map(|name| match row.get(name) {
            Some(value) => Ok((name.to_owned(), value.clone())),
            None => Err("DataError"), // Unknown column
        });
        members.collect::<Result<_, _>>().map(Value::Object)
    };
    found.into_iter().take(limit).map(project).collect()
}

fn holds(row: &Value, filter: &Value) -> bool {
    let (field, wanted) = (&row[filter[0].as_str().unwrap()], &filter[2]);
    match filter[1].as_str().unwrap() {
        ">" => compared(field, wanted) == Order::Greater,
        ">=" => compared(field, wanted) != Order::Less,
        "in" => wanted.as_array().unwrap().contains(field),
        operator => panic!("an operator that is not asked for: {operator}"),
    }
}

/// Numbers as numbers, texts without regard to case, as the database's collation has it.
fn compared(one: &Value, other: &Value) -> Order {
    match (one.as_i64(), other.as_i64()) {
        (Some(one), Some(other)) => one.cmp(&other),
        _ => one.as_str().map(str::to_lowercase).cmp(&other.as_str().map(str::to_lowercase)),
    }
}
