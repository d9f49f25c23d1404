//! A server that answers as Odoo does, after
//! <https://www.odoo.com/documentation/19.0/developer/reference/external_api.html> and
//! <https://www.odoo.com/documentation/18.0/developer/reference/external_api.html>.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    middleware,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use pacioli_sources::apis::Odoo;
use secrecy::SecretString;
use serde_json::{Map, Value, json};

use crate::apis::{
    SECRET,
    faults::{self, Faults},
    odoo::{rows, settings},
    pace::Moved,
    reach,
    serving::Serving,
};

pub type Records = BTreeMap<String, Vec<Value>>;
type Change = Box<dyn FnOnce(&mut Records) + Send>;

pub struct Server {
    pub serving: Serving,
    pub faults: Faults,
    pub odoo: Arc<Database>,
}

/// What the server keeps.
pub struct Database {
    version: u32,
    pub records: Mutex<Records>,
    /// What happens before the page of this number is answered.
    changes: Mutex<BTreeMap<usize, Change>>,
    pages: AtomicUsize,
    /// Records that it gives at once.
    pub most: AtomicUsize,
    /// Models that the key may not read.
    pub closed: Mutex<Vec<&'static str>>,
    /// The bodies of the calls, without the key.
    pub calls: Mutex<Vec<Value>>,
}

/// Status, exception, message.
type Raised = (u16, &'static str, String);

impl Server {
    pub async fn start(version: u32) -> Self {
        let faults = Faults::default();
        let odoo = Arc::new(Database {
            version,
            records: Mutex::new(rows()),
            changes: Mutex::default(),
            pages: AtomicUsize::new(0),
            most: AtomicUsize::new(usize::MAX),
            closed: Mutex::default(),
            calls: Mutex::default(),
        });
        let mut router = Router::new().route("/jsonrpc", post(rpc));
        if version >= 19 {
            router = router
                .route("/web/version", get(web_version))
                .route("/json/2/{model}/{method}", post(json2));
        }
        let router = router
            .with_state(Arc::clone(&odoo))
            .layer(middleware::from_fn_with_state(faults.clone(), faults::meet));
        Self { serving: Serving::start(router).await, faults, odoo }
    }

    pub fn source(&self, pace: &Arc<Moved>) -> Odoo {
        Odoo::new(settings(self), &SecretString::from(SECRET), &reach(pace)).unwrap()
    }

    /// Changes the records just before the page of this number from now is answered.
    pub fn before_page(&self, number: usize, change: impl FnOnce(&mut Records) + Send + 'static) {
        let number = self.odoo.pages.load(Ordering::SeqCst) + number;
        self.odoo.changes.lock().unwrap().insert(number, Box::new(change));
    }
}

async fn web_version(State(odoo): State<Arc<Database>>) -> Json<Value> {
    let version = odoo.version;
    Json(
        json!({ "version_info": [version, 0, 0, "final", 0, ""], "version": format!("{version}.0") }),
    )
}

async fn json2(
    State(odoo): State<Arc<Database>>,
    Path((model, method)): Path<(String, String)>,
    headers: HeaderMap,
    Json(arguments): Json<Map<String, Value>>,
) -> Response {
    let bearer = format!("bearer {SECRET}");
    let outcome = if headers.get("authorization").is_none_or(|value| value != bearer.as_str()) {
        Err((401, "werkzeug.exceptions.Unauthorized", "Invalid apikey".to_owned()))
    } else if headers.get("x-odoo-database").is_none_or(|value| value != "books") {
        Err((404, "werkzeug.exceptions.NotFound", "no database".to_owned()))
    } else {
        odoo.call(&model, &method, &arguments)
    };
    match outcome {
        Ok(value) => Json(value).into_response(),
        Err((status, name, message)) => {
            let error = json!({ "name": name, "message": message, "arguments": [message], "context": {}, "debug": "Traceback …" });
            (StatusCode::from_u16(status).unwrap(), Json(error)).into_response()
        }
    }
}

async fn rpc(State(odoo): State<Arc<Database>>, Json(request): Json<Value>) -> Json<Value> {
    let params = &request["params"];
    let arguments = params["args"].as_array().cloned().unwrap_or_default();
    let outcome = match (params["service"].as_str(), params["method"].as_str()) {
        (Some("common"), Some("version")) => {
            let version = odoo.version;
            Ok(
                json!({ "server_version": format!("{version}.0"), "server_version_info": [version, 0, 0, "final", 0, ""] }),
            )
        }
        (Some("common"), Some("authenticate")) => {
            let right = arguments[..3] == [json!("books"), json!("reader"), json!(SECRET)];
            Ok(if right { json!(7) } else { json!(false) })
        }
        (Some("object"), Some("execute_kw")) => odoo.execute_kw(&arguments),
        _ => Err((404, "builtins.NameError", "no such service".to_owned())),
    };
    Json(match outcome {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": request["id"], "result": result }),
        Err((_, name, message)) => json!({ "jsonrpc": "2.0", "id": request["id"], "error": {
            "code": 200, "message": "Odoo Server Error",
            "data": { "name": name, "message": message, "debug": "Traceback …", "arguments": [] },
        }}),
    })
}

impl Database {
    /// Positional arguments are named after the method's own.
    fn execute_kw(&self, arguments: &[Value]) -> Result<Value, Raised> {
        if arguments[..3] != [json!("books"), json!(7), json!(SECRET)] {
            return Err((401, "odoo.exceptions.AccessDenied", "Access Denied".to_owned()));
        }
        let (model, method) = (arguments[3].as_str().unwrap(), arguments[4].as_str().unwrap());
        let mut named = arguments[6].as_object().cloned().unwrap_or_default();
        if let Some(domain) = arguments[5].get(0) {
            named.insert("domain".to_owned(), domain.clone());
        }
        if self.version < 15 && named.contains_key("load") {
            return Err((
                500,
                "builtins.TypeError",
                "search_read() got an unexpected keyword argument 'load'".to_owned(),
            ));
        }
        let raised = self.call(model, method, &named);
        raised.map_err(|(status, name, message)| match status {
            // An older server has no other word for a model that is not there.
            404 => (200, "odoo.exceptions.UserError", format!("Object {model} doesn't exist")),
            _ => (status, name, message),
        })
    }

    fn call(
        &self,
        model: &str,
        method: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Value, Raised> {
        self.calls
            .lock()
            .unwrap()
            .push(json!({ "model": model, "method": method, "arguments": arguments }));
        if self.closed.lock().unwrap().contains(&model) {
            let message = format!("You are not allowed to access '{model}' records.");
            return Err((403, "odoo.exceptions.AccessError", message));
        }
        if (model, method) == ("res.users", "context_get") {
            return Ok(json!({ "lang": "en_US", "tz": "Europe/Brussels" }));
        }
        if method == "search_read" {
            let number = self.pages.fetch_add(1, Ordering::SeqCst);
            if let Some(change) = self.changes.lock().unwrap().remove(&number) {
                change(&mut self.records.lock().unwrap());
            }
        }
        let records = self.records.lock().unwrap();
        let Some(rows) = records.get(model) else {
            return Err((
                404,
                "werkzeug.exceptions.NotFound",
                format!("the model '{model}' does not exist"),
            ));
        };
        let found = found(rows, arguments);
        match method {
            "fields_get" => Ok(super::fields(model)),
            "search_count" => Ok(json!(found.len())),
            "search_read" => Ok(read(model, found, arguments, self.most.load(Ordering::SeqCst))),
            _ => Err((404, "werkzeug.exceptions.NotFound", format!("no method {method}"))),
        }
    }
}

/// The records of a domain, as far as the context lets them be seen.
fn found<'r>(rows: &'r [Value], arguments: &Map<String, Value>) -> Vec<&'r Value> {
    let context = arguments.get("context").cloned().unwrap_or_default();
    let empty = Vec::new();
    let domain = arguments.get("domain").and_then(Value::as_array).unwrap_or(&empty);
    rows.iter()
        .filter(|row| context["active_test"] == json!(false) || row["active"] != json!(false))
        .filter(|row| {
            let companies = context["allowed_company_ids"].as_array();
            let own = companies.cloned().unwrap_or_else(|| vec![json!(1)]);
            row["company_id"].is_null() || own.contains(&row["company_id"][0])
        })
        .filter(|row| domain.iter().all(|leaf| holds(row, leaf)))
        .collect()
}

fn holds(row: &Value, leaf: &Value) -> bool {
    let (field, wanted) = (&row[leaf[0].as_str().unwrap()], &leaf[2]);
    match leaf[1].as_str().unwrap() {
        "=" => field == wanted,
        "!=" => field != wanted,
        ">" => field.as_i64() > wanted.as_i64(),
        ">=" => field.as_str() >= wanted.as_str(),
        "in" => wanted.as_array().unwrap().contains(field),
        operator => panic!("an operator that Odoo does not have: {operator}"),
    }
}

fn read(model: &str, mut found: Vec<&Value>, arguments: &Map<String, Value>, most: usize) -> Value {
    match arguments.get("order").and_then(Value::as_str) {
        Some("write_date desc") => {
            found.sort_by_key(|row| {
                std::cmp::Reverse(row["write_date"].as_str().map(str::to_owned))
            });
        }
        _ => found.sort_by_key(|row| row["id"].as_i64()),
    }
    let limit = arguments.get("limit").and_then(Value::as_u64).unwrap_or(u64::MAX);
    let fields = super::fields(model);
    let names: Vec<&str> =
        arguments["fields"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let plain = arguments.get("load").is_some_and(Value::is_null);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX).min(most);
    let rows = found.into_iter().take(limit).map(|row| {
        let sent = names.iter().chain(&["id"]).map(|name| {
            let value = row.get(*name).cloned().unwrap_or(json!(false));
            let value = match fields[*name]["type"].as_str() {
                Some("many2one") if plain && value.is_array() => value[0].clone(),
                // Moments are kept to the microsecond and sent to the second.
                Some("datetime") => value.as_str().map_or(value.clone(), |text| json!(text[..19])),
                _ => value,
            };
            ((*name).to_owned(), value)
        });
        Value::Object(sent.collect())
    });
    Value::Array(rows.collect())
}
