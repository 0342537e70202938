//! Conditions, and whether they hold for an item.

use std::cmp::Ordering;

use super::super::number::Number;
use super::super::value::{Item, Value};
use super::path::Path;

/// A condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Both hold.
    And(Box<Condition>, Box<Condition>),
    /// One holds, or both.
    Or(Box<Condition>, Box<Condition>),
    /// It does not hold.
    Not(Box<Condition>),
    /// Two operands compare so.
    Compare(Comparator, Operand, Operand),
    /// The first is from the second to the third.
    Between(Operand, Operand, Operand),
    /// It equals one of these.
    In(Operand, Vec<Operand>),
    /// There is something.
    Exists(Path),
    /// There is nothing.
    NotExists(Path),
    /// It is of this type.
    IsOfType(Operand, String),
    /// It begins with this text, or these bytes.
    BeginsWith(Operand, Operand),
    /// The text, set or list holds this.
    Contains(Operand, Operand),
}

/// How two operands compare.
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
    More,
    /// `>=`
    AtLeast,
}

/// What is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operand {
    /// What the item holds there.
    Path(Path),
    /// A value of the request.
    Value(Value),
    /// How long or how many it is.
    Size(Path),
}

impl Comparator {
    fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::More => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Condition {
    /// A comparison, unless an operand cannot be compared so.
    pub fn compare(
        kind: &str,
        comparator: Comparator,
        left: Operand,
        right: Operand,
    ) -> Result<Self, String> {
        if !matches!(comparator, Comparator::Equal | Comparator::Unequal) {
            for operand in [&left, &right] {
                operand.ordered(kind, comparator.symbol())?;
            }
        }
        Ok(Self::Compare(comparator, left, right))
    }

    /// A range, unless it is none.
    pub fn between(
        kind: &str,
        operand: Operand,
        low: Operand,
        high: Operand,
    ) -> Result<Self, String> {
        for bound in [&operand, &low, &high] {
            bound.ordered(kind, "BETWEEN")?;
        }
        if let (Operand::Value(low), Operand::Value(high)) = (&low, &high)
            && order(low, high).is_none_or(Ordering::is_gt)
        {
            return Err(format!(
                "Invalid {kind}: The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
            ));
        }
        Ok(Self::Between(operand, low, high))
    }

    /// A call of a function with two operands, unless one of them is of no type for it.
    pub fn of_function(
        kind: &str,
        function: &str,
        first: Operand,
        second: Operand,
    ) -> Result<Self, String> {
        let wrong = |value: &Value| {
            format!(
                "Invalid {kind}: Incorrect operand type for operator or function; operator or function: {function}, operand type: {}",
                value.kind()
            )
        };
        Ok(match (function, second) {
            ("begins_with", Operand::Value(value))
                if !matches!(value, Value::S(_) | Value::B(_)) =>
            {
                return Err(wrong(&value));
            }
            ("begins_with", second) => Self::BeginsWith(first, second),
            ("attribute_type", Operand::Value(Value::S(name))) => Self::IsOfType(first, name),
            ("attribute_type", Operand::Value(value)) => return Err(wrong(&value)),
            ("attribute_type", _) => {
                return Err(format!(
                    "Invalid {kind}: Incorrect operand type for operator or function; operator or function: attribute_type"
                ));
            }
            (_, second) => Self::Contains(first, second),
        })
    }

    /// Whether it holds; of an item that is not there, nothing is.
    pub fn holds(&self, item: &Item) -> bool {
        match self {
            Self::And(one, other) => one.holds(item) && other.holds(item),
            Self::Or(one, other) => one.holds(item) || other.holds(item),
            Self::Not(condition) => !condition.holds(item),
            Self::Compare(comparator, left, right) => {
                compares(*comparator, left.value(item), right.value(item))
            }
            Self::Between(operand, low, high) => {
                let value = operand.value(item);
                compares(Comparator::AtLeast, value.clone(), low.value(item))
                    && compares(Comparator::AtMost, value, high.value(item))
            }
            Self::In(operand, candidates) => {
                let value = operand.value(item);
                candidates.iter().any(|candidate| {
                    compares(Comparator::Equal, value.clone(), candidate.value(item))
                })
            }
            Self::Exists(path) => path.get(item).is_some(),
            Self::NotExists(path) => path.get(item).is_none(),
            Self::IsOfType(operand, name) => operand
                .value(item)
                .is_some_and(|value| value.kind() == name),
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

    /// Every attribute that it names.
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
            Self::IsOfType(operand, _) => operand.attribute().into_iter().collect(),
        }
    }
}

impl Operand {
    fn value(&self, item: &Item) -> Option<Value> {
        match self {
            Self::Path(path) => path.get(item).cloned(),
            Self::Value(value) => Some(value.clone()),
            Self::Size(path) => path.get(item).and_then(size).map(Value::N),
        }
    }

    fn attribute(&self) -> Option<&str> {
        match self {
            Self::Path(path) | Self::Size(path) => Some(&path.attribute),
            Self::Value(_) => None,
        }
    }

    fn ordered(&self, kind: &str, operator: &str) -> Result<(), String> {
        match self {
            Self::Value(value) if !matches!(value, Value::S(_) | Value::N(_) | Value::B(_)) => {
                Err(format!(
                    "Invalid {kind}: Incorrect operand type for operator or function; operator or function: {operator}, operand type: {}",
                    value.kind()
                ))
            }
            _ => Ok(()),
        }
    }
}

/// What is not there equals nothing, and is unequal to everything; what is of another type is neither less nor more.
fn compares(comparator: Comparator, left: Option<Value>, right: Option<Value>) -> bool {
    let (Some(left), Some(right)) = (left, right) else {
        return comparator == Comparator::Unequal;
    };
    match comparator {
        Comparator::Equal => left == right,
        Comparator::Unequal => left != right,
        Comparator::Less => order(&left, &right).is_some_and(Ordering::is_lt),
        Comparator::AtMost => order(&left, &right).is_some_and(Ordering::is_le),
        Comparator::More => order(&left, &right).is_some_and(Ordering::is_gt),
        Comparator::AtLeast => order(&left, &right).is_some_and(Ordering::is_ge),
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
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

fn size(value: &Value) -> Option<Number> {
    Some(Number::count(match value {
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
