//! Items to domain types and back.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::keys::Key;
use stockline_application::paging::Position;
use stockline_application::store_error::StoreError;

/// One item, attribute by attribute.
pub type Item = HashMap<String, AttributeValue>;

/// A string attribute.
pub fn string(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A number attribute.
pub fn number<N: ToString + Copy>(value: N) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// A value as one attribute.
pub fn attribute<T: Serialize>(value: &T) -> Result<AttributeValue, StoreError> {
    serde_dynamo::to_attribute_value(value).map_err(StoreError::failed("write an attribute"))
}

/// A value as an item under `key`.
pub fn item<T: Serialize>(key: &Key, value: &T) -> Result<Item, StoreError> {
    let mut item: Item =
        serde_dynamo::to_item(value).map_err(StoreError::failed("write an item"))?;
    item.extend(key_of(key));
    Ok(item)
}

/// The value that an item holds.
pub fn value<T: DeserializeOwned>(item: Item) -> Result<T, StoreError> {
    serde_dynamo::from_item(item).map_err(StoreError::failed("read an item"))
}

/// A key as its two attributes.
pub fn key_of(key: &Key) -> Item {
    HashMap::from([
        ("pk".to_owned(), string(&key.pk)),
        ("sk".to_owned(), string(&key.sk)),
    ])
}

/// The last key of a page as a position; every key attribute is a string.
pub fn position(last_key: Option<Item>) -> Option<Position> {
    last_key.map(|key| {
        key.into_iter()
            .filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone())))
            .collect()
    })
}

/// A position as the key to start after.
pub fn start_key(position: Option<Position>) -> Option<Item> {
    position.map(|position| {
        position
            .into_iter()
            .map(|(name, value)| (name, string(value)))
            .collect()
    })
}
