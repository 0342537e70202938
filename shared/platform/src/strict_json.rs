//! Parses JSON strictly: one value, and no field of an object twice.
//!
//! `serde_json` alone keeps the last of several fields with the same name, so the sender and Stockline could disagree on what a
//! body says.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::{Map, Number, Value};

/// A text that is not one JSON value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{pointer}: {detail}")]
pub struct JsonError {
    /// The JSON Pointer (RFC 6901) of the value that could not be parsed; empty for the whole text.
    pub pointer: String,
    /// What is wrong, with line and column, as a text for people.
    pub detail: String,
}

/// Parses a text that contains one JSON value and nothing else.
pub fn from_slice(text: &[u8]) -> Result<Value, JsonError> {
    let mut path = Vec::new();
    let mut json = serde_json::Deserializer::from_slice(text);
    let seed = ValueSeed { path: &mut path };
    let parsed = seed
        .deserialize(&mut json)
        .and_then(|value| json.end().map(|()| value));
    parsed.map_err(|error| JsonError {
        detail: match error.classify() {
            // The text is JSON, but breaks a rule of `ValueSeed`.
            Category::Data => error.to_string(),
            Category::Io | Category::Syntax | Category::Eof => format!("is not JSON: {error}"),
        },
        pointer: path.concat(),
    })
}

/// Returns the segment of a JSON Pointer for the field `name`.
pub fn pointer_segment(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Builds a [`Value`]. After an error, `path` holds the segments of the pointer to where it occurred.
struct ValueSeed<'a> {
    path: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let Self { path } = self;
        let mut array = Vec::new();
        loop {
            path.push(format!("/{}", array.len()));
            let entry = entries.next_element_seed(ValueSeed { path: &mut *path })?;
            path.pop();
            match entry {
                Some(entry) => array.push(entry),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let Self { path } = self;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            path.push(pointer_segment(&name));
            if object.contains_key(&name) {
                return Err(A::Error::custom("the field is given twice"));
            }
            let value = fields.next_value_seed(ValueSeed { path: &mut *path })?;
            path.pop();
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn valid_json_is_parsed_to_the_same_value() {
        let value = json!({
            "text": "a\"b", "numbers": [0, -1, 1.5, u64::MAX], "nested": {"none": null, "yes": true, "empty": [{}]},
        });
        assert_eq!(from_slice(value.to_string().as_bytes()), Ok(value));
    }

    #[test]
    fn repeated_field_is_rejected_at_any_depth() {
        let pointer = |text: &str| from_slice(text.as_bytes()).unwrap_err().pointer;
        assert_eq!(pointer(r#"{"changes": [], "changes": []}"#), "/changes");
        assert_eq!(pointer(r#"{"a": [{}, {"x/y": 1, "x/y": 1}]}"#), "/a/1/x~1y");
        assert!(from_slice(br#"{"a": {"x": 1}, "b": {"x": 1}}"#).is_ok());
        let detail = from_slice(br#"{"a": 1, "a": 1}"#).unwrap_err().detail;
        assert!(detail.starts_with("the field is given twice"), "{detail}");
    }

    #[test]
    fn anything_but_one_json_value_is_rejected() {
        for text in [
            "",
            "{",
            "[1,]",
            "{} {}",
            "{'a': 1}",
            "NaN",
            "\u{feff}{}",
            "\"a\nb\"",
        ] {
            assert!(from_slice(text.as_bytes()).is_err(), "{text:?}");
        }
        assert!(from_slice(&[b'"', 0xe4, b'"']).is_err());
        let nested = "[".repeat(100_000);
        assert!(from_slice(nested.as_bytes()).is_err());
    }

    #[test]
    fn error_names_line_and_column() {
        let error = from_slice(b"{\n\"lines\": [1, }").unwrap_err();
        assert_eq!(error.pointer, "/lines/1");
        assert_eq!(
            error.detail,
            "is not JSON: expected value at line 2 column 14"
        );
    }
}
