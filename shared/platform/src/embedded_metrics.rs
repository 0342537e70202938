//! CloudWatch embedded metric format: CloudWatch turns these log lines into metrics, without a call.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::fmt::Debug;

use json_subscriber::FieldWriter;
use serde_json::json;
use stockline_application::ports::clock::Clock;
use tracing::Event;
use tracing::field::{Field, Visit};

/// Adds the fields of the embedded metric to the log line of a counting event.
pub(crate) fn write_metric<C: Clock>(
    event: &Event<'_>,
    namespace: &str,
    clock: &C,
    line: &mut FieldWriter<'_>,
) {
    let mut counted = CountedMetric::default();
    event.record(&mut counted);
    let CountedMetric {
        name: Some(name),
        count: Some(count),
    } = counted
    else {
        return;
    };
    let metrics = json!([{"Name": &name, "Unit": "Count"}]);
    let directive =
        json!({"Namespace": namespace, "Dimensions": [["function"]], "Metrics": metrics});
    let metadata =
        json!({"Timestamp": clock.now().as_millisecond(), "CloudWatchMetrics": [directive]});
    // Both are plain JSON values, so writing them cannot fail.
    let _ = line.write_field("_aws", metadata);
    let _ = line.write_field(&name, count);
}

/// The fields of an event of `stockline_application::metrics::count`.
#[derive(Default)]
struct CountedMetric {
    name: Option<String>,
    count: Option<u64>,
}

impl Visit for CountedMetric {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "metric" {
            self.name = Some(value.to_owned());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "count" {
            self.count = Some(value);
        }
    }

    fn record_debug(&mut self, _field: &Field, _value: &dyn Debug) {}
}
