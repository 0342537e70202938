//! Attribute values: as JSON on the wire, and their size.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

use super::number::Number;

/// How deep lists and maps may be nested.
const DEEPEST: usize = 32;

/// An item, attribute by attribute.
pub type Item = BTreeMap<String, Value>;

/// An attribute's value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "Json")]
pub enum Value {
    /// Text.
    S(String),
    /// A number.
    N(Number),
    /// Bytes.
    B(Vec<u8>),
    /// A truth value.
    Bool(bool),
    /// Nothing.
    Null,
    /// A map.
    M(Item),
    /// A list.
    L(Vec<Value>),
    /// A set of texts.
    Ss(BTreeSet<String>),
    /// A set of numbers.
    Ns(BTreeSet<Number>),
    /// A set of bytes.
    Bs(BTreeSet<Vec<u8>>),
}

impl TryFrom<Json> for Value {
    type Error = String;

    fn try_from(json: Json) -> Result<Self, String> {
        Self::read(json, 0)
    }
}

impl Value {
    fn read(json: Json, depth: usize) -> Result<Self, String> {
        if depth > DEEPEST {
            return Err("Nesting Levels have exceeded supported limits".into());
        }
        let Json::Object(object) = json else {
            return Err("an attribute value is an object of one type".into());
        };
        let mut entries = object.into_iter();
        let (Some((kind, value)), None) = (entries.next(), entries.next()) else {
            return Err("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes".into());
        };
        Ok(match (kind.as_str(), value) {
            ("S", Json::String(text)) => Self::S(text),
            ("N", Json::String(text)) => Self::N(Number::parse(&text)?),
            ("B", Json::String(text)) => Self::B(bytes(&text)?),
            ("BOOL", Json::Bool(truth)) => Self::Bool(truth),
            ("NULL", Json::Bool(true)) => Self::Null,
            ("M", Json::Object(map)) => Self::M(
                map.into_iter()
                    .map(|(name, value)| Ok((name, Self::read(value, depth + 1)?)))
                    .collect::<Result<_, String>>()?,
            ),
            ("L", Json::Array(list)) => Self::L(
                list.into_iter()
                    .map(|value| Self::read(value, depth + 1))
                    .collect::<Result<_, _>>()?,
            ),
            ("SS", Json::Array(set)) => Self::Ss(members(set, |text| Ok(text.to_owned()))?),
            ("NS", Json::Array(set)) => Self::Ns(members(set, Number::parse)?),
            ("BS", Json::Array(set)) => Self::Bs(members(set, bytes)?),
            (kind, value) => return Err(format!("{value} is no value of type {kind}")),
        })
    }

    /// As it goes over the wire.
    pub fn json(&self) -> Json {
        let encoded = |bytes: &Vec<u8>| BASE64_STANDARD.encode(bytes);
        match self {
            Self::S(text) => json!({"S": text}),
            Self::N(number) => json!({"N": number.to_string()}),
            Self::B(bytes) => json!({"B": encoded(bytes)}),
            Self::Bool(truth) => json!({"BOOL": truth}),
            Self::Null => json!({"NULL": true}),
            Self::M(map) => json!({"M": item_json(map)}),
            Self::L(list) => json!({"L": list.iter().map(Self::json).collect::<Vec<_>>()}),
            Self::Ss(set) => json!({"SS": set}),
            Self::Ns(set) => json!({"NS": set.iter().map(Number::to_string).collect::<Vec<_>>()}),
            Self::Bs(set) => json!({"BS": set.iter().map(encoded).collect::<Vec<_>>()}),
        }
    }

    /// What its type is called on the wire.
    pub fn kind(&self) -> &'static str {
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

    /// Its bytes in an item (Developer Guide, "DynamoDB item sizes and formats").
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

fn bytes(text: &str) -> Result<Vec<u8>, String> {
    BASE64_STANDARD
        .decode(text)
        .map_err(|_| "Base64 encoded length is unexpected".into())
}

fn members<T: Ord>(
    set: Vec<Json>,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, String> {
    let listed = set.len();
    let members = set
        .into_iter()
        .map(|member| read(member.as_str().ok_or("a set's member is text")?))
        .collect::<Result<BTreeSet<T>, String>>()?;
    if members.is_empty() {
        return Err("One or more parameter values were invalid: An set may not be empty".into());
    }
    if members.len() < listed {
        return Err(
            "One or more parameter values were invalid: Input collection contains duplicates"
                .into(),
        );
    }
    Ok(members)
}

/// An item as it goes over the wire.
pub fn item_json(item: &Item) -> Json {
    Json::Object(
        item.iter()
            .map(|(name, value)| (name.clone(), value.json()))
            .collect::<Map<_, _>>(),
    )
}

/// An item's bytes: its attributes' names and values.
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
    fn every_type_reads_back() {
        let all = json!({"M": {
            "text": {"S": "milk"}, "number": {"N": "1.5"}, "bytes": {"B": "AQI="}, "truth": {"BOOL": false},
            "nothing": {"NULL": true}, "list": {"L": [{"S": ""}, {"N": "-3"}]},
            "texts": {"SS": ["a", "b"]}, "numbers": {"NS": ["1", "2"]}, "blobs": {"BS": ["AQ==", "Ag=="]},
        }});
        assert_eq!(value(all.clone()).unwrap().json(), all);
    }

    #[test]
    fn what_is_no_value_is_refused() {
        for wrong in [
            json!({}),
            json!({"S": "a", "N": "1"}),
            json!({"N": 1}),
            json!({"X": "a"}),
            json!({"SS": []}),
            json!({"NS": ["1", "1.0"]}),
            json!({"NULL": false}),
        ] {
            assert!(value(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_map_costs_three_bytes_and_one_an_element() {
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
