use pacioli_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Duplicate, Store, StoreError,
    backend::{Collection, Filter, Write},
    document,
    store::{ATTEMPTS, back_off},
};

/// A request's claim on its idempotency key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdempotencyRecord {
    /// The key, made unique over companies and people by whoever claims. Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: String,
    /// A digest of what was asked: the same key with another one is another request.
    pub fingerprint: String,
    /// Until then a claim without an answer counts as being worked on; after it, its server died.
    pub lock_until: Timestamp,
    /// Forgotten after this.
    pub expires_at: Timestamp,
    /// The answer, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<StoredResponse>,
}

/// An answer that is given again to the same request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredResponse {
    /// HTTP status.
    pub status: u16,
    /// Media type.
    pub content_type: String,
    /// The body, as text.
    pub body: String,
}

/// What a claim found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// Nobody has the key: do the work, then [`Store::complete`] or [`Store::release`].
    New,
    /// The same request is being worked on.
    InFlight,
    /// The same request was answered so.
    Done(StoredResponse),
    /// Another request has the key.
    OtherRequest,
}

impl Store {
    /// Claims an idempotency key for one request; of many at once, one gets [`Claim::New`].
    pub async fn claim(
        &self,
        record: &IdempotencyRecord,
        now: Timestamp,
    ) -> Result<Claim, StoreError> {
        for attempt in 0..ATTEMPTS {
            let insert = Write::insert(Collection::Idempotency, document::encode(record)?);
            match self.batch(vec![insert]).await {
                Ok(()) => return Ok(Claim::New),
                Err(StoreError::Duplicate(Duplicate::IdempotencyKey)) => {}
                Err(other) => return Err(other),
            }
            let Some(held) = self.idempotency_record(&record.id).await? else { continue };
            let expired = held.expires_at <= now;
            if !expired && held.fingerprint != record.fingerprint {
                return Ok(Claim::OtherRequest);
            }
            match held.response {
                Some(response) if !expired => return Ok(Claim::Done(response)),
                None if !expired && held.lock_until > now => return Ok(Claim::InFlight),
                _ => {}
            }
            // Abandoned or expired: it goes, if nobody else took it over meanwhile, and the next
            // attempt inserts anew.
            let as_read = Filter::equals("lock_until", held.lock_until.to_string());
            self.try_batch(vec![Write::delete(Collection::Idempotency, &record.id, as_read)])
                .await?;
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    /// Keeps the answer to a claimed request. [`StoreError::Conflict`] where the claim is gone.
    pub async fn complete(&self, id: &str, response: &StoredResponse) -> Result<(), StoreError> {
        let answer = serde_json::to_value(response).map_err(StoreError::unavailable)?;
        let unanswered = Filter::Missing("response");
        let fields = [("response", answer)];
        self.batch(vec![Write::update(Collection::Idempotency, &id, unanswered, fields)]).await
    }

    /// Says that a claimed request is still being worked on, and will be until then at least.
    pub async fn hold(&self, id: &str, until: Timestamp) -> Result<(), StoreError> {
        let unanswered = Filter::Missing("response");
        let fields = [("lock_until", until.to_string().into())];
        self.batch(vec![Write::update(Collection::Idempotency, &id, unanswered, fields)]).await
    }

    /// Gives up a claim that got no answer, so that the request may be made again.
    pub async fn release(&self, id: &str) -> Result<(), StoreError> {
        let unanswered = Filter::Missing("response");
        self.try_batch(vec![Write::delete(Collection::Idempotency, &id, unanswered)]).await?;
        Ok(())
    }

    async fn idempotency_record(&self, id: &str) -> Result<Option<IdempotencyRecord>, StoreError> {
        let found = self.find_one(Collection::Idempotency, Filter::id(&id)).await?;
        found.map(|it| document::decode(Collection::Idempotency, it)).transpose()
    }
}
