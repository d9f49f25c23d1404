use std::{fmt, sync::OnceLock, time::Duration};

/// Told of each call to a database or a cache outside of the process: which call, how long it took, and
/// whether it was answered. Called on the path of every request, so it must be quick.
pub type Observer = Box<dyn Fn(&'static str, Duration, bool) + Send + Sync>;

/// Who is told, if anybody.
#[derive(Default)]
pub(crate) struct Watch(OnceLock<Observer>);

impl Watch {
    /// From now on; only the first one is told.
    pub(crate) fn report_to(&self, observer: Observer) {
        let _ = self.0.set(observer);
    }

    pub(crate) fn tell(&self, call: &'static str, took: Duration, is_answered: bool) {
        if let Some(observer) = self.0.get() {
            observer(call, took, is_answered);
        }
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watch")
    }
}
