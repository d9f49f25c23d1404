//! A job as server-sent events. Each look reads the job's record, so that any server can tell of any job.

use std::{convert::Infallible, time::Duration};

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use pacioli_model::JobId;
use pacioli_store::TenantStore;

use super::jobs::JobOut;
use crate::app::App;

/// How often the job is looked at.
const LOOK: Duration = Duration::from_millis(250);

/// How often something is sent although nothing has changed, so that no proxy takes the line for dead.
pub const HEARTBEAT: Duration = Duration::from_secs(15);

/// Whether the client asked for events.
pub fn are_wanted(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let mut types = accepted.flat_map(|value| value.split(','));
    types.any(|one| {
        let essence = one.split(';').next().unwrap_or("").trim();
        essence.eq_ignore_ascii_case("text/event-stream")
    })
}

/// What is told next.
enum Next {
    Tell(JobOut),
    Wait { told: String },
    Ended,
}

struct Watch {
    app: App,
    data: TenantStore,
    id: JobId,
}

/// Tells of the job until it ends or the server stops, `job` first.
pub fn of(app: App, data: TenantStore, id: JobId, job: JobOut) -> Response {
    let watch = Watch { app, data, id };
    let events = stream::unfold((watch, Next::Tell(job)), |(watch, next)| async move {
        let job = match next {
            Next::Ended => return None,
            Next::Tell(job) => job,
            Next::Wait { told } => watch.change(&told).await?,
        };
        let told = serde_json::to_string(&job).unwrap_or_default();
        let (name, next) = if job.is_open() {
            ("progress", Next::Wait { told: told.clone() })
        } else {
            ("end", Next::Ended)
        };
        Some((Ok::<_, Infallible>(Event::default().event(name).data(told)), (watch, next)))
    });
    let mut response =
        Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Told to NGINX, which would keep events until it has many.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

impl Watch {
    /// The job once it is not as it was told; nothing where no more can be told.
    async fn change(&self, told: &str) -> Option<JobOut> {
        loop {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = self.app.stopping.cancelled() => return None,
            }
            // A store that does not answer now may the next time; the client may ask again at any time.
            let Ok(job) = JobOut::read(&self.app, &self.data, self.id).await else { continue };
            let job = job?;
            if serde_json::to_string(&job).unwrap_or_default() != told {
                return Some(job);
            }
        }
    }
}
