use std::{
    ops::RangeInclusive,
    time::{Duration, Instant},
};

use axum::{extract::State, http::StatusCode};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use pacioli_model::{
    AuditAction, Dashboard, DashboardId, QueryId, SavedQuestion, SavedQuestionId, Tile, TileView,
    Timestamp,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{
    connections::ListPage,
    jobs::JobError,
    keeping::{self, Answer, found},
    no_store::NoStore,
    query::QueryOut,
    reports::InLanguage,
    saved::check_may_change,
    shapes::Listing,
};
use crate::{
    app::App,
    asking::Asker,
    error::{ApiError, ApiResult},
    extract::{
        AskQuestions, Caller, Json, Line, Patch, Path, Query, Submission, Turn, given, present,
    },
};

/// The most dashboards of one company.
const MOST: u64 = 500;
/// The most tiles of one dashboard.
const MOST_TILES: usize = 50;
/// Tiles of one dashboard that are run at once.
const AT_ONCE: usize = 4;
/// Columns of the grid that tiles lie on.
const COLUMNS: RangeInclusive<u8> = 1..=12;

/// A saved question on a dashboard.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TileShape {
    /// The saved question.
    question_id: Uuid,
    /// Shown in the place of its name.
    #[serde(default)]
    #[schema(min_length = 1, max_length = 200)]
    title: Option<String>,
    /// `auto`, `figure`, `chart` or `table`.
    #[serde(default)]
    #[schema(value_type = String, example = "auto")]
    view: TileView,
    /// Columns of a twelve-column grid.
    #[serde(default = "half")]
    #[schema(minimum = 1, maximum = 12, default = 6)]
    width: u8,
    /// Rows of the grid.
    #[serde(default = "some_rows")]
    #[schema(minimum = 1, maximum = 12, default = 3)]
    height: u8,
}

fn half() -> u8 {
    6
}

fn some_rows() -> u8 {
    3
}

impl From<Tile> for TileShape {
    fn from(tile: Tile) -> Self {
        let Tile { question_id, title, view, width, height } = tile;
        Self { question_id: question_id.0, title, view, width, height }
    }
}

/// A dashboard.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDashboard {
    /// What people call it.
    #[schema(value_type = String, min_length = 1, max_length = 200)]
    name: Line<200>,
    /// More about it.
    #[serde(default)]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    description: Option<Line<1000>>,
    /// In the order they are shown; at most 50.
    #[serde(default)]
    tiles: Vec<TileShape>,
}

/// A dashboard, shared within the company.
#[derive(Debug, Serialize, ToSchema)]
pub struct DashboardOut {
    /// Names it.
    id: Uuid,
    /// What people call it.
    name: String,
    /// More about it.
    description: Option<String>,
    /// In the order they are shown.
    tiles: Vec<TileShape>,
    /// Who made it.
    created_by: Uuid,
    /// When.
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = "date-time")]
    updated_at: Timestamp,
}

impl From<Dashboard> for DashboardOut {
    fn from(board: Dashboard) -> Self {
        Self {
            id: board.id.0,
            name: board.name,
            description: board.description,
            tiles: board.tiles.into_iter().map(TileShape::from).collect(),
            created_by: board.created_by.0,
            created_at: board.created_at,
            updated_at: board.updated_at,
        }
    }
}

/// Make a dashboard
#[utoipa::path(
    post, path = "/dashboards", tag = "dashboards", operation_id = "create_dashboard", request_body = NewDashboard,
    params(("Idempotency-Key" = Option<String>, Header, description = "Repeating the request with the same key gives the same answer")),
    responses((status = 201, description = "The dashboard", body = DashboardOut)),
)]
pub async fn create_dashboard(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    body: Submission<NewDashboard>,
) -> ApiResult<Turn<Answer<DashboardOut>>> {
    let Submission { value, key, content } = body;
    let user = caller.user();
    let scope: [&[u8]; 2] = [b"dashboard", user.0.as_bytes()];
    keeping::once(&app, &key, &scope, &[&content], create(&app, &caller, value)).await
}

async fn create(
    app: &App,
    caller: &Caller<AskQuestions>,
    new: NewDashboard,
) -> ApiResult<Answer<DashboardOut>> {
    keeping::check_room::<Dashboard, _>(caller, MOST, "dashboards").await?;
    let now = app.clock.now();
    let board = Dashboard {
        id: DashboardId(app.random.uuid()),
        company_id: caller.company(),
        name: new.name.into_inner(),
        description: new.description.map(Line::into_inner),
        tiles: checked(caller, new.tiles).await?,
        created_by: caller.user(),
        created_at: now,
        updated_at: now,
    };
    let event = caller.event(app, AuditAction::DashboardAdded, Some(board.id.to_string()));
    caller.data.keep(&board, Some(&event)).await?;
    Ok((StatusCode::CREATED, NoStore(board.into())))
}

async fn checked(caller: &Caller<AskQuestions>, tiles: Vec<TileShape>) -> ApiResult<Vec<Tile>> {
    if tiles.len() > MOST_TILES {
        let text = format!("At most {MOST_TILES} tiles.");
        return Err(ApiError::invalid(&["body", "tiles"], "too_many", text));
    }
    let mut taken = Vec::new();
    for (at, tile) in tiles.into_iter().enumerate() {
        let at = at.to_string();
        let refuse = |field: &str, kind: &'static str, text: &str| {
            Err(ApiError::invalid(&["body", "tiles", &at, field], kind, text))
        };
        for (field, value) in [("width", tile.width), ("height", tile.height)] {
            if !COLUMNS.contains(&value) {
                return refuse(field, "out_of_range", "Must be 1 to 12.");
            }
        }
        let title = match tile.title.as_deref().map(Line::<200>::parse).transpose() {
            Ok(title) => title.map(Line::into_inner),
            Err(text) => return refuse("title", "value_error", &format!("Must be {text}.")),
        };
        let question_id = SavedQuestionId(tile.question_id);
        if caller.data.kept::<SavedQuestion>(&question_id).await?.is_none() {
            return refuse("question_id", "not_found", "There is no such saved question.");
        }
        let (view, width, height) = (tile.view, tile.width, tile.height);
        taken.push(Tile { question_id, title, view, width, height });
    }
    Ok(taken)
}

/// List dashboards
#[utoipa::path(
    get, path = "/dashboards", tag = "dashboards", operation_id = "list_dashboards", params(ListPage),
    responses((status = 200, description = "The company's dashboards, the newest first", body = Listing<DashboardOut>)),
)]
pub async fn list_dashboards(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Query(list): Query<ListPage>,
) -> ApiResult<NoStore<Listing<DashboardOut>>> {
    keeping::list::<Dashboard, _, _>(&app, &caller, "dashboards", &list).await
}

/// Read a dashboard
#[utoipa::path(
    get, path = "/dashboards/{id}", tag = "dashboards", operation_id = "get_dashboard",
    params(("id" = Uuid, Path, description = "The dashboard")),
    responses((status = 200, description = "The dashboard", body = DashboardOut)),
)]
pub async fn get_dashboard(
    caller: Caller<AskQuestions>,
    Path(id): Path<DashboardId>,
) -> ApiResult<NoStore<DashboardOut>> {
    let board: Dashboard = found(&caller, id).await?;
    Ok(NoStore(board.into()))
}

/// A merge patch (RFC 7396) of a dashboard: what is absent stays, `null` removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DashboardPatch {
    /// What people call it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = String, min_length = 1, max_length = 200, required = false)]
    name: Option<Line<200>>,
    /// More about it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, min_length = 1, max_length = 1000)]
    description: Patch<Line<1000>>,
    /// All tiles anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Vec<TileShape>, required = false)]
    tiles: Option<Vec<TileShape>>,
}

/// Update a dashboard
#[utoipa::path(
    patch, path = "/dashboards/{id}", tag = "dashboards", operation_id = "update_dashboard",
    params(("id" = Uuid, Path, description = "The dashboard")),
    request_body(content((DashboardPatch = "application/json"), (DashboardPatch = "application/merge-patch+json"))),
    responses((status = 200, description = "The dashboard as it is now", body = DashboardOut)),
)]
pub async fn update_dashboard(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<DashboardId>,
    Json(patch): Json<DashboardPatch>,
) -> ApiResult<NoStore<DashboardOut>> {
    let before: Dashboard = found(&caller, id).await?;
    check_may_change(&caller, before.created_by)?;
    let mut after = Dashboard { updated_at: app.clock.now(), ..before.clone() };
    if let Some(name) = patch.name {
        after.name = name.into_inner();
    }
    if let Some(description) = patch.description {
        after.description = description.map(Line::into_inner);
    }
    if let Some(tiles) = patch.tiles {
        after.tiles = checked(&caller, tiles).await?;
    }
    let event = caller.event(&app, AuditAction::DashboardUpdated, Some(id.to_string()));
    caller.data.replace_kept(&before, &after, Some(&event)).await?;
    Ok(NoStore(after.into()))
}

/// Delete a dashboard
///
/// Its saved questions stay.
#[utoipa::path(
    delete, path = "/dashboards/{id}", tag = "dashboards", operation_id = "delete_dashboard",
    params(("id" = Uuid, Path, description = "The dashboard")),
    responses((status = 204, description = "Deleted")),
)]
pub async fn delete_dashboard(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<DashboardId>,
) -> ApiResult<StatusCode> {
    let board: Dashboard = found(&caller, id).await?;
    check_may_change(&caller, board.created_by)?;
    keeping::forget::<Dashboard, _>(&app, &caller, id, AuditAction::DashboardDeleted).await
}

/// A dashboard with the answers of its tiles.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilledDashboard {
    /// The dashboard.
    dashboard: DashboardOut,
    /// One for each of its tiles, in their order.
    answers: Vec<FilledTile>,
}

/// What a tile shows.
#[derive(Debug, Serialize, ToSchema)]
pub struct FilledTile {
    /// Its title, else its question's name.
    title: Option<String>,
    /// The answer, a question back, or a refusal.
    answer: Option<QueryOut>,
    /// Why there is none.
    error: Option<JobError>,
}

/// Fill a dashboard
///
/// Runs the question of every tile, as of today and within what the caller may see; answers that are kept
/// for the same tables are given at once. A tile that fails takes no other with it.
#[utoipa::path(
    post, path = "/dashboards/{id}/run", tag = "dashboards", operation_id = "run_dashboard",
    params(("id" = Uuid, Path, description = "The dashboard"), InLanguage),
    responses((status = 200, description = "The dashboard with its answers", body = FilledDashboard)),
)]
pub async fn run_dashboard(
    State(app): State<App>,
    caller: Caller<AskQuestions>,
    Path(id): Path<DashboardId>,
    Query(InLanguage { language }): Query<InLanguage>,
) -> ApiResult<NoStore<FilledDashboard>> {
    let board: Dashboard = found(&caller, id).await?;
    let limit = app.per_user("query", &app.config.limits.query_per_user, caller.user());
    app.admit("query", &[limit], &caller.request).await?;
    let asker = Asker::of(&app, &caller).in_language(language);
    let tiles = stream::iter(board.tiles.clone()).map(|tile| fill(asker, tile));
    let answers = tiles.buffered(AT_ONCE).try_collect().await?;
    Ok(NoStore(FilledDashboard { dashboard: board.into(), answers }))
}

async fn fill(asker: Asker<'_>, tile: Tile) -> ApiResult<FilledTile> {
    let Some(saved) = asker.data.kept::<SavedQuestion>(&tile.question_id).await? else {
        let error = ApiError::not_found();
        return Ok(FilledTile { title: tile.title, answer: None, error: Some((&error).into()) });
    };
    let started = Instant::now();
    let today = asker.app.today(asker.company);
    let id = QueryId(asker.app.random.uuid());
    let title = tile.title.or(Some(saved.name.clone()));
    Ok(match Box::pin(asker.answer_saved(&saved, today, id)).await {
        Ok(outcome) => {
            let timing = (started, Duration::ZERO);
            let answer =
                QueryOut::new(outcome, asker.language, (id.0, asker.app.random.uuid()), timing);
            asker.app.metrics.query(answer.status(), started.elapsed());
            FilledTile { title, answer: Some(answer), error: None }
        }
        Err(error) => FilledTile { title, answer: None, error: Some((&error).into()) },
    })
}
