//! Updates, and what they make of an item.

use super::super::value::{Item, Value};
use super::path::{Path, no_overlap};

/// The actions of an update expression; each sees the item as it was before the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update(pub Vec<(Path, Operation)>);

/// What becomes of the value at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// It becomes this.
    Set(Source),
    /// It becomes the sum.
    Plus(Source, Source),
    /// It becomes the difference.
    Minus(Source, Source),
    /// It is taken away.
    Remove,
    /// A number rises by this, a set gains these.
    Add(Value),
    /// A set loses these.
    Delete(Value),
}

/// Where a new value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// What the item holds there.
    Path(Path),
    /// A value of the request.
    Value(Value),
    /// What the item holds there, or else this.
    IfNotExists(Path, Box<Source>),
    /// Two lists, one after the other.
    ListAppend(Box<Source>, Box<Source>),
}

const MISSING: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";

impl Update {
    /// As it was read, if its paths are apart and its values fit its sections.
    pub fn checked(self) -> Result<Self, String> {
        let paths: Vec<Path> = self.0.iter().map(|(path, _)| path.clone()).collect();
        no_overlap("UpdateExpression", &paths)?;
        for (_, operation) in &self.0 {
            let (section, value, fits) = match operation {
                Operation::Add(value) => (
                    "ADD",
                    value,
                    matches!(
                        value,
                        Value::N(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_)
                    ),
                ),
                Operation::Delete(value) => (
                    "DELETE",
                    value,
                    matches!(value, Value::Ss(_) | Value::Ns(_) | Value::Bs(_)),
                ),
                _ => continue,
            };
            if !fits {
                return Err(format!(
                    "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {section}, operand type: {}",
                    value.kind()
                ));
            }
        }
        Ok(self)
    }

    /// Every attribute that it changes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(path, _)| path.attribute.as_str())
    }

    /// What it makes of `before`; an error is what DynamoDB says of it.
    pub fn apply(&self, before: &Item) -> Result<Item, String> {
        let mut after = before.clone();
        let mut removed = Vec::new();
        for (path, operation) in &self.0 {
            let value = match operation {
                Operation::Remove => {
                    removed.push(path);
                    continue;
                }
                Operation::Set(source) => Some(source.value(before)?),
                Operation::Plus(left, right) => {
                    let (left, right) = (number(left, before)?, number(right, before)?);
                    Some(Value::N(left.plus(&right)?))
                }
                Operation::Minus(left, right) => {
                    let (left, right) = (number(left, before)?, number(right, before)?);
                    Some(Value::N(left.minus(&right)?))
                }
                Operation::Add(more) => Some(added(path.get(before), more)?),
                Operation::Delete(less) => match path.get(before) {
                    None => continue,
                    Some(set) => lessened(set, less)?,
                },
            };
            match value {
                Some(value) => path.set(&mut after, value)?,
                None => path.remove(&mut after)?,
            }
        }
        // From the end of a list to its beginning, so that each index still means what it meant before.
        removed.sort_by_key(|path| {
            path.inside.last().map(|step| match step {
                super::path::Step::Index(index) => std::cmp::Reverse(*index),
                super::path::Step::Name(_) => std::cmp::Reverse(0),
            })
        });
        for path in removed {
            path.remove(&mut after)?;
        }
        Ok(after)
    }
}

impl Source {
    fn value(&self, item: &Item) -> Result<Value, String> {
        match self {
            Self::Path(path) => path.get(item).cloned().ok_or_else(|| MISSING.to_owned()),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, other) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => other.value(item),
            },
            Self::ListAppend(first, second) => match (first.value(item)?, second.value(item)?) {
                (Value::L(mut list), Value::L(more)) => {
                    list.extend(more);
                    Ok(Value::L(list))
                }
                _ => Err(WRONG_TYPE.into()),
            },
        }
    }
}

fn number(source: &Source, item: &Item) -> Result<super::super::number::Number, String> {
    match source.value(item)? {
        Value::N(number) => Ok(number),
        _ => Err(WRONG_TYPE.into()),
    }
}

fn added(there: Option<&Value>, more: &Value) -> Result<Value, String> {
    Ok(match (there, more) {
        (None, more) => more.clone(),
        (Some(Value::N(number)), Value::N(more)) => Value::N(number.plus(more)?),
        (Some(Value::Ss(set)), Value::Ss(more)) => Value::Ss(set | more),
        (Some(Value::Ns(set)), Value::Ns(more)) => Value::Ns(set | more),
        (Some(Value::Bs(set)), Value::Bs(more)) => Value::Bs(set | more),
        _ => return Err(WRONG_TYPE.into()),
    })
}

/// What is left of a set; a set is never empty, so none is left of one that loses all.
fn lessened(there: &Value, less: &Value) -> Result<Option<Value>, String> {
    Ok(match (there, less) {
        (Value::Ss(set), Value::Ss(less)) => Some(set - less)
            .filter(|set| !set.is_empty())
            .map(Value::Ss),
        (Value::Ns(set), Value::Ns(less)) => Some(set - less)
            .filter(|set| !set.is_empty())
            .map(Value::Ns),
        (Value::Bs(set), Value::Bs(less)) => Some(set - less)
            .filter(|set| !set.is_empty())
            .map(Value::Bs),
        _ => return Err(WRONG_TYPE.into()),
    })
}
