//! OData 4 services, and with them Business Central and the SAP Business One Service Layer.
//!
//! Facts are from the standard,
//! <https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part1-protocol.html> (`@odata.nextLink`,
//! `Prefer: odata.maxpagesize`, `$metadata`) and
//! <https://docs.oasis-open.org/odata/odata-json-format/v4.01/> (values, `IEEE754Compatible`); what is
//! particular to a vendor stands in [`profile`] with its pages.

mod access;
mod metadata;
mod page;
mod profile;
mod settings;
mod tables;

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use pacioli_model::ColumnType;
use reqwest::{
    StatusCode, Url,
    header::{ACCEPT, HeaderMap, HeaderName, HeaderValue},
};
use secrecy::SecretString;
use serde_json::Value;
use tokio::sync::OnceCell;

pub use settings::{
    BusinessCentralSettings, ODataAccess, ODataSettings, Paging, SapBusinessOneSettings,
};

use super::{
    answer::{Answer, Form},
    http::Http,
    mark::Mark,
    pace::Reach,
    url,
};
use crate::{
    SourceError,
    source::{Pull, Pulled, Source, SourceTable, Watermark},
};
use access::Access;
use metadata::Model;
use page::{Page, Reading};
use profile::Profile;
use tables::{OUTER, Way};

/// Pages without an entity, one after the other, before a service is taken to send nothing else.
const MOST_EMPTY_PAGES: u32 = 50;

/// An OData service.
pub struct OData {
    profile: Profile,
    http: Http,
    access: Access,
    root: Url,
    model: OnceCell<Model>,
}

impl OData {
    /// Any service, with the secret that its access needs.
    pub fn new(
        settings: ODataSettings,
        secret: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        Self::of(Profile::general(settings), secret, reach)
    }

    /// A Business Central company, with the registered application's secret.
    pub fn business_central(
        settings: BusinessCentralSettings,
        secret: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        Self::of(Profile::business_central(settings), secret, reach)
    }

    /// A SAP Business One company, with the user's password.
    pub fn sap_business_one(
        settings: SapBusinessOneSettings,
        password: &SecretString,
        reach: &Reach,
    ) -> Result<Self, SourceError> {
        Self::of(Profile::sap_business_one(settings), password, reach)
    }

    fn of(profile: Profile, secret: &SecretString, reach: &Reach) -> Result<Self, SourceError> {
        let http = Http::new(reach, profile.page_rows, profile.certificate_authority.as_deref())?;
        let root = url::base(&profile.root)?;
        let access = Access::new(profile.access.clone(), secret, root.clone(), &http)?;
        Ok(Self { profile, http, access, root, model: OnceCell::new() })
    }

    async fn model(&self) -> Result<&Model, SourceError> {
        self.model.get_or_try_init(|| self.learn()).await
    }

    async fn learn(&self) -> Result<Model, SourceError> {
        let target = url::with(&self.root, &["$metadata"], &[]);
        let wishes = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/xml"))]);
        let answer = self.access.ask(&self.http, &target, &wishes, Form::Xml).await?;
        match answer.status {
            StatusCode::OK => Model::read(&answer.body),
            _ => Err(answer
                .refusal(&self.http, "odata_service", "an OData service at this address")
                .into()),
        }
    }

    async fn tables(&self) -> Result<Vec<SourceTable>, SourceError> {
        tables::tables(self.model().await?, &self.profile)
    }

    fn address(&self, set: &str, query: &[(&str, &str)]) -> Url {
        let path: Vec<&str> = self.profile.company.as_deref().into_iter().chain([set]).collect();
        url::with(&self.root, &path, query)
    }

    async fn fetch(&self, target: &Url, set: &str) -> Result<Answer, SourceError> {
        let size = format!("odata.maxpagesize={}", self.profile.page_rows);
        let mut wishes = HeaderMap::new();
        wishes.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Ok(size) = HeaderValue::from_str(&size) {
            wishes.insert(HeaderName::from_static("prefer"), size);
        }
        let answer = self.access.ask(&self.http, target, &wishes, Form::Json).await?;
        match answer.status {
            StatusCode::OK => Ok(answer),
            _ => Err(answer
                .refusal(&self.http, "odata_entity_set", &format!("the entity set {set}"))
                .into()),
        }
    }

    /// The newest change there is, as the service writes it.
    async fn newest(&self, set: &str, property: &str) -> Result<Option<String>, SourceError> {
        let order = format!("{property} desc");
        let query = [("$select", property), ("$orderby", order.as_str()), ("$top", "1")];
        let answer = self.fetch(&self.address(set, &query), set).await?;
        let page = Page::read(&answer)?;
        let Some(entity) = page.value.first() else { return Ok(None) };
        let entity: Value = serde_json::from_str(entity.get()).unwrap_or_default();
        Ok(entity[property].as_str().map(str::to_owned))
    }

    async fn round<'t>(&'t self, pull: &'t Pull) -> Result<Round<'t>, SourceError> {
        let way = tables::way(&pull.table.name, &self.profile);
        let entity = self.model().await?.entity(way.set).ok_or_else(|| {
            let detail = format!("The service no longer has the entity set {}.", way.set);
            SourceError::invalid("odata_entity_set", detail)
        })?;
        let changed = changes_by(&pull.table);
        let mut mark = Mark::read(pull.since.as_ref())?;
        if let (None, Some((property, _))) = (&mark.after, changed) {
            mark.until = match self.newest(way.set, property).await {
                // It does not sort by this property: then each load is a full one.
                Err(SourceError::Invalid { code: "source_refused", .. }) => None,
                newest => newest?,
            };
        }
        let filter = match (&mark.from, changed) {
            (Some(from), Some(changed)) => Some(page::changed_since(from, changed, &self.profile)?),
            _ => None,
        };
        let single = entity.key.first().filter(|_| entity.key.len() == 1);
        let sorts =
            single.and_then(|key| entity.properties.iter().find(|property| property.name == *key));
        let sorts = sorts.is_some_and(|key| {
            matches!(key.kind.as_str(), "Edm.Int16" | "Edm.Int32" | "Edm.Int64" | "Edm.String")
        });
        let by_key = sorts && self.profile.paging == Paging::Key;
        let reading = Reading::new(&pull.table, &way, &entity.key);
        Ok(Round {
            source: self,
            reading,
            way,
            mark,
            filter,
            key: entity.key,
            by_key,
            first: true,
            seen: HashSet::new(),
            empty: 0,
        })
    }

    fn pages(
        &self,
        pull: Pull,
    ) -> impl futures_util::Stream<Item = Result<Pulled, SourceError>> + '_ {
        async_stream::try_stream! {
            let mut round = self.round(&pull).await?;
            let mut expected = None;
            let mut next = Some(round.start()?);
            while let Some(target) = next {
                let answer = self.fetch(&target, round.way.set).await?;
                let page = Page::read(&answer)?;
                expected = expected.or(page.count());
                let (rows, last) = round.reading.rows(&page)?;
                let follows = round.follows(&target, &page, last)?;
                let watermark = follows.watermark;
                next = follows.target;
                let bytes = answer.body.len() as u64;
                yield Pulled { batch: rows.batch()?, bytes, rows_expected: expected, watermark };
            }
        }
    }
}

impl Source for OData {
    fn discover(&self) -> BoxFuture<'_, Result<Vec<SourceTable>, SourceError>> {
        self.tables().boxed()
    }

    fn pull(&self, pull: Pull) -> BoxStream<'_, Result<Pulled, SourceError>> {
        self.pages(pull).boxed()
    }
}

/// The property that tells changes and what it holds.
fn changes_by(table: &SourceTable) -> Option<(&str, ColumnType)> {
    let name = table.changes_by.as_ref()?;
    let column = table.columns.iter().find(|column| column.name == *name)?;
    Some((column.source_name.trim_start_matches(OUTER), column.data_type))
}

/// One pass over a set.
struct Round<'s> {
    source: &'s OData,
    reading: Reading<'s>,
    way: Way<'s>,
    mark: Mark,
    filter: Option<String>,
    key: Vec<String>,
    by_key: bool,
    first: bool,
    /// Links and keys that came before: one that comes again leads in a circle.
    seen: HashSet<u64>,
    empty: u32,
}

struct Follows {
    target: Option<Url>,
    watermark: Option<Watermark>,
}

impl Round<'_> {
    /// The first page: of all, or where a round was cut off.
    fn start(&mut self) -> Result<Url, SourceError> {
        match self.mark.after.clone() {
            Some(after) if !self.by_key => self.link(&self.source.root, &after),
            after => self.page_after(after.as_deref()),
        }
    }

    /// The page after this key.
    fn page_after(&mut self, after: Option<&str>) -> Result<Url, SourceError> {
        let mut filters: Vec<String> = self.filter.iter().cloned().collect();
        if let (Some(after), Some(key)) = (after, self.key.first()) {
            filters.push(format!("{key} gt {}", page::literal(after)?));
        }
        let (filter, order) = (filters.join(" and "), self.key.join(","));
        let mut query: Vec<(&str, &str)> =
            self.reading.select.iter().map(|(name, value)| (*name, value.as_str())).collect();
        if !filter.is_empty() {
            query.push(("$filter", &filter));
        }
        if !order.is_empty() {
            query.push(("$orderby", &order));
        }
        if std::mem::take(&mut self.first) && self.source.profile.counts {
            query.push(("$count", "true"));
        }
        Ok(self.source.address(self.way.set, &query))
    }

    /// What comes after this page.
    fn follows(
        &mut self,
        target: &Url,
        page: &Page<'_>,
        last: Option<String>,
    ) -> Result<Follows, SourceError> {
        let Some(link) = &page.next else {
            return Ok(Follows { target: None, watermark: self.mark.end() });
        };
        self.empty = if page.value.is_empty() { self.empty + 1 } else { 0 };
        let again =
            !self.is_new(link) || last.as_ref().is_some_and(|last| !self.is_new(&("key", last)));
        if again || self.empty > MOST_EMPTY_PAGES {
            let set = self.way.set;
            let detail = format!("The service sends the same pages of {set} again and again.");
            return Err(SourceError::invalid("source_loop", detail));
        }
        let (after, target) = match (last, self.by_key) {
            (Some(last), true) => {
                let target = self.page_after(Some(&last))?;
                (last, target)
            }
            _ => {
                let next = self.link(target, link)?;
                (format!("{}?{}", next.path(), next.query().unwrap_or_default()), next)
            }
        };
        let watermark = self.mark.at(after);
        Ok(Follows { target: Some(target), watermark })
    }

    fn is_new(&mut self, thing: &impl Hash) -> bool {
        let mut hasher = DefaultHasher::new();
        thing.hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }

    /// Where a link leads; never to another server, which would be sent the credentials.
    fn link(&self, page: &Url, link: &str) -> Result<Url, SourceError> {
        let next = page.join(link).ok().filter(|next| url::same_origin(next, &self.source.root));
        next.ok_or_else(|| {
            let detail = format!(
                "The service links from {} to another server, where nothing is sent.",
                self.way.set
            );
            SourceError::invalid("source_link", self.source.http.redact(&detail))
        })
    }
}
