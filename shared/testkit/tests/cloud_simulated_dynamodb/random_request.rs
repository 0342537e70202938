//! Random requests. They use few keys and few attributes, so that they often address the same items.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use fastrand::Rng;

use crate::Item;
use crate::send::format_item;

#[derive(Debug)]
pub enum Request {
    Get(Item),
    Put(Item, Option<Expression>),
    Delete(Item, Option<Expression>),
    Update(Item, Expression, Option<Expression>, ReturnValue),
    Query(Query),
    Batch(Vec<Item>),
    TransactWrite(Vec<TransactItem>, String),
}

#[derive(Debug, Clone)]
pub enum TransactItem {
    Put(Item, Option<Expression>),
    Update(Item, Expression, Option<Expression>),
    Delete(Item, Option<Expression>),
    Check(Item, Expression),
}

/// A condition or update expression and the values of its placeholders.
pub type Expression = (&'static str, HashMap<String, AttributeValue>);

#[derive(Debug)]
pub struct Query {
    pub index: Option<&'static str>,
    pub condition: &'static str,
    pub filter: Option<&'static str>,
    pub values: HashMap<String, AttributeValue>,
    pub forward: bool,
    pub limit: i32,
    pub pages: usize,
}

const CONDITIONS: [&str; 24] = [
    "attribute_exists(pk)",
    "attribute_not_exists(pk)",
    "version = :n",
    "version <> :n",
    "version > :n AND attribute_exists(word)",
    "version < :n OR word = :s",
    "NOT (version >= :n)",
    "version BETWEEN :zero AND :n",
    "version IN (:n, :zero)",
    "begins_with(word, :s)",
    "contains(word, :s)",
    "contains(tags, :s)",
    "contains(parts, :n)",
    "size(word) > :zero",
    "size(parts) = :n",
    "attribute_type(version, :type)",
    "attribute_exists(things.x)",
    "things.x = :n",
    "parts[0] = :n",
    "things.deep.x < :n AND NOT attribute_exists(absent)",
    "attribute_not_exists(things.x) OR things.x <> :n",
    // Both services reject these.
    "version = ",
    "status = :n",
    "version > :undefined",
];

const UPDATES: [&str; 22] = [
    "SET version = :n",
    "SET version = version + :n",
    "SET version = if_not_exists(version, :zero) + :n, word = :s",
    "SET version = :n - if_not_exists(version, :n)",
    "SET word = :s REMOVE version",
    "REMOVE word, tags",
    "ADD version :n",
    "ADD tags :set",
    "DELETE tags :set",
    "ADD tags :set DELETE more :set",
    "SET things.x = :n",
    "SET things = :map",
    "SET things.deep = :map",
    "SET things.deep.x = :n",
    "SET parts = list_append(if_not_exists(parts, :empty), :list)",
    "SET parts[1] = :n",
    "SET index_location = :s, index_sku = :s",
    "REMOVE index_sku",
    "SET word = :s, version = :n",
    // Both services reject these.
    "SET pk = :s",
    "SET count = :n",
    "ADD version :s",
];

fn key(random: &mut Rng) -> Item {
    let pk = *random.choice(&["p", "q"]).unwrap();
    let sk = *random.choice(&["1", "2", "3", "4"]).unwrap();
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn word(random: &mut Rng) -> AttributeValue {
    s(random.choice(&["x", "xy", "y", "milk"]).unwrap())
}

fn number(random: &mut Rng) -> AttributeValue {
    let numbers = ["0", "1", "2", "-1", "3", "12345678901234567890"];
    AttributeValue::N((*random.choice(&numbers).unwrap()).to_owned())
}

fn set(random: &mut Rng) -> AttributeValue {
    let sets: [&[&str]; 3] = [&["x"], &["x", "y"], &["z"]];
    let set = random.choice(&sets).unwrap();
    AttributeValue::Ss(set.iter().map(|member| (*member).to_owned()).collect())
}

fn map(random: &mut Rng) -> AttributeValue {
    AttributeValue::M([("x".to_owned(), number(random))].into())
}

fn item(random: &mut Rng) -> Item {
    let mut item = key(random);
    let list = AttributeValue::L(vec![number(random), word(random)]);
    for (name, value) in [
        ("version", number(random)),
        ("word", word(random)),
        ("tags", set(random)),
        ("things", map(random)),
        ("parts", list),
        ("index_location", word(random)),
        ("index_sku", word(random)),
    ] {
        if random.bool() {
            item.insert(name.to_owned(), value);
        }
    }
    item
}

/// The number of invalid expressions at the end of each list.
const INVALID_COUNT: usize = 3;

/// Draws values for the placeholders of `expression`.
fn values(random: &mut Rng, expression: &str) -> HashMap<String, AttributeValue> {
    let mut all = vec![
        (":n", number(random)),
        (":zero", AttributeValue::N("-2".to_owned())),
        (":s", word(random)),
        (":type", s("N")),
        (":set", set(random)),
        (":map", map(random)),
        (":empty", AttributeValue::L(vec![])),
        (":list", AttributeValue::L(vec![number(random)])),
    ];
    let is_used = |name: &str| {
        expression
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':')
            .any(|word| word == name)
    };
    all.retain(|(name, _)| is_used(name));
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn expression(random: &mut Rng, candidates: &[&'static str]) -> Expression {
    let text = *random.choice(candidates).unwrap();
    (text, values(random, text))
}

fn maybe_condition(random: &mut Rng) -> Option<Expression> {
    random.bool().then(|| expression(random, &CONDITIONS))
}

fn valid_condition(random: &mut Rng) -> Expression {
    expression(random, &CONDITIONS[..CONDITIONS.len() - INVALID_COUNT])
}

fn maybe_valid_condition(random: &mut Rng) -> Option<Expression> {
    random.bool().then(|| valid_condition(random))
}

impl Request {
    pub fn draw(random: &mut Rng) -> Self {
        match random.u8(0..10) {
            0 => Self::Get(key(random)),
            1 | 2 => Self::Put(item(random), maybe_condition(random)),
            3 => Self::Delete(key(random), maybe_condition(random)),
            4 | 5 => {
                let return_values = [ReturnValue::None, ReturnValue::AllOld, ReturnValue::AllNew];
                let update = expression(random, &UPDATES);
                let return_value = random.choice(&return_values).unwrap().clone();
                let is_invalid = UPDATES[UPDATES.len() - INVALID_COUNT..].contains(&update.0);
                let condition = maybe_condition(random).filter(|_| !is_invalid);
                Self::Update(key(random), update, condition, return_value)
            }
            6 => Self::Query(Query::draw(random)),
            7 => {
                let mut keys = BTreeMap::new();
                for _ in 0..3 {
                    let key = key(random);
                    keys.insert(format_item(&key), key);
                }
                Self::Batch(keys.into_values().collect())
            }
            _ => {
                // Each item is in a transaction once, because the order in which errors are reported is unspecified.
                let mut items = BTreeMap::new();
                for _ in 0..random.usize(1..4) {
                    let item = TransactItem::draw(random);
                    items.insert(item.key(), item);
                }
                let items = items.into_values().collect();
                let token = if random.bool() {
                    format!("again-{}", random.u8(0..40))
                } else {
                    format!("once-{}", random.u32(..))
                };
                Self::TransactWrite(items, token)
            }
        }
    }
}

impl TransactItem {
    /// Returns the partition and sort key of the item.
    fn key(&self) -> [String; 2] {
        let (Self::Put(item, _)
        | Self::Update(item, ..)
        | Self::Delete(item, _)
        | Self::Check(item, _)) = self;
        ["pk", "sk"].map(|name| item[name].as_s().unwrap().clone())
    }

    pub fn draw(random: &mut Rng) -> Self {
        match random.u8(0..4) {
            0 => Self::Put(item(random), maybe_valid_condition(random)),
            1 => {
                let update = expression(random, &UPDATES[..UPDATES.len() - INVALID_COUNT]);
                Self::Update(key(random), update, maybe_valid_condition(random))
            }
            2 => Self::Delete(key(random), maybe_valid_condition(random)),
            _ => Self::Check(key(random), valid_condition(random)),
        }
    }
}

impl Query {
    pub fn draw(random: &mut Rng) -> Self {
        let conditions = [
            (None, "pk = :pk"),
            (None, "pk = :pk AND sk > :sk"),
            (None, "pk = :pk AND sk BETWEEN :one AND :sk"),
            (None, "pk = :pk AND begins_with(sk, :sk)"),
            (None, "sk <= :sk AND pk = :pk"),
            (Some("by_location"), "index_location = :word"),
            (Some("by_sku"), "index_sku = :word AND index_location >= :x"),
            // Both services reject these.
            (None, "sk = :sk"),
            (None, "pk = :pk AND version = :sk"),
        ];
        let (index, condition) = *random.choice(&conditions).unwrap();
        let filter = (index.is_none() && random.bool()).then_some("version > :least");
        let all = [
            (":pk", s(random.choice(&["p", "q"]).unwrap())),
            (":sk", s(random.choice(&["2", "3"]).unwrap())),
            (":one", s("1")),
            (":word", word(random)),
            (":x", s("x")),
            (":least", number(random)),
        ];
        let is_used = |name: &str| {
            condition.contains(name) || filter.is_some_and(|filter| filter.contains(name))
        };
        let values = all
            .into_iter()
            .filter(|(name, _)| is_used(name))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Self {
            index,
            condition,
            filter,
            values,
            forward: random.bool(),
            limit: random.i32(1..5),
            pages: random.usize(1..4),
        }
    }
}
