//! Queries that somebody may want to end, by name.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pacioli_model::{CompanyId, QueryId};
use tokio::sync::oneshot;

use crate::EngineError;

/// The queries that run or wait now.
#[derive(Debug, Default)]
pub(crate) struct Named {
    ends: Mutex<HashMap<(CompanyId, QueryId), oneshot::Sender<()>>>,
}

impl Named {
    fn ends(&self) -> MutexGuard<'_, HashMap<(CompanyId, QueryId), oneshot::Sender<()>>> {
        // Nothing panics while it is held.
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `query` under a name, until its end or until somebody ends it.
    pub(crate) async fn run<T>(
        &self,
        company: CompanyId,
        id: QueryId,
        query: impl Future<Output = Result<T, EngineError>>,
    ) -> Result<T, EngineError> {
        let (sender, ended) = oneshot::channel();
        {
            let mut ends = self.ends();
            if ends.contains_key(&(company, id)) {
                return Err(EngineError::Invalid {
                    detail: format!("A query with the id {id} is running. Choose another."),
                });
            }
            ends.insert((company, id), sender);
        }
        let _name = Name { named: self, key: (company, id) };
        tokio::select! {
            result = query => result,
            _ = ended => Err(EngineError::Cancelled),
        }
    }

    /// Ends a query; whether there was one.
    pub(crate) fn end(&self, company: CompanyId, id: QueryId) -> bool {
        let end = self.ends().remove(&(company, id));
        end.is_some_and(|end| end.send(()).is_ok())
    }
}

/// Forgets its name when it is dropped.
struct Name<'a> {
    named: &'a Named,
    key: (CompanyId, QueryId),
}

impl Drop for Name<'_> {
    fn drop(&mut self) {
        self.named.ends().remove(&self.key);
    }
}
