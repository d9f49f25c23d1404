use pacioli_model::{AuditEvent, Company, CompanyId, Timestamp};
use serde_json::Value;

use crate::{
    After, Page, PageRequest, Store, StoreError, TenantStore, adoption,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

/// What changes in a company's profile. Empty stays; an inner empty value is removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CompanyChange {
    /// The name.
    pub company_name: Option<String>,
    /// Line of business.
    pub industry: Option<Option<String>>,
    /// Head count.
    pub size: Option<Option<String>>,
    /// Postal address.
    pub address: Option<Option<String>>,
    /// IANA time zone.
    pub time_zone: Option<String>,
    /// Shuts the whole company out, or lets it in again.
    pub disabled_at: Option<Option<Timestamp>>,
}

impl CompanyChange {
    fn fields(&self) -> Vec<(&'static str, Value)> {
        let named = |name, text: &Option<String>| text.clone().map(|it| (name, Value::from(it)));
        let moment = self.disabled_at.map(|at| at.map(|it| it.to_string()));
        let optional = |name, text: Option<Option<String>>| text.map(|it| (name, Value::from(it)));
        [
            named("company_name", &self.company_name),
            optional("industry", self.industry.clone()),
            optional("size", self.size.clone()),
            optional("address", self.address.clone()),
            named("time_zone", &self.time_zone),
            optional("disabled_at", moment),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Store {
    /// All companies, by id.
    pub async fn companies(&self, page: &PageRequest) -> Result<Page<Company>, StoreError> {
        let limit = page.limit.max(1);
        let own = self.company_batch(Collection::Companies, page, Filter::everything()).await?;
        let owners = Filter::equals("role", "superuser");
        let founders = self.company_batch(Collection::Users, page, owners).await?;
        // A batch that came back full says nothing about ids behind its last one.
        let horizon = [&own, &founders]
            .into_iter()
            .filter(|batch| batch.len() > usize::try_from(limit).unwrap_or(usize::MAX))
            .filter_map(|batch| batch.last().map(document::id_of))
            .min()
            .map(str::to_owned);
        let seen: Vec<String> = own.iter().map(|it| document::id_of(it).to_owned()).collect();
        let mut items = own
            .into_iter()
            .map(|it| document::decode::<Company>(Collection::Companies, it))
            .collect::<Result<Vec<_>, _>>()?;
        for founder in founders {
            let id = document::id_of(&founder).to_owned();
            let founded = document::text(&founder, "company_id").is_none_or(|it| it == id);
            if founded && !seen.contains(&id) {
                items.push(adoption::founded_company(founder)?);
            }
        }
        items.retain(|it| horizon.as_ref().is_none_or(|horizon| &it.id.to_string() <= horizon));
        items.sort_by_key(|it| it.id);
        let cut = items.len() > usize::try_from(limit).unwrap_or(usize::MAX);
        items.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let last = if cut { items.last().map(|it| it.id.to_string()) } else { horizon };
        let next = last.map(|id| After { key: id.clone(), id });
        Ok(Page { items, next, total: None })
    }

    async fn company_batch(
        &self,
        collection: Collection,
        page: &PageRequest,
        filter: Filter,
    ) -> Result<Vec<Document>, StoreError> {
        let limit = page.limit.max(1).saturating_add(1);
        let query = Query::new(collection, filter).sorted("_id", false);
        self.find(query.after(page.after.clone()).limit(limit)).await
    }

    /// A company by its own document, else as its founder's account describes it.
    pub(crate) async fn company(&self, id: CompanyId) -> Result<Option<Company>, StoreError> {
        match self.find_one(Collection::Companies, Filter::id(&id)).await? {
            Some(found) => document::decode(Collection::Companies, found).map(Some),
            None => self.adopted_company(id).await,
        }
    }

    pub(crate) async fn adopted_company(
        &self,
        id: CompanyId,
    ) -> Result<Option<Company>, StoreError> {
        let owners = adoption::members(id).and(Filter::equals("role", "superuser"));
        let by_age = Query::new(Collection::Users, owners).sorted("created_at", false);
        let mut owners = self.find(by_age).await?;
        let founder = owners.iter().position(|it| document::id_of(it) == id.to_string());
        if owners.is_empty() {
            return Ok(None);
        }
        adoption::founded_company(owners.swap_remove(founder.unwrap_or(0))).map(Some)
    }
}

impl TenantStore {
    /// The company's profile.
    pub async fn company(&self) -> Result<Option<Company>, StoreError> {
        self.store.company(self.company_id()).await
    }

    /// Changes the company's profile and says how it is now. [`StoreError::Conflict`] where the
    /// company is gone.
    pub async fn update_company(
        &self,
        change: &CompanyChange,
        now: Timestamp,
        event: &AuditEvent,
    ) -> Result<Company, StoreError> {
        let id = self.company_id();
        let mut fields = change.fields();
        fields.push(("updated_at", now.to_string().into()));
        for attempt in 0..ATTEMPTS {
            let all = Filter::everything();
            let write = if self.has_own_document().await? {
                Write::update(Collection::Companies, &id, all, fields.clone())
            } else {
                let Some(company) = self.store.adopted_company(id).await? else {
                    return Err(StoreError::Conflict);
                };
                Write::insert(Collection::Companies, changed(&company, &fields)?)
            };
            if self.store.try_batch(vec![write, logged(id, event)?]).await? {
                return self.company().await?.ok_or(StoreError::Conflict);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    async fn has_own_document(&self) -> Result<bool, StoreError> {
        let own = Filter::id(&self.company_id());
        Ok(self.store.count(Collection::Companies, own).await? > 0)
    }
}

fn changed(company: &Company, fields: &[(&str, Value)]) -> Result<Document, StoreError> {
    let mut document = document::encode(company)?;
    for (field, value) in fields {
        if value.is_null() {
            document.remove(*field);
        } else {
            document.insert((*field).to_owned(), value.clone());
        }
    }
    Ok(document)
}
