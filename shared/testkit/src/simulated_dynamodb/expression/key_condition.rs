//! Which part of a partition a query reads.

use super::super::value::Value;
use super::condition::{Comparator, Condition, Operand};

/// One partition, and what its sort keys must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCondition {
    /// The partition key's value.
    pub partition: String,
    /// What must hold of the sort key, if anything.
    pub sort: Option<Condition>,
}

impl KeyCondition {
    /// Out of a condition that says no more and no less than a query can be asked, over the key `hash`, `range`.
    pub fn new(condition: Condition, hash: &str, range: &str) -> Result<Self, String> {
        let (first, second) = match condition {
            Condition::And(first, second) => (*first, Some(*second)),
            first => (first, None),
        };
        let (partition, sort) = match (partition(&first, hash)?, second) {
            (Some(value), sort) => (value, sort),
            (None, Some(second)) => match partition(&second, hash)? {
                Some(value) => (value, Some(first)),
                None => return Err(missed(hash)),
            },
            (None, None) => return Err(missed(hash)),
        };
        if let Some(sort) = &sort {
            is_of_sort_key(sort, range)?;
        }
        Ok(Self { partition, sort })
    }
}

fn missed(name: &str) -> String {
    format!("Query condition missed key schema element: {name}")
}

/// The value of `hash = :value`.
fn partition(condition: &Condition, hash: &str) -> Result<Option<String>, String> {
    let Condition::Compare(Comparator::Equal, Operand::Path(path), Operand::Value(value)) =
        condition
    else {
        return Ok(None);
    };
    if path.attribute != hash || !path.inside.is_empty() {
        return Ok(None);
    }
    text(value).map(|value| Some(value.to_owned()))
}

fn is_of_sort_key(condition: &Condition, range: &str) -> Result<(), String> {
    let (operand, values) = match condition {
        Condition::Compare(Comparator::Unequal, ..) => {
            return Err("Unsupported operator on KeyCondition: operator: <>".into());
        }
        Condition::Compare(_, operand, value) | Condition::BeginsWith(operand, value) => {
            (operand, vec![value])
        }
        Condition::Between(operand, low, high) => (operand, vec![low, high]),
        _ => {
            return Err(
                "Invalid operator used in KeyConditionExpression: only one sort key condition is supported".into(),
            );
        }
    };
    match operand {
        Operand::Path(path) if path.attribute == range && path.inside.is_empty() => {}
        _ => return Err(missed(range)),
    }
    for value in values {
        let Operand::Value(value) = value else {
            return Err("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition".into());
        };
        text(value)?;
    }
    Ok(())
}

fn text(value: &Value) -> Result<&str, String> {
    match value {
        Value::S(text) if text.is_empty() => Err("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value.".into()),
        Value::S(text) => Ok(text),
        _ => Err("One or more parameter values were invalid: Condition parameter type does not match schema type".into()),
    }
}
