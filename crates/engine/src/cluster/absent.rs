//! A build without clusters. One that is configured is refused when the server starts; what is here
//! answers whoever comes past that.

use std::sync::Arc;

use datafusion::{
    execution::SessionStateBuilder,
    physical_plan::ExecutionPlan,
    prelude::{SessionConfig, SessionContext},
};

use pacioli_model::CompanyId;

use super::Cluster;
use crate::{
    EngineError,
    query::{Rows, Stopped, Taken},
};

#[expect(clippy::unused_self, reason = "as it is with the feature")]
impl Cluster {
    pub(crate) fn planning(&self, config: SessionConfig) -> SessionConfig {
        config
    }

    pub(crate) fn rules(state: SessionStateBuilder) -> SessionStateBuilder {
        state
    }

    #[expect(clippy::unused_async, reason = "as it is with the feature")]
    pub(crate) async fn run(
        &self,
        _session: &SessionContext,
        _plan: Arc<dyn ExecutionPlan>,
        _company: CompanyId,
        _taken: Taken,
    ) -> Result<Rows, Stopped> {
        let detail = "this build knows no clusters: it lacks the feature `cluster`".to_owned();
        Err(EngineError::Failed { detail }.into())
    }
}
