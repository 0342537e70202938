//! Key conditions of queries.

use super::super::value::Value;
use super::condition::{Comparator, Condition, Operand};

/// The partition a query reads, and the condition on its sort keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCondition {
    /// The value of the partition key.
    pub partition: String,
    /// The condition on the sort key, if any.
    pub sort: Option<Condition>,
}

impl KeyCondition {
    /// Converts a condition on the key attributes `hash` and `range`. Fails with DynamoDB's message if it is not a valid key
    /// condition.
    pub fn new(condition: Condition, hash: &str, range: &str) -> Result<Self, String> {
        let (first, second) = match condition {
            Condition::And(first, second) => (*first, Some(*second)),
            first => (first, None),
        };
        let (partition, sort) = match (partition_value(&first, hash)?, second) {
            (Some(value), sort) => (value, sort),
            (None, Some(second)) => match partition_value(&second, hash)? {
                Some(value) => (value, Some(first)),
                None => return Err(missing_key_element(hash)),
            },
            (None, None) => return Err(missing_key_element(hash)),
        };
        if let Some(sort) = &sort {
            check_sort_key_condition(sort, range)?;
        }
        Ok(Self { partition, sort })
    }
}

fn missing_key_element(name: &str) -> String {
    format!("Query condition missed key schema element: {name}")
}

/// Returns the value of a condition `hash = :value`, or none if the condition has another form.
fn partition_value(condition: &Condition, hash: &str) -> Result<Option<String>, String> {
    let Condition::Compare(Comparator::Equal, Operand::Path(path), Operand::Value(value)) =
        condition
    else {
        return Ok(None);
    };
    if path.attribute != hash || !path.elements.is_empty() {
        return Ok(None);
    }
    key_text(value).map(|value| Some(value.to_owned()))
}

fn check_sort_key_condition(condition: &Condition, range: &str) -> Result<(), String> {
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
        Operand::Path(path) if path.attribute == range && path.elements.is_empty() => {}
        _ => return Err(missing_key_element(range)),
    }
    for value in values {
        let Operand::Value(value) = value else {
            return Err("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition".into());
        };
        key_text(value)?;
    }
    Ok(())
}

fn key_text(value: &Value) -> Result<&str, String> {
    match value {
        Value::S(text) if text.is_empty() => Err("One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty string value.".into()),
        Value::S(text) => Ok(text),
        _ => Err("One or more parameter values were invalid: Condition parameter type does not match schema type".into()),
    }
}
