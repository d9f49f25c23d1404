use pacioli_model::{AuditEvent, Measurements, Semantics, StoredSemantics, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    StoreError, TenantStore,
    backend::{Collection, Filter, Query, Write},
    document::{self, Document},
    store::{ATTEMPTS, back_off, logged},
};

/// So many earlier declarations are kept.
const VERSIONS: usize = 50;

/// What a company declared before its next change.
#[derive(Debug, Clone, PartialEq)]
pub struct SemanticsVersion {
    /// The version that it was.
    pub version: u64,
    /// When the next one replaced it.
    pub replaced_at: Timestamp,
    /// Who replaced it.
    pub replaced_by: UserId,
    /// What was declared.
    pub declared: Semantics,
}

/// As documents, declarations are JSON text: they hold words of people as keys, and nest deeper than
/// every database takes.
#[derive(Serialize, Deserialize)]
struct CurrentDocument {
    version: u64,
    declared: String,
    recognised: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed_by: Option<UserId>,
}

#[derive(Serialize, Deserialize)]
struct VersionDocument {
    version: u64,
    replaced_at: Timestamp,
    replaced_by: UserId,
    declared: String,
}

impl TenantStore {
    /// What the company's tables mean; nothing in particular where nobody said so.
    pub async fn semantics(&self) -> Result<StoredSemantics, StoreError> {
        let found = self.get(Collection::Semantics, &self.company_id()).await?;
        Ok(found.map(read_semantics).transpose()?.unwrap_or_default())
    }

    /// Declares what the company's tables mean, in the place of what was declared at version `base`, and
    /// returns the new version. [`StoreError::Conflict`] where it is another version by now.
    pub async fn declare_semantics(
        &self,
        base: u64,
        declared: &Semantics,
        by: UserId,
        now: Timestamp,
        event: &AuditEvent,
    ) -> Result<u64, StoreError> {
        let found = self.get(Collection::Semantics, &self.company_id()).await?;
        let before = found.clone().map(read_semantics).transpose()?.unwrap_or_default();
        if before.version != base {
            return Err(StoreError::Conflict);
        }
        let after = StoredSemantics {
            version: base + 1,
            declared: declared.clone(),
            recognised: before.recognised,
            changed_at: Some(now),
            changed_by: Some(by),
        };
        let version = VersionDocument {
            version: base,
            replaced_at: now,
            replaced_by: by,
            declared: write(&before.declared)?,
        };
        let mut kept = self.owned(&version)?;
        kept.insert("_id".to_owned(), format!("{}/{base}", self.company_id()).into());
        let mut writes = vec![
            self.put_one(
                Collection::Semantics,
                "version",
                base,
                found.as_ref(),
                &document_of(&after)?,
            )?,
            Write::insert(Collection::SemanticsVersions, kept),
            logged(self.company_id(), event)?,
        ];
        writes.extend(self.forget_old_versions().await?);
        if self.store.try_batch(writes).await? { Ok(base + 1) } else { Err(StoreError::Conflict) }
    }

    /// Remembers what packs recognise in the company's tables; false where that is nothing new.
    pub async fn recognise_semantics(&self, recognised: &Semantics) -> Result<bool, StoreError> {
        for attempt in 0..ATTEMPTS {
            let found = self.get(Collection::Semantics, &self.company_id()).await?;
            let before = found.clone().map(read_semantics).transpose()?.unwrap_or_default();
            if &before.recognised == recognised {
                return Ok(false);
            }
            let base = before.version;
            let recognised = recognised.clone();
            let after = StoredSemantics { version: base + 1, recognised, ..before };
            let (collection, after) = (Collection::Semantics, document_of(&after)?);
            let put = self.put_one(collection, "version", base, found.as_ref(), &after)?;
            if self.store.try_batch(vec![put]).await? {
                return Ok(true);
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// Earlier declarations, the newest first.
    pub async fn semantics_versions(&self) -> Result<Vec<SemanticsVersion>, StoreError> {
        let found = self.store.find(self.versions(true)).await?;
        found.into_iter().map(read_version).collect()
    }

    /// What was measured in the company's tables.
    pub async fn measurements(&self) -> Result<Measurements, StoreError> {
        let found = self.get(Collection::Measurements, &self.company_id()).await?;
        let read = |found| document::decode(Collection::Measurements, found);
        Ok(found.map(read).transpose()?.unwrap_or_default())
    }

    /// Puts these measurements in the place of those of the revision before; false where they are of
    /// another revision by now.
    pub async fn put_measurements(&self, measured: &Measurements) -> Result<bool, StoreError> {
        let found = self.get(Collection::Measurements, &self.company_id()).await?;
        let read = |found| document::decode::<Measurements>(Collection::Measurements, found);
        let before = found.clone().map(read).transpose()?.unwrap_or_default();
        let base = before.revision;
        if measured.revision != base + 1 {
            return Ok(false);
        }
        let collection = Collection::Measurements;
        let write = self.put_one(collection, "revision", base, found.as_ref(), measured)?;
        self.store.try_batch(vec![write]).await
    }

    /// The write that makes `value` the company's one document of the collection, in the place of the
    /// one that was found with `count` in the field.
    fn put_one(
        &self,
        collection: Collection,
        field: &'static str,
        count: u64,
        found: Option<&Document>,
        value: &impl Serialize,
    ) -> Result<Write, StoreError> {
        let id = self.company_id().to_string();
        let mut document = self.owned(value)?;
        if found.is_none() {
            document.insert("_id".to_owned(), id.into());
            return Ok(Write::insert(collection, document));
        }
        let count = i64::try_from(count).map_err(StoreError::unavailable)?;
        let guard = self.own().and(Filter::equals(field, count));
        Ok(Write::Update { collection, id, guard, set: document, unset: vec![] })
    }

    async fn forget_old_versions(&self) -> Result<Option<Write>, StoreError> {
        let query = Query { only: &["_id"], ..self.versions(false) };
        let kept = self.store.find(query).await?;
        let oldest = kept.first().filter(|_| kept.len() >= VERSIONS).map(document::id_of);
        let guard = self.own();
        Ok(oldest.map(|id| Write::delete(Collection::SemanticsVersions, id, guard)))
    }

    fn versions(&self, newest_first: bool) -> Query {
        let collection = Collection::SemanticsVersions;
        Query::new(collection, self.own()).sorted("replaced_at", newest_first)
    }
}

fn document_of(it: &StoredSemantics) -> Result<CurrentDocument, StoreError> {
    Ok(CurrentDocument {
        version: it.version,
        declared: write(&it.declared)?,
        recognised: write(&it.recognised)?,
        changed_at: it.changed_at,
        changed_by: it.changed_by,
    })
}

fn read_semantics(found: Document) -> Result<StoredSemantics, StoreError> {
    let (collection, id) = (Collection::Semantics, document::id_of(&found).to_owned());
    let it: CurrentDocument = document::decode(collection, found)?;
    Ok(StoredSemantics {
        version: it.version,
        declared: read(collection, &id, &it.declared)?,
        recognised: read(collection, &id, &it.recognised)?,
        changed_at: it.changed_at,
        changed_by: it.changed_by,
    })
}

fn read_version(found: Document) -> Result<SemanticsVersion, StoreError> {
    let (collection, id) = (Collection::SemanticsVersions, document::id_of(&found).to_owned());
    let it: VersionDocument = document::decode(collection, found)?;
    let declared = read(collection, &id, &it.declared)?;
    let VersionDocument { version, replaced_at, replaced_by, .. } = it;
    Ok(SemanticsVersion { version, replaced_at, replaced_by, declared })
}

fn write(semantics: &Semantics) -> Result<String, StoreError> {
    serde_json::to_string(semantics).map_err(StoreError::unavailable)
}

fn read(collection: Collection, id: &str, text: &str) -> Result<Semantics, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Corrupt {
        collection: collection.name(),
        id: id.to_owned(),
        source,
    })
}
