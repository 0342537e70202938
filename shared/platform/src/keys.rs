//! Builds and parses the keys of all DynamoDB tables and indexes, so that their formats are in one place.
//!
//! `#` separates the parts of a key. Ids cannot contain `#`, so a key parses unambiguously.

use jiff::Timestamp;
use jiff::civil::Date;
use sha2::{Digest, Sha256};
use stockline_application::ports::catalog::PRODUCT_SHARDS;
use stockline_application::ports::sales_tally::TALLY_BUCKETS;
use stockline_domain::ids::{
    ControllerId, FulfilmentId, LocationId, OrderId, RefundId, ReplenishmentOrderId, RequestId,
    Sku, TaskId, ZoneId,
};
use stockline_domain::level::LevelKey;
use stockline_domain::replenishment::ReplenishmentState;
use stockline_domain::tally::{ContributionId, ReportRange, TallyCell};
use stockline_domain::user::Subject;

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

    /// Returns whether this is the key of a level bucket.
    pub fn is_level(&self) -> bool {
        self.sk == LEVEL
    }
}

/// Sort key of the order item in its partition.
pub const ORDER: &str = "ORDER";

/// Prefix of the sort keys of an order's refunds.
pub const REFUND_PREFIX: &str = "REFUND#";

/// Prefix of the sort keys of an order's fulfilments.
pub const FULFILMENT_PREFIX: &str = "FULFILMENT#";

/// Key of an order.
pub fn order(id: OrderId) -> Key {
    Key::new(order_partition(id), ORDER)
}

/// Partition key of an order, its refunds and its fulfilments.
pub fn order_partition(id: OrderId) -> String {
    format!("ORDER#{id}")
}

/// Key of a refund.
pub fn refund(order: OrderId, id: RefundId) -> Key {
    Key::new(order_partition(order), format!("{REFUND_PREFIX}{id}"))
}

/// Key of a fulfilment.
pub fn fulfilment(order: OrderId, id: FulfilmentId) -> Key {
    Key::new(order_partition(order), format!("{FULFILMENT_PREFIX}{id}"))
}

/// Parses an [`order_partition`].
pub fn parse_order_partition(pk: &str) -> Option<OrderId> {
    pk.strip_prefix("ORDER#")?.parse().ok()
}

/// Partition key of index `by_location` on `orders`: the orders of one location and business date.
pub fn daily_orders_partition(location: &LocationId, business_date: Date) -> String {
    format!("{location}#{business_date}")
}

/// Prefix of the [`daily_orders_partition`] of every business date of a location.
pub fn location_prefix(location: &LocationId) -> String {
    format!("{location}#")
}

/// Parses a [`daily_orders_partition`] or [`daily_refunds_partition`] into its location and business date.
pub fn parse_daily_partition(key: &str) -> Option<(LocationId, Date)> {
    let key = key.strip_suffix(REFUNDS_SUFFIX).unwrap_or(key);
    let (location, date) = key.split_once('#')?;
    Some((location.parse().ok()?, date.parse().ok()?))
}

/// Sort key of index `by_location` on `orders`, for an order: sorts by `placed_at`, then id.
///
/// The time always has milliseconds. Without them a whole second would sort after its fractions.
pub fn placed_key(at: Timestamp, id: OrderId) -> String {
    format!("{}#{id}", placed_prefix(at))
}

/// Prefix of the [`placed_key`] of every order that is placed in the millisecond of `at`. It sorts before all of them.
pub fn placed_prefix(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// The end of a [`daily_refunds_partition`].
const REFUNDS_SUFFIX: &str = "#refunds";

/// Partition key of index `by_location` on `orders`: the refunds of one location and business date.
pub fn daily_refunds_partition(location: &LocationId, business_date: Date) -> String {
    format!("{location}#{business_date}{REFUNDS_SUFFIX}")
}

/// Sort key of index `by_location` on `orders`, for a refund: sorts by `refunded_at`, then id.
pub fn refunded_key(at: Timestamp, id: RefundId) -> String {
    format!("{at:.3}#{id}")
}

/// Parses a [`placed_key`] into the time and the order id.
pub fn parse_placed_key(key: &str) -> Option<(Timestamp, OrderId)> {
    let (at, id) = key.split_once('#')?;
    Some((at.parse().ok()?, id.parse().ok()?))
}

const LEVEL: &str = "LEVEL";

/// Key of bucket 0 of a level. A level that is not split has no other bucket.
pub fn level(key: &LevelKey) -> Key {
    level_bucket(key, 0)
}

/// Key of one bucket of a level.
pub fn level_bucket(key: &LevelKey, bucket: u8) -> Key {
    Key::new(level_partition(key, bucket), LEVEL)
}

/// Key of the alert record of a level.
pub fn alert(key: &LevelKey) -> Key {
    Key::new(level_partition(key, 0), "ALERT")
}

/// Key of the replenishment cycle of a level.
pub fn replenishment_cycle(key: &LevelKey) -> Key {
    Key::new(level_partition(key, 0), "REPLENISHMENT")
}

/// Key of a replenishment order.
pub fn replenishment_order(id: ReplenishmentOrderId) -> Key {
    Key::new(format!("REPLENISHMENT#{id}"), "REPLENISHMENT")
}

/// Sort key of index `by_replenishment` on `stock`: sorts by state in the order of [`ReplenishmentState::ALL`], then
/// `placed_at`, then id. The partition key is the location.
pub fn replenishment_key(
    state: ReplenishmentState,
    placed_at: Timestamp,
    id: ReplenishmentOrderId,
) -> String {
    format!("{}{placed_at:.3}#{id}", replenishment_prefix(state))
}

/// Prefix of the [`replenishment_key`] of all orders in one state.
pub fn replenishment_prefix(state: ReplenishmentState) -> String {
    let states = ReplenishmentState::ALL.iter();
    let position = states.take_while(|other| **other != state).count();
    format!("{position}-{state}#")
}

fn level_partition(key: &LevelKey, bucket: u8) -> String {
    format!("LEVEL#{}#{}#{bucket}", key.location_id, key.sku)
}

/// Parses the partition key of a level bucket or an alert record into the level key.
pub fn parse_level_partition(pk: &str) -> Option<LevelKey> {
    let mut parts = pk.strip_prefix("LEVEL#")?.split('#');
    let location_id = parts.next()?.parse().ok()?;
    let sku = parts.next()?.parse().ok()?;
    Some(LevelKey { location_id, sku })
}

/// Key of the movement that produced `version` of a bucket. Movements sort by version.
pub fn movement(key: &LevelKey, bucket: u8, version: u64) -> Key {
    Key::new(movements_partition(key, bucket), format!("{version:016}"))
}

/// Partition key of the movements of one bucket.
pub fn movements_partition(key: &LevelKey, bucket: u8) -> String {
    format!("MOVEMENTS#{}#{}#{bucket}", key.location_id, key.sku)
}

/// Partition key of the audit records of a location and day.
pub fn audit_partition(location: &LocationId, day: Date) -> String {
    format!("AUDIT#{location}#{day}")
}

/// Key of the audit record of one SKU.
pub fn audit_record(location: &LocationId, day: Date, sku: &Sku) -> Key {
    Key::new(audit_partition(location, day), sku.as_str())
}

/// Key of a stock request.
pub fn stock_request(id: RequestId) -> Key {
    Key::new(stock_request_partition(id), "REQUEST")
}

/// Partition key of a stock request and its settled changes.
pub fn stock_request_partition(id: RequestId) -> String {
    format!("REQUEST#{id}")
}

/// Prefix of the sort keys of a stock request's settled changes.
pub const SETTLED_CHANGE_PREFIX: &str = "CHANGE#";

/// Key of the record of a settled change. `index` is its position in the request, from 0.
pub fn settled_change(id: RequestId, index: usize) -> Key {
    Key::new(
        stock_request_partition(id),
        format!("{SETTLED_CHANGE_PREFIX}{index:03}"),
    )
}

/// Key of a task.
pub fn task(id: TaskId) -> Key {
    Key::new(format!("TASK#{id}"), "TASK")
}

/// Key of a controller.
pub fn controller(id: &ControllerId) -> Key {
    Key::new(format!("CONTROLLER#{id}"), "CONTROLLER")
}

/// Partition key of index `by_zone` on `tasks`. `group` is a task state, or the group of the zone's controllers.
///
/// The location is part of the key because zone ids are unique only within a warehouse.
pub fn zone_partition(location: &LocationId, id: &ZoneId, group: &str) -> String {
    format!("{location}#{id}#{group}")
}

/// Sort key of index `by_zone` on `tasks`: sorts by priority, deadline, creation time, then id.
pub fn queued_key(priority: u16, deadline: Timestamp, created_at: Timestamp, id: TaskId) -> String {
    format!("{priority:05}#{deadline:.3}#{created_at:.3}#{id}")
}

/// Key of a product.
pub fn product(sku: &Sku) -> Key {
    Key::new(format!("PRODUCT#{sku}"), "PRODUCT")
}

/// Partition key of index `by_type` on `catalog`, for a product.
pub fn product_partition(sku: &Sku) -> String {
    product_shard_partition(Sha256::digest(sku.as_str().as_bytes())[0] % PRODUCT_SHARDS)
}

/// Partition key of one product shard in index `by_type`. `shard` is below [`PRODUCT_SHARDS`].
pub fn product_shard_partition(shard: u8) -> String {
    format!("product#{shard}")
}

/// Key of a location.
pub fn location(id: &LocationId) -> Key {
    Key::new(format!("LOCATION#{id}"), "LOCATION")
}

/// Partition key of index `by_type` on `catalog` for all locations.
pub const LOCATIONS_PARTITION: &str = "location";

/// Partition key of all users on `catalog`. They are one partition, because a function reads a user once in its cache's lifetime,
/// and so that the list is a consistent query and permissions name one key.
pub const USERS_PARTITION: &str = "USERS";

/// Key of a user. Users sort by subject.
pub fn user(subject: &Subject) -> Key {
    Key::new(USERS_PARTITION.to_owned(), subject.as_str())
}

/// The bucket of the sales tally that an order or refund belongs to.
pub fn tally_bucket(id: ContributionId) -> u8 {
    let id = match id {
        ContributionId::Order(id) => id.as_uuid(),
        ContributionId::Refund(id) => id.as_uuid(),
    };
    // The ids are hashes (UUID version 5), so every byte but the version and the variant is spread evenly.
    id.as_bytes()[15] % TALLY_BUCKETS
}

/// Key of the stored totals of one bucket of a cell. They sort by business date, hour and currency.
pub fn tally_hour(cell: &TallyCell, bucket: u8) -> Key {
    Key::new(
        tally_hours_partition(&cell.location_id, bucket),
        format!("{}#{:02}#{}", cell.business_date, cell.hour, cell.currency),
    )
}

/// Partition key of the stored totals of one location and bucket.
pub fn tally_hours_partition(location: &LocationId, bucket: u8) -> String {
    format!("HOURS#{location}#{bucket}")
}

/// Parses a [`tally_hour`] key.
pub fn parse_tally_hour(key: &Key) -> Option<TallyCell> {
    let (location, _) = key.pk.strip_prefix("HOURS#")?.split_once('#')?;
    let mut parts = key.sk.split('#');
    Some(TallyCell {
        location_id: location.parse().ok()?,
        business_date: parts.next()?.parse().ok()?,
        hour: parts.next()?.parse().ok()?,
        currency: parts.next()?.parse().ok()?,
    })
}

/// Key of a contribution. They sort by business date.
pub fn contribution(location: &LocationId, business_date: Date, id: ContributionId) -> Key {
    let partition = contributions_partition(location, tally_bucket(id));
    let id = match id {
        ContributionId::Order(id) => format!("{ORDER}#{id}"),
        ContributionId::Refund(id) => format!("{REFUND_PREFIX}{id}"),
    };
    Key::new(partition, format!("{business_date}#{id}"))
}

/// Partition key of the contributions of one location and bucket.
pub fn contributions_partition(location: &LocationId, bucket: u8) -> String {
    format!("SALES#{location}#{bucket}")
}

/// Parses a [`contribution`] key.
pub fn parse_contribution(key: &Key) -> Option<(LocationId, Date, ContributionId)> {
    let (location, _) = key.pk.strip_prefix("SALES#")?.split_once('#')?;
    let (date, id) = key.sk.split_once('#')?;
    let id = match id.strip_prefix(REFUND_PREFIX) {
        Some(id) => ContributionId::Refund(id.parse().ok()?),
        None => ContributionId::Order(id.strip_prefix("ORDER#")?.parse().ok()?),
    };
    Some((location.parse().ok()?, date.parse().ok()?, id))
}

/// The first and the last sort key of the totals or contributions of `range`.
pub fn tally_range(range: ReportRange) -> (String, String) {
    // `~` sorts after every character of a key.
    (range.from.to_string(), format!("{}#~", range.to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn level_key_round_trips() {
        let key = LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: "milk.1-l".parse().unwrap(),
        };
        assert_eq!(parse_level_partition(&level(&key).pk), Some(key));
        assert_eq!(parse_level_partition("ORDER#1"), None);
    }

    #[test]
    fn tally_keys_round_trip_and_sort_by_date() {
        let cell = TallyCell {
            location_id: "store-1".parse().unwrap(),
            business_date: jiff::civil::date(2026, 3, 1),
            hour: 9,
            currency: "EUR".parse().unwrap(),
        };
        let key = tally_hour(&cell, 3);
        assert_eq!(
            (key.pk.as_str(), key.sk.as_str()),
            ("HOURS#store-1#3", "2026-03-01#09#EUR")
        );
        assert_eq!(parse_tally_hour(&key), Some(cell.clone()));
        let range = ReportRange::new(cell.business_date, cell.business_date).unwrap();
        let (first, last) = tally_range(range);
        let order = OrderId::derive("till", "1");
        for id in [
            ContributionId::Order(order),
            ContributionId::Refund(RefundId::derive(order, "till", "1")),
        ] {
            let key = contribution(&cell.location_id, cell.business_date, id);
            let parsed = parse_contribution(&key);
            assert_eq!(
                parsed,
                Some((cell.location_id.clone(), cell.business_date, id))
            );
            assert!(first < key.sk && key.sk < last, "{key:?}");
            let later = jiff::civil::date(2026, 3, 2);
            assert!(contribution(&cell.location_id, later, id).sk > last);
        }
    }

    #[test]
    fn same_zone_id_in_two_warehouses_has_two_partitions() {
        let key = |location: &str| {
            zone_partition(
                &location.parse().unwrap(),
                &"dry".parse().unwrap(),
                "queued",
            )
        };
        assert_eq!(key("hub-1"), "hub-1#dry#queued");
        assert_ne!(key("hub-1"), key("hub-2"));
    }

    #[test]
    fn replenishment_key_sorts_open_orders_first() {
        let at = "2026-03-01T12:00:00Z".parse().unwrap();
        let key = |state| {
            let milk = "milk".parse().unwrap();
            let id = ReplenishmentOrderId::derive(&"store-1".parse().unwrap(), &milk, 1);
            replenishment_key(state, at, id)
        };
        let sorted = ReplenishmentState::ALL.map(key);
        assert!(sorted.is_sorted(), "{sorted:?}");
        assert!(sorted[1].starts_with("1-partly_received#2026-03-01T12:00:00.000Z#"));
    }

    #[test]
    fn placed_key_sorts_by_time_at_whole_seconds() {
        let id = OrderId::derive("till", "1");
        let early = placed_key("2026-03-01T12:00:00Z".parse().unwrap(), id);
        let late = placed_key("2026-03-01T12:00:00.001Z".parse().unwrap(), id);
        assert!(early < late, "{early} {late}");
        let parsed = parse_placed_key(&early);
        assert_eq!(parsed, Some(("2026-03-01T12:00:00Z".parse().unwrap(), id)));
    }
}
