//! Update expressions and their evaluation.

use super::super::number::Number;
use super::super::value::{Item, Value};
use super::path::{Path, PathElement, check_no_overlap};

/// The actions of an update expression. Every action reads the item as it was before the update.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update(pub Vec<(Path, UpdateOperation)>);

/// What an action does to the value at its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOperation {
    /// `SET path = operand`.
    Set(UpdateOperand),
    /// `SET path = operand + operand`.
    Plus(UpdateOperand, UpdateOperand),
    /// `SET path = operand - operand`.
    Minus(UpdateOperand, UpdateOperand),
    /// `REMOVE path`.
    Remove,
    /// `ADD path value`: adds to a number, or adds elements to a set.
    Add(Value),
    /// `DELETE path value`: removes elements from a set.
    Delete(Value),
}

/// An operand of a `SET` action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateOperand {
    /// The value at a path of the item.
    Path(Path),
    /// A value from the request.
    Value(Value),
    /// `if_not_exists`: the value at a path, or the operand if there is none.
    IfNotExists(Path, Box<UpdateOperand>),
    /// `list_append`: two lists concatenated.
    ListAppend(Box<UpdateOperand>, Box<UpdateOperand>),
}

const MISSING_ATTRIBUTE: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const INCORRECT_TYPE: &str = "An operand in the update expression has an incorrect data type";

impl Update {
    /// Checks that the paths do not overlap, and that the values of `ADD` and `DELETE` have supported data types.
    pub fn validate(self) -> Result<Self, String> {
        let paths: Vec<Path> = self.0.iter().map(|(path, _)| path.clone()).collect();
        check_no_overlap("UpdateExpression", &paths)?;
        for (_, operation) in &self.0 {
            let (section, value, is_supported) = match operation {
                UpdateOperation::Add(value) => (
                    "ADD",
                    value,
                    matches!(
                        value,
                        Value::N(_) | Value::Ss(_) | Value::Ns(_) | Value::Bs(_)
                    ),
                ),
                UpdateOperation::Delete(value) => (
                    "DELETE",
                    value,
                    matches!(value, Value::Ss(_) | Value::Ns(_) | Value::Bs(_)),
                ),
                _ => continue,
            };
            if !is_supported {
                return Err(format!(
                    "Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {section}, operand type: {}",
                    value.data_type()
                ));
            }
        }
        Ok(self)
    }

    /// Returns the names of the top-level attributes that the update changes.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(path, _)| path.attribute.as_str())
    }

    /// Applies the update to `before`. An error is DynamoDB's message.
    pub fn apply(&self, before: &Item) -> Result<Item, String> {
        let mut after = before.clone();
        let mut removed = Vec::new();
        for (path, operation) in &self.0 {
            let value = match operation {
                UpdateOperation::Remove => {
                    removed.push(path);
                    continue;
                }
                UpdateOperation::Set(source) => Some(source.value(before)?),
                UpdateOperation::Plus(left, right) => {
                    let (left, right) = (number(left, before)?, number(right, before)?);
                    Some(Value::N(left.plus(&right)?))
                }
                UpdateOperation::Minus(left, right) => {
                    let (left, right) = (number(left, before)?, number(right, before)?);
                    Some(Value::N(left.minus(&right)?))
                }
                UpdateOperation::Add(value) => Some(add_value(path.get(before), value)?),
                UpdateOperation::Delete(elements) => match path.get(before) {
                    None => continue,
                    Some(set) => delete_elements(set, elements)?,
                },
            };
            match value {
                Some(value) => path.set(&mut after, value)?,
                None => path.remove(&mut after)?,
            }
        }
        // Remove list elements from the highest index down, because a removal shifts the indexes after it.
        removed.sort_by_key(|path| {
            path.elements.last().map(|element| match element {
                PathElement::Index(index) => std::cmp::Reverse(*index),
                PathElement::Name(_) => std::cmp::Reverse(0),
            })
        });
        for path in removed {
            path.remove(&mut after)?;
        }
        Ok(after)
    }
}

impl UpdateOperand {
    fn value(&self, item: &Item) -> Result<Value, String> {
        match self {
            Self::Path(path) => path
                .get(item)
                .cloned()
                .ok_or_else(|| MISSING_ATTRIBUTE.to_owned()),
            Self::Value(value) => Ok(value.clone()),
            Self::IfNotExists(path, default) => match path.get(item) {
                Some(value) => Ok(value.clone()),
                None => default.value(item),
            },
            Self::ListAppend(first, second) => match (first.value(item)?, second.value(item)?) {
                (Value::L(mut list), Value::L(more)) => {
                    list.extend(more);
                    Ok(Value::L(list))
                }
                _ => Err(INCORRECT_TYPE.into()),
            },
        }
    }
}

fn number(operand: &UpdateOperand, item: &Item) -> Result<Number, String> {
    match operand.value(item)? {
        Value::N(number) => Ok(number),
        _ => Err(INCORRECT_TYPE.into()),
    }
}

fn add_value(current: Option<&Value>, value: &Value) -> Result<Value, String> {
    Ok(match (current, value) {
        (None, value) => value.clone(),
        (Some(Value::N(number)), Value::N(addend)) => Value::N(number.plus(addend)?),
        (Some(Value::Ss(set)), Value::Ss(elements)) => Value::Ss(set | elements),
        (Some(Value::Ns(set)), Value::Ns(elements)) => Value::Ns(set | elements),
        (Some(Value::Bs(set)), Value::Bs(elements)) => Value::Bs(set | elements),
        _ => return Err(INCORRECT_TYPE.into()),
    })
}

/// Removes elements from a set. Returns none if no element is left, because DynamoDB stores no empty sets.
fn delete_elements(set: &Value, elements: &Value) -> Result<Option<Value>, String> {
    Ok(match (set, elements) {
        (Value::Ss(set), Value::Ss(elements)) => Some(set - elements)
            .filter(|set| !set.is_empty())
            .map(Value::Ss),
        (Value::Ns(set), Value::Ns(elements)) => Some(set - elements)
            .filter(|set| !set.is_empty())
            .map(Value::Ns),
        (Value::Bs(set), Value::Bs(elements)) => Some(set - elements)
            .filter(|set| !set.is_empty())
            .map(Value::Bs),
        _ => return Err(INCORRECT_TYPE.into()),
    })
}
