//! A system that a test stands in for, to load tables from: it holds rows, keeps its password, pages,
//! and fails when it is told to.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Duration,
};

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use futures_util::{StreamExt as _, future::BoxFuture, stream, stream::BoxStream};
use pacioli_model::{ColumnName, ColumnType};
use pacioli_server::{Connector, Target};
use pacioli_sources::{
    SourceError,
    source::{
        Pull, Pulled, Source, SourceColumn, SourceForeignKey, SourceTable, Watermark, arrow_type,
    },
};
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::server::{Answer, Person, Server};

/// What the system knows the company by.
pub const SECRET: &str = "correct horse battery staple 77";

/// One row: its number, an amount in cents, a word, and when it changed.
pub type Row = (i64, i128, &'static str, i64);

/// What happens instead of an answer.
#[derive(Debug, Clone)]
pub enum Trouble {
    Unreachable(Option<Duration>),
    Denied,
    Broken,
}

/// A table of the system.
#[derive(Debug, Clone)]
pub struct Held {
    pub rows: Vec<Row>,
    /// Its columns beside `id`, in order; `amount`, `word`, `changed` or anything, which is text.
    pub columns: Vec<(String, ColumnType)>,
    pub has_key: bool,
    pub references: Option<String>,
}

/// The system, shared by the test and the server.
#[derive(Clone)]
pub struct System(Arc<State>);

struct State {
    tables: Mutex<BTreeMap<String, Held>>,
    /// Taken by one pull each, in order, after its first page.
    troubles: Mutex<VecDeque<Trouble>>,
    /// Each page takes one permit where there is a gate.
    gate: Mutex<Option<Arc<Semaphore>>>,
    /// Where each pull began: the table and the mark.
    pulls: Mutex<Vec<(String, Option<String>)>>,
    says_how_many: Mutex<bool>,
}

impl System {
    /// With one table, `public.orders`.
    pub fn new(rows: &[Row]) -> Self {
        let state = State {
            tables: Mutex::default(),
            troubles: Mutex::default(),
            gate: Mutex::default(),
            pulls: Mutex::default(),
            says_how_many: Mutex::new(true),
        };
        let system = Self(Arc::new(state));
        system.hold("public.orders", rows);
        system
    }

    /// Holds a table with these rows, in the place of what it held.
    pub fn hold(&self, table: &str, rows: &[Row]) {
        let columns = [
            ("amount", ColumnType::Decimal { scale: 2 }),
            ("word", ColumnType::Text),
            ("changed", ColumnType::Integer),
        ];
        let columns = columns.map(|(name, it)| (name.to_owned(), it)).to_vec();
        let held = Held { rows: rows.to_vec(), columns, has_key: true, references: None };
        self.0.tables.lock().unwrap().insert(table.to_owned(), held);
    }

    /// Changes a table.
    pub fn change(&self, table: &str, change: impl FnOnce(&mut Held)) {
        change(self.0.tables.lock().unwrap().get_mut(table).unwrap());
    }

    /// Holds a table no more.
    pub fn drop_table(&self, table: &str) {
        self.0.tables.lock().unwrap().remove(table);
    }

    /// The next pulls end so, one each.
    pub fn trouble(&self, troubles: &[Trouble]) {
        self.0.troubles.lock().unwrap().extend(troubles.iter().cloned());
    }

    /// From now on each page waits for a permit.
    pub fn close(&self) -> Arc<Semaphore> {
        let gate = Arc::new(Semaphore::new(0));
        *self.0.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    /// Does not say how many rows there are.
    pub fn keep_quiet(&self) {
        *self.0.says_how_many.lock().unwrap() = false;
    }

    /// Where each pull began.
    pub fn pulls(&self) -> Vec<(String, Option<String>)> {
        self.0.pulls.lock().unwrap().clone()
    }

    /// What a server connects through to reach it.
    pub fn connector(&self) -> Connector {
        let system = self.clone();
        Connector::StandIn(Arc::new(move |target: Target| {
            let is_right = target.secret.is_some_and(|it| it.expose_secret() == SECRET);
            Ok(Arc::new(Session { system: system.clone(), is_right }))
        }))
    }
}

/// The system as somebody sees it who has shown a password.
struct Session {
    system: System,
    is_right: bool,
}

fn denied() -> SourceError {
    SourceError::Denied { detail: "The password is wrong. Check it.".into() }
}

impl Session {
    fn table(name: &str, held: &Held) -> SourceTable {
        let id = ("id".to_owned(), ColumnType::Integer);
        let column = |(name, data_type): &(String, ColumnType)| SourceColumn {
            source_name: name.to_uppercase(),
            name: ColumnName::parse(name).unwrap(),
            label: name.clone(),
            data_type: *data_type,
        };
        let own = |name: &str| ColumnName::parse(name).unwrap();
        let changes = held.columns.iter().any(|(name, _)| name == "changed");
        let reference = |table: &String| SourceForeignKey {
            columns: vec![own("changed")],
            table: table.clone(),
            references: vec![own("id")],
        };
        SourceTable {
            name: name.into(),
            label: format!("Table {name}"),
            columns: std::iter::once(&id).chain(&held.columns).map(column).collect(),
            primary_key: if held.has_key { vec![own("id")] } else { vec![] },
            foreign_keys: held.references.iter().map(reference).collect(),
            rows: None,
            changes_by: changes.then(|| own("changed")),
        }
    }

    fn pages(&self, pull: &Pull) -> Vec<Result<Pulled, SourceError>> {
        let state = &self.system.0;
        let since = pull.since.as_ref().map(|mark| mark.0.clone());
        state.pulls.lock().unwrap().push((pull.table.name.clone(), since.clone()));
        if !self.is_right {
            return vec![Err(denied())];
        }
        let held = state.tables.lock().unwrap()[&pull.table.name].clone();
        let from: i64 = since.map_or(i64::MIN, |mark| mark.parse().unwrap());
        let mut rows: Vec<Row> = held.rows.into_iter().filter(|row| row.3 >= from).collect();
        rows.sort_by_key(|row| row.3);
        let expected = state.says_how_many.lock().unwrap().then_some(rows.len() as u64);
        let mut pages: Vec<_> =
            rows.chunks(2).map(|page| Ok(page_of(&pull.table, page, expected))).collect();
        if let Some(trouble) = state.troubles.lock().unwrap().pop_front() {
            pages.truncate(1);
            pages.push(Err(match trouble {
                Trouble::Unreachable(retry_after) => SourceError::Unreachable {
                    detail: "The system does not answer.".into(),
                    retry_after,
                },
                Trouble::Denied => denied(),
                Trouble::Broken => SourceError::Invalid {
                    code: "source_broken",
                    detail: "The system sent something else. Ask its vendor.".into(),
                },
            }));
        }
        pages
    }
}

fn page_of(table: &SourceTable, rows: &[Row], rows_expected: Option<u64>) -> Pulled {
    let column = |column: &SourceColumn| -> ArrayRef {
        match (column.name.as_str(), column.data_type) {
            ("id", ColumnType::Integer) => {
                Arc::new(rows.iter().map(|row| row.0).collect::<Int64Array>())
            }
            ("amount", ColumnType::Decimal { .. }) => {
                let values: Decimal128Array = rows.iter().map(|row| Some(row.1)).collect();
                Arc::new(values.with_data_type(arrow_type(column.data_type)))
            }
            ("changed", ColumnType::Integer) => {
                Arc::new(rows.iter().map(|row| row.3).collect::<Int64Array>())
            }
            ("word", _) => Arc::new(rows.iter().map(|row| Some(row.2)).collect::<StringArray>()),
            (name, ColumnType::Text) => {
                Arc::new(rows.iter().map(|_| Some(name)).collect::<StringArray>())
            }
            (name, data_type) => panic!("{name} cannot be {data_type:?}"),
        }
    };
    let columns = table.columns.iter().map(column).collect();
    let has_mark = table.changes_by.is_some();
    Pulled {
        batch: RecordBatch::try_new(table.schema(), columns).unwrap(),
        bytes: 10 * rows.len() as u64,
        rows_expected,
        watermark: rows.last().filter(|_| has_mark).map(|row| Watermark(row.3.to_string())),
    }
}

impl Source for Session {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        Box::pin(async {
            if !self.is_right {
                return Err(denied());
            }
            let tables = self.system.0.tables.lock().unwrap();
            Ok(tables.iter().map(|(name, held)| Self::table(name, held)).collect())
        })
    }

    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>> {
        let gate = self.system.0.gate.lock().unwrap().clone();
        stream::iter(self.pages(&pull))
            .then(move |page| {
                let gate = gate.clone();
                async move {
                    if let Some(gate) = gate {
                        gate.acquire().await.unwrap().forget();
                    }
                    page
                }
            })
            .boxed()
    }
}

/// A server whose companies connect the system.
pub async fn server(system: &System) -> Server {
    let allow = ("PACIOLI_OUTGOING__ALLOW", "127.0.0.1/32");
    let environment = [("PACIOLI_LIMITS__ENABLED", "false"), allow];
    let folder = tempfile::tempdir().unwrap();
    Server::start_over(folder, &environment, system.connector()).await
}

/// Connects the system and gives the connection's id.
pub async fn connect(server: &Server, person: &Person) -> String {
    let body = json!({
        "name": "The books", "kind": "postgresql", "secret": SECRET,
        "settings": {"host": "db.example.com", "database": "books", "user": "reader"},
    });
    let answer = server.send(person, Method::POST, "/connections", body).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    answer.body["id"].as_str().unwrap().to_owned()
}

/// Chooses tables of the system.
pub async fn choose(server: &Server, person: &Person, id: &str, tables: Value) -> Answer {
    let path = format!("/connections/{id}/tables");
    server.send(person, Method::PUT, &path, json!({ "tables": tables })).await
}

/// Connects the system and chooses `public.orders`.
pub async fn connected(server: &Server, person: &Person) -> String {
    let id = connect(server, person).await;
    let chosen = choose(server, person, &id, json!([{"source_table": "public.orders"}])).await;
    assert_eq!(chosen.status, 200, "{}", chosen.text);
    id
}

/// Starts a run and gives its id, which is its job's too.
pub async fn start(server: &Server, person: &Person, id: &str) -> String {
    let path = format!("/connections/{id}/run");
    let answer = server.send(person, Method::POST, &path, json!({})).await;
    assert_eq!(answer.status, 202, "{}", answer.text);
    assert_eq!(answer.body["run_id"], answer.body["job_id"]);
    answer.body["run_id"].as_str().unwrap().to_owned()
}

/// Waits for a run's end and gives it.
pub async fn ended(server: &Server, person: &Person, run: &str) -> Value {
    until(server, person, run, |run| !run["ended_at"].is_null()).await
}

/// Waits until a run is as it shall be and gives it.
pub async fn until(
    server: &Server,
    person: &Person,
    run: &str,
    holds: impl Fn(&Value) -> bool,
) -> Value {
    let mut last = String::new();
    for _ in 0..2000 {
        let answer = server.get(person, &format!("/runs/{run}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        if holds(&answer.body) {
            return answer.body;
        }
        last = answer.text;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("run {run} stays so: {last}");
}

/// Runs to the end and gives the run.
pub async fn run(server: &Server, person: &Person, id: &str) -> Value {
    let run = start(server, person, id).await;
    ended(server, person, &run).await
}

/// The rows of `orders`, by number: number, amount and word.
pub async fn orders(server: &Server, person: &Person) -> Vec<(i64, String, String)> {
    let table = server.get(person, "/tables/orders").await;
    assert_eq!(table.status, 200, "{}", table.text);
    let row = |row: &Value| {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            // JSON numbers are read as floats here; the column has two digits after the point.
            other => format!("{:.2}", other.as_f64().unwrap()),
        };
        (row[0].as_i64().unwrap(), text(&row[1]), text(&row[2]))
    };
    let rows = table.body["sample"]["rows"].as_array().unwrap();
    let mut rows: Vec<_> = rows.iter().map(row).collect();
    rows.sort();
    rows
}
