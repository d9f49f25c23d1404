use pacioli_model::CompanyId;
use serde::Serialize;
use serde_json::Value;

use crate::{
    Store, StoreError,
    backend::{Collection, Filter},
    document::{self, Document},
};

/// One company's share of the store. Every read and every write carries the company in its filter:
/// what belongs to another company answers as what does not exist. Clones are cheap.
#[derive(Debug, Clone)]
pub struct TenantStore {
    pub(crate) store: Store,
    company: CompanyId,
}

impl TenantStore {
    pub(crate) fn new(store: Store, company: CompanyId) -> Self {
        Self { store, company }
    }

    /// Whose share this is.
    pub fn company_id(&self) -> CompanyId {
        self.company
    }

    /// Documents of this company.
    pub(crate) fn own(&self) -> Filter {
        Filter::equals("company_id", self.company.to_string())
    }

    /// The document of this id, where it is this company's.
    pub(crate) async fn get(
        &self,
        collection: Collection,
        id: &(impl ToString + ?Sized),
    ) -> Result<Option<Document>, StoreError> {
        self.store.find_one(collection, Filter::id(id).and(self.own())).await
    }

    /// The value's document, made this company's whatever it said.
    pub(crate) fn owned(&self, value: &impl Serialize) -> Result<Document, StoreError> {
        let mut document = document::encode(value)?;
        document.insert("company_id".to_owned(), Value::String(self.company.to_string()));
        Ok(document)
    }
}
