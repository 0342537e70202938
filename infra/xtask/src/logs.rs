//! Reads the log lines of deployed functions from CloudWatch Logs of a local cloud.

use serde_json::{Value, json};

use crate::Result;
use crate::status::Cloud;

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogLine {
    /// When it was written, in milliseconds since 1970.
    pub at: u64,
    /// The function.
    pub function: String,
    /// The line: a JSON object if the function wrote it, text if Lambda did.
    pub text: String,
}

/// The lines that `functions` wrote since `since`, in milliseconds since 1970; oldest first.
///
/// # Errors
/// The cloud does not answer. A function that never ran has no lines.
pub fn lines(cloud: &Cloud, functions: &[String], since: u64) -> Result<Vec<LogLine>> {
    let mut lines = Vec::new();
    for function in functions {
        let deployed = format!("{}-{function}", cloud.prefix);
        let mut request =
            json!({"logGroupName": format!("/aws/lambda/{deployed}"), "startTime": since});
        loop {
            let page = cloud.call_service("logs", "Logs_20140328.FilterLogEvents", &request)?;
            let events = page["events"].as_array().into_iter().flatten();
            lines.extend(events.map(|event| line(function, event)));
            match page["nextToken"].as_str() {
                Some(token) if !token.is_empty() => request["nextToken"] = token.into(),
                _ => break,
            }
        }
    }
    lines.sort();
    Ok(lines)
}

fn line(function: &str, event: &Value) -> LogLine {
    LogLine {
        at: event["timestamp"].as_u64().unwrap_or_default(),
        function: function.to_owned(),
        text: event["message"]
            .as_str()
            .unwrap_or_default()
            .trim_end()
            .to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_becomes_a_line_without_its_line_break() {
        let event = json!({"timestamp": 7, "message": "{\"level\":\"INFO\"}\n"});
        let expected = LogLine {
            at: 7,
            function: "order-intake".into(),
            text: "{\"level\":\"INFO\"}".into(),
        };
        assert_eq!(line("order-intake", &event), expected);
    }
}
