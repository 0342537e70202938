//! How a time is written for others: RFC 3339 in UTC with three digits of the second, always, so that texts of times sort
//! as the times do. Read it is in any form of RFC 3339.
//!
//! For `#[serde(serialize_with = "..")]` on every time that leaves in a response or a message; and for every time that
//! comes in and is compared with others.

use jiff::Timestamp;
use serde::Serializer;

/// `at` without what is finer than a millisecond: as it is stored, so that whoever compares it before and whoever compares
/// it after say the same.
pub fn cut(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

/// A time, cut to milliseconds.
pub fn serialize<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.3}"))
}

/// A time that may be absent.
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
    fn a_time_has_three_digits_on_the_whole_second_and_within_it() {
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
    fn a_time_is_read_in_any_form_of_rfc_3339() {
        for text in ["2026-03-01T12:00:00Z", "2026-03-01T14:00:00.000+02:00"] {
            let times: Times = serde_json::from_value(json!({"at": text})).unwrap();
            assert_eq!(times.at, "2026-03-01T12:00:00Z".parse().unwrap());
            assert_eq!(times.then, None);
        }
    }
}
