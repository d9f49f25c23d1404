use serde::{Deserialize, Serialize};

use crate::{
    ColumnName, CompanyId, Decimal, DeliveryId, ReportId, ReportSpec, Rhythm, SavedQuestionId,
    SealedSecret, SubscriptionId, Timestamp, UserId, WebhookId,
};

/// What is sent to whom, and when. It is seen with the eyes of whoever made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subscription {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: SubscriptionId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it; the subject of its messages.
    pub name: String,
    /// What is run: kept as `question_id` or as `report`.
    #[serde(flatten)]
    pub what: Sent,
    /// Files that go with a message.
    pub attachments: Vec<Attachment>,
    /// Addresses that it is sent to.
    pub recipients: Vec<String>,
    /// Programs that it is sent to.
    pub webhooks: Vec<WebhookId>,
    /// When it is run.
    pub rhythm: Rhythm,
    /// It is sent only where this comes to hold.
    pub condition: Option<Condition>,
    /// When nobody wants to be told.
    pub quiet: Option<QuietHours>,
    /// The ISO 639-1 code of the language that a question's answer is told in.
    #[serde(default = "english")]
    pub language: String,
    /// Not run for now.
    pub is_paused: bool,
    /// When it is run next.
    pub next_at: Option<Timestamp>,
    /// What the condition was found to be at last.
    pub found: Option<Found>,
    /// When that was.
    pub checked_at: Option<Timestamp>,
    /// Who made it, and whose rights hold.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// When somebody last changed it.
    pub updated_at: Timestamp,
}

fn english() -> String {
    "en".to_owned()
}

/// What a subscription sends.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Sent {
    /// The answer to a saved question.
    #[serde(rename = "question_id")]
    Question(SavedQuestionId),
    /// A report, made anew each time.
    #[serde(rename = "report")]
    Report(ReportSpec),
}

/// A file that goes with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Attachment {
    /// Rows with commas between: all rows of an answer, the figures and findings of a report.
    Csv,
    /// A page that stands alone.
    Html,
    /// Paper.
    Pdf,
    /// A workbook.
    Xlsx,
}

/// What makes an alert of a subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// A figure of some row is more than this.
    Above {
        /// Which column; the last with numbers where it is empty.
        column: Option<ColumnName>,
        /// The threshold.
        than: Decimal,
    },
    /// A figure of some row is less than this.
    Below {
        /// Which column; the last with numbers where it is empty.
        column: Option<ColumnName>,
        /// The threshold.
        than: Decimal,
    },
    /// The rows are others than they were.
    Changed,
    /// The last period's figure lies outside what the ones before let expect.
    OutsideForecast {
        /// Which column; the last with numbers where it is empty.
        column: Option<ColumnName>,
    },
}

/// What a condition was found to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// It held: nobody is told again until it has not held.
    pub holds: bool,
    /// Tells these rows from others.
    pub digest: String,
}

/// A part of each day, which may go past midnight.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuietHours {
    /// Its first minute, counted from midnight.
    pub from: u16,
    /// The minute after its last.
    pub to: u16,
    /// An IANA name.
    pub time_zone: String,
}

/// Who gets one delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressee {
    /// A person, by mail.
    Email(String),
    /// A program.
    Webhook(WebhookId),
    /// Nobody: it is a look at an alert's condition.
    Nobody,
}

/// How a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryStatus {
    /// It waits for its time, or for its next attempt.
    Pending,
    /// It was accepted.
    Delivered,
    /// It was given up.
    Failed,
    /// It was not to be sent any more.
    Skipped,
}

/// One message to one addressee, or one look at an alert's condition.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Stored as `_id`. Mails and webhooks carry it: two with the same id are one.
    #[serde(rename = "_id")]
    pub id: DeliveryId,
    /// Whose.
    pub company_id: CompanyId,
    /// What is sent.
    pub subscription_id: SubscriptionId,
    /// Who gets it.
    pub to: Addressee,
    /// What has happened, where it is an alert.
    pub notice: Option<String>,
    /// The report that is sent, where one is: the same in all deliveries of one turn. It is made when the
    /// first of them is tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_id: Option<ReportId>,
    /// How it stands.
    pub status: DeliveryStatus,
    /// When it is tried next. Whoever tries moves this on first, so that nobody else does.
    pub due_at: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: u32,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it came about.
    pub created_at: Timestamp,
    /// When it was accepted.
    pub delivered_at: Option<Timestamp>,
    /// When it is forgotten.
    pub expires_at: Timestamp,
}

/// A program that is told of answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhook {
    /// Stored as `_id`.
    #[serde(rename = "_id")]
    pub id: WebhookId,
    /// Whose.
    pub company_id: CompanyId,
    /// What people call it.
    pub name: String,
    /// Where it listens.
    pub url: String,
    /// What messages to it are signed with.
    pub secret: SealedSecret,
    /// Who added it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
}
