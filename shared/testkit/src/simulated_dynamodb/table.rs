//! Tables and their global secondary indexes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::ProjectionType;

use super::capacity::write_units;
use super::value::{Item, Value, item_size};
use crate::cloud::{OPEN_ORDER_ATTRIBUTES, Table as Layout};

/// The maximum size of an item, in bytes.
const MAX_ITEM_SIZE: usize = 400 * 1024;
/// The maximum sizes of a partition key and a sort key, in bytes.
const MAX_KEY_SIZES: [usize; 2] = [2048, 1024];
/// The partition and sort key attributes of every Stockline table.
const KEY_ATTRIBUTES: [&str; 2] = ["pk", "sk"];

/// The key of an item.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// A global secondary index.
#[derive(Debug)]
pub struct Index {
    /// The name.
    pub name: &'static str,
    /// The partition key attribute.
    pub hash: &'static str,
    /// The sort key attribute.
    pub range: &'static str,
    projection: ProjectionType,
    entries: BTreeSet<(String, String, Key)>,
}

/// The capacity that a write consumes from one partition of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexWrite {
    /// The index.
    pub index: &'static str,
    /// The value of the index's partition key.
    pub hash: String,
    /// Write units.
    pub units: u64,
}

/// A table.
#[derive(Debug)]
pub struct Table {
    items: BTreeMap<Key, Item>,
    indexes: Vec<Index>,
}

impl Table {
    /// Creates an empty table.
    pub fn new(layout: Layout) -> Self {
        let indexes = layout
            .indexes()
            .iter()
            .map(|(name, hash, range, projection)| Index {
                name,
                hash,
                range,
                projection: projection.clone(),
                entries: BTreeSet::new(),
            })
            .collect();
        Self {
            items: BTreeMap::new(),
            indexes,
        }
    }

    /// Returns the item with `key`.
    pub fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    /// Iterates over all items, sorted by key.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// Returns an index. The error is DynamoDB's message.
    pub fn index(&self, name: &str) -> Result<&Index, String> {
        self.indexes
            .iter()
            .find(|index| index.name == name)
            .ok_or_else(|| format!("The table does not have the specified index: {name}"))
    }

    /// Replaces or deletes the item with `key`. The indexes are updated immediately: their lag is not simulated.
    pub fn replace(&mut self, key: &Key, item: Option<&Item>) {
        let old = self.items.remove(key);
        for index in &mut self.indexes {
            if let Some((hash, range)) = old.as_ref().and_then(|item| index.key_of(item)) {
                index.entries.remove(&(hash, range, key.clone()));
            }
            if let Some((hash, range)) = item.and_then(|item| index.key_of(item)) {
                index.entries.insert((hash, range, key.clone()));
            }
        }
        if let Some(item) = item {
            self.items.insert(key.clone(), item.clone());
        }
    }

    /// Iterates over the items of one partition, sorted by sort key.
    pub fn partition<'a>(&'a self, pk: &'a str) -> impl DoubleEndedIterator<Item = &'a Item> {
        let from = Key {
            pk: pk.to_owned(),
            sk: String::new(),
        };
        // `pk` followed by a zero byte is the smallest string greater than `pk`.
        let to = Key {
            pk: format!("{pk}\0"),
            sk: String::new(),
        };
        self.items.range(from..to).map(|(_, item)| item)
    }

    /// Iterates over the projected items of one partition of an index, sorted by the index's sort key.
    pub fn index_partition<'a>(
        &'a self,
        index: &'a Index,
        hash: &str,
    ) -> impl DoubleEndedIterator<Item = Item> + 'a {
        let smallest_key = Key {
            pk: String::new(),
            sk: String::new(),
        };
        let from = (hash.to_owned(), String::new(), smallest_key.clone());
        let to = (format!("{hash}\0"), String::new(), smallest_key);
        index
            .entries
            .range(from..to)
            .filter_map(|(_, _, key)| self.items.get(key))
            .map(|item| index.project(item))
    }

    /// Returns the index capacity that replacing `before` by `after` consumes (Developer Guide, "Provisioned throughput
    /// considerations for global secondary indexes").
    pub fn index_writes(&self, before: Option<&Item>, after: Option<&Item>) -> Vec<IndexWrite> {
        let mut writes = Vec::new();
        for index in &self.indexes {
            let entry = |item: Option<&Item>| {
                let item = item?;
                let (hash, range) = index.key_of(item)?;
                Some((hash, range, index.project(item)))
            };
            let mut write = |hash: String, size| {
                writes.push(IndexWrite {
                    index: index.name,
                    hash,
                    units: write_units(size),
                });
            };
            match (entry(before), entry(after)) {
                (None, None) => {}
                (Some((hash, _, item)), None) | (None, Some((hash, _, item))) => {
                    write(hash, item_size(&item));
                }
                (Some(old), Some(new)) if old == new => {}
                (Some(old), Some(new)) if (&old.0, &old.1) == (&new.0, &new.1) => {
                    write(new.0, item_size(&old.2).max(item_size(&new.2)));
                }
                (Some(old), Some(new)) => {
                    write(old.0, item_size(&old.2));
                    write(new.0, item_size(&new.2));
                }
            }
        }
        writes
    }

    /// Checks the size of `item` and the data types of its index keys. The error is DynamoDB's message.
    pub fn check_item(&self, item: &Item) -> Result<(), String> {
        if item_size(item) > MAX_ITEM_SIZE {
            return Err("Item size has exceeded the maximum allowed size".into());
        }
        for index in &self.indexes {
            for name in [index.hash, index.range] {
                match item.get(name) {
                    None => {}
                    Some(Value::S(text)) if !text.is_empty() => {}
                    Some(Value::S(_)) => {
                        return Err(format!(
                            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty string value. IndexName: {}, IndexKey: {name}",
                            index.name
                        ));
                    }
                    Some(value) => {
                        return Err(format!(
                            "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: S Actual: {} IndexName: {}",
                            value.data_type(),
                            index.name
                        ));
                    }
                }
            }
        }
        Ok(())
    }
}

impl Index {
    /// Returns the partition and sort key of `item` in this index. An item without both is not in the index.
    pub fn key_of(&self, item: &Item) -> Option<(String, String)> {
        match (item.get(self.hash)?, item.get(self.range)?) {
            (Value::S(hash), Value::S(range)) => Some((hash.clone(), range.clone())),
            _ => None,
        }
    }

    /// Returns the attributes of `item` that the index projects.
    pub fn project(&self, item: &Item) -> Item {
        if self.projection == ProjectionType::All {
            return item.clone();
        }
        let included: &[&str] = if self.projection == ProjectionType::Include {
            &OPEN_ORDER_ATTRIBUTES
        } else {
            &[]
        };
        item.iter()
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| self.key_attributes().contains(name) || included.contains(name))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// The key attributes of the table and of the index.
    pub fn key_attributes(&self) -> [&str; 4] {
        [KEY_ATTRIBUTES[0], KEY_ATTRIBUTES[1], self.hash, self.range]
    }
}

/// The key attributes of every table.
pub fn key_attributes() -> [&'static str; 2] {
    KEY_ATTRIBUTES
}

/// Reads the key of a complete item. The error is DynamoDB's message.
pub fn item_key(item: &Item) -> Result<Key, String> {
    let key_value = |name: &'static str, max_size: usize| match item.get(name) {
        None => Err(format!(
            "One or more parameter values were invalid: Missing the key {name} in the item"
        )),
        Some(Value::S(text)) if text.is_empty() => Err(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        )),
        Some(Value::S(text)) if text.len() > max_size => Err(format!(
            "One or more parameter values were invalid: Size of {name} has exceeded the maximum size limit of {max_size} bytes"
        )),
        Some(Value::S(text)) => Ok(text.clone()),
        Some(value) => Err(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: S actual: {}",
            value.data_type()
        )),
    };
    Ok(Key {
        pk: key_value(KEY_ATTRIBUTES[0], MAX_KEY_SIZES[0])?,
        sk: key_value(KEY_ATTRIBUTES[1], MAX_KEY_SIZES[1])?,
    })
}

/// Reads the `Key` of a request, which must consist of exactly the key attributes. The error is DynamoDB's message.
pub fn parse_key(key: &Item) -> Result<Key, String> {
    let mismatch = "The provided key element does not match the schema";
    if key.len() != KEY_ATTRIBUTES.len()
        || !KEY_ATTRIBUTES
            .iter()
            .all(|name| matches!(key.get(*name), Some(Value::S(_))))
    {
        return Err(mismatch.into());
    }
    item_key(key)
}
