use std::panic;

use super::Metrics;

/// From now on a panic anywhere is counted and logged with its place. Its message is logged only
/// where it is fixed text: a formatted one may hold somebody's data.
pub fn install_panic_hook(metrics: Metrics) {
    panic::set_hook(Box::new(move |info| {
        metrics.panicked();
        let place = info.location().map(ToString::to_string);
        let cause = info.payload().downcast_ref::<&'static str>().copied();
        let thread = std::thread::current();
        tracing::error!(
            event = "panic",
            place,
            cause = cause.unwrap_or("formatted text, not logged"),
            thread = thread.name(),
            "a panic at {}",
            place.as_deref().unwrap_or("an unknown place")
        );
    }));
}
