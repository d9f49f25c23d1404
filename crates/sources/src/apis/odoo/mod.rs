//! Odoo, through its JSON-2 interface from version 19 on and `execute_kw` over JSON-RPC before.
//!
//! Facts are from the vendor's documentation:
//! <https://www.odoo.com/documentation/19.0/developer/reference/external_api.html> (JSON-2),
//! <https://www.odoo.com/documentation/19.0/developer/reference/external_rpc_api.html> (the older way)
//! and <https://www.odoo.com/documentation/19.0/developer/reference/backend/orm.html> (fields,
//! `fields_get`, `search_read`).
//!
//! Rows are read in the order of `id` with `id > last`, archived ones and those of every company of the
//! user too. `write_date` is sent in whole seconds but kept in microseconds, so it selects what a round
//! reads and is never the position in it.

mod columns;
mod settings;
mod transport;

use chrono::Duration;
use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use pacioli_model::ColumnName;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Map, Value, json, value::RawValue};
use tokio::sync::OnceCell;

pub use settings::{OdooApi, OdooSettings};

use super::{
    answer::Refusal,
    mark::Mark,
    pace::Reach,
    rows::{Cell, Fields, Rows, Writing},
    value,
};
use crate::{
    SourceError,
    source::{Pull, Pulled, Source, SourceTable},
};
use transport::Transport;

/// What tells a changed record.
const CHANGED: &str = "write_date";

/// An Odoo database.
pub struct Odoo {
    settings: OdooSettings,
    transport: Transport,
    companies: OnceCell<Vec<i64>>,
}

impl Odoo {
    /// With an API key; for versions before 14 the user's password.
    pub fn new(
        settings: OdooSettings,
        key: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        let transport = Transport::new(&settings, key, reach)?;
        Ok(Self { settings, transport, companies: OnceCell::new() })
    }

    /// Archived records belong to the books, and so do all companies that the user may see.
    async fn context(&self) -> Result<Value, SourceError> {
        let companies = self.companies.get_or_try_init(|| self.allowed_companies()).await?;
        let mut context = json!({ "active_test": false });
        if !companies.is_empty() {
            context["allowed_company_ids"] = json!(companies);
        }
        if let Some(language) = &self.settings.language {
            context["lang"] = json!(language);
        }
        Ok(context)
    }

    async fn allowed_companies(&self) -> Result<Vec<i64>, SourceError> {
        #[derive(Deserialize)]
        struct Company {
            id: i64,
        }
        if !self.settings.companies.is_empty() {
            return Ok(self.settings.companies.clone());
        }
        let asked = arguments(json!({ "domain": [], "fields": ["id"], "order": "id" }));
        match self.transport.call("res.company", "search_read", asked).await {
            Ok(result) => {
                let companies: Vec<Company> = result.parse()?;
                Ok(companies.into_iter().map(|company| company.id).collect())
            }
            // Whoever may not list companies still has one: the user's own, without being told.
            Err(Refusal::Closed(_)) => Ok(Vec::new()),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The table of a model; empty when there is none or these credentials may not read it.
    async fn table(&self, model: &str) -> Result<Option<SourceTable>, SourceError> {
        let context = self.context().await?;
        let asked = arguments(json!({ "attributes": columns::ATTRIBUTES, "context": context }));
        let fields = match self.transport.call(model, "fields_get", asked).await {
            Ok(result) => result,
            Err(refusal) => return self.without(model, refusal),
        };
        let rows = match self.count(model, json!([]), &context).await {
            Ok(rows) => rows,
            Err(refusal) => return self.without(model, refusal),
        };
        let mut table = columns::table(model, &fields.parse()?);
        table.rows = Some(rows);
        Ok(Some(table))
    }

    /// What is missing or closed is an error only where a person named it.
    fn without(&self, model: &str, refusal: Refusal) -> Result<Option<SourceTable>, SourceError> {
        match refusal {
            Refusal::Closed(_) | Refusal::Absent(_) if !self.settings.names(model) => Ok(None),
            refusal => Err(refusal.into()),
        }
    }

    async fn count(&self, model: &str, domain: Value, context: &Value) -> Result<u64, Refusal> {
        let asked = arguments(json!({ "domain": domain, "context": context }));
        Ok(self.transport.call(model, "search_count", asked).await?.parse()?)
    }

    async fn tables(&self) -> Result<Vec<SourceTable>, SourceError> {
        let mut tables = Vec::new();
        for model in self.settings.wanted() {
            tables.extend(self.table(&model).await?);
        }
        self.label(&mut tables).await?;
        let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        for table in &mut tables {
            table.foreign_keys.retain(|key| names.contains(&key.table));
        }
        tables.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(tables)
    }

    /// What people call the models, where the user may read that.
    async fn label(&self, tables: &mut [SourceTable]) -> Result<(), SourceError> {
        #[derive(Deserialize)]
        struct Model {
            model: String,
            name: String,
        }
        let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
        let asked = arguments(json!({
            "domain": [["model", "in", names]],
            "fields": ["model", "name"],
            "context": self.context().await?,
        }));
        let models: Vec<Model> = match self.transport.call("ir.model", "search_read", asked).await {
            Ok(result) => result.parse()?,
            Err(Refusal::Closed(_)) => return Ok(()),
            Err(refusal) => return Err(refusal.into()),
        };
        for table in tables {
            if let Some(model) = models.iter().find(|model| model.model == table.name) {
                table.label.clone_from(&model.name);
            }
        }
        Ok(())
    }

    /// The newest change there is.
    async fn newest(&self, model: &str, context: &Value) -> Result<Option<String>, SourceError> {
        #[derive(Deserialize)]
        struct Changed {
            write_date: Value,
        }
        let asked = arguments(json!({
            "domain": [[CHANGED, "!=", false]],
            "fields": [CHANGED],
            "order": format!("{CHANGED} desc"),
            "limit": 1,
            "context": context,
        }));
        let found: Vec<Changed> =
            self.transport.call(model, "search_read", asked).await?.parse()?;
        Ok(found.first().and_then(|row| row.write_date.as_str()).map(str::to_owned))
    }

    /// What changed at or after this moment, and a while before: a transaction that took long is seen
    /// late and is stamped with its start.
    fn changed_since(&self, from: Option<&str>) -> Result<Vec<Value>, SourceError> {
        let Some(from) = from else { return Ok(Vec::new()) };
        let moment = value::naive(from).ok_or_else(|| {
            SourceError::invalid(
                "watermark",
                "The table's mark holds no moment. Load the table in full.",
            )
        })?;
        let moment = moment - Duration::seconds(i64::from(self.settings.overlap_seconds));
        Ok(vec![json!([CHANGED, ">=", moment.format("%Y-%m-%d %H:%M:%S").to_string()])])
    }

    fn pages(
        &self,
        pull: Pull,
    ) -> impl futures_util::Stream<Item = Result<Pulled, SourceError>> + '_ {
        async_stream::try_stream! {
            let context = self.context().await?;
            let model = pull.table.name.clone();
            let mut mark = Mark::read(pull.since.as_ref())?;
            if mark.after.is_none() && pull.table.changes_by.is_some() {
                mark.until = self.newest(&model, &context).await?;
            }
            let changed = self.changed_since(mark.from.as_deref())?;
            let expected = self.count(&model, json!(changed), &context).await?;
            let reading = Reading::new(&pull.table);
            let mut seen = 0;
            loop {
                let domain = beyond(&changed, mark.after.as_deref())?;
                let asked = reading.asked(domain, self.settings.page_rows, &context, &self.transport).await?;
                let page = self.transport.call(&model, "search_read", asked).await?;
                let (rows, last) = reading.rows(&page)?;
                seen += rows.count() as u64;
                // A server may give fewer than it is asked for: that is the end only when all have come.
                let ended = rows.count() == 0 || (rows.count() < self.settings.page_rows as usize && seen >= expected);
                mark.after = last.or(mark.after);
                let watermark = match (&mark.after, ended) {
                    (Some(after), false) => mark.at(after.clone()),
                    _ => mark.end(),
                };
                let bytes = page.bytes();
                yield Pulled { batch: rows.batch()?, bytes, rows_expected: Some(expected), watermark };
                if ended {
                    break;
                }
            }
        }
    }
}

impl Source for Odoo {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        self.tables().boxed()
    }

    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>> {
        self.pages(pull).boxed()
    }
}

/// How the pages of one table are read.
struct Reading<'t> {
    table: &'t SourceTable,
    fields: Fields,
    id: usize,
}

impl<'t> Reading<'t> {
    fn new(table: &'t SourceTable) -> Self {
        let mut fields = Fields::default();
        for (cell, column) in table.columns.iter().enumerate() {
            fields.place(&column.source_name, cell);
        }
        fields.place("id", table.columns.len());
        let id = fields.cell("id").unwrap_or(table.columns.len());
        Self { table, fields, id }
    }

    async fn asked(
        &self,
        domain: Vec<Value>,
        limit: u32,
        context: &Value,
        transport: &Transport,
    ) -> Result<Map<String, Value>, SourceError> {
        let names: Vec<&str> =
            self.table.columns.iter().map(|column| column.source_name.as_str()).collect();
        let mut asked = arguments(json!({
            "domain": domain, "fields": names, "order": "id", "limit": limit, "context": context,
        }));
        if transport.gives_plain_references().await? {
            // Without it every reference costs the name of what it names.
            asked.insert("load".to_owned(), Value::Null);
        }
        Ok(asked)
    }

    /// The page's rows and the last one's id.
    fn rows(&self, page: &transport::Outcome) -> Result<(Rows<'t>, Option<String>), SourceError> {
        let writing = Writing { false_is_null: true, pairs: true, ..Writing::default() };
        let mut rows = Rows::new(self.table, writing);
        let mut last: Option<i64> = None;
        for row in page.parse::<Vec<&RawValue>>()? {
            let mut cells: Vec<Cell<'_>> = vec![None; self.table.columns.len() + 1];
            self.fields.read(row.get(), &mut cells)?;
            let id = cells.get(self.id).and_then(|cell| value::integer(cell.as_deref()?));
            let Some(id) = id.filter(|id| last.is_none_or(|last| last < *id)) else {
                return Err(SourceError::invalid(
                    "source_order",
                    format!(
                        "Odoo sent records of {} that are not in the order of their id.",
                        self.table.name
                    ),
                ));
            };
            last = Some(id);
            rows.push(&cells)?;
        }
        Ok((rows, last.map(|id| id.to_string())))
    }
}

/// The domain with what lies behind this id.
fn beyond(changed: &[Value], after: Option<&str>) -> Result<Vec<Value>, SourceError> {
    let mut domain = changed.to_vec();
    if let Some(after) = after {
        let id: i64 = after.parse().map_err(|_| {
            SourceError::invalid(
                "watermark",
                "The table's mark holds no id. Load the table in full.",
            )
        })?;
        domain.push(json!(["id", ">", id]));
    }
    Ok(domain)
}

/// The members of an object literal.
fn arguments(object: Value) -> Map<String, Value> {
    match object {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// A name that is known to be one.
fn column_name(text: &str) -> Option<ColumnName> {
    ColumnName::parse(text).ok()
}
