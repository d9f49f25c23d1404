use serde_json::{Value, json};

use crate::{
    StoreError, TenantStore,
    backend::{Collection, Filter, Write},
    store::{ATTEMPTS, back_off},
};

impl TenantStore {
    /// Tokens that the company has spent on a paid model in a calendar month: `2026-06`.
    pub async fn model_tokens(&self, month: &str) -> Result<u64, StoreError> {
        let found = self.get(Collection::ModelUse, &self.month_id(month)).await?;
        Ok(found.and_then(|document| document.get("tokens")?.as_u64()).unwrap_or(0))
    }

    /// Adds tokens to the company's month.
    pub async fn spend_model_tokens(&self, month: &str, tokens: u64) -> Result<(), StoreError> {
        let id = self.month_id(month);
        for attempt in 0..ATTEMPTS {
            let found = self.get(Collection::ModelUse, &id).await?;
            let before = found.as_ref().and_then(|document| document.get("tokens")?.as_i64());
            let sum = before.unwrap_or(0).saturating_add_unsigned(tokens);
            let write = match before {
                Some(before) => {
                    let guard = self.own().and(Filter::equals("tokens", before));
                    let fields = [("tokens", Value::from(sum))];
                    Write::update(Collection::ModelUse, &id, guard, fields)
                }
                None => {
                    let document = json!({"_id": id, "month": month, "tokens": sum});
                    Write::insert(Collection::ModelUse, self.owned(&document)?)
                }
            };
            if self.store.try_batch(vec![write]).await? {
                return Ok(());
            }
            back_off(attempt).await;
        }
        Err(StoreError::Conflict)
    }

    fn month_id(&self, month: &str) -> String {
        format!("{}:{month}", self.company_id())
    }
}
