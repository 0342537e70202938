//! Fixtures: levels and requests.

use jiff::tz::TimeZone;
use stockline_domain::ids::{FulfilmentId, OrderId, RefundId, RequestId};
use stockline_domain::level::{Level, LevelKey, ReorderPolicy};
use stockline_domain::order::{KeyedDelta, Order};
use stockline_domain::place_order::PlaceOrder;
use stockline_domain::split_level::{BucketDelta, SplitLevel};
use stockline_domain::stock_change::{ChangeContext, RequestedChange};

use super::STORE;
use crate::model::requests::{NOW, OrderChange, Request};
use crate::model::tables::{StoredOrder, Tables, TransactItem};

/// A level that was counted in the morning and not changed since.
pub(super) fn level(location: &str, sku: &str, on_hand: i64) -> Level {
    counted_level(Level::empty(&key(location, sku)), on_hand).remove(0)
}

/// The buckets of such a level that is split.
pub(super) fn split_level(location: &str, sku: &str, on_hand: i64, buckets: u8) -> Vec<Level> {
    let first = Level {
        split_over: buckets,
        policy: Some(policy(buckets)),
        ..Level::empty(&key(location, sku))
    };
    counted_level(first, on_hand)
}

fn counted_level(first: Level, on_hand: i64) -> Vec<Level> {
    let count = parse_change(&format!(
        r#"{{"kind":"count","location_id":"{}","sku":"{}","quantity":{on_hand},
            "counted_at":"2026-03-01T06:00:00Z"}}"#,
        first.location_id, first.sku
    ));
    let level = SplitLevel::new(first, &[]);
    let after = apply(&count, &level, "morning", "2026-03-01T06:00:00Z");
    let items = level.rewrite(&after, after.last_change.as_ref().unwrap());
    items.into_iter().map(|(_, after)| after).collect()
}

/// The total of `level` after `change` of the manager's request `name`, which arrives at `now`.
fn apply(change: &RequestedChange, level: &SplitLevel, name: &str, now: &str) -> Level {
    let context = ChangeContext {
        request: RequestId::derive("manager", name),
        index: 0,
        now: now.parse().unwrap(),
        moved_since: 0,
        replenishment_order: None,
    };
    let settled = change.apply(&[level.total()], &context);
    settled.unwrap().levels.remove(0)
}

fn policy(buckets: u8) -> ReorderPolicy {
    serde_json::from_str(&format!(
        r#"{{"reorder_point":1,"target_level":9,"buckets":{buckets}}}"#
    ))
    .unwrap()
}

pub(super) fn key(location: &str, sku: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

/// Places `order`, which has one SKU, from `bucket`.
pub(super) fn place(tables: &mut Tables, order: Order, bucket: u8) {
    let KeyedDelta { key, change } = order.placement_deltas().remove(0);
    let part = BucketDelta::whole(&change, bucket);
    let guard = TransactItem::CreateOrder(StoredOrder::new(order, 1));
    tables
        .transact(&[guard, TransactItem::AddDeltas(key, part)])
        .unwrap();
}

/// Records damage of `quantity` units of milk in the store.
pub(super) fn damage(tables: &mut Tables, quantity: i64) {
    let damage = parse_change(&format!(
        r#"{{"kind":"adjustment","location_id":"{STORE}","sku":"milk","delta":-{quantity},"reason":"damage"}}"#
    ));
    let level = tables.level(&key(STORE, "milk")).unwrap();
    let after = apply(&damage, &level, "damage", NOW);
    let items = level.rewrite(&after, after.last_change.as_ref().unwrap());
    let items = items
        .into_iter()
        .map(|(before, after)| TransactItem::ReplaceBucket {
            before: before.version,
            after,
        });
    tables.transact(&items.collect::<Vec<_>>()).unwrap();
}

pub(super) fn split(location: &str, sku: &str, buckets: u8) -> Request {
    Request::SplitLevel {
        key: key(location, sku),
        policy: policy(buckets),
    }
}

pub(super) fn order_id(buyer: &str) -> OrderId {
    OrderId::derive(buyer, "1")
}

pub(super) fn online(buyer: &str, lines: &[(&str, i64)]) -> Request {
    let order = order(STORE, "online", buyer, lines);
    Request::Place { order, body: 1 }
}

pub(super) fn pos(buyer: &str, lines: &[(&str, i64)]) -> Request {
    let order = order(STORE, "pos", buyer, lines);
    Request::Place { order, body: 1 }
}

pub(super) fn order(location: &str, channel: &str, buyer: &str, lines: &[(&str, i64)]) -> Order {
    let lines_json: Vec<String> = lines
        .iter()
        .map(|(sku, quantity)| {
            format!(
                r#"{{"sku":"{sku}","quantity":{quantity},"unit_price":{{"amount":100,"currency":"EUR"}}}}"#
            )
        })
        .collect();
    let total: i64 = lines.iter().map(|(_, quantity)| 100 * quantity).sum();
    let body: PlaceOrder = serde_json::from_str(&format!(
        r#"{{"location_id":"{location}","channel":"{channel}","currency":"EUR","lines":[{}],
            "total":{{"amount":{total},"currency":"EUR"}}}}"#,
        lines_json.join(",")
    ))
    .unwrap();
    body.order(order_id(buyer), NOW.parse().unwrap(), &TimeZone::UTC, 0)
        .unwrap()
}

pub(super) fn change_stock(key: &str, json: &str) -> Request {
    Request::ChangeStock {
        request: RequestId::derive("manager", key),
        change: parse_change(json),
    }
}

pub(super) fn cancel(buyer: &str) -> Request {
    Request::ChangeOrder(order_id(buyer), OrderChange::Cancel)
}

pub(super) fn fulfil(buyer: &str, key: &str, json: &str) -> Request {
    let order = order_id(buyer);
    let id = FulfilmentId::derive(order, "clerk", key);
    Request::ChangeOrder(
        order,
        OrderChange::Fulfil(id, serde_json::from_str(json).unwrap()),
    )
}

pub(super) fn refund(buyer: &str, key: &str, json: &str) -> Request {
    let order = order_id(buyer);
    let id = RefundId::derive(order, "clerk", key);
    Request::ChangeOrder(
        order,
        OrderChange::Refund(id, serde_json::from_str(json).unwrap()),
    )
}

pub(super) fn adjustment(key: &str, fields: &str) -> Request {
    change_stock(
        key,
        &format!(r#"{{"kind":"adjustment","location_id":"store-1","sku":"milk",{fields}}}"#),
    )
}

pub(super) fn count(key: &str, counted_at: &str, quantity: i64) -> Request {
    change_stock(
        key,
        &format!(
            r#"{{"kind":"count","location_id":"store-1","sku":"milk","quantity":{quantity},
                "counted_at":"{counted_at}"}}"#
        ),
    )
}

pub(super) fn parse_change(json: &str) -> RequestedChange {
    serde_json::from_str(json).unwrap()
}
