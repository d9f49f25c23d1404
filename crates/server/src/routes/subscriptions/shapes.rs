//! What subscriptions look like from outside.

use pacioli_model::{Attachment, Schedule, Sent, Subscription, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    super::{
        connections::ScheduleShape,
        reports::{LanguageName, ReportShape},
    },
    conditions::{ConditionShape, QuietShape},
};
use crate::{
    delivery::language_of,
    extract::{Line, Patch, given, present},
};

/// What is sent to whom, and when.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSubscription {
    /// What people call it; the subject of its messages.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    pub name: Line<200>,
    /// The saved question whose answer is sent; or `report`.
    #[serde(default)]
    pub question_id: Option<Uuid>,
    /// The report that is made and sent; or `question_id`.
    #[serde(default)]
    pub report: Option<ReportShape>,
    /// When it is run.
    pub schedule: ScheduleShape,
    /// E-mail addresses: of the company's people, or of domains that the operator allows.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Webhooks of the company.
    #[serde(default)]
    pub webhooks: Vec<Uuid>,
    /// Files that go with a mail: `csv`, `html`, `pdf`, `xlsx`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub attachments: Vec<Attachment>,
    /// Sends only where this comes to hold: an alert. Of a question alone.
    #[serde(default)]
    pub condition: Option<ConditionShape>,
    /// When nobody wants to be told.
    #[serde(default)]
    pub quiet_hours: Option<QuietShape>,
    /// The language of a question's mails, `en` or `de`; a report has its own.
    #[serde(default)]
    pub language: Option<LanguageName>,
}

/// A subscription.
#[derive(Debug, Serialize, ToSchema)]
pub struct SubscriptionOut {
    /// Names it.
    id: Uuid,
    /// What people call it.
    name: String,
    /// The saved question whose answer is sent, where it is one.
    question_id: Option<Uuid>,
    /// The report that is sent, where it is one.
    report: Option<ReportShape>,
    /// When it is run.
    schedule: ScheduleShape,
    /// E-mail addresses.
    recipients: Vec<String>,
    /// Webhooks.
    webhooks: Vec<Uuid>,
    /// Files that go with a mail.
    #[schema(value_type = Vec<String>)]
    attachments: Vec<Attachment>,
    /// What makes an alert of it.
    condition: Option<ConditionShape>,
    /// The condition held when it was last looked at.
    condition_holds: Option<bool>,
    /// When nobody wants to be told.
    quiet_hours: Option<QuietShape>,
    /// The language of its mails.
    language: LanguageName,
    /// Not run for now.
    paused: bool,
    /// When it is run next.
    #[schema(value_type = Option<String>, format = "date-time")]
    next_at: Option<Timestamp>,
    /// Who made it: it is run with their rights.
    created_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When somebody last changed it.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Subscription> for SubscriptionOut {
    fn from(it: Subscription) -> Self {
        let language = LanguageName::from(language_of(&it));
        let (question_id, report) = match it.what {
            Sent::Question(id) => (Some(id.0), None),
            Sent::Report(spec) => (None, Some(ReportShape::from(spec))),
        };
        Self {
            id: it.id.0,
            name: it.name,
            question_id,
            report,
            schedule: Schedule { rhythm: it.rhythm, jitter_seconds: 0 }.into(),
            recipients: it.recipients,
            webhooks: it.webhooks.iter().map(|id| id.0).collect(),
            attachments: it.attachments,
            condition_holds: it.condition.as_ref().and(it.found).map(|found| found.holds),
            condition: it.condition.map(ConditionShape::from),
            quiet_hours: it.quiet.map(QuietShape::from),
            language,
            paused: it.is_paused,
            next_at: it.next_at,
            created_by: it.created_by.0,
            created_at: it.created_at,
            updated_at: it.updated_at,
        }
    }
}

/// A merge patch (RFC 7396) of a subscription: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    pub name: Option<Line<200>>,
    /// The report that is sent, anew; of a subscription to a report.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = ReportShape, required = false)]
    pub report: Option<ReportShape>,
    /// When it is run.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = ScheduleShape, required = false)]
    pub schedule: Option<ScheduleShape>,
    /// All addresses anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false)]
    pub recipients: Option<Vec<String>>,
    /// All webhooks anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<Uuid>, required = false)]
    pub webhooks: Option<Vec<Uuid>>,
    /// All files anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<String>, required = false)]
    pub attachments: Option<Vec<Attachment>>,
    /// What makes an alert of it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<ConditionShape>)]
    pub condition: Patch<ConditionShape>,
    /// When nobody wants to be told.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<QuietShape>)]
    pub quiet_hours: Patch<QuietShape>,
    /// The language of a question's mails.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = LanguageName, required = false)]
    pub language: Option<LanguageName>,
    /// Whether it is not run for now.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = bool, required = false)]
    pub paused: Option<bool>,
}
