//! Compares the model's conditions with those that `platform` sends to DynamoDB.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use serde_json::json;
use stockline_domain::ids::MovementId;
use stockline_domain::level::{Level, LevelDelta, MovementKind};
use stockline_domain::split_level::BucketDelta;
use stockline_platform::dynamodb::change_level::change_level;
use stockline_protocol::model::tables::{Tables, TransactItem, delta_condition_holds};

/// All combinations of small quantities, count time (none, before and after the changes), short flag, last change
/// (none, or the movement to apply) and unfit units (none, one damaged, one on hold).
fn levels() -> Vec<Level> {
    let counted = [
        None,
        Some("2026-03-01T11:00:00Z"),
        Some("2026-03-01T13:00:00Z"),
    ];
    let amounts = (0..=4).flat_map(|on_hand| (0..=4).map(move |allocated| (on_hand, allocated)));
    amounts
        .flat_map(|amounts| counted.map(|counted_at| (amounts, counted_at)))
        .flat_map(|level| [false, true].map(|whole_short| (level, whole_short)))
        .flat_map(|level| [None, Some(change("rebalance", 1, 0))].map(|last| (level, last)))
        .flat_map(|level| [(0, 0), (1, 0), (0, 1)].map(|unfit| (level.clone(), unfit)))
        .map(
            |(((((on_hand, allocated), counted_at), whole_short), last), (damaged, on_hold))| {
                serde_json::from_value(json!({
                "location_id": "store-1", "sku": "milk", "version": 7, "whole_short": whole_short,
                "on_hand": on_hand, "allocated": allocated, "in_transit": (on_hand + allocated) % 3,
                "damaged": damaged, "on_hold": on_hold, "counted_at": counted_at,
                "last_change": last,
            }))
            .unwrap()
            },
        )
        .collect()
}

/// A change of units in transit: sent or arrived.
fn transit_change(on_hand_delta: i64, in_transit_delta: i64) -> LevelDelta {
    let mut change = change("transfer_in", on_hand_delta, 0);
    change.states.in_transit_delta = in_transit_delta;
    change
}

/// A change as orders, tasks and stock changes make it.
fn change(kind: &str, on_hand_delta: i64, allocated_delta: i64) -> LevelDelta {
    serde_json::from_value(json!({
        "movement_id": "00000000-0000-0000-0000-000000000001", "kind": kind,
        "on_hand_delta": on_hand_delta, "allocated_delta": allocated_delta,
        "occurred_at": "2026-03-01T12:00:00Z", "recorded_at": "2026-03-01T12:00:00Z",
    }))
    .unwrap()
}

fn changes() -> Vec<LevelDelta> {
    (1..=3)
        .flat_map(|quantity| {
            [
                change("sale", -quantity, 0),
                change("allocation", 0, quantity),
                change("release", 0, -quantity),
                change("fulfilment", -quantity, -quantity),
                change("return", quantity, 0),
                change("rebalance", quantity, 0),
                change("rebalance", -quantity, 0),
                transit_change(0, quantity),
                transit_change(quantity, -quantity),
            ]
        })
        .collect()
}

/// An item and the update that `platform` sends for a change of it, with an evaluator for the subset of DynamoDB's
/// expression language in use. Any other expression is one that the model does not know.
struct SentUpdate {
    item: BTreeMap<&'static str, i64>,
    last_movement: Option<MovementId>,
    update: Update,
}

/// The numeric attributes that conditions and updates use.
fn numeric_attributes(level: &Level) -> BTreeMap<&'static str, i64> {
    let mut item = BTreeMap::from([
        ("on_hand", level.on_hand),
        ("allocated", level.allocated),
        ("in_transit", level.in_transit),
        ("damaged", level.damaged),
        ("on_hold", level.on_hold),
        ("available", level.available()),
        ("version", i64::try_from(level.version).unwrap()),
    ]);
    item.extend(
        level
            .counted_at
            .map(|at| ("counted_ms", at.as_millisecond())),
    );
    item.extend(level.whole_short.then_some(("whole_short", 1)));
    item
}

impl SentUpdate {
    fn for_change(level: &Level, change: &LevelDelta) -> Self {
        let write = change_level("stock", &level.key(), &BucketDelta::whole(change, 0)).unwrap();
        Self {
            item: numeric_attributes(level),
            last_movement: level.last_change.as_ref().map(|last| last.movement_id),
            update: write.update().unwrap().clone(),
        }
    }

    fn condition_holds(&self) -> bool {
        let condition = self.update.condition_expression().unwrap();
        condition.split(" AND ").all(|clause| {
            let inner = clause
                .strip_prefix('(')
                .and_then(|clause| clause.strip_suffix(')'));
            inner
                .filter(|inner| inner.contains(" OR "))
                .unwrap_or(clause)
                .split(" OR ")
                .any(|comparison| self.comparison_holds(comparison))
        })
    }

    fn comparison_holds(&self, comparison: &str) -> bool {
        let tokens: Vec<&str> = comparison.split(' ').collect();
        match tokens[..] {
            ["attribute_exists(pk)"] => true,
            [name, "=", value] => self.item[name] == self.number(value),
            [name, ">=", value] => self.item[name] >= self.number(value),
            [name, "<=", value] => self.item[name] <= self.number(value),
            ["attribute_not_exists(last_change)"] => self.last_movement.is_none(),
            ["last_change.movement_id", "<>", value] => {
                let last = self.last_movement.map(|id| id.to_string());
                last.as_ref() != self.value(value).as_s().ok()
            }
            [absent] if absent.starts_with("attribute_not_exists(") => {
                let name = &absent["attribute_not_exists(".len()..absent.len() - 1];
                !self.item.contains_key(name)
            }
            _ => panic!("the model does not know the condition `{comparison}`"),
        }
    }

    /// The item after the update.
    fn updated_item(&self) -> BTreeMap<&'static str, i64> {
        let mut item = self.item.clone();
        let expression = self.update.update_expression();
        // What it removes is the cause of the write before it, which the model leaves out.
        let (assignments, _removals) = expression.split_once(" REMOVE ").unwrap();
        for assignment in assignments.strip_prefix("SET ").unwrap().split(", ") {
            let tokens: Vec<&str> = assignment.split_whitespace().collect();
            match tokens[..] {
                ["last_change", "=", ":change"] => {}
                [name, "=", same, "+", value] if name == same => {
                    *item.get_mut(name).unwrap() += self.number(value);
                }
                _ => panic!("the model does not know the assignment `{assignment}`"),
            }
        }
        item
    }

    fn value(&self, name: &str) -> &AttributeValue {
        &self.update.expression_attribute_values().unwrap()[name]
    }

    fn number(&self, name: &str) -> i64 {
        match self.value(name) {
            AttributeValue::N(number) => number.parse().unwrap(),
            other => panic!("{name} is {other:?}"),
        }
    }
}

#[test]
fn model_condition_and_update_match_platform() {
    let (mut allowed, mut rejected) = (0, 0);
    for before in levels() {
        for change in changes() {
            let sent = SentUpdate::for_change(&before, &change);
            let model_allows = delta_condition_holds(&before, &change);
            assert_eq!(
                model_allows,
                sent.condition_holds(),
                "{change:?} of {before:?}"
            );
            let mut tables = Tables::with_levels(vec![before.clone()]);
            let write = TransactItem::AddDeltas(before.key(), BucketDelta::whole(&change, 0));
            if tables.transact(&[write]).is_err() {
                rejected += 1;
                continue;
            }
            allowed += 1;
            let after = tables.bucket(&before.key(), 0).unwrap();
            assert_eq!(
                sent.updated_item(),
                numeric_attributes(after),
                "{change:?} of {before:?}"
            );
        }
    }
    assert!(allowed > 100 && rejected > 100, "{allowed}, {rejected}");
}

/// The conditions are neither weaker nor stronger than the domain's rule, except for changes that the function plans
/// again after a read (before a later count, a release to a short level, a fulfilment beside unfit units) and for
/// rebalances that were already applied.
#[test]
fn conditions_match_the_domain_rule() {
    for before in levels() {
        for change in changes() {
            let is_release_to_short_level = before.whole_short && change.available_delta() > 0;
            let is_rebalance_already_applied =
                change.kind == MovementKind::Rebalance && before.last_change.is_some();
            let is_fulfilment_beside_unfit =
                change.kind == MovementKind::Fulfilment && before.damaged + before.on_hold > 0;
            let is_replanned = is_release_to_short_level || is_fulfilment_beside_unfit;
            if before.has_count_after(change.occurred_at)
                || is_replanned
                || is_rebalance_already_applied
            {
                continue;
            }
            assert_eq!(
                delta_condition_holds(&before, &change),
                before.after(change.clone()).is_ok(),
                "{change:?} of {before:?}"
            );
        }
    }
}
