use std::io::Write as _;

use tracing::{Event, Level, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt as _},
    util::SubscriberInitExt as _,
};

use super::{
    line::Line,
    traces::{TRACES, Traces},
};
use crate::{
    clock::Clock,
    config::{LogConfig, LogFormat, TelemetryConfig},
    http::RequestContext,
};

/// Writes each event as one line, in one write, with the id of the request it happened in.
#[derive(Debug)]
pub struct LogLayer<W> {
    format: LogFormat,
    clock: Clock,
    writer: W,
}

impl<W> LogLayer<W> {
    /// Writes to what `writer` makes.
    pub fn new(format: LogFormat, clock: Clock, writer: W) -> Self {
        Self { format, clock, writer }
    }
}

tokio::task_local! {
    static REQUEST: RequestContext;
}

/// Does `work` so that whatever it logs in this task carries the request's id. A span would do the
/// same, at a tenth of the price of a whole cheap request.
pub fn within_request<F: Future>(
    request: RequestContext,
    work: F,
) -> impl Future<Output = F::Output> {
    REQUEST.scope(request, work)
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line::new(self.format, self.clock.now(), *event.metadata().level());
        event.record(&mut line);
        let request = REQUEST.try_get().ok();
        let request_id = request.as_ref().map(|request| &*request.request_id);
        let text = line.finish(request_id, event.metadata().target());
        // A log that cannot be written has nowhere to say so.
        let _ = self.writer.make_writer().write_all(text.as_bytes());
    }
}

/// Begins to log to standard output, as configured, and to send traces where somebody takes them, on
/// the runtime it is called within. A level that [`Config::check`] refuses is read as `info`. A second
/// call in one process changes nothing.
///
/// [`Config::check`]: crate::config::Config::check
pub fn init_logging(config: &LogConfig, telemetry: &TelemetryConfig, clock: Clock) -> Traces {
    let usual = || Targets::new().with_default(tracing::Level::INFO);
    let filter = quiet(&config.level.parse().unwrap_or_else(|_| usual()));
    let layer = LogLayer::new(config.format, clock, std::io::stdout);
    let begun = Traces::begin(telemetry, tokio::runtime::Handle::current());
    let (traces, refused) = match begun {
        Ok(traces) => (traces, None),
        Err(error) => (Traces::default(), Some(error)),
    };
    // Filters of single layers cost each line a little: only where there are two.
    let _ = match traces.tracer() {
        None => tracing_subscriber::registry().with(filter).with(layer).try_init(),
        Some(exporter) => {
            let spans = Targets::new().with_target(TRACES, Level::INFO);
            let spans = tracing_opentelemetry::layer().with_tracer(exporter).with_filter(spans);
            tracing_subscriber::registry().with(layer.with_filter(filter)).with(spans).try_init()
        }
    };
    if let Some(error) = refused {
        tracing::warn!(event = "traces.refused", %error, "no traces are sent");
    }
    traces
}

/// What is never written, whatever the level: spans that are traces, and the client of SQL Server, which
/// writes down what the server says and each row, and which does not know of the encryption that it is in.
fn quiet(filter: &Targets) -> Targets {
    const SQL_SERVER: &str = "tiberius";
    let others = filter.iter().filter(|(target, _)| !target.starts_with(SQL_SERVER));
    let mut quiet: Targets = others.collect();
    if let Some(level) = filter.default_level() {
        quiet = quiet.with_default(level);
    }
    quiet.with_target(TRACES, LevelFilter::OFF).with_target(SQL_SERVER, LevelFilter::OFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_companys_database_are_logged_at_no_level() {
        for level in ["trace", "info,tiberius=trace", "info,tiberius::tds=trace"] {
            let filter = quiet(&level.parse().unwrap());
            assert!(filter.would_enable("pacioli", &Level::INFO));
            for target in ["tiberius", "tiberius::tds::stream::token"] {
                assert!(!filter.would_enable(target, &Level::ERROR), "{level}: {target}");
            }
        }
    }
}
