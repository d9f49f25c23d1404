//! Reading a `users` collection that the Python system wrote. Its documents may lack `company_id` (a
//! superuser's company is its own `_id`), times and the company's own document, and hold `email` in
//! any spelling. They are left as they are: what is missing is supplied when they are read.
//!
//! Uniqueness: every account written here carries `email_canonical`, under a unique index. An account
//! without it is found by its `email` in any case, and gets the field at its first change.

use pacioli_model::{Company, CompanyId, Email, Timestamp, User};
use serde_json::Value;

use crate::{
    Duplicate, Store, StoreError,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
};

/// The people of a company, those included whose documents do not name it.
pub(crate) fn members(company: CompanyId) -> Filter {
    let founder = Filter::id(&company)
        .and(Filter::Missing("company_id"))
        .and(Filter::equals("role", "superuser"));
    Filter::Any(vec![Filter::equals("company_id", company.to_string()), founder])
}

/// Reads an account, whoever wrote it.
pub(crate) fn read_user(mut document: Document) -> Result<User, StoreError> {
    let absent = |document: &Document, field| document.get(field).is_none_or(Value::is_null);
    if absent(&document, "company_id") && document::text(&document, "role") == Some("superuser") {
        let own = document.get("_id").cloned().unwrap_or_default();
        document.insert("company_id".to_owned(), own);
    }
    if absent(&document, "created_at") {
        // Nobody knows any more; the start of the calendar sorts such accounts first.
        let start = Timestamp::from_millis(0).to_string();
        document.insert("created_at".to_owned(), Value::String(start));
    }
    document::decode(Collection::Users, document)
}

/// The company that a founder's account describes, where it has no document of its own.
pub(crate) fn founded_company(founder: Document) -> Result<Company, StoreError> {
    let words = |field: &str| match founder.get(field)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let (company_name, industry) = (words("company_name"), words("industry"));
    let (size, address) = (words("size"), words("address"));
    let user = read_user(founder)?;
    Ok(Company {
        id: user.company_id,
        company_name: company_name.unwrap_or(user.full_name),
        industry,
        size,
        address,
        time_zone: "UTC".to_owned(),
        created_at: user.created_at,
        updated_at: user.updated_at.unwrap_or(user.created_at),
        disabled_at: None,
    })
}

/// The document of a new account.
pub(crate) fn new_user(user: &User) -> Result<Document, StoreError> {
    let mut document = document::encode(user)?;
    document.insert("email_canonical".to_owned(), Value::String(user.email.to_string()));
    Ok(document)
}

impl Store {
    /// Takes over one document of the Python system's `users` collection, as it is. Fails as
    /// [`StoreError::Corrupt`] where it cannot be read as an account, as [`StoreError::Duplicate`]
    /// where its address or its id is taken.
    pub async fn import_user_document(&self, mut document: Document) -> Result<User, StoreError> {
        document::normalise_times(&mut document);
        let user = read_user(document.clone())?;
        if self.document_by_email(&user.email).await?.is_some() {
            return Err(StoreError::Duplicate(Duplicate::Email));
        }
        document.insert("_id".to_owned(), Value::String(user.id.to_string()));
        document.insert("email_canonical".to_owned(), Value::String(user.email.to_string()));
        self.batch(vec![Write::insert(Collection::Users, document)]).await?;
        Ok(user)
    }

    /// The account with this address, whatever spelling it was stored in.
    pub(crate) async fn document_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Document>, StoreError> {
        let canonical = Filter::equals("email_canonical", email.as_str());
        if let Some(found) = self.find_one(Collection::Users, canonical).await? {
            return Ok(Some(found));
        }
        let spellings = [email.to_string(), email.with_unicode_domain()];
        let spelled = spellings.into_iter().map(|it| Filter::Spells("email", it)).collect();
        let filter = Filter::Missing("email_canonical").and(Filter::Any(spelled));
        let mut found = self.find(Query::new(Collection::Users, filter).limit(100)).await?;
        let stored = |document: &Document| document::text(document, "email").map(str::to_owned);
        found.retain(|it| stored(it).and_then(|it| Email::parse(&it).ok()).as_ref() == Some(email));
        // Two spellings of one address were possible there: the exact one wins, then the lesser id.
        found.sort_by_key(|it| {
            let exact = stored(it).as_deref() == Some(email.as_str());
            (!exact, document::id_of(it).to_owned())
        });
        Ok(found.into_iter().next())
    }
}
