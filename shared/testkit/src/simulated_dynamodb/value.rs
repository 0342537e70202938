//! Attribute values: their JSON wire format and their size.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::number::Number;

/// The maximum nesting depth of lists and maps (Developer Guide, "Quotas").
const MAX_NESTING: usize = 32;

/// The attributes of an item, by name.
pub type Item = BTreeMap<String, Value>;

/// An attribute value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "Json")]
pub enum Value {
    /// A string.
    S(String),
    /// A number.
    N(Number),
    /// Binary data.
    B(Vec<u8>),
    /// A Boolean.
    Bool(bool),
    /// Null.
    Null,
    /// A map.
    M(Item),
    /// A list.
    L(Vec<Value>),
    /// A string set.
    Ss(BTreeSet<String>),
    /// A number set.
    Ns(BTreeSet<Number>),
    /// A binary set.
    Bs(BTreeSet<Vec<u8>>),
}

impl TryFrom<Json> for Value {
    type Error = String;

    fn try_from(json: Json) -> Result<Self, String> {
        Self::parse(json, 0)
    }
}

impl Value {
    fn parse(json: Json, depth: usize) -> Result<Self, String> {
        if depth > MAX_NESTING {
            return Err("Nesting Levels have exceeded supported limits".into());
        }
        let Json::Object(object) = json else {
            return Err(
                "an attribute value must be a JSON object with exactly one data type".into(),
            );
        };
        let mut entries = object.into_iter();
        let (Some((kind, value)), None) = (entries.next(), entries.next()) else {
            return Err("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".into());
        };
        Ok(match (kind.as_str(), value) {
            ("S", Json::String(text)) => Self::S(text),
            ("N", Json::String(text)) => Self::N(Number::parse(&text)?),
            ("B", Json::String(text)) => Self::B(decode_base64(&text)?),
            ("BOOL", Json::Bool(boolean)) => Self::Bool(boolean),
            ("NULL", Json::Bool(true)) => Self::Null,
            ("M", Json::Object(map)) => Self::M(
                map.into_iter()
                    .map(|(name, value)| Ok((name, Self::parse(value, depth + 1)?)))
                    .collect::<Result<_, String>>()?,
            ),
            ("L", Json::Array(list)) => Self::L(
                list.into_iter()
                    .map(|value| Self::parse(value, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            ("SS", Json::Array(set)) => Self::Ss(parse_set(set, |text| Ok(text.to_owned()))?),
            ("NS", Json::Array(set)) => Self::Ns(parse_set(set, Number::parse)?),
            ("BS", Json::Array(set)) => Self::Bs(parse_set(set, decode_base64)?),
            (kind, value) => return Err(format!("{value} is not a value of data type {kind}")),
        })
    }

    /// Encodes it in DynamoDB's JSON format.
    pub fn json(&self) -> Json {
        let encoded = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
        match self {
            Self::S(text) => json!({"S": text}),
            Self::N(number) => json!({"N": number.to_string()}),
            Self::B(bytes) => json!({"B": encoded(bytes)}),
            Self::Bool(boolean) => json!({"BOOL": boolean}),
            Self::Null => json!({"NULL": true}),
            Self::M(map) => json!({"M": item_json(map)}),
            Self::L(list) => json!({"L": list.iter().map(Self::json).collect::<Vec<_>>()}),
            Self::Ss(set) => json!({"SS": set}),
            Self::Ns(set) => json!({"NS": set.iter().map(Number::to_string).collect::<Vec<_>>()}),
            Self::Bs(set) => json!({"BS": set.iter().map(encoded).collect::<Vec<_>>()}),
        }
    }

    /// Returns the data type descriptor of the wire format, such as `S`.
    pub fn data_type(&self) -> &'static str {
        match self {
            Self::S(_) => "S",
            Self::N(_) => "N",
            Self::B(_) => "B",
            Self::Bool(_) => "BOOL",
            Self::Null => "NULL",
            Self::M(_) => "M",
            Self::L(_) => "L",
            Self::Ss(_) => "SS",
            Self::Ns(_) => "NS",
            Self::Bs(_) => "BS",
        }
    }

    /// Returns its size in bytes within an item (Developer Guide, "DynamoDB item sizes and formats").
    pub fn size(&self) -> usize {
        match self {
            Self::S(text) => text.len(),
            Self::N(number) => number.size(),
            Self::B(bytes) => bytes.len(),
            Self::Bool(_) | Self::Null => 1,
            Self::M(map) => 3 + map.len() + item_size(map),
            Self::L(list) => 3 + list.len() + list.iter().map(Self::size).sum::<usize>(),
            Self::Ss(set) => set.iter().map(String::len).sum(),
            Self::Ns(set) => set.iter().map(Number::size).sum(),
            Self::Bs(set) => set.iter().map(Vec::len).sum(),
        }
    }
}

fn decode_base64(text: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| "Base64 encoded length is unexpected".into())
}

fn parse_set<T: Ord>(
    set: Vec<Json>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, String> {
    let element_count = set.len();
    let members = set
        .into_iter()
        .map(|member| parse(member.as_str().ok_or("a set member must be a string")?))
        .collect::<Result<BTreeSet<T>, String>>()?;
    if members.is_empty() {
        return Err("One or more parameter values were invalid: An set may not be empty".into());
    }
    if members.len() < element_count {
        return Err(
            "One or more parameter values were invalid: Input collection contains duplicates"
                .into(),
        );
    }
    Ok(members)
}

/// Encodes an item in DynamoDB's JSON format.
pub fn item_json(item: &Item) -> Json {
    Json::Object(
        item.iter()
            .map(|(name, value)| (name.clone(), value.json()))
            .collect::<Map<_, _>>(),
    )
}

/// Returns an item's size in bytes: the names and values of its attributes.
pub fn item_size(item: &Item) -> usize {
    item.iter()
        .map(|(name, value)| name.len() + value.size())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: Json) -> Result<Value, String> {
        Value::try_from(json)
    }

    #[test]
    fn every_data_type_round_trips() {
        let all = json!({"M": {
            "text": {"S": "milk"}, "number": {"N": "1.5"}, "bytes": {"B": "AQI="}, "truth": {"BOOL": false},
            "nothing": {"NULL": true}, "list": {"L": [{"S": ""}, {"N": "-3"}]},
            "texts": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}, "blobs": {"BS": ["AQ==", "Ag=="]},
        }});
        assert_eq!(value(all.clone()).unwrap().json(), all);
    }

    #[test]
    fn invalid_values_are_rejected() {
        for invalid in [
            json!({}),
            json!({"S": "a", "N": "1"}),
            json!({"N": 1}),
            json!({"X": "a"}),
            json!({"SS": []}),
            json!({"NS": ["1", "1.0"]}),
            json!({"NULL": false}),
        ] {
            assert!(value(invalid.clone()).is_err(), "{invalid}");
        }
    }

    #[test]
    fn collection_size_adds_3_bytes_and_1_per_element() {
        let size = |json| value(json).unwrap().size();
        assert_eq!(size(json!({"M": {}})), 3);
        assert_eq!(size(json!({"M": {"ab": {"S": "cde"}}})), 3 + 1 + 2 + 3);
        assert_eq!(
            size(json!({"L": [{"BOOL": true}, {"NULL": true}]})),
            3 + 2 + 2
        );
        let item = Item::from([("pk".to_owned(), value(json!({"S": "Söhne"})).unwrap())]);
        assert_eq!(item_size(&item), 2 + 6);
    }
}
