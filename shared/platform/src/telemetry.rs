//! Logs: one JSON object a line, with the ids that tie a line to its request.

use std::fmt;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Span, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::registry::{LookupSpan, Scope};
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::{Clock, SystemClock};
use crate::environment::optional;
use crate::metrics;

/// Starts logging to standard output; `LOG_LEVEL` sets the least level, `info` if absent.
pub fn init(function: &'static str) {
    // A second subscriber (a test's own) keeps its place.
    let _ = subscriber(function, std::io::stdout).try_init();
}

fn subscriber<W>(function: &'static str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = optional("LOG_LEVEL").unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::new(format!("{level},{}=info", metrics::TARGET));
    let environment = optional("STOCKLINE_ENV").unwrap_or_else(|| "local".to_owned());
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .event_format(JsonLine {
            function,
            namespace: format!("stockline-{environment}"),
        });
    tracing_subscriber::registry()
        .with(filter)
        .with(SpanFields)
        .with(lines)
}

/// The span of one invocation: every line within carries these ids.
pub fn invocation(request_id: &str, correlation_id: &str, trace_id: &str) -> Span {
    tracing::info_span!("invocation", request_id, correlation_id, trace_id)
}

struct JsonLine {
    function: &'static str,
    namespace: String,
}

struct SpanFields;

#[derive(Default)]
struct Fields(Map<String, Value>);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0
            .insert(field.name().to_owned(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> tracing_subscriber::Layer<S> for SpanFields {
    fn on_new_span(
        &self,
        attributes: &tracing::span::Attributes<'_>,
        id: &tracing::Id,
        context: Context<'_, S>,
    ) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }
}

impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("function".to_owned(), self.function.into());
        line.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
        // From the outermost in: what a message says of its cause is nearer than what its batch does.
        let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
        for span in spans {
            if let Some(Fields(fields)) = span.extensions().get::<Fields>() {
                line.extend(fields.clone());
            }
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if event.metadata().target() == metrics::TARGET {
            let now = SystemClock.now().as_millisecond();
            metrics::embedded(&mut fields.0, &self.namespace, now);
        }
        line.extend(fields.0);
        writeln!(writer, "{}", Value::Object(line))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::metrics::{Metric, count};

    /// Where a test's log goes.
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = subscriber("order-intake", move || writer.clone());
        tracing::subscriber::with_default(subscriber, work);
        let text = log.0.lock().unwrap().clone();
        let text = String::from_utf8(text).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    #[test]
    fn every_line_carries_the_ids_of_its_invocation() {
        let lines = lines(|| {
            invocation("r-1", "c-1", "00-4bf9-00f0-01").in_scope(|| tracing::info!("placed"));
        });
        assert_eq!(lines[0]["message"], "placed");
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(lines[0]["correlation_id"], "c-1");
        assert_eq!(lines[0]["trace_id"], "00-4bf9-00f0-01");
    }

    #[test]
    fn a_count_is_a_line_that_cloudwatch_reads_a_metric_from_and_none_is_no_line() {
        let lines = lines(|| {
            count(Metric::OrdersPlaced, 2);
            count(Metric::OrdersShort, 0);
        });
        assert_eq!(lines.len(), 1);
        let line = &lines[0];
        assert_eq!(line["orders_placed"], 2);
        assert_eq!(line["function"], "order-intake");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "stockline-local");
        assert_eq!(directive["Dimensions"], serde_json::json!([["function"]]));
        assert_eq!(
            directive["Metrics"],
            serde_json::json!([{"Name": "orders_placed", "Unit": "Count"}])
        );
        assert!(line["_aws"]["Timestamp"].as_i64().unwrap() > 1_600_000_000_000);
    }
}
