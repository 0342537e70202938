//! Every key of every table, built here and nowhere else. Names hold no `#`, so a key reads back one way only.

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use stockline_application::ports::catalog::PRODUCT_SHARDS;
use stockline_domain::ids::{
    ControllerId, FulfilmentId, LocationId, OrderId, RefundId, RequestId, Sku, TaskId, ZoneId,
};
use stockline_domain::level::LevelKey;

/// The partition and sort key of one item.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key.
    pub sk: String,
}

impl Key {
    fn new(pk: String, sk: impl Into<String>) -> Self {
        Self { pk, sk: sk.into() }
    }

    /// Whether it is a level's.
    pub fn is_level(&self) -> bool {
        self.sk == LEVEL
    }
}

/// Sort key of an order in its partition.
pub const ORDER: &str = "ORDER";

/// What the sort key of every refund of an order starts with.
pub const REFUNDS: &str = "REFUND#";

/// What the sort key of every fulfilment of an order starts with.
pub const FULFILMENTS: &str = "FULFILMENT#";

/// An order.
pub fn order(id: OrderId) -> Key {
    Key::new(order_partition(id), ORDER)
}

/// Partition of an order, its refunds and its fulfilments.
pub fn order_partition(id: OrderId) -> String {
    format!("ORDER#{id}")
}

/// A refund of an order.
pub fn refund(order: OrderId, id: RefundId) -> Key {
    Key::new(order_partition(order), format!("{REFUNDS}{id}"))
}

/// A fulfilment of an order.
pub fn fulfilment(order: OrderId, id: FulfilmentId) -> Key {
    Key::new(order_partition(order), format!("{FULFILMENTS}{id}"))
}

/// Partition of `by_location` on `orders`: one location's orders of one business date.
pub fn orders_of_day(location: &LocationId, business_date: Date) -> String {
    format!("{location}#{business_date}")
}

/// The location and business date that [`orders_of_day`] is of.
pub fn parse_day(key: &str) -> Option<(LocationId, Date)> {
    let (location, date) = key.split_once('#')?;
    Some((location.parse().ok()?, date.parse().ok()?))
}

/// Sort key of `by_location` on `orders`: the orders of a day in the order they were placed.
pub fn placed(at: Timestamp, id: OrderId) -> String {
    format!("{at:.3}#{id}")
}

/// Partition of `by_location` on `orders`: one location's refunds of one business date.
pub fn refunds_of_day(location: &LocationId, business_date: Date) -> String {
    format!("{location}#{business_date}#refunds")
}

/// Sort key of `by_location` on `orders`: the refunds of a day in the order they were made.
pub fn refunded(at: Timestamp, id: RefundId) -> String {
    format!("{at:.3}#{id}")
}

/// What the sort key [`placed`] says.
pub fn parse_placed(key: &str) -> Option<(Timestamp, OrderId)> {
    let (at, id) = key.split_once('#')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

const LEVEL: &str = "LEVEL";

/// The first item of a level; the only one, where it is not split.
pub fn level(key: &LevelKey) -> Key {
    level_bucket(key, 0)
}

/// One of the items of a level that is split.
pub fn level_bucket(key: &LevelKey, bucket: u8) -> Key {
    Key::new(level_partition(key, bucket), LEVEL)
}

/// The alert state of a level.
pub fn alert(key: &LevelKey) -> Key {
    Key::new(level_partition(key, 0), "ALERT")
}

fn level_partition(key: &LevelKey, bucket: u8) -> String {
    format!("LEVEL#{}#{}#{bucket}", key.location_id, key.sku)
}

/// The level a partition key of the index or the table belongs to.
pub fn parse_level(pk: &str) -> Option<LevelKey> {
    let mut parts = pk.strip_prefix("LEVEL#")?.split('#');
    let location_id = parts.next()?.parse().ok()?;
    let sku = parts.next()?.parse().ok()?;
    Some(LevelKey { location_id, sku })
}

/// A movement: the movements of one item of a level sort by its version.
pub fn movement(key: &LevelKey, bucket: u8, version: u64) -> Key {
    Key::new(movements(key, bucket), format!("{version:016}"))
}

/// Partition of the movements of one item of a level.
pub fn movements(key: &LevelKey, bucket: u8) -> String {
    format!("MOVEMENTS#{}#{}#{bucket}", key.location_id, key.sku)
}

/// Partition of what audits found at a location on a day.
pub fn audit_day(location: &LocationId, day: Date) -> String {
    format!("AUDIT#{location}#{day}")
}

/// What an audit found of one SKU.
pub fn audit_record(location: &LocationId, day: Date, sku: &Sku) -> Key {
    Key::new(audit_day(location, day), sku.as_str())
}

/// A request to change stock.
pub fn stock_request(id: RequestId) -> Key {
    Key::new(stock_request_partition(id), "REQUEST")
}

/// Partition of a stock request and its applied changes.
pub fn stock_request_partition(id: RequestId) -> String {
    format!("REQUEST#{id}")
}

/// What the sort key of every applied change of a stock request starts with.
pub const APPLIED_CHANGES: &str = "CHANGE#";

/// Change `index` (from 0) of a stock request, once it is applied.
pub fn applied_change(id: RequestId, index: usize) -> Key {
    Key::new(
        stock_request_partition(id),
        format!("{APPLIED_CHANGES}{index:03}"),
    )
}

/// A task.
pub fn task(id: TaskId) -> Key {
    Key::new(format!("TASK#{id}"), "TASK")
}

/// A controller.
pub fn controller(id: &ControllerId) -> Key {
    Key::new(format!("CONTROLLER#{id}"), "CONTROLLER")
}

/// Partition of `by_zone` on `tasks`: the tasks of a warehouse's zone in one state, or its controllers.
///
/// The warehouse is part of it: two of them may call a zone the same.
pub fn zone(location: &LocationId, id: &ZoneId, what: &str) -> String {
    format!("{location}#{id}#{what}")
}

/// Sort key of `by_zone` on `tasks`: what comes first, by priority, then deadline, then age.
pub fn queued(priority: u16, deadline: Timestamp, created_at: Timestamp, id: TaskId) -> String {
    format!("{priority:05}#{deadline:.3}#{created_at:.3}#{id}")
}

/// A product.
pub fn product(sku: &Sku) -> Key {
    Key::new(format!("PRODUCT#{sku}"), "PRODUCT")
}

/// Partition of `by_type` on `catalog` that holds the product.
pub fn product_type(sku: &Sku) -> String {
    product_shard(Sha256::digest(sku.as_str().as_bytes())[0] % PRODUCT_SHARDS)
}

/// Partition `shard` (0 to 7) of the products in `by_type`.
pub fn product_shard(shard: u8) -> String {
    format!("product#{shard}")
}

/// A location.
pub fn location(id: &LocationId) -> Key {
    Key::new(format!("LOCATION#{id}"), "LOCATION")
}

/// Partition of `by_type` on `catalog` that holds the locations.
pub const LOCATION_TYPE: &str = "location";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_key_reads_back() {
        let key = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk.1-l".parse().unwrap(),
        };
        assert_eq!(parse_level(&level(&key).pk), Some(key));
        assert_eq!(parse_level("ORDER#1"), None);
    }

    #[test]
    fn zones_that_two_warehouses_call_the_same_are_apart() {
        let key = |location: &str| {
            zone(
                &location.parse().unwrap(),
                &"dry".parse().unwrap(),
                "queued",
            )
        };
        assert_eq!(key("hub-1"), "hub-1#dry#queued");
        assert_ne!(key("hub-1"), key("hub-2"));
    }

    #[test]
    fn orders_of_a_day_sort_by_time_also_on_the_whole_second() {
        let id = OrderId::derive("till", "1");
        let early = placed("2026-03-01T12:00:00Z".parse().unwrap(), id);
        let late = placed("2026-03-01T12:00:00.001Z".parse().unwrap(), id);
        assert!(early < late, "{early} {late}");
        let read = parse_placed(&early);
        assert_eq!(read, Some(("2026-03-01T12:00:00Z".parse().unwrap(), id)));
    }
}
