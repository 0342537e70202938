//! Serializes timestamps as RFC 3339 in UTC with exactly 3 fractional digits, so that the texts sort like the times.
//!
//! Use it in `#[serde(serialize_with = "..")]` on every time in a response or a message, and truncate every received time that
//! is compared with others. The times of a request are parsed by [`reported_time`](crate::reported_time).

use jiff::Timestamp;
use serde::Serializer;

/// Truncates `at` to milliseconds, the stored precision, so that a comparison gives the same result before and after the time
/// is stored.
pub fn truncate(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// Serializes a time, truncated to milliseconds.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// Serializes an optional time; `None` as null.
#[allow(clippy::ref_option, reason = "serde passes a reference to the field")]
pub fn optional<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => serialize(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Times {
        #[serde(serialize_with = "serialize")]
        at: Timestamp,
        #[serde(default, serialize_with = "optional")]
        then: Option<Timestamp>,
    }

    #[test]
    fn time_is_serialized_with_three_fractional_digits() {
        let written = |at: &str, then: Option<&str>| {
            let times = Times {
                at: at.parse().unwrap(),
                then: then.map(|then| then.parse().unwrap()),
            };
            serde_json::to_value(&times).unwrap()
        };
        assert_eq!(
            written("2026-03-01T12:00:00Z", None),
            json!({"at": "2026-03-01T12:00:00.000Z", "then": null})
        );
        assert_eq!(
            written(
                "2026-03-01T12:00:00.1239Z",
                Some("2026-03-01T14:00:00.5+02:00")
            ),
            json!({"at": "2026-03-01T12:00:00.123Z", "then": "2026-03-01T12:00:00.500Z"})
        );
    }

    #[test]
    fn time_is_parsed_from_any_form_of_rfc_3339() {
        for text in ["2026-03-01T12:00:00Z", "2026-03-01T14:00:00.000+02:00"] {
            let times: Times = serde_json::from_value(json!({"at": text})).unwrap();
            assert_eq!(times.at, "2026-03-01T12:00:00Z".parse().unwrap());
            assert_eq!(times.then, None);
        }
    }
}
