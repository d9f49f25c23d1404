//! Webhooks as <https://www.standardwebhooks.com> has them: `webhook-id`, `webhook-timestamp` and, over
//! both and the body, `webhook-signature`.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pacioli_model::{SubscriptionId, Timestamp, Webhook};
use pacioli_sources::{
    SourceError,
    apis::{check_address, notify},
    outgoing::AddressPolicy,
};
use pacioli_store::PageRequest;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use sha2::Sha256;

use super::{
    Trouble,
    message::{Made, Message, language_of},
};
use crate::{
    app::App,
    clock::Random,
    connect::reach,
    error::{ApiError, ApiResult},
    routes::{CellOut, ColumnOut, ReportOut, shaped_columns, shaped_rows},
};

/// Bytes of a secret.
const SECRET_BYTES: usize = 32;
/// What a secret's text begins with.
const PREFIX: &str = "whsec_";
/// Rows that a message carries.
const ROWS: usize = 1000;

/// A message as it is sent.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: Timestamp,
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Answer(AnswerData<'a>),
    Report(Box<ReportData<'a>>),
}

#[derive(Serialize)]
struct ReportData<'a> {
    subscription_id: SubscriptionId,
    name: &'a str,
    report: ReportOut,
}

#[derive(Serialize)]
struct AnswerData<'a> {
    subscription_id: SubscriptionId,
    name: &'a str,
    notice: Option<&'a str>,
    question: &'a str,
    answer: &'a str,
    columns: Vec<ColumnOut>,
    rows: Vec<Vec<CellOut>>,
    row_count: usize,
    truncated: bool,
    sql: &'a str,
}

/// A fresh secret, as its owner is shown it once.
pub fn new_secret(random: Random) -> SecretString {
    format!("{PREFIX}{}", BASE64_STANDARD.encode(random.bytes::<SECRET_BYTES>())).into()
}

/// The address as it is kept, if messages may go there.
pub async fn check_url(app: &App, url: &str) -> ApiResult<String> {
    let addresses = AddressPolicy::new(app.config.outgoing.allow.clone());
    check_address(&addresses, url)
        .await
        .map_err(|error| ApiError::invalid(&["body", "url"], "value_error", error.to_string()))
}

/// `v1,` and the HMAC-SHA256 of `id.timestamp.body`, in base 64.
fn signature(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> ApiResult<String> {
    let text = secret.expose_secret().trim_start_matches(PREFIX);
    let key = BASE64_STANDARD.decode(text).map_err(ApiError::internal)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(ApiError::internal)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes())))
}

/// Sends a message to one program.
pub async fn send(
    app: &App,
    hook: &Webhook,
    message: &Message<'_>,
) -> ApiResult<Result<(), Trouble>> {
    let secret = app.sealer.open((hook.company_id, hook.id), &hook.secret)?;
    let now = app.clock.now();
    let (kind, data) = told(message);
    let body = Body { kind, timestamp: now, data };
    let body = serde_json::to_vec(&body).map_err(ApiError::internal)?;
    let headers = [
        ("webhook-id", message.id.clone()),
        ("webhook-timestamp", now.seconds().to_string()),
        ("webhook-signature", signature(&secret, &message.id, now.seconds(), &body)?),
    ];
    let reach = reach(app, app.config.outgoing.allow.clone());
    Ok(match notify(&reach, &hook.url, &headers, body).await {
        Ok(200..=299) => Ok(()),
        Ok(410) => Err(Trouble::Lasting("its address answered that it is gone".to_owned())),
        Ok(status) => Err(Trouble::Passing(format!("its address answered {status}"))),
        Err(SourceError::Invalid { detail, .. }) => Err(Trouble::Lasting(detail)),
        Err(error) => Err(Trouble::Passing(error.to_string())),
    })
}

/// What has happened, and what is told of it.
fn told<'a>(message: &Message<'a>) -> (&'static str, Data<'a>) {
    let (subscription_id, name) = (message.subscription.id, message.subscription.name.as_str());
    match message.made {
        Made::Answer { question, answered } => {
            let kind = if message.notice.is_some() { "alert.raised" } else { "question.answered" };
            let data = AnswerData {
                subscription_id,
                name,
                notice: message.notice,
                question: &question.question,
                answer: &answered.told(language_of(message.subscription)).sentence,
                columns: shaped_columns(&answered.table),
                rows: shaped_rows(&answered.table, ROWS),
                row_count: answered.table.rows.len(),
                truncated: answered.table.truncated || answered.table.rows.len() > ROWS,
                sql: &answered.sql,
            };
            (kind, Data::Answer(data))
        }
        Made::Report(report) => {
            let report = ReportOut::new((**report).clone(), None).with_rows(ROWS);
            let data = ReportData { subscription_id, name, report };
            ("report.made", Data::Report(Box::new(data)))
        }
    }
}

/// Encrypts the secrets of webhooks anew that another key than the one in force has encrypted. Says how
/// many, and how many cannot be decrypted any more.
pub async fn reseal(app: &App) -> ApiResult<(u64, u64)> {
    let (mut resealed, mut lost) = (0, 0);
    let mut request = PageRequest { after: None, limit: 100 };
    loop {
        let page = app.store.webhooks(&request).await?;
        for hook in page.items {
            if app.sealer.is_current(&hook.secret) {
                continue;
            }
            let place = (hook.company_id, hook.id);
            let Ok(secret) = app.sealer.open(place, &hook.secret) else {
                lost += 1;
                continue;
            };
            let after =
                Webhook { secret: app.sealer.seal(app.random, place, &secret)?, ..hook.clone() };
            app.store.tenant(hook.company_id).replace_kept(&hook, &after, None).await?;
            resealed += 1;
        }
        match page.next {
            Some(after) => request.after = Some(after),
            None => return Ok((resealed, lost)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_standard_webhooks_has_it() {
        // The example of the specification.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".into();
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed.unwrap(), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
