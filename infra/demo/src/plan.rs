//! The plan of the demo: catalog, opening stock and orders for the baskets of the day.
//!
//! The data set has no stock, no time zones and no warehouse. The plan adds them by fixed rules: some SKUs cross their reorder
//! point, a few sell out, and a few orders want more than is available.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::basket::{Basket, BasketLine, Day, Product};
use super::error::{DemoError, Result};
use super::money::price;

/// The automated warehouse.
pub const WAREHOUSE: &str = "dc-central";

/// The zones of the warehouse and their number of aisles.
pub const ZONES: [(&str, u16); 2] = [("dc-central-ambient", 6), ("dc-central-chilled", 4)];

const WAREHOUSE_TIME_ZONE: &str = "America/Chicago";
const STORE_TIME_ZONES: [&str; 4] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
];

/// Maximum number of lines of an order. A larger basket is split.
const MAX_LINES: usize = 99;

/// The local hour at which the evening begins.
const EVENING_HOUR: i8 = 18;

/// One basket of the evening in this many is ordered online, and the store ships it.
const ONLINE_INTERVAL: usize = 4;

/// Number of levels whose opening stock is one unit less than the demand of the day.
const SHORT_LEVELS: usize = 8;

/// One level in this many crosses its reorder point. Of these, every third sells out.
const CROSSING_INTERVAL: usize = 15;

/// The plan of the day.
#[derive(Debug)]
pub struct Plan {
    /// The business date of all sales.
    pub business_date: Date,
    /// Request bodies of the locations.
    pub locations: Vec<Value>,
    /// Request bodies of the products.
    pub products: Vec<Value>,
    pub openings: Vec<Opening>,
    /// The orders, in the order of their time.
    pub orders: Vec<PlannedOrder>,
}

/// The opening stock of a SKU at a location.
#[derive(Debug, Clone)]
pub struct Opening {
    pub location_id: String,
    pub sku: String,
    pub quantity: i64,
    /// The reorder point, if the level is to cross it.
    pub reorder_point: Option<i64>,
}

/// Whether an order is sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// Sent once.
    Never,
    /// Sent again after the response, like after a lost response.
    AfterResponse,
    /// Sent twice at the same time.
    Concurrently,
}

/// An order to place.
#[derive(Debug, Clone)]
pub struct PlannedOrder {
    /// The idempotency key, which is the number of the basket.
    pub key: String,
    pub location_id: String,
    pub body: Value,
    /// Quantity by SKU.
    pub quantities: BTreeMap<String, i64>,
    pub lines: usize,
    /// Total, in cents.
    pub net: i64,
    /// Whether the store ships it: it was ordered online, in the evening.
    pub is_shipped: bool,
    /// Whether it is sent twice.
    pub resend: Resend,
}

impl Plan {
    /// Plans `day`. Its business date is the last date that has ended at every location by `now`.
    pub fn new(day: &Day, now: Timestamp) -> Result<Self> {
        let zones = time_zones(&day.stores)?;
        let business_date = zones
            .values()
            .map(|(_, zone)| zone.to_datetime(now).date().saturating_sub(1.day()))
            .min()
            .unwrap_or_default();
        let (mut orders, mut evening_baskets) = (Vec::new(), 0);
        for basket in &day.baskets {
            let location = if basket.is_delivered {
                WAREHOUSE
            } else {
                &basket.store
            };
            let zone = &zones
                .get(location)
                .ok_or_else(|| {
                    DemoError::Unexpected(format!(
                        "the day has a basket of {location}, which is not among its stores"
                    ))
                })?
                .1;
            let sold_at = business_date
                .to_datetime(basket.sold.time())
                .to_zoned(zone.clone())
                .map_err(|error| DemoError::Unexpected(error.to_string()))?
                .timestamp();
            let is_evening = !basket.is_delivered && basket.sold.hour() >= EVENING_HOUR;
            evening_baskets += usize::from(is_evening);
            let is_shipped = is_evening
                && evening_baskets.is_multiple_of(ONLINE_INTERVAL)
                && basket.lines.len() < MAX_LINES;
            let sale = Sale {
                location,
                sold_at,
                is_shipped,
            };
            for (part, lines) in basket.lines.chunks(MAX_LINES).enumerate() {
                orders.push(order(basket, part, lines, &sale));
            }
        }
        let (openings, scarce) = openings(&orders);
        for (index, order) in orders.iter_mut().enumerate() {
            order.resend = match index % 20 {
                _ if scarce.contains(&order.key) => Resend::Never,
                3 | 13 => Resend::AfterResponse,
                8 => Resend::Concurrently,
                _ => Resend::Never,
            };
        }
        Ok(Self {
            business_date,
            locations: zones
                .iter()
                .map(|(id, (name, _))| location(id, name))
                .collect(),
            products: day.products.iter().map(product).collect(),
            openings,
            orders,
        })
    }

    /// The number of stores, without the warehouse.
    pub fn store_count(&self) -> usize {
        self.locations.len() - 1
    }
}

/// Assigns time zones to the stores in turn, because the data set has none. Returns name and zone by location.
fn time_zones(stores: &[String]) -> Result<BTreeMap<String, (&'static str, TimeZone)>> {
    let turns = STORE_TIME_ZONES.iter().cycle();
    let all = stores.iter().map(String::as_str).zip(turns.copied());
    all.chain([(WAREHOUSE, WAREHOUSE_TIME_ZONE)])
        .map(|(id, name)| {
            let zone =
                TimeZone::get(name).map_err(|error| DemoError::Unexpected(error.to_string()))?;
            Ok((id.to_owned(), (name, zone)))
        })
        .collect()
}

fn location(id: &str, time_zone: &str) -> Value {
    let (name, kind, zones) = if id == WAREHOUSE {
        let zones: Vec<Value> = ZONES
            .iter()
            .map(|(zone, aisles)| json!({"zone_id": zone, "aisles": aisles}))
            .collect();
        ("Central warehouse".to_owned(), "warehouse", zones)
    } else {
        (
            format!("Store {}", id.trim_start_matches("store-")),
            "store",
            Vec::new(),
        )
    };
    json!({"location_id": id, "name": name, "kind": kind, "time_zone": time_zone, "close_out_hour": 0, "zones": zones})
}

fn product(product: &Product) -> Value {
    let name = product
        .name
        .clone()
        .unwrap_or_else(|| format!("Product {}", product.sku));
    // The data set has no weights: they follow from the SKU, from 20 g to 400 g, with a box of 1 cm³ a gram.
    let digits = product.sku.bytes().map(i64::from);
    let grams = 20 + digits.fold(0, |number, digit| (number * 31 + digit) % 39) * 10;
    let mut body = json!({
        "sku": product.sku, "name": name, "unit_of_measure": "each", "unit_weight_grams": grams,
        "dimensions_mm": {"length": 10 * grams, "width": 10, "height": 10},
    });
    for (field, text) in [
        ("department", &product.department),
        ("category", &product.category),
        ("brand", &product.brand),
    ] {
        if let Some(text) = text {
            body[field] = json!(text);
        }
    }
    body
}

/// Where, when and how a basket is sold.
struct Sale<'a> {
    location: &'a str,
    sold_at: Timestamp,
    /// Whether it is an online order that the store ships.
    is_shipped: bool,
}

fn order(basket: &Basket, part: usize, lines: &[BasketLine], sale: &Sale<'_>) -> PlannedOrder {
    let Sale {
        location,
        sold_at,
        is_shipped,
    } = *sale;
    let money = |amount: i64| json!({"amount": amount, "currency": "USD"});
    let bodies: Vec<Value> = lines
        .iter()
        .map(|line| {
            let price = price(line.total, line.quantity);
            let mut body = json!({"sku": line.sku, "quantity": line.quantity, "unit_price": money(price.unit_price)});
            if price.discount > 0 {
                body["discount"] = money(price.discount);
            }
            body
        })
        .collect();
    let net = lines.iter().map(|line| line.total).sum();
    let key = if part == 0 {
        basket.id.clone()
    } else {
        format!("{}.{}", basket.id, part + 1)
    };
    let mut quantities = BTreeMap::new();
    for line in lines {
        *quantities.entry(line.sku.clone()).or_default() += line.quantity;
    }
    PlannedOrder {
        body: json!({
            "location_id": location,
            "channel": if basket.is_delivered || is_shipped { "online" } else { "pos" },
            "currency": "USD",
            "sold_at": format!("{sold_at:.3}"),
            "external_reference": key,
            "lines": bodies,
            "total": money(net),
        }),
        key,
        location_id: location.to_owned(),
        quantities,
        lines: lines.len(),
        net,
        is_shipped,
        resend: Resend::Never,
    }
}

/// The opening stock, and the keys of the orders that compete for a level with too little stock.
fn openings(orders: &[PlannedOrder]) -> (Vec<Opening>, BTreeSet<String>) {
    let mut demand: BTreeMap<(&str, &str), (i64, Vec<&str>)> = BTreeMap::new();
    for order in orders {
        for (sku, quantity) in &order.quantities {
            let entry = demand.entry((&order.location_id, sku)).or_default();
            entry.0 += quantity;
            entry.1.push(&order.key);
        }
    }
    let mut scarce: BTreeSet<String> = BTreeSet::new();
    let mut short = 0;
    let openings = demand
        .iter()
        .enumerate()
        .map(|(index, ((location, sku), (wanted, keys)))| {
            let wanted = *wanted;
            // No order wants two short levels, so that each of them causes exactly one rejected order.
            let is_short = short < SHORT_LEVELS
                && *location != WAREHOUSE
                && keys.len() > 1
                && keys.iter().all(|key| !scarce.contains(*key));
            let (quantity, reorder_point) = if is_short {
                short += 1;
                scarce.extend(keys.iter().map(|key| (*key).to_owned()));
                (wanted - 1, None)
            } else if index % (3 * CROSSING_INTERVAL) == 0 {
                (wanted, Some(wanted / 2))
            } else if index % CROSSING_INTERVAL == 0 {
                let quantity = wanted + 3;
                (quantity, Some(quantity - (wanted + 1) / 2))
            } else {
                (
                    wanted + 2 + i64::try_from(index % 5).unwrap_or_default(),
                    None,
                )
            };
            Opening {
                location_id: (*location).to_owned(),
                sku: (*sku).to_owned(),
                quantity,
                reorder_point,
            }
        })
        .collect();
    (openings, scarce)
}

#[cfg(test)]
mod tests {
    use super::super::generated;
    use super::*;

    fn plan() -> Plan {
        Plan::new(&generated::day(), "2026-03-09T05:00:00Z".parse().unwrap()).unwrap()
    }

    #[test]
    fn business_date_has_ended_in_every_time_zone() {
        // 22:00 on the 8th in Los Angeles, where daylight saving time began that morning.
        assert_eq!(plan().business_date.to_string(), "2026-03-07");
    }

    #[test]
    fn order_lines_sum_to_the_total() {
        for order in plan().orders {
            let sum: i64 = order.body["lines"]
                .as_array()
                .unwrap()
                .iter()
                .map(|line| {
                    let price = line["unit_price"]["amount"].as_i64().unwrap();
                    price * line["quantity"].as_i64().unwrap()
                        - line["discount"]["amount"].as_i64().unwrap_or_default()
                })
                .sum();
            assert_eq!(sum, order.net);
            assert_eq!(order.body["total"]["amount"], order.net);
        }
    }

    #[test]
    fn stores_ship_some_orders_of_the_evening() {
        let plan = plan();
        let shipped: Vec<&PlannedOrder> = plan
            .orders
            .iter()
            .filter(|order| order.is_shipped)
            .collect();
        assert!(shipped.len() >= 5, "{}", shipped.len());
        for order in shipped {
            assert_eq!(order.body["channel"], "online");
            assert_ne!(order.location_id, WAREHOUSE);
        }
    }

    #[test]
    fn no_order_wants_two_short_levels() {
        let plan = plan();
        let mut wanted: BTreeMap<(String, String), i64> = BTreeMap::new();
        for order in &plan.orders {
            for (sku, quantity) in &order.quantities {
                *wanted
                    .entry((order.location_id.clone(), sku.clone()))
                    .or_default() += quantity;
            }
        }
        let short: Vec<&Opening> = plan
            .openings
            .iter()
            .filter(|opening| {
                opening.quantity < wanted[&(opening.location_id.clone(), opening.sku.clone())]
            })
            .collect();
        assert_eq!(short.len(), SHORT_LEVELS);
        for order in &plan.orders {
            let wanted_short = short.iter().filter(|opening| {
                opening.location_id == order.location_id
                    && order.quantities.contains_key(&opening.sku)
            });
            assert!(wanted_short.count() <= 1);
        }
        let crossing = plan
            .openings
            .iter()
            .filter(|opening| opening.reorder_point.is_some());
        assert!(crossing.count() >= 10);
        assert!(
            plan.orders
                .iter()
                .any(|order| order.resend == Resend::Concurrently)
        );
    }

    #[test]
    fn large_basket_is_split_into_orders() {
        let mut day = generated::day();
        let line = day.baskets[0].lines[0].clone();
        day.baskets[0].lines = vec![line; 150];
        let plan = Plan::new(&day, "2026-03-09T12:00:00Z".parse().unwrap()).unwrap();
        let key = &day.baskets[0].id;
        let parts: Vec<usize> = plan
            .orders
            .iter()
            .filter(|order| order.key.starts_with(key.as_str()))
            .map(|order| order.lines)
            .collect();
        assert_eq!(parts, [99, 51]);
    }
}
