use std::io::Write as _;

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id},
};
use tracing_subscriber::{
    Layer,
    filter::Targets,
    fmt::MakeWriter,
    layer::{Context, SubscriberExt as _},
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::line::Line;
use crate::{
    clock::Clock,
    config::{LogConfig, LogFormat},
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

/// The request id that a span was given.
struct SpanRequestId(String);

struct FindRequestId(Option<SpanRequestId>);

impl Visit for FindRequestId {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "request_id" {
            self.0 = Some(SpanRequestId(value.to_owned()));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "request_id" {
            self.0 = Some(SpanRequestId(format!("{value:?}")));
        }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut found = FindRequestId(None);
        attributes.record(&mut found);
        if let (Some(request_id), Some(span)) = (found.0, context.span(id)) {
            span.extensions_mut().insert(request_id);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut line = Line::new(self.format, self.clock.now(), *event.metadata().level());
        event.record(&mut line);
        let target = event.metadata().target();
        let span = context.event_scope(event).and_then(|mut scope| {
            scope.find(|span| span.extensions().get::<SpanRequestId>().is_some())
        });
        let text = match span {
            None => line.finish(None, target),
            Some(span) => {
                let extensions = span.extensions();
                let request_id = extensions.get::<SpanRequestId>().map(|id| id.0.as_str());
                line.finish(request_id, target)
            }
        };
        // A log that cannot be written has nowhere to say so.
        let _ = self.writer.make_writer().write_all(text.as_bytes());
    }
}

/// Begins to log to standard output, as configured. A level that [`Config::check`] refuses is read
/// as `info`. A second call in one process changes nothing.
///
/// [`Config::check`]: crate::config::Config::check
pub fn init_logging(config: &LogConfig, clock: Clock) {
    let usual = || Targets::new().with_default(tracing::Level::INFO);
    let filter: Targets = config.level.parse().unwrap_or_else(|_| usual());
    let layer = LogLayer::new(config.format, clock, std::io::stdout);
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
}
