//! The model's conditions are those that `platform` sends to DynamoDB.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use serde_json::json;
use stockline_domain::level::{LastChange, Level};
use stockline_domain::split_level::Part;
use stockline_platform::dynamodb::change_level::change_level;
use stockline_protocol::model::tables::{Tables, Write, has_what_it_needs};

/// Levels with little on hand and allocated, counted never, before the changes, or after.
fn levels() -> Vec<Level> {
    let counted = [
        None,
        Some("2026-03-01T11:00:00Z"),
        Some("2026-03-01T13:00:00Z"),
    ];
    let amounts = (0..=4).flat_map(|on_hand| (0..=4).map(move |allocated| (on_hand, allocated)));
    amounts
        .flat_map(|amounts| counted.map(|counted_at| (amounts, counted_at)))
        .map(|((on_hand, allocated), counted_at)| {
            serde_json::from_value(json!({
                "location_id": "store-1", "sku": "milk", "version": 7,
                "on_hand": on_hand, "allocated": allocated, "counted_at": counted_at,
            }))
            .unwrap()
        })
        .collect()
}

/// What orders and tasks do to a level.
fn change(kind: &str, on_hand_delta: i64, allocated_delta: i64) -> LastChange {
    serde_json::from_value(json!({
        "movement_id": "00000000-0000-0000-0000-000000000001", "kind": kind,
        "on_hand_delta": on_hand_delta, "allocated_delta": allocated_delta,
        "occurred_at": "2026-03-01T12:00:00Z", "recorded_at": "2026-03-01T12:00:00Z",
    }))
    .unwrap()
}

fn changes() -> Vec<LastChange> {
    (1..=3)
        .flat_map(|quantity| {
            [
                change("sale", -quantity, 0),
                change("allocation", 0, quantity),
                change("release", 0, -quantity),
                change("fulfilment", -quantity, -quantity),
                change("return", quantity, 0),
            ]
        })
        .collect()
}

/// An item and the update that `platform` sends for a change of it, read as DynamoDB reads them: the few words of
/// DynamoDB's language that are used there. Another word is a condition that the model does not know of.
struct Sent {
    item: BTreeMap<&'static str, i64>,
    update: Update,
}

/// The numbers of an item that conditions and updates are about.
fn numbers(level: &Level) -> BTreeMap<&'static str, i64> {
    let mut item = BTreeMap::from([
        ("on_hand", level.on_hand),
        ("allocated", level.allocated),
        ("available", level.available()),
        ("version", i64::try_from(level.version).unwrap()),
    ]);
    item.extend(
        level
            .counted_at
            .map(|at| ("counted_ms", at.as_millisecond())),
    );
    item
}

impl Sent {
    fn for_change(level: &Level, change: &LastChange) -> Self {
        let write = change_level("stock", &level.key(), &Part::whole(change, 0)).unwrap();
        Self {
            item: numbers(level),
            update: write.update().unwrap().clone(),
        }
    }

    fn holds(&self) -> bool {
        let condition = self.update.condition_expression().unwrap();
        condition.split(" AND ").all(|clause| {
            let bare = clause
                .strip_prefix('(')
                .and_then(|clause| clause.strip_suffix(')'));
            bare.filter(|bare| bare.contains(" OR "))
                .unwrap_or(clause)
                .split(" OR ")
                .any(|comparison| self.compares(comparison))
        })
    }

    fn compares(&self, comparison: &str) -> bool {
        let words: Vec<&str> = comparison.split(' ').collect();
        match words[..] {
            ["attribute_exists(pk)"] => true,
            [name, ">=", value] => self.item[name] >= self.number(value),
            [name, "<=", value] => self.item[name] <= self.number(value),
            [absent] if absent.starts_with("attribute_not_exists(") => {
                let name = &absent["attribute_not_exists(".len()..absent.len() - 1];
                !self.item.contains_key(name)
            }
            _ => panic!("the model does not know the condition `{comparison}`"),
        }
    }

    /// What the item holds afterwards.
    fn written(&self) -> BTreeMap<&'static str, i64> {
        let mut item = self.item.clone();
        let assignments = self.update.update_expression();
        for assignment in assignments.strip_prefix("SET ").unwrap().split(", ") {
            let words: Vec<&str> = assignment.split_whitespace().collect();
            match words[..] {
                ["last_change", "=", ":change"] => {}
                [name, "=", same, "+", value] if name == same => {
                    *item.get_mut(name).unwrap() += self.number(value);
                }
                _ => panic!("the model does not know the assignment `{assignment}`"),
            }
        }
        item
    }

    fn number(&self, name: &str) -> i64 {
        let values = self.update.expression_attribute_values().unwrap();
        match &values[name] {
            AttributeValue::N(number) => number.parse().unwrap(),
            other => panic!("{name} is {other:?}"),
        }
    }
}

#[test]
fn the_model_lets_through_what_dynamodb_lets_through_and_writes_what_it_writes() {
    let (mut through, mut refused) = (0, 0);
    for before in levels() {
        for change in changes() {
            let sent = Sent::for_change(&before, &change);
            let lets_through = has_what_it_needs(&before, &change);
            assert_eq!(lets_through, sent.holds(), "{change:?} of {before:?}");
            let mut tables = Tables::stocked(vec![before.clone()]);
            let write = Write::Change(before.key(), change.clone());
            if tables.transact(&[write]).is_err() {
                refused += 1;
                continue;
            }
            through += 1;
            let after = tables.level(&before.key()).unwrap();
            assert_eq!(sent.written(), numbers(after), "{change:?} of {before:?}");
        }
    }
    assert!(through > 100 && refused > 100, "{through}, {refused}");
}

/// What DynamoDB lets through is what the domain allows: the conditions are neither weaker nor stronger than the rule,
/// but for what a later count has seen, which is planned anew.
#[test]
fn the_conditions_are_the_rule() {
    for before in levels() {
        for change in changes() {
            if before.has_counted(change.occurred_at) {
                continue;
            }
            assert_eq!(
                has_what_it_needs(&before, &change),
                before.after(change.clone()).is_ok(),
                "{change:?} of {before:?}"
            );
        }
    }
}
