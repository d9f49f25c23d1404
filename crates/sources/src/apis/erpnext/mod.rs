//! ERPNext and other sites on Frappe, through their REST interface.
//!
//! Facts are from the vendor's documentation,
//! <https://docs.frappe.io/framework/user/en/api/rest> (tokens, errors) and
//! <https://docs.frappe.io/framework/user/en/guides/integration/rest_api/listing_documents> (`fields`,
//! `filters`, `order_by`, `limit_page_length`, 20 rows by default), and, where that is silent, from the
//! framework's source: `frappe.client.get_list` lists the rows of a child table when it is told a
//! `parent` type that the user may read, `frappe.desk.form.load.getdoctype` tells a type's fields with
//! custom ones and those of its child tables, `frappe.client.get_time_zone` tells the zone that times
//! are kept in.
//!
//! Rows are read in the order of `name` with `name > last`; `modified` selects what a round reads.

mod doctype;
mod settings;

use std::collections::BTreeMap;

use chrono::Duration;
use chrono_tz::Tz;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use reqwest::{StatusCode, header::AUTHORIZATION};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use tokio::sync::OnceCell;

pub use settings::ErpNextSettings;

use super::{
    answer::{Answer, Refusal},
    http::{Call, Http, secret_header},
    mark::Mark,
    pace::Reach,
    rows::{Cell, Fields, Rows, Writing},
    url, value,
};
use crate::{
    SourceError,
    source::{Pull, Pulled, Source, SourceTable},
};
use doctype::{CHANGED, DocType, PARENT};

/// The code of "there is no such document type".
const NO_DOCTYPE: &str = "erpnext_doctype";

/// A longer list of fields is asked for as `*`: the server that Frappe comes with refuses request lines
/// of more than 4 094 bytes (<https://docs.gunicorn.org/en/stable/settings.html#limit-request-line>).
const LONGEST_FIELDS: usize = 2800;

/// What a name in the list costs besides its letters: two quotes, encoded, and a comma.
const QUOTES: usize = 7;

/// A Frappe site.
pub struct ErpNext {
    settings: ErpNextSettings,
    http: Http,
    base: reqwest::Url,
    token: reqwest::header::HeaderValue,
    zone: OnceCell<Tz>,
    known: OnceCell<Vec<Known>>,
}

/// A document type that may be read.
struct Known {
    doctype: DocType,
    /// For a child table: the types that may be read and whose rows it holds.
    parents: Vec<String>,
}

#[derive(Deserialize)]
struct Listed<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
}

impl ErpNext {
    /// With the API secret that belongs to the settings' key.
    pub fn new(
        settings: ErpNextSettings,
        secret: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        let http = Http::new(reach, settings.page_rows, settings.certificate_authority.as_deref())?;
        http.hide(secret);
        let token =
            secret_header(&format!("token {}:{}", settings.api_key, secret.expose_secret()))?;
        let base = url::base(&settings.url)?;
        Ok(Self { settings, http, base, token, zone: OnceCell::new(), known: OnceCell::new() })
    }

    async fn get(
        &self,
        path: &[&str],
        query: &[(&str, &str)],
        what: &str,
    ) -> Result<Answer, Refusal> {
        let call =
            Call::get(url::with(&self.base, path, query)).header(AUTHORIZATION, self.token.clone());
        let answer = self.http.send(&call).await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ => Err(answer.refusal(&self.http, NO_DOCTYPE, what)),
        }
    }

    /// Rows of a type: the first `limit` that fit, in this order.
    async fn list(&self, list: &List<'_>) -> Result<Answer, Refusal> {
        let (fields, filters) = (json!(list.fields).to_string(), json!(list.filters).to_string());
        let limit = list.limit.to_string();
        let mut query = vec![
            ("fields", fields.as_str()),
            ("filters", filters.as_str()),
            ("order_by", list.order),
            ("limit_start", "0"),
            ("limit_page_length", limit.as_str()),
        ];
        query.extend(list.parent.map(|parent| ("parent", parent)));
        let what = format!("the document type {}", list.doctype);
        self.get(&["api", "resource", list.doctype], &query, &what).await
    }

    /// A type and those of its child tables; none when it is not there or may not be read.
    async fn described(&self, name: &str) -> Result<Vec<DocType>, SourceError> {
        #[derive(Deserialize)]
        struct Described {
            #[serde(default)]
            docs: Vec<DocType>,
        }
        let what = format!("the document type {name}");
        let path = ["api", "method", "frappe.desk.form.load.getdoctype"];
        let told = match self.get(&path, &[("doctype", name), ("with_parent", "0")], &what).await {
            Ok(answer) => parsed::<Described>(&answer)?,
            Err(error) => return self.without(name, error),
        };
        let docs = told.docs;
        let Some(own) = docs.iter().find(|doc| doc.name == name) else {
            return Err(SourceError::invalid(
                NO_DOCTYPE,
                format!("The site does not describe {what}."),
            ));
        };
        if own.issingle || own.is_virtual || own.istable {
            let detail = format!("{name} has no table of its own that could be listed.");
            return self.without(name, Refusal::Absent(SourceError::invalid(NO_DOCTYPE, detail)));
        }
        let fields = ["name"].map(str::to_owned);
        let first = List {
            doctype: name,
            fields: &fields,
            filters: vec![],
            order: "name asc",
            limit: 1,
            parent: None,
        };
        match self.list(&first).await {
            Ok(_) => Ok(docs),
            Err(error) => self.without(name, error),
        }
    }

    /// What is missing or closed is an error only where a person named it.
    fn without(&self, name: &str, refusal: Refusal) -> Result<Vec<DocType>, SourceError> {
        match refusal {
            Refusal::Closed(_) | Refusal::Absent(_) if !self.settings.names(name) => Ok(Vec::new()),
            refusal => Err(refusal.into()),
        }
    }

    async fn known(&self) -> Result<&[Known], SourceError> {
        self.known.get_or_try_init(|| self.learn()).await.map(Vec::as_slice)
    }

    async fn learn(&self) -> Result<Vec<Known>, SourceError> {
        self.logged_in().await?;
        let mut known: BTreeMap<String, Known> = BTreeMap::new();
        for name in self.settings.wanted() {
            let docs = self.described(&name).await?;
            let Some(own) = docs.iter().find(|doc| doc.name == name) else { continue };
            for child in own.children() {
                if let Some(doctype) =
                    docs.iter().find(|doc| doc.name == child && doc.istable && !doc.is_virtual)
                {
                    let entry = known.entry(child.to_owned());
                    let entry = entry
                        .or_insert_with(|| Known { doctype: doctype.clone(), parents: vec![] });
                    if !entry.parents.contains(&name) {
                        entry.parents.push(name.clone());
                    }
                }
            }
            known.insert(name, Known { doctype: own.clone(), parents: Vec::new() });
        }
        Ok(known.into_values().collect())
    }

    /// Wrong credentials are told at once, before each type seems closed.
    async fn logged_in(&self) -> Result<(), SourceError> {
        let path = ["api", "method", "frappe.auth.get_logged_user"];
        self.get(&path, &[], "the user").await?;
        Ok(())
    }

    async fn tables(&self) -> Result<Vec<SourceTable>, SourceError> {
        let known = self.known().await?;
        let mut tables = Vec::new();
        for entry in known {
            let mut table = entry.doctype.table();
            if let [parent] = entry.parents.as_slice() {
                let column = table.columns.iter().find(|column| column.source_name == PARENT);
                let key =
                    column.and_then(|column| doctype::reference(&column.name, parent.clone()));
                table.foreign_keys.extend(key);
            }
            table
                .foreign_keys
                .retain(|key| known.iter().any(|other| other.doctype.name == key.table));
            tables.push(table);
        }
        Ok(tables)
    }

    /// The zone that the site keeps its times in.
    async fn zone(&self) -> Result<Tz, SourceError> {
        self.zone.get_or_try_init(|| self.ask_zone()).await.copied()
    }

    async fn ask_zone(&self) -> Result<Tz, SourceError> {
        #[derive(Deserialize)]
        struct Told {
            message: Value,
        }
        let unknown = |zone: &str| {
            let detail =
                format!("“{zone}” is no time zone. Set `time_zone`, for example Asia/Kolkata.");
            SourceError::invalid("erpnext_time_zone", detail)
        };
        if let Some(zone) = &self.settings.time_zone {
            return zone.parse().map_err(|_| unknown(zone));
        }
        let path = ["api", "method", "frappe.client.get_time_zone"];
        let told: Told = parsed(&self.get(&path, &[], "the site's time zone").await?)?;
        let zone = told.message["time_zone"].as_str().unwrap_or_default();
        zone.parse().map_err(|_| unknown(zone))
    }

    /// The newest change there is.
    async fn newest(
        &self,
        table: &SourceTable,
        parents: &[String],
    ) -> Result<Option<String>, SourceError> {
        let fields = [CHANGED.to_owned()];
        let order = format!("{CHANGED} desc");
        let list = List {
            doctype: &table.name,
            fields: &fields,
            filters: of_parents(parents),
            order: &order,
            limit: 1,
            parent: parents.first().map(String::as_str),
        };
        let answer = self.list(&list).await?;
        let listed: Listed<'_> = parsed(&answer)?;
        let Some(row) = listed.data.first() else { return Ok(None) };
        let row: Value = serde_json::from_str(row.get()).unwrap_or_default();
        Ok(row[CHANGED].as_str().map(str::to_owned))
    }

    /// The types whose children a table holds; none for a table of documents.
    async fn parents(&self, table: &SourceTable) -> Result<Vec<String>, SourceError> {
        let Some(column) = table.columns.iter().find(|column| column.source_name == PARENT) else {
            return Ok(Vec::new());
        };
        let own = |key: &&crate::source::SourceForeignKey| key.columns == [column.name.clone()];
        if let Some(key) = table.foreign_keys.iter().find(own) {
            return Ok(vec![key.table.clone()]);
        }
        let known = self.known().await?.iter().find(|known| known.doctype.name == table.name);
        let parents = known.map(|known| known.parents.clone()).unwrap_or_default();
        if parents.is_empty() {
            let detail =
                format!("No document type that is read has the child table {}.", table.name);
            return Err(SourceError::invalid(NO_DOCTYPE, detail));
        }
        Ok(parents)
    }

    fn changed_since(&self, from: Option<&str>) -> Result<Option<Value>, SourceError> {
        let Some(from) = from else { return Ok(None) };
        let moment = value::naive(from).ok_or_else(|| {
            SourceError::invalid(
                "watermark",
                "The table's mark holds no moment. Load the table in full.",
            )
        })?;
        let moment = moment - Duration::seconds(i64::from(self.settings.overlap_seconds));
        Ok(Some(json!([CHANGED, ">=", moment.format("%Y-%m-%d %H:%M:%S%.6f").to_string()])))
    }

    /// What is left of a round.
    fn filters(&self, parents: &[String], mark: &Mark) -> Result<Vec<Value>, SourceError> {
        let mut filters = of_parents(parents);
        filters.extend(self.changed_since(mark.from.as_deref())?);
        if let Some(after) = &mark.after {
            let name: Value = serde_json::from_str(after).map_err(|_| {
                SourceError::invalid(
                    "watermark",
                    "The table's mark holds no name. Load the table in full.",
                )
            })?;
            filters.push(json!(["name", ">", name]));
        }
        Ok(filters)
    }

    fn pages(
        &self,
        pull: Pull,
    ) -> impl futures_util::Stream<Item = Result<Pulled, SourceError>> + '_ {
        async_stream::try_stream! {
            let table = &pull.table;
            let zone = self.zone().await?;
            let parents = self.parents(table).await?;
            let mut mark = Mark::read(pull.since.as_ref())?;
            if mark.after.is_none() && table.changes_by.is_some() {
                mark.until = self.newest(table, &parents).await?;
            }
            let reading = Reading::new(table, zone);
            loop {
                let filters = self.filters(&parents, &mark)?;
                let answer = self.list(&List {
                    doctype: &table.name,
                    fields: &reading.names,
                    filters,
                    order: "name asc",
                    limit: self.settings.page_rows,
                    parent: parents.first().map(String::as_str),
                }).await?;
                let (rows, last) = reading.rows(&answer)?;
                // A site may give fewer than it is asked for: only nothing is the end.
                let ended = rows.count() == 0;
                if last.is_some() && last == mark.after {
                    Err(stuck(table))?;
                }
                mark.after = last.or(mark.after);
                let watermark = match (&mark.after, ended) {
                    (Some(after), false) => mark.at(after.clone()),
                    _ => mark.end(),
                };
                let bytes = answer.body.len() as u64;
                yield Pulled { batch: rows.batch()?, bytes, rows_expected: None, watermark };
                if ended {
                    break;
                }
            }
        }
    }
}

impl Source for ErpNext {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        self.tables().boxed()
    }

    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>> {
        self.pages(pull).boxed()
    }
}

struct List<'l> {
    doctype: &'l str,
    fields: &'l [String],
    filters: Vec<Value>,
    order: &'l str,
    limit: u32,
    /// For child tables: a type whose reader may read them.
    parent: Option<&'l str>,
}

/// Only children of types that may be read: a child table may hold others' too.
fn of_parents(parents: &[String]) -> Vec<Value> {
    if parents.is_empty() { Vec::new() } else { vec![json!(["parenttype", "in", parents])] }
}

/// How the pages of one table are read.
struct Reading<'t> {
    table: &'t SourceTable,
    writing: Writing,
    fields: Fields,
    names: Vec<String>,
    name: usize,
}

impl<'t> Reading<'t> {
    fn new(table: &'t SourceTable, zone: Tz) -> Self {
        let mut fields = Fields::default();
        let mut names = Vec::new();
        for (cell, column) in table.columns.iter().enumerate() {
            fields.place(&column.source_name, cell);
            names.push(column.source_name.clone());
        }
        if fields.cell("name").is_none() {
            fields.place("name", table.columns.len());
            names.push("name".to_owned());
        }
        let name = fields.cell("name").unwrap_or(table.columns.len());
        if names.iter().map(|name| name.len() + QUOTES).sum::<usize>() > LONGEST_FIELDS {
            names = vec!["*".to_owned()];
        }
        Self { table, writing: Writing { zone, ..Writing::default() }, fields, names, name }
    }

    /// The page's rows and the last one's name, as JSON: a type may number its documents.
    fn rows(&self, answer: &Answer) -> Result<(Rows<'t>, Option<String>), SourceError> {
        let mut rows = Rows::new(self.table, self.writing);
        let mut last: Cell<'_> = None;
        let listed: Listed<'_> = parsed(answer)?;
        for row in listed.data {
            let mut cells: Vec<Cell<'_>> = vec![None; self.table.columns.len() + 1];
            self.fields.read(row.get(), &mut cells)?;
            rows.push(&cells)?;
            last = cells.get(self.name).cloned().flatten();
            if last.is_none() {
                return Err(SourceError::invalid(
                    "source_row",
                    format!("The site sent a row of {} without a name.", self.table.name),
                ));
            }
        }
        Ok((rows, last.map(std::borrow::Cow::into_owned)))
    }
}

fn stuck(table: &SourceTable) -> SourceError {
    SourceError::invalid(
        "source_loop",
        format!("The site sends the same rows of {} again and again.", table.name),
    )
}

fn parsed<'b, T: Deserialize<'b>>(answer: &'b Answer) -> Result<T, SourceError> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        SourceError::invalid(
            "source_answer",
            "The site answered with something else than was asked for.",
        )
    })
}
