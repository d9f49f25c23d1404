use std::{
    sync::Arc,
    time::{Duration as Wait, Instant},
};

use chrono::Duration;
use pacioli_model::{
    Addressee, Attachment, Company, Delivery, QueryId, Report, ReportId, ReportSpec, SavedQuestion,
    SavedQuestionId, Sent, Subscription, User, Webhook,
};
use pacioli_report::{Answer, Language, answer_document, document::Document};
use pacioli_store::TenantStore;

use super::{Trouble, mail, webhook};
use crate::{
    access::active,
    analysis::{Order, Progress, make},
    app::App,
    asking::{Answered, Asker, Outcome},
    error::{ApiError, ApiResult, Code},
    rendering::{self, Form},
};

/// How old a report may be that is sent as it was made for another addressee. An older one is made anew,
/// with the rights that its maker has by then.
const FRESH: Duration = Duration::minutes(5);
/// The longest that the making of a report may take; shorter than what an attempt has in all.
const PATIENCE: Wait = Wait::from_mins(8);

/// With whose eyes a subscription is seen.
pub struct Sender {
    /// Whoever made it.
    pub user: User,
    /// Their company.
    pub company: Company,
    /// Its data.
    pub data: TenantStore,
}

impl Sender {
    /// The sender, or why there is none any more.
    pub async fn of(app: &App, subscription: &Subscription) -> ApiResult<Result<Self, String>> {
        let data = app.store.tenant(subscription.company_id);
        Ok(match active(&data, subscription.created_by).await? {
            Some((user, company)) => Ok(Self { user, company, data }),
            None => Err("whoever made the subscription is not active any more".to_owned()),
        })
    }

    /// The saved question of this id.
    pub async fn saved(&self, id: SavedQuestionId) -> ApiResult<Option<SavedQuestion>> {
        Ok(self.data.kept(&id).await?)
    }

    /// What becomes of a question today.
    pub async fn ask(&self, app: &App, question: &SavedQuestion) -> ApiResult<Outcome> {
        let (user, company, data) = (&self.user, &self.company, &self.data);
        // Both languages are told of.
        let language = Language::English;
        let asker = Asker { app, user, company, data, stages: None, language };
        let id = QueryId(app.random.uuid());
        Box::pin(asker.answer_saved(question, app.today(company), id)).await
    }

    /// The report of this id: as it was made for another addressee a moment ago, else made now.
    async fn report(&self, app: &App, spec: &ReportSpec, id: ReportId) -> ApiResult<Report> {
        let before: Option<Report> = self.data.kept(&id).await?;
        let now = app.clock.now();
        if let Some(report) = before.as_ref().filter(|it| now < it.created_at + FRESH) {
            return Ok(report.clone());
        }
        let order = Order {
            company: self.company.clone(),
            user: self.user.clone(),
            data: self.data.clone(),
            spec: spec.clone(),
            period: None,
            formats: Vec::new(),
            today: app.today(&self.company),
        };
        let progress = Arc::new(Progress::default());
        let began = Instant::now();
        let making = make(app, &order, id, before.as_ref(), &progress);
        let made = tokio::time::timeout(PATIENCE, Box::pin(making)).await;
        let made = made
            .unwrap_or_else(|_| Err(ApiError::new(Code::Unavailable, "The report took too long.")));
        let outcome = if made.is_ok() { "succeeded" } else { "failed" };
        app.metrics.report(outcome, began.elapsed());
        made
    }
}

/// What was made to be sent.
pub enum Made {
    /// An answer.
    Answer {
        /// What was asked.
        question: Box<SavedQuestion>,
        /// And answered.
        answered: Box<Answered>,
    },
    /// A report.
    Report(Box<Report>),
}

/// Bytes of all files that go with a mail. Written as text they are a third more, and many mail servers take
/// 25 MB.
const FILES: usize = 15 << 20;

/// A file that goes with a message.
pub struct File {
    /// What it is called.
    pub name: String,
    /// Its media type.
    pub media_type: &'static str,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What is sent.
pub struct Message<'a> {
    /// Names it, the same at every attempt, so that a program or a mailbox knows it again.
    pub id: String,
    /// What it is of.
    pub subscription: &'a Subscription,
    /// What has happened, where it is an alert.
    pub notice: Option<&'a str>,
    /// What it is about.
    pub made: &'a Made,
    /// Files that go with a mail.
    pub files: Vec<File>,
    /// The names of those that were to and are too large.
    pub left_out: Vec<String>,
}

/// The language that a subscription is told in.
pub fn language_of(subscription: &Subscription) -> Language {
    let code = match &subscription.what {
        Sent::Question(_) => &subscription.language,
        Sent::Report(spec) => &spec.language,
    };
    Language::parse(code).unwrap_or_default()
}

/// An answer as a document, in the language of its subscription.
pub fn document(
    app: &App,
    (question, answered): (&SavedQuestion, &Answered),
    company: &str,
    language: Language,
) -> Document {
    let told = answered.told(language);
    answer_document(&Answer {
        question: &question.question,
        told,
        ask: answered.ask.as_ref(),
        table: &answered.table,
        columns: &answered.columns,
        finding: answered.finding.as_deref(),
        sql: &answered.sql,
        notes: &told.details(language),
        company,
        asked_at: app.clock.now(),
        language,
    })
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
    let made = match made(app, &sender, &subscription, delivery).await? {
        Ok(made) => made,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let is_mail = matches!(delivery.to, Addressee::Email(_));
    let attached: &[Attachment] = if is_mail { &subscription.attachments } else { &[] };
    let language = language_of(&subscription);
    let files = files(app, &sender, &made, attached, language).await?;
    let (files, left_out) = fitting(files, FILES);
    let message = Message {
        id: delivery.id.to_string(),
        subscription: &subscription,
        notice: delivery.notice.as_deref(),
        files,
        left_out,
        made: &made,
    };
    match &delivery.to {
        Addressee::Email(address) => mail::send(app, &data, address, &message).await,
        Addressee::Webhook(id) => match data.kept::<Webhook>(id).await? {
            Some(hook) => webhook::send(app, &hook, &message).await,
            None => Ok(Err(Trouble::Void("its webhook is gone".to_owned()))),
        },
        Addressee::Nobody => Ok(Err(Trouble::Void("nobody is to get it".to_owned()))),
    }
}

/// What the subscription sends, as its maker sees it now.
async fn made(
    app: &App,
    sender: &Sender,
    subscription: &Subscription,
    delivery: &Delivery,
) -> ApiResult<Result<Made, Trouble>> {
    let made = match &subscription.what {
        Sent::Question(id) => {
            let Some(question) = sender.saved(*id).await? else {
                return Ok(Err(Trouble::Void("its saved question is gone".to_owned())));
            };
            match sender.ask(app, &question).await {
                Ok(Outcome::Answered(answered)) => {
                    Ok(Made::Answer { question: Box::new(question), answered })
                }
                Ok(_) => {
                    let why = "its question is not answered any more: ask it to see why";
                    return Ok(Err(Trouble::Lasting(why.to_owned())));
                }
                Err(error) => Err(error),
            }
        }
        Sent::Report(spec) => {
            // A delivery of before its subscription sent reports cannot be.
            let id = delivery.report_id.unwrap_or(ReportId(delivery.id.0));
            sender.report(app, spec, id).await.map(|report| Made::Report(Box::new(report)))
        }
    };
    Ok(made.map_err(|error| Trouble::of(&error)))
}

/// Files for as long as there is room for them, in their order, and the names of the others.
fn fitting(files: Vec<File>, mut room: usize) -> (Vec<File>, Vec<String>) {
    let (mut kept, mut left_out) = (Vec::new(), Vec::new());
    for file in files {
        match room.checked_sub(file.bytes.len()) {
            Some(rest) => {
                room = rest;
                kept.push(file);
            }
            None => left_out.push(file.name),
        }
    }
    (kept, left_out)
}

async fn files(
    app: &App,
    sender: &Sender,
    made: &Made,
    attached: &[Attachment],
    language: Language,
) -> ApiResult<Vec<File>> {
    let mut files = Vec::new();
    for attachment in attached {
        let form = Form::from(*attachment);
        let (stem, bytes) = match made {
            Made::Report(report) => {
                let bytes = rendering::file(app, report, form, None).await?.to_vec();
                let (kind, from) = (report.content.kind.as_str(), report.content.period.from);
                (format!("{kind}-{from}"), bytes)
            }
            Made::Answer { answered, .. } if form == Form::Csv => {
                ("answer".to_owned(), crate::routes::csv(&answered.table)?)
            }
            Made::Answer { question, answered } => {
                let company = &sender.company.company_name;
                let document = document(app, (question, answered), company, language);
                ("answer".to_owned(), rendering::document(document, form).await?)
            }
        };
        let name = format!("{stem}.{}", form.ending());
        files.push(File { name, media_type: form.media_type(), bytes });
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_do_not_fit_are_named_and_smaller_ones_still_go() {
        let file = |name: &str, size: usize| File {
            name: name.to_owned(),
            media_type: "text/csv",
            bytes: vec![b'x'; size],
        };
        let files = vec![file("a.pdf", 6), file("b.csv", 5), file("c.xlsx", 4), file("d.html", 1)];
        let (kept, left_out) = fitting(files, 10);
        let kept: Vec<&str> = kept.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            (kept, left_out),
            (vec!["a.pdf", "c.xlsx"], vec!["b.csv".to_owned(), "d.html".to_owned()])
        );
    }
}
