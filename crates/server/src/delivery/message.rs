use pacioli_model::{
    Addressee, Attachment, Company, Delivery, QueryId, SavedQuestion, Subscription, User, Webhook,
};
use pacioli_report::Letter;
use pacioli_store::TenantStore;

use super::{Trouble, mail, webhook};
use crate::{
    app::App,
    asking::{Answered, Asker, Outcome},
    error::{ApiResult, Code},
};

/// With whose eyes a subscription is seen, and what is asked.
pub struct Sender {
    /// Whoever made it.
    pub user: User,
    /// Their company.
    pub company: Company,
    /// Its data.
    pub data: TenantStore,
    /// What is asked.
    pub question: SavedQuestion,
}

impl Sender {
    /// The sender, or why there is none any more.
    pub async fn of(app: &App, subscription: &Subscription) -> ApiResult<Result<Self, String>> {
        let data = app.store.tenant(subscription.company_id);
        let user = data.user(subscription.created_by).await?.filter(User::is_active);
        let company = data.company().await?.filter(|company| company.disabled_at.is_none());
        let (Some(user), Some(company)) = (user, company) else {
            return Ok(Err("whoever made the subscription is not active any more".to_owned()));
        };
        let Some(question) = data.kept::<SavedQuestion>(&subscription.question_id).await? else {
            return Ok(Err("its saved question is gone".to_owned()));
        };
        Ok(Ok(Self { user, company, data, question }))
    }

    /// What becomes of the question today.
    pub async fn ask(&self, app: &App) -> ApiResult<Outcome> {
        let (user, company, data) = (&self.user, &self.company, &self.data);
        let asker = Asker { app, user, company, data, stages: None };
        let id = QueryId(app.random.uuid());
        Box::pin(asker.answer_saved(&self.question, app.today(company), id)).await
    }
}

/// What is sent.
pub struct Message<'a> {
    /// Names it, the same at every attempt, so that a program or a mailbox knows it again.
    pub id: String,
    /// What it is of.
    pub subscription: &'a Subscription,
    /// What is asked.
    pub question: &'a SavedQuestion,
    /// What has happened, where it is an alert.
    pub notice: Option<&'a str>,
    /// The answer.
    pub answered: &'a Answered,
    /// The rows as a file, where one goes with it.
    pub csv: Option<Vec<u8>>,
}

impl Message<'_> {
    /// As a letter.
    pub fn letter<'a>(&'a self, details: &'a [String], footer: &'a str) -> Letter<'a> {
        Letter {
            title: &self.subscription.name,
            notice: self.notice,
            question: &self.question.question,
            sentence: &self.answered.sentence,
            table: &self.answered.table,
            details,
            footer,
        }
    }

    /// What counts in the answer.
    pub fn details(&self) -> Vec<String> {
        let Some(read) = &self.answered.interpretation else { return Vec::new() };
        let days = read.date_range.iter().map(|range| format!("Days: {}", range.words));
        let filters = read.filters.iter().map(|filter| format!("Only: {filter}"));
        let currency = read.currency.iter().map(|code| format!("Currency: {code}"));
        let notes = read.notes.iter().map(|note| format!("Note: {note}"));
        days.chain(filters).chain(currency).chain(notes).collect()
    }
}

/// One attempt at a delivery. An error is a fault of ours, or of what we depend on.
pub async fn send(app: &App, delivery: &Delivery) -> ApiResult<Result<(), Trouble>> {
    let data = app.store.tenant(delivery.company_id);
    let subscription = data.kept::<Subscription>(&delivery.subscription_id).await?;
    let Some(subscription) = subscription else {
        return Ok(Err(Trouble::Void("its subscription is gone".to_owned())));
    };
    let sender = match Sender::of(app, &subscription).await? {
        Ok(sender) => sender,
        Err(why) => return Ok(Err(Trouble::Void(why))),
    };
    let answered = match sender.ask(app).await {
        Ok(Outcome::Answered(answered)) => answered,
        Ok(_) => {
            let why = "its question is not answered any more: ask it to see why";
            return Ok(Err(Trouble::Lasting(why.to_owned())));
        }
        Err(error) if matches!(error.code(), Code::Busy | Code::Unavailable | Code::Internal) => {
            return Ok(Err(Trouble::Passing(error.detail().to_owned())));
        }
        Err(error) => return Ok(Err(Trouble::Lasting(error.detail().to_owned()))),
    };
    let has_csv = subscription.attachments.contains(&Attachment::Csv);
    let csv = if has_csv { Some(crate::routes::csv(&answered.table)?) } else { None };
    let message = Message {
        id: delivery.id.to_string(),
        subscription: &subscription,
        question: &sender.question,
        notice: delivery.notice.as_deref(),
        answered: &answered,
        csv,
    };
    match &delivery.to {
        Addressee::Email(address) => mail::send(app, &data, address, &message).await,
        Addressee::Webhook(id) => match data.kept::<Webhook>(id).await? {
            Some(hook) => webhook::send(app, &hook, &message).await,
            None => Ok(Err(Trouble::Void("its webhook is gone".to_owned()))),
        },
    }
}
