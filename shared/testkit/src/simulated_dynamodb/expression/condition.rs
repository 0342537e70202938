//! Condition expressions and their evaluation.

use std::cmp::Ordering;

use super::super::number::Number;
use super::super::value::{Item, Value};
use super::path::Path;

/// A condition expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Both conditions hold.
    And(Box<Condition>, Box<Condition>),
    /// At least one condition holds.
    Or(Box<Condition>, Box<Condition>),
    /// The condition does not hold.
    Not(Box<Condition>),
    /// A comparison of two operands.
    Compare(Comparator, Operand, Operand),
    /// The first operand is at least the second and at most the third.
    Between(Operand, Operand, Operand),
    /// The operand equals one of a list.
    In(Operand, Vec<Operand>),
    /// `attribute_exists`.
    Exists(Path),
    /// `attribute_not_exists`.
    NotExists(Path),
    /// `attribute_type`.
    AttributeType(Operand, String),
    /// `begins_with`, of a string or binary value.
    BeginsWith(Operand, Operand),
    /// `contains`, of a string, binary value, set or list.
    Contains(Operand, Operand),
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Equal,
    /// `<>`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

/// An operand of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// The value at a path of the item.
    Path(Path),
    /// A value from the request.
    Value(Value),
    /// `size`: the length of the string or binary value, or the number of elements, at a path.
    Size(Path),
}

impl Comparator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Condition {
    /// Creates a comparison. Fails if an operand has no order and the operator needs one.
    pub fn compare(
        kind: &str,
        comparator: Comparator,
        left: Operand,
        right: Operand,
    ) -> Result<Self, String> {
        if !matches!(comparator, Comparator::Equal | Comparator::Unequal) {
            for operand in [&left, &right] {
                operand.check_orderable(kind, comparator.symbol())?;
            }
        }
        Ok(Self::Compare(comparator, left, right))
    }

    /// Creates a `BETWEEN`. Fails if an operand has no order or the lower bound exceeds the upper one.
    pub fn between(
        kind: &str,
        operand: Operand,
        low: Operand,
        high: Operand,
    ) -> Result<Self, String> {
        for operand in [&operand, &low, &high] {
            operand.check_orderable(kind, "BETWEEN")?;
        }
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high)
            && order_values(low, high).is_none_or(Ordering::is_gt)
        {
            return Err(format!(
                "Invalid {kind}: The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            ));
        }
        Ok(Self::Between(operand, low, high))
    }

    /// Creates a call of `begins_with`, `attribute_type` or `contains`. Fails if an operand has an unsupported data type.
    pub fn function_call(
        kind: &str,
        function: &str,
        first: Operand,
        second: Operand,
    ) -> Result<Self, String> {
        let type_error = |value: &Value| {
            format!(
                "Invalid {kind}: Incorrect operand type for operator or function; operator or function: {function}, operand type: {}",
                value.data_type()
            )
        };
        Ok(match (function, second) {
            ("begins_with", Operand::Value(value))
                if !matches!(value, Value::S(_) | Value::B(_)) =>
            {
                return Err(type_error(&value));
            }
            ("begins_with", second) => Self::BeginsWith(first, second),
            ("attribute_type", Operand::Value(Value::S(name))) => Self::AttributeType(first, name),
            ("attribute_type", Operand::Value(value)) => return Err(type_error(&value)),
            ("attribute_type", _) => {
                return Err(format!(
                    "Invalid {kind}: Incorrect operand type for operator or function; operator or function: attribute_type"
                ));
            }
            (_, second) => Self::Contains(first, second),
        })
    }

    /// Whether the condition holds for `item`. An item that does not exist is passed as an empty one.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(one, other) => one.holds(item) && other.holds(item),
            Self::Or(one, other) => one.holds(item) || other.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Compare(comparator, left, right) => {
                compare_values(*comparator, left.value(item), right.value(item))
            }
            Self::Between(operand, low, high) => {
                let value = operand.value(item);
                compare_values(Comparator::AtLeast, value.clone(), low.value(item))
                    && compare_values(Comparator::AtMost, value, high.value(item))
            }
            Self::In(operand, candidates) => {
                let value = operand.value(item);
                candidates.iter().any(|candidate| {
                    compare_values(Comparator::Equal, value.clone(), candidate.value(item))
                })
            }
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::AttributeType(operand, name) => operand
                .value(item)
                .is_some_and(|value| value.data_type() == name),
            Self::BeginsWith(operand, start) => match (operand.value(item), start.value(item)) {
                (Some(Value::S(text)), Some(Value::S(start))) => text.starts_with(&start),
                (Some(Value::B(bytes)), Some(Value::B(start))) => bytes.starts_with(&start),
                _ => false,
            },
            Self::Contains(operand, part) => match (operand.value(item), part.value(item)) {
                (Some(whole), Some(part)) => contains(&whole, &part),
                _ => false,
            },
        }
    }

    /// Returns the names of all top-level attributes the condition refers to.
    pub fn attributes(&self) -> Vec<&str> {
        match self {
            Self::And(one, other) | Self::Or(one, other) => {
                let mut names = one.attributes();
                names.extend(other.attributes());
                names
            }
            Self::Not(condition) => condition.attributes(),
            Self::Compare(_, one, other)
            | Self::BeginsWith(one, other)
            | Self::Contains(one, other) => [one, other]
                .into_iter()
                .filter_map(Operand::attribute)
                .collect(),
            Self::Between(one, low, high) => [one, low, high]
                .into_iter()
                .filter_map(Operand::attribute)
                .collect(),
            Self::In(one, others) => std::iter::once(one)
                .chain(others)
                .filter_map(Operand::attribute)
                .collect(),
            Self::Exists(path) | Self::NotExists(path) => vec![&path.attribute],
            Self::AttributeType(operand, _) => operand.attribute().into_iter().collect(),
        }
    }
}

impl Operand {
    fn value(&self, item: &Item) -> Option<Value> {
        match self {
            Self::Path(path) => path.get(item).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(path) => path.get(item).and_then(value_size).map(Value::N),
        }
    }

    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(&path.attribute),
            Self::Value(_) => None,
        }
    }

    fn check_orderable(&self, kind: &str, operator: &str) -> Result<(), String> {
        match self {
            Self::Value(value) if !matches!(value, Value::S(_) | Value::N(_) | Value::B(_)) => {
                Err(format!(
                    "Invalid {kind}: Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                    value.data_type()
                ))
            }
            _ => Ok(()),
        }
    }
}

/// Compares two values. A missing value equals nothing and is unequal to everything. Values of different data types have
/// no order, so every ordering comparison of them is false.
fn compare_values(comparator: Comparator, left: Option<Value>, right: Option<Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == Comparator::Unequal;
    };
    match comparator {
        Comparator::Equal => left == right,
        Comparator::Unequal => left != right,
        Comparator::Less => order_values(&left, &right).is_some_and(Ordering::is_lt),
        Comparator::AtMost => order_values(&left, &right).is_some_and(Ordering::is_le),
        Comparator::Greater => order_values(&left, &right).is_some_and(Ordering::is_gt),
        Comparator::AtLeast => order_values(&left, &right).is_some_and(Ordering::is_ge),
    }
}

fn order_values(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::S(left), Value::S(right)) => Some(left.cmp(right)),
        (Value::N(left), Value::N(right)) => Some(left.cmp(right)),
        (Value::B(left), Value::B(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::S(whole), Value::S(part)) => whole.contains(part),
        (Value::B(whole), Value::B(part)) => {
            part.is_empty() || whole.windows(part.len()).any(|window| window == part)
        }
        (Value::Ss(set), Value::S(member)) => set.contains(member),
        (Value::Ns(set), Value::N(member)) => set.contains(member),
        (Value::Bs(set), Value::B(member)) => set.contains(member),
        (Value::L(list), element) => list.contains(element),
        _ => false,
    }
}

/// The result of the `size` function. It is defined for strings, binary values and collections.
fn value_size(value: &Value) -> Option<Number> {
    Some(Number::from_count(match value {
        Value::S(text) => text.chars().count(),
        Value::B(bytes) => bytes.len(),
        Value::M(map) => map.len(),
        Value::L(list) => list.len(),
        Value::Ss(set) => set.len(),
        Value::Ns(set) => set.len(),
        Value::Bs(set) => set.len(),
        Value::N(_) | Value::Bool(_) | Value::Null => return None,
    }))
}
