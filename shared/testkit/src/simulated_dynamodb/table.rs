//! A table and its global secondary indexes.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::ProjectionType;

use super::capacity::write_units;
use super::value::{Item, Value, item_size};
use crate::cloud::{OPEN_ORDER, Table as Layout};

/// The largest item.
const LARGEST_ITEM: usize = 400 * 1024;
/// The longest partition key and the longest sort key.
const LONGEST_KEYS: [usize; 2] = [2048, 1024];
/// What every table of Stockline calls its key.
const KEY: [&str; 2] = ["pk", "sk"];

/// An item's key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

/// An index.
#[derive(Debug)]
pub struct Index {
    /// Its name.
    pub name: &'static str,
    /// Its partition key.
    pub hash: &'static str,
    /// Its sort key.
    pub range: &'static str,
    projection: ProjectionType,
    entries: BTreeSet<(String, String, Key)>,
}

/// What a write costs one partition of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexWrite {
    /// The index.
    pub index: &'static str,
    /// The partition.
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
    /// Empty.
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

    /// The item under `key`.
    pub fn get(&self, key: &Key) -> Option<&Item> {
        self.items.get(key)
    }

    /// Every item, by key.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.values()
    }

    /// An index.
    pub fn index(&self, name: &str) -> Result<&Index, String> {
        self.indexes
            .iter()
            .find(|index| index.name == name)
            .ok_or_else(|| format!("The table does not have the specified index: {name}"))
    }

    /// Puts `item` under `key`, or takes away what is there. Indexes follow at once: how they lag behind is not simulated.
    pub fn replace(&mut self, key: &Key, item: Option<&Item>) {
        let before = self.items.remove(key);
        for index in &mut self.indexes {
            if let Some((hash, range)) = before.as_ref().and_then(|item| index.key_in(item)) {
                index.entries.remove(&(hash, range, key.clone()));
            }
            if let Some((hash, range)) = item.and_then(|item| index.key_in(item)) {
                index.entries.insert((hash, range, key.clone()));
            }
        }
        if let Some(item) = item {
            self.items.insert(key.clone(), item.clone());
        }
    }

    /// The items of one partition by sort key, with the sort key.
    pub fn partition<'a>(&'a self, pk: &'a str) -> impl DoubleEndedIterator<Item = &'a Item> {
        let from = Key {
            pk: pk.to_owned(),
            sk: String::new(),
        };
        // No text comes between a text and the same with a zero byte behind it.
        let to = Key {
            pk: format!("{pk}\0"),
            sk: String::new(),
        };
        self.items.range(from..to).map(|(_, item)| item)
    }

    /// What of the items of one partition of an index the index holds, by its sort key.
    pub fn index_partition<'a>(
        &'a self,
        index: &'a Index,
        hash: &str,
    ) -> impl DoubleEndedIterator<Item = Item> + 'a {
        let nowhere = Key {
            pk: String::new(),
            sk: String::new(),
        };
        let from = (hash.to_owned(), String::new(), nowhere.clone());
        let to = (format!("{hash}\0"), String::new(), nowhere);
        index
            .entries
            .range(from..to)
            .filter_map(|(_, _, key)| self.items.get(key))
            .map(|item| index.projected(item))
    }

    /// What replacing `before` by `after` costs in each index (Developer Guide, "Provisioned throughput considerations
    /// for global secondary indexes").
    pub fn index_writes(&self, before: Option<&Item>, after: Option<&Item>) -> Vec<IndexWrite> {
        let mut writes = Vec::new();
        for index in &self.indexes {
            let entry = |item: Option<&Item>| {
                let item = item?;
                let (hash, range) = index.key_in(item)?;
                Some((hash, range, index.projected(item)))
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

    /// That `item` may be stored: its size, and the types of its indexes' keys.
    pub fn check_item(&self, item: &Item) -> Result<(), String> {
        if item_size(item) > LARGEST_ITEM {
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
                            value.kind(),
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
    /// What `item` has as this index's key; an item without one is not in the index.
    pub fn key_in(&self, item: &Item) -> Option<(String, String)> {
        match (item.get(self.hash)?, item.get(self.range)?) {
            (Value::S(hash), Value::S(range)) => Some((hash.clone(), range.clone())),
            _ => None,
        }
    }

    /// What of `item` the index holds.
    pub fn projected(&self, item: &Item) -> Item {
        if self.projection == ProjectionType::All {
            return item.clone();
        }
        let included: &[&str] = if self.projection == ProjectionType::Include {
            &OPEN_ORDER
        } else {
            &[]
        };
        item.iter()
            .map(|(name, value)| (name.as_str(), value))
            .filter(|(name, _)| self.key_attributes().contains(name) || included.contains(name))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect()
    }

    /// The table's key and its own.
    pub fn key_attributes(&self) -> [&str; 4] {
        [KEY[0], KEY[1], self.hash, self.range]
    }
}

/// The names of the table's key.
pub fn key_attributes() -> [&'static str; 2] {
    KEY
}

/// The key of a whole item.
pub fn key_in(item: &Item) -> Result<Key, String> {
    let part = |name: &'static str, longest: usize| match item.get(name) {
        None => Err(format!(
            "One or more parameter values were invalid: Missing the key {name} in the item"
        )),
        Some(Value::S(text)) if text.is_empty() => Err(format!(
            "One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value. Key: {name}"
        )),
        Some(Value::S(text)) if text.len() > longest => Err(format!(
            "One or more parameter values were invalid: Size of {name} has exceeded the maximum size limit of {longest} bytes"
        )),
        Some(Value::S(text)) => Ok(text.clone()),
        Some(value) => Err(format!(
            "One or more parameter values were invalid: Type mismatch for key {name} expected: S actual: {}",
            value.kind()
        )),
    };
    Ok(Key {
        pk: part(KEY[0], LONGEST_KEYS[0])?,
        sk: part(KEY[1], LONGEST_KEYS[1])?,
    })
}

/// A request's `Key`: the key's attributes and no others.
pub fn exact_key(key: &Item) -> Result<Key, String> {
    let mismatch = "The provided key element does not match the schema";
    if key.len() != KEY.len()
        || !KEY
            .iter()
            .all(|name| matches!(key.get(*name), Some(Value::S(_))))
    {
        return Err(mismatch.into());
    }
    key_in(key)
}
