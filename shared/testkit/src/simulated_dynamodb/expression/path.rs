//! Document paths.

use std::fmt;

use super::super::value::{Item, Value};

/// A document path: the name of a top-level attribute, then map keys and list indexes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The top-level attribute.
    pub attribute: String,
    /// The map keys and list indexes within the attribute.
    pub elements: Vec<PathElement>,
}

/// One element of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathElement {
    /// The key of a map entry.
    Name(String),
    /// The index of a list element.
    Index(usize),
}

const INVALID_PATH: &str =
    "The document path provided in the update expression is invalid for update";

impl Path {
    /// Returns the value at this path.
    pub fn get<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let mut value = item.get(&self.attribute)?;
        for element in &self.elements {
            value = match (element, value) {
                (PathElement::Name(name), Value::M(map)) => map.get(name)?,
                (PathElement::Index(index), Value::L(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// Sets the value at this path. The parent must exist. An index beyond the end of a list appends.
    pub fn set(&self, item: &mut Item, value: Value) -> Result<(), String> {
        let Some((last, parent)) = self.elements.split_last() else {
            item.insert(self.attribute.clone(), value);
            return Ok(());
        };
        match (last, self.parent(item, parent)?) {
            (PathElement::Name(name), Value::M(map)) => {
                map.insert(name.clone(), value);
            }
            (PathElement::Index(index), Value::L(list)) => match list.get_mut(*index) {
                Some(element) => *element = value,
                None => list.push(value),
            },
            _ => return Err(INVALID_PATH.into()),
        }
        Ok(())
    }

    /// Removes the value at this path. The parent must exist.
    pub fn remove(&self, item: &mut Item) -> Result<(), String> {
        let Some((last, parent)) = self.elements.split_last() else {
            item.remove(&self.attribute);
            return Ok(());
        };
        match (last, self.parent(item, parent)?) {
            (PathElement::Name(name), Value::M(map)) => {
                map.remove(name);
            }
            (PathElement::Index(index), Value::L(list)) => {
                if *index < list.len() {
                    list.remove(*index);
                }
            }
            _ => return Err(INVALID_PATH.into()),
        }
        Ok(())
    }

    /// Returns the value that the leading `elements` of this path lead to.
    fn parent<'a>(
        &self,
        item: &'a mut Item,
        elements: &[PathElement],
    ) -> Result<&'a mut Value, String> {
        let mut value = item.get_mut(&self.attribute).ok_or(INVALID_PATH)?;
        for element in elements {
            value = match (element, value) {
                (PathElement::Name(name), Value::M(map)) => map.get_mut(name),
                (PathElement::Index(index), Value::L(list)) => list.get_mut(*index),
                _ => None,
            }
            .ok_or(INVALID_PATH)?;
        }
        Ok(value)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.attribute == other.attribute && self.elements.starts_with(&other.elements)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}", self.attribute)?;
        for element in &self.elements {
            match element {
                PathElement::Name(name) => write!(formatter, ", {name}")?,
                PathElement::Index(index) => write!(formatter, ", [{index}]")?,
            }
        }
        formatter.write_str("]")
    }
}

/// Checks that no path equals or contains another.
pub fn check_no_overlap(kind: &str, paths: &[Path]) -> Result<(), String> {
    for (index, one) in paths.iter().enumerate() {
        for other in &paths[index + 1..] {
            if one.is_within(other) || other.is_within(one) {
                return Err(format!(
                    "Invalid {kind}: Two document paths overlap with each other; must remove or rewrite one of these paths; path one: {one}, path two: {other}"
                ));
            }
        }
    }
    Ok(())
}

/// Returns the parts of `item` at `paths`.
pub fn project(item: &Item, paths: &[Path]) -> Item {
    let mut projected = Item::new();
    for path in paths {
        if let Some(value) = path.get(item) {
            let nested = path
                .elements
                .iter()
                .rev()
                .fold(value.clone(), |inner, element| match element {
                    PathElement::Name(name) => Value::M(Item::from([(name.clone(), inner)])),
                    PathElement::Index(_) => Value::L(vec![inner]),
                });
            merge(projected.entry(path.attribute.clone()), nested);
        }
    }
    projected
}

fn merge(entry: std::collections::btree_map::Entry<'_, String, Value>, value: Value) {
    use std::collections::btree_map::Entry;
    match entry {
        Entry::Vacant(vacant) => {
            vacant.insert(value);
        }
        Entry::Occupied(mut occupied) => match (occupied.get_mut(), value) {
            (Value::M(map), Value::M(more)) => {
                for (name, value) in more {
                    merge(map.entry(name), value);
                }
            }
            (Value::L(list), Value::L(more)) => list.extend(more),
            (existing, value) => *existing = value,
        },
    }
}
