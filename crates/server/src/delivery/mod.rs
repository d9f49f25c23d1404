//! What is sent by itself: answers and reports at their times, and alerts when their conditions come to
//! hold.
//!
//! Every server looks for what is due, and the store decides who does it. A subscription's turn is taken
//! by moving its time on, in one write with the deliveries that come of it, one for each addressee. A
//! delivery is taken by moving its next attempt behind the longest that this one can take; whoever dies
//! with it leaves it to be taken again. A look at an alert's condition goes the same way. What is sent is seen
//! with the eyes of whoever made the subscription, at the time that it is sent.

mod alert;
mod look;
mod mail;
mod message;
mod quiet;
mod webhook;

use std::time::Duration as Wait;

use chrono::Duration;
use futures_util::{StreamExt as _, stream};
use pacioli_model::{
    Addressee, Delivery, DeliveryId, DeliveryStatus, ReportId, Sent, Subscription, Timestamp,
};

pub use self::{
    mail::{Mailer, check_recipient},
    message::language_of,
    webhook::{check_url, new_secret, reseal},
};
use crate::{
    app::App,
    error::{ApiError, ApiResult, Code, chain},
    loads::next,
};

/// How often is looked for what is due.
const LOOK: Wait = Wait::from_secs(2);
/// Subscriptions and deliveries that are taken at one look.
const AT_ONCE: u32 = 100;
/// Deliveries that are under way at once.
const PARALLEL: usize = 4;
/// Longer than any attempt can take.
const LEASE: Duration = Duration::minutes(10);
/// How long the record of a delivery is kept.
const KEPT: Duration = Duration::days(90);
/// Minutes from one attempt to the next; after the last it is given up.
const PAUSES: [i64; 6] = [1, 5, 30, 120, 300, 600];

/// Why an attempt did not deliver.
#[derive(Debug)]
enum Trouble {
    /// It may pass.
    Passing(String),
    /// It will not.
    Lasting(String),
    /// There is nothing to deliver, or nobody to deliver it to, any more.
    Void(String),
}

impl Trouble {
    /// What an error means for another attempt.
    fn of(error: &ApiError) -> Self {
        let why = error.detail().to_owned();
        match error.code() {
            Code::Busy | Code::Unavailable | Code::Internal | Code::Conflict => Self::Passing(why),
            _ => Self::Lasting(why),
        }
    }
}

/// Looks for what is due until the server stops.
pub fn keep_delivering(app: &App) {
    let app = app.clone();
    app.background.clone().spawn(async move {
        loop {
            if let Err(error) = deliver_due(&app).await {
                let cause = chain(&error);
                tracing::warn!(event = "delivery.failed", cause, "due deliveries not looked for");
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = app.stopping.cancelled() => return,
            }
        }
    });
}

/// Takes the turn of every subscription that is due, and tries every delivery that is; says how many
/// were accepted. What fails for one keeps no other from its turn.
pub async fn deliver_due(app: &App) -> ApiResult<usize> {
    let now = app.clock.now();
    for subscription in app.store.due_subscriptions(now, AT_ONCE).await? {
        let id = subscription.id;
        if let Err(error) = Box::pin(turn(app, subscription, now)).await {
            tracing::warn!(
                event = "delivery.turn_failed", subscription_id = %id, cause = chain(&error),
                "the turn of subscription {id} failed"
            );
        }
    }
    let mut due = app.store.due_deliveries(now, AT_ONCE).await?;
    let is_look = |it: &Delivery| it.to == Addressee::Nobody;
    if due.iter().any(is_look) {
        // What they find is told at once.
        tried(app, due.into_iter().filter(is_look).collect()).await?;
        due = app.store.due_deliveries(now, AT_ONCE).await?;
    }
    due.retain(|it| !is_look(it));
    tried(app, due).await
}

/// Tries what is due; says how many were accepted.
async fn tried(app: &App, due: Vec<Delivery>) -> ApiResult<usize> {
    let attempts = stream::iter(together(due)).map(|same| Box::pin(attempts(app, same)));
    let ended: Vec<ApiResult<usize>> = attempts.buffer_unordered(PARALLEL).collect().await;
    let mut accepted = 0;
    for end in ended {
        accepted += end?;
    }
    Ok(accepted)
}

/// Deliveries that send the same report go one after the other: the first one makes it for all.
fn together(due: Vec<Delivery>) -> Vec<Vec<Delivery>> {
    let mut groups: Vec<Vec<Delivery>> = Vec::new();
    for delivery in due {
        let same = |group: &&mut Vec<Delivery>| {
            delivery.report_id.is_some() && group[0].report_id == delivery.report_id
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(delivery),
            None => groups.push(vec![delivery]),
        }
    }
    groups
}

async fn attempts(app: &App, deliveries: Vec<Delivery>) -> ApiResult<usize> {
    let mut accepted = 0;
    for delivery in deliveries {
        accepted += usize::from(attempt(app, delivery).await?);
    }
    Ok(accepted)
}

async fn turn(app: &App, subscription: Subscription, now: Timestamp) -> ApiResult<()> {
    let Some(due) = subscription.next_at else { return Ok(()) };
    let data = app.store.tenant(subscription.company_id);
    if subscription.condition.is_some() {
        return look::take_turn(&data, &subscription, due, now).await;
    }
    let next = next_turn(&subscription, now);
    let deliveries = deliveries(app, &subscription, None, now);
    data.take_turn(subscription.id, due, next, &deliveries).await?;
    Ok(())
}

/// When a subscription is run next after a moment; nothing while it is paused.
pub fn next_turn(subscription: &Subscription, after: Timestamp) -> Option<Timestamp> {
    if subscription.is_paused {
        return None;
    }
    next(&subscription.rhythm, subscription.created_at.utc(), after.utc()).map(Timestamp::new)
}

/// One delivery for each addressee, due at once or after the quiet hours.
pub fn deliveries(
    app: &App,
    subscription: &Subscription,
    notice: Option<&str>,
    now: Timestamp,
) -> Vec<Delivery> {
    let due = match &subscription.quiet {
        Some(quiet) => quiet::after(quiet, now),
        None => now,
    };
    let report_id = match &subscription.what {
        Sent::Question(_) => None,
        Sent::Report(_) => Some(ReportId(app.random.uuid())),
    };
    let mails = subscription.recipients.iter().cloned().map(Addressee::Email);
    let webhooks = subscription.webhooks.iter().copied().map(Addressee::Webhook);
    let delivery = |to| Delivery {
        id: DeliveryId(app.random.uuid()),
        company_id: subscription.company_id,
        subscription_id: subscription.id,
        to,
        notice: notice.map(str::to_owned),
        report_id,
        status: DeliveryStatus::Pending,
        due_at: Some(due),
        attempts: 0,
        error: None,
        created_at: now,
        delivered_at: None,
        expires_at: now + KEPT,
    };
    mails.chain(webhooks).map(delivery).collect()
}

/// Whether it was accepted now.
async fn attempt(app: &App, delivery: Delivery) -> ApiResult<bool> {
    let data = app.store.tenant(delivery.company_id);
    let until = app.clock.now() + LEASE;
    let Some(taken) = data.take_delivery(&delivery, until).await? else { return Ok(false) };
    let is_look = taken.to == Addressee::Nobody;
    let sent = if is_look {
        look::look(app, &data, &taken).await
    } else {
        message::send(app, &taken).await
    };
    let sent = sent.unwrap_or_else(|error| {
        tracing::error!(event = "delivery.fault", cause = chain(&error), "an attempt went wrong");
        Err(Trouble::Passing(error.detail().to_owned()))
    });
    if is_look && sent.is_ok() && taken.error.is_none() {
        data.forget_kept::<Delivery>(&taken.id, None).await?;
        return Ok(false);
    }
    let now = app.clock.now();
    let pause = PAUSES.get(taken.attempts.saturating_sub(1) as usize);
    let mut again = pause.map(|minutes| now + Duration::minutes(*minutes));
    if let (true, Some(at)) = (is_look, again)
        && look::comes_before(&data, &taken, at).await?
    {
        again = None;
    }
    let (after, outcome) = ended(&taken, &sent, again, now);
    if let Err(Trouble::Passing(why) | Trouble::Lasting(why) | Trouble::Void(why)) = sent {
        let id = taken.id;
        tracing::warn!(
            event = "delivery.not_made", delivery_id = %id, outcome, cause = why,
            "delivery {id} was not made"
        );
    }
    app.metrics.delivery(outcome);
    data.move_delivery(&taken, &after).await?;
    Ok(!is_look && after.status == DeliveryStatus::Delivered)
}

/// A delivery after an attempt, and what came of it; `again` is when it may be tried once more.
fn ended(
    taken: &Delivery,
    sent: &Result<(), Trouble>,
    again: Option<Timestamp>,
    now: Timestamp,
) -> (Delivery, &'static str) {
    let mut after = Delivery { due_at: None, error: None, ..taken.clone() };
    let is_look = taken.to == Addressee::Nobody;
    let outcomes = match (sent, again) {
        (Ok(()), _) => {
            (after.status, after.delivered_at) = (DeliveryStatus::Delivered, Some(now));
            ["delivered", "look_mended"]
        }
        (Err(Trouble::Passing(_)), Some(_)) => {
            after.due_at = again;
            ["retried", "look_retried"]
        }
        (Err(Trouble::Passing(_) | Trouble::Lasting(_)), _) => {
            after.status = DeliveryStatus::Failed;
            ["failed", "look_failed"]
        }
        (Err(Trouble::Void(_)), _) => {
            after.status = DeliveryStatus::Skipped;
            ["skipped", "look_skipped"]
        }
    };
    after.error = match sent {
        Err(Trouble::Passing(why) | Trouble::Lasting(why) | Trouble::Void(why)) => {
            Some(why.clone())
        }
        // The record of a look is there to say what was wrong.
        Ok(()) => taken.error.clone().filter(|_| is_look),
    };
    (after, outcomes[usize::from(is_look)])
}
