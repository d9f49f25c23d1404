//! What readers think of findings: muted ones are left out of later reports of the company.

use axum::{extract::State, http::StatusCode};
use pacioli_model::{AuditAction, FindingVote, ReportId, Timestamp, Vote};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    connections::ListPage,
    keeping::{self, found},
    no_store::NoStore,
    reports::own_report,
    saved::check_may_change,
    shapes::Listing,
};
use crate::{
    analysis::MOST_VOTES,
    app::App,
    error::{ApiError, ApiResult},
    extract::{AskQuestions, Caller, Json, Line, Path, Query, VerifyAnswers},
};

/// What a reader thinks of a finding.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewVote {
    /// The `id` of one of the report's findings.
    #[schema(value_type = String, min_length = 1, max_length = 1000)]
    finding: Line<1000>,
    /// `mute` or `useful`.
    #[schema(value_type = String, example = "useful")]
    vote: Vote,
}

/// A vote.
#[derive(Debug, Serialize, ToSchema)]
pub struct VoteOut {
    /// Names it: whose it is, and on what.
    id: String,
    /// The kind of fact.
    #[schema(example = "change_point")]
    kind: String,
    /// The name of the figure, or of the table whose data is doubtful.
    #[schema(example = "revenue")]
    figure: String,
    /// `mute` or `useful`.
    #[schema(value_type = String)]
    vote: Vote,
    /// Who says so.
    given_by: Uuid,
    /// When they said so last.
    #[schema(value_type = String, format = "date-time")]
    given_at: Timestamp,
}

impl From<FindingVote> for VoteOut {
    fn from(it: FindingVote) -> Self {
        Self {
            id: it.id,
            kind: it.kind,
            figure: it.figure,
            vote: it.vote,
            given_by: it.created_by.0,
            given_at: it.created_at,
        }
    }
}

/// Say what you think of a finding
///
/// Of one of your own reports. It holds for findings of the same kind about the same figure: `mute` leaves them out of
/// later reports of everybody in the company, which say so; `useful` keeps them new for the ranking though they were told
/// before. Saying it again replaces what you said.
#[utoipa::path(
    post, path = "/reports/{id}/votes", tag = "reports", operation_id = "vote_on_finding", request_body = NewVote,
    params(("id" = Uuid, Path, description = "The report")),
    responses((status = 200, description = "What is remembered", body = VoteOut)),
)]
pub async fn vote_on_finding(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<ReportId>,
    Json(new): Json<NewVote>,
) -> ApiResult<NoStore<VoteOut>> {
    let report = own_report(&caller, id).await?.ok_or_else(ApiError::not_found)?;
    let mut findings = report.content.findings.into_iter();
    let finding = findings.find(|it| it.id == *new.finding).ok_or_else(|| {
        ApiError::invalid(&["body", "finding"], "not_found", "The report has no such finding.")
    })?;
    let (kind, figure) = (finding.fact.kind().to_owned(), finding.subject.metric.name);
    let vote = FindingVote {
        id: format!("{}:{kind}:{figure}", caller.user()),
        company_id: caller.company(),
        kind,
        figure,
        vote: new.vote,
        created_by: caller.user(),
        created_at: app.clock.now(),
    };
    let event = caller.event(&app, AuditAction::FindingVoted, Some(vote.id.clone()));
    match caller.data.kept::<FindingVote>(&vote.id).await? {
        Some(before) => caller.data.replace_kept(&before, &vote, Some(&event)).await?,
        None => {
            keeping::check_room::<FindingVote, _>(&caller, MOST_VOTES.into(), "votes").await?;
            caller.data.keep(&vote, Some(&event)).await?;
        }
    }
    Ok(NoStore(vote.into()))
}

/// List votes on findings
#[utoipa::path(
    get, path = "/votes", tag = "reports", operation_id = "list_votes", params(ListPage),
    responses((status = 200, description = "The votes of the company's people, the newest first", body = Listing<VoteOut>)),
)]
pub async fn list_votes(
    State(app): State<App>,
    caller: Caller<VerifyAnswers>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<VoteOut>>> {
    keeping::list::<FindingVote, _, _>(&app, &caller, "votes", &list).await
}

/// Withdraw a vote
///
/// One's own; superusers withdraw everybody's.
#[utoipa::path(
    delete, path = "/votes/{id}", tag = "reports", operation_id = "withdraw_vote",
    params(("id" = String, Path, description = "The vote")),
    responses((status = 204, description = "Withdrawn")),
)]
pub async fn withdraw_vote(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<String>,
) -> ApiResult<StatusCode> {
    let vote: FindingVote = found(&caller, &id).await?;
    check_may_change(&caller, vote.created_by)?;
    keeping::forget::<FindingVote, _>(&app, &caller, id, AuditAction::VoteWithdrawn).await
}
