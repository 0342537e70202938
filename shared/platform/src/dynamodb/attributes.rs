//! Converts between DynamoDB items and domain types.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Key;
use stockline_application::paging::Position;
use stockline_application::store_error::StoreError;

/// An item: attribute values by name.
pub type Item = HashMap<String, AttributeValue>;

/// Returns a string attribute.
pub fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// Returns a number attribute.
pub fn number<N: ToString + Copy>(value: N) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Serializes a value to one attribute.
pub fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(StoreError::failed("write an attribute"))
}

/// Serializes a value to an item with key `key`.
pub fn item<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::to_item(value).map_err(StoreError::failed("write an item"))?;
    item.extend(key_of(key));
    Ok(item)
}

/// Deserializes an item. Attributes that `T` has no field for are ignored, unless `T` denies unknown fields.
pub fn value<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(StoreError::failed("read an item"))
}

/// Returns the key attributes `pk` and `sk`.
pub fn key_of(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), string(&key.pk)),
        ("sk".to_owned(), string(&key.sk)),
    ])
}

/// Converts the last evaluated key of a page to a position. All key attributes of the tables and indexes are strings.
pub fn position(last_key: Option<Item>) -> Option<Position> {
    last_key.map(|key| {
        key.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone())))
            .collect()
    })
}

/// Converts a position to an exclusive start key.
pub fn start_key(position: Option<Position>) -> Option<Item> {
    position.map(|position| {
        position
            .into_iter()
            .map(|(name, value)| (name, string(value)))
            .collect()
    })
}
