//! Where in an item a value is.

use std::fmt;

use super::super::value::{Item, Value};

/// A document path: an attribute's name, then names and indexes inside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The attribute of the item.
    pub attribute: String,
    /// The way on inside it.
    pub inside: Vec<Step>,
}

/// A step into a map or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// An entry of a map.
    Name(String),
    /// An element of a list.
    Index(usize),
}

const INVALID: &str = "The document path provided in the update expression is invalid for update";

impl Path {
    /// The value there.
    pub fn get<'a>(&self, item: &'a Item) -> Option<&'a Value> {
        let mut value = item.get(&self.attribute)?;
        for step in &self.inside {
            value = match (step, value) {
                (Step::Name(name), Value::M(map)) => map.get(name)?,
                (Step::Index(index), Value::L(list)) => list.get(*index)?,
                _ => return None,
            };
        }
        Some(value)
    }

    /// Puts a value there; what is around it must be there. An index beyond a list's end appends.
    pub fn set(&self, item: &mut Item, value: Value) -> Result<(), String> {
        let Some((last, around)) = self.inside.split_last() else {
            item.insert(self.attribute.clone(), value);
            return Ok(());
        };
        match (last, self.around(item, around)?) {
            (Step::Name(name), Value::M(map)) => {
                map.insert(name.clone(), value);
            }
            (Step::Index(index), Value::L(list)) => match list.get_mut(*index) {
                Some(element) => *element = value,
                None => list.push(value),
            },
            _ => return Err(INVALID.into()),
        }
        Ok(())
    }

    /// Takes the value there away; what is around it must be there.
    pub fn remove(&self, item: &mut Item) -> Result<(), String> {
        let Some((last, around)) = self.inside.split_last() else {
            item.remove(&self.attribute);
            return Ok(());
        };
        match (last, self.around(item, around)?) {
            (Step::Name(name), Value::M(map)) => {
                map.remove(name);
            }
            (Step::Index(index), Value::L(list)) => {
                if *index < list.len() {
                    list.remove(*index);
                }
            }
            _ => return Err(INVALID.into()),
        }
        Ok(())
    }

    fn around<'a>(&self, item: &'a mut Item, steps: &[Step]) -> Result<&'a mut Value, String> {
        let mut value = item.get_mut(&self.attribute).ok_or(INVALID)?;
        for step in steps {
            value = match (step, value) {
                (Step::Name(name), Value::M(map)) => map.get_mut(name),
                (Step::Index(index), Value::L(list)) => list.get_mut(*index),
                _ => None,
            }
            .ok_or(INVALID)?;
        }
        Ok(value)
    }

    fn is_within(&self, other: &Self) -> bool {
        self.attribute == other.attribute && self.inside.starts_with(&other.inside)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "[{}", self.attribute)?;
        for step in &self.inside {
            match step {
                Step::Name(name) => write!(formatter, ", {name}")?,
                Step::Index(index) => write!(formatter, ", [{index}]")?,
            }
        }
        formatter.write_str("]")
    }
}

/// That no path is another or inside another.
pub fn no_overlap(kind: &str, paths: &[Path]) -> Result<(), String> {
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

/// What is left of `item` when only `paths` are asked for.
pub fn project(item: &Item, paths: &[Path]) -> Item {
    let mut projected = Item::new();
    for path in paths {
        if let Some(value) = path.get(item) {
            let shell = path
                .inside
                .iter()
                .rev()
                .fold(value.clone(), |inner, step| match step {
                    Step::Name(name) => Value::M(Item::from([(name.clone(), inner)])),
                    Step::Index(_) => Value::L(vec![inner]),
                });
            merge(projected.entry(path.attribute.clone()), shell);
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
        Entry::Occupied(mut there) => match (there.get_mut(), value) {
            (Value::M(map), Value::M(more)) => {
                for (name, value) in more {
                    merge(map.entry(name), value);
                }
            }
            (Value::L(list), Value::L(more)) => list.extend(more),
            (there, value) => *there = value,
        },
    }
}
