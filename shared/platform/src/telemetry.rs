//! Logs: one JSON object per line, with the ids that relate the line to its request.

use stockline_application::metrics;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Span, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::clock::SystemClock;
use crate::embedded_metrics::write_metric;
use crate::environment::optional;

/// Starts logging to standard output. Call it first in `main`, so that every later warning is logged.
///
/// `LOG_LEVEL` (`error`, `warn`, `info`, `debug` or `trace`) sets the lowest level that is logged; the default is `info`.
/// `STOCKLINE_VERSION` is the deployed revision.
pub fn init(function: &'static str) {
    // In tests a subscriber may be installed already; it stays.
    let _ = subscriber(function, std::io::stdout).try_init();
}

fn subscriber<W>(function: &'static str, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = optional("LOG_LEVEL")
        .and_then(|level| level.parse().ok())
        .unwrap_or(LevelFilter::INFO);
    // Metrics are log lines too, and are written at any log level.
    let filter = Targets::new()
        .with_default(level)
        .with_target(metrics::TARGET, Level::INFO);
    let environment = optional("STOCKLINE_ENV").unwrap_or_else(|| "local".to_owned());
    let namespace = format!("stockline-{environment}");
    let version = optional("STOCKLINE_VERSION").unwrap_or_else(|| "unknown".to_owned());
    let mut lines = json_subscriber::JsonLayer::new(writer);
    lines
        .with_level("level")
        // The ids of an inner span replace those of the outer one: a record's cause is closer than its batch.
        .with_top_level_flattened_span_list()
        .with_flattened_event();
    lines.add_static_field("function", function.into());
    lines.add_static_field("version", version.into());
    lines.add_multiple_dynamic_fields(move |event, _context, line| {
        if event.metadata().target() == metrics::TARGET {
            write_metric(event, &namespace, &SystemClock, line);
        }
    });
    tracing_subscriber::registry().with(filter).with(lines)
}

/// The span of one invocation. Every log line inside it carries its id; `Cause::scope` adds those of the request behind it.
pub fn invocation(request_id: &str) -> Span {
    tracing::info_span!("invocation", request_id)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;
    use serde_json::Value;
    use stockline_application::metrics::{Metric, count};

    /// Collects the log of a test.
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
    fn log_line_carries_ids_of_its_invocation() {
        let lines = lines(|| {
            invocation("r-1").in_scope(|| {
                let cause = tracing::info_span!("cause", correlation_id = "c-1", trace_id = "4bf9");
                cause.in_scope(|| tracing::info!("placed"));
            });
        });
        assert_eq!(lines[0]["message"], "placed");
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["function"], "order-intake");
        assert_eq!(lines[0]["version"], "unknown");
        assert_eq!(lines[0]["request_id"], "r-1");
        assert_eq!(lines[0]["correlation_id"], "c-1");
        assert_eq!(lines[0]["trace_id"], "4bf9");
    }

    #[test]
    fn inner_cause_replaces_outer_cause() {
        let lines = lines(|| {
            let outer = tracing::info_span!("cause", correlation_id = "c-1");
            outer.in_scope(|| {
                let inner = tracing::info_span!("cause", correlation_id = "c-2");
                inner.in_scope(|| tracing::info!("placed"));
            });
        });
        assert_eq!(lines[0]["correlation_id"], "c-2");
    }

    #[test]
    fn count_is_an_embedded_metric_and_zero_is_not_logged() {
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
