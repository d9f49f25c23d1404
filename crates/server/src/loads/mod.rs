//! Loading: an uploaded file becomes its tables, all of them or none.
//!
//! The file is spooled to disk, read twice in constant memory, written as Parquet under
//! versions of their own, and put in service by one write to the catalog. Whatever dies before that write leaves
//! files that nothing names, which [`sweep`] removes, and a job whose lease lapses.
//!
//! Tables of connected systems come in runs (`runs`): a table is planned (`plan`), pulled (`pull`) and
//! merged with the rows it had (`merge`). The schedule (`schedule`) starts runs by itself.

mod convert;
mod job;
mod keys;
mod live;
mod merge;
mod plan;
mod pull;
mod push;
mod rows;
mod runs;
mod schedule;
mod spool;

use std::collections::HashSet;

use chrono::Duration;
pub use convert::{Conversion, Progress};
pub use job::{Request, retire, start};
pub use push::{Push, SentRows, push};
pub use runs::{NewRun, start_run};
pub use schedule::{check_schedule, keep_schedule, next, next_run, start_due};
pub use spool::{InputFile, broken};

use crate::{app::App, error::chain};

/// Files younger than this may belong to a load that is under way, here or on another replica.
const SWEEP_AGE: Duration = Duration::hours(6);

/// Removes the files of versions that no catalog names.
pub async fn sweep(app: &App) {
    let versions = match app.store.table_versions().await {
        Ok(versions) => versions,
        Err(error) => {
            tracing::warn!(event = "sweep.failed", cause = chain(&error), "table files not swept");
            return;
        }
    };
    let keep: HashSet<_> = versions.into_iter().map(|(_, _, version)| version).collect();
    match app.files.sweep(&keep, app.clock.now() - SWEEP_AGE).await {
        Ok(0) => {}
        Ok(removed) => {
            tracing::info!(event = "sweep.done", removed, "orphaned table files removed");
        }
        Err(error) => {
            tracing::warn!(event = "sweep.failed", cause = chain(&error), "table files not swept");
        }
    }
}
