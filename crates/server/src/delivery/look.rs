//! Looks at the conditions of alerts. A look is kept like a delivery, with nobody to get it: it is taken by
//! one server at a time, tried again where its fault may pass, and its record says what went wrong. One
//! that goes well at once leaves no record.

use pacioli_model::{
    Addressee, Delivery, DeliveryId, DeliveryStatus, Subscription, SubscriptionId, Timestamp,
};
use pacioli_store::TenantStore;
use sha2::{Digest as _, Sha256};

use super::{KEPT, Trouble, alert, next_turn};
use crate::{app::App, error::ApiResult};

/// Takes the turn of an alert that was due at `due`: it is looked at, now or by whoever lives on. The looks
/// that fail one after the other have one record, so that an alert that cannot be looked at for weeks does
/// not fill the list.
pub async fn take_turn(
    data: &TenantStore,
    subscription: &Subscription,
    due: Timestamp,
    now: Timestamp,
) -> ApiResult<()> {
    let id = id(subscription.id, subscription.checked_at);
    let mut looks = Vec::new();
    match data.kept::<Delivery>(&id).await? {
        None => looks.push(Delivery {
            id,
            company_id: subscription.company_id,
            subscription_id: subscription.id,
            to: Addressee::Nobody,
            notice: None,
            report_id: None,
            status: DeliveryStatus::Pending,
            due_at: Some(now),
            attempts: 0,
            error: None,
            created_at: now,
            delivered_at: None,
            expires_at: now + KEPT,
        }),
        // It is tried again before long, or is being tried.
        Some(look) if look.status == DeliveryStatus::Pending => {}
        Some(ended) => {
            let status = DeliveryStatus::Pending;
            let again = Delivery { status, due_at: Some(now), attempts: 0, ..ended.clone() };
            data.move_delivery(&ended, &again).await?;
        }
    }
    data.take_turn(subscription.id, due, next_turn(subscription, now), &looks).await?;
    Ok(())
}

/// Names the looks of an alert from one that went well to the next.
fn id(of: SubscriptionId, since: Option<Timestamp>) -> DeliveryId {
    let since = since.map_or(i64::MIN, Timestamp::millis);
    let digest = Sha256::new().chain_update(of.0.as_bytes()).chain_update(since.to_be_bytes());
    let bytes: [u8; 32] = digest.finalize().into();
    DeliveryId(uuid::Builder::from_random_bytes(std::array::from_fn(|at| bytes[at])).into_uuid())
}

/// One attempt at a look. An error is a fault of ours, or of what we depend on.
pub async fn look(
    app: &App,
    data: &TenantStore,
    look: &Delivery,
) -> ApiResult<Result<(), Trouble>> {
    match data.kept::<Subscription>(&look.subscription_id).await? {
        Some(it) if it.condition.is_some() => alert::check(app, &it, app.clock.now()).await,
        // Nobody wants to know any more.
        _ => Ok(Ok(())),
    }
}

/// Whether an alert is looked at again by itself before `at`.
pub async fn comes_before(data: &TenantStore, look: &Delivery, at: Timestamp) -> ApiResult<bool> {
    let subscription = data.kept::<Subscription>(&look.subscription_id).await?;
    Ok(subscription.is_none_or(|it| it.next_at.is_some_and(|next| next <= at)))
}
