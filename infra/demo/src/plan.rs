//! What is set up and what is sold: the day's baskets as a plan for Stockline.
//!
//! The data set knows no stock, no time zones and no warehouse. The plan makes them up, by rules that are the same at
//! every run, so that the day is worth watching: some SKUs cross their reorder point, a few run out, a few orders ask
//! for more than there is.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::day::{Basket, BasketLine, Day, Product};
use super::error::{DemoError, Result};
use super::money::price;

/// The automated warehouse.
pub const WAREHOUSE: &str = "dc-central";

/// Its zones, and how many aisles each has.
pub const ZONES: [(&str, u16); 2] = [("dc-central-ambient", 6), ("dc-central-chilled", 4)];

const WAREHOUSE_TIME_ZONE: &str = "America/Chicago";
const STORE_TIME_ZONES: [&str; 4] = [
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
];

/// What one order may hold; a larger basket becomes several.
const MOST_LINES: usize = 99;

/// So many levels open with one less than the day asks of them.
const SHORT_LEVELS: usize = 8;

/// One level in so many crosses its reorder point, and one in this many times three runs out.
const CROSSING: usize = 15;

/// Everything that happens, before it happens.
#[derive(Debug)]
pub struct Plan {
    /// The trading day that the baskets are sold on.
    pub business_date: Date,
    /// Bodies of locations.
    pub locations: Vec<Value>,
    /// Bodies of products.
    pub products: Vec<Value>,
    /// What is there in the morning.
    pub openings: Vec<Opening>,
    /// What is sold, in that order.
    pub orders: Vec<PlannedOrder>,
}

/// What is there of a SKU in the morning.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Where.
    pub location_id: String,
    /// Of what.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// The reorder point, where it is to be crossed.
    pub reorder_point: Option<i64>,
}

/// Whether an order is sent a second time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resend {
    /// It is not.
    Never,
    /// After its answer, as if that had been lost.
    Afterwards,
    /// Twice at the same moment.
    AtOnce,
}

/// One order to place.
#[derive(Debug, Clone)]
pub struct PlannedOrder {
    /// Its idempotency key: the basket's number.
    pub key: String,
    /// Where it is placed.
    pub location_id: String,
    /// The request's body.
    pub body: Value,
    /// How much of each SKU it takes.
    pub quantities: BTreeMap<String, i64>,
    /// How many lines it has.
    pub lines: usize,
    /// What it comes to, in cents.
    pub net: i64,
    /// Whether it is sent again.
    pub resend: Resend,
}

impl Plan {
    /// The plan for `day`, sold on the last day that has ended in every store by `now`.
    pub fn new(day: &Day, now: Timestamp) -> Result<Self> {
        let zones = time_zones(&day.stores)?;
        let business_date = zones
            .values()
            .map(|(_, zone)| zone.to_datetime(now).date().saturating_sub(1.day()))
            .min()
            .unwrap_or_default();
        let mut orders = Vec::new();
        for basket in &day.baskets {
            let location = if basket.other {
                WAREHOUSE
            } else {
                &basket.store
            };
            let zone = &zones
                .get(location)
                .ok_or_else(|| DemoError::Unexpected(format!("no store {location}")))?
                .1;
            let sold_at = business_date
                .to_datetime(basket.sold.time())
                .to_zoned(zone.clone())
                .map_err(|error| DemoError::Unexpected(error.to_string()))?
                .timestamp();
            for (part, lines) in basket.lines.chunks(MOST_LINES).enumerate() {
                orders.push(order(basket, part, lines, location, sold_at));
            }
        }
        let (openings, scarce) = openings(&orders);
        for (place, order) in orders.iter_mut().enumerate() {
            order.resend = match place % 20 {
                _ if scarce.contains(&order.key) => Resend::Never,
                3 | 13 => Resend::Afterwards,
                8 => Resend::AtOnce,
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

    /// The stores, without the warehouse.
    pub fn stores(&self) -> usize {
        self.locations.len() - 1
    }
}

/// The data set tells no store's place, so they take turns.
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
    let mut body = json!({"sku": product.sku, "name": name, "unit_of_measure": "each"});
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

fn order(
    basket: &Basket,
    part: usize,
    lines: &[BasketLine],
    location: &str,
    sold_at: Timestamp,
) -> PlannedOrder {
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
            "channel": if basket.other { "online" } else { "pos" },
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
        resend: Resend::Never,
    }
}

/// The morning's stock, and the orders of which some will find too little.
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
        .map(|(place, ((location, sku), (wanted, keys)))| {
            let wanted = *wanted;
            // No order is in two of them, so that each makes exactly one order short.
            let lacks = short < SHORT_LEVELS
                && *location != WAREHOUSE
                && keys.len() > 1
                && keys.iter().all(|key| !scarce.contains(*key));
            let (quantity, reorder_point) = if lacks {
                short += 1;
                scarce.extend(keys.iter().map(|key| (*key).to_owned()));
                (wanted - 1, None)
            } else if place % (3 * CROSSING) == 0 {
                (wanted, Some(wanted / 2))
            } else if place % CROSSING == 0 {
                let quantity = wanted + 3;
                (quantity, Some(quantity - (wanted + 1) / 2))
            } else {
                (
                    wanted + 2 + i64::try_from(place % 5).unwrap_or_default(),
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
    fn the_day_is_one_that_has_ended_everywhere() {
        // 22:00 of the 8th in Los Angeles, which changed its clocks that morning.
        assert_eq!(plan().business_date.to_string(), "2026-03-07");
    }

    #[test]
    fn every_order_comes_to_its_total() {
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
    fn some_levels_are_short_some_cross_and_no_order_meets_two_short_ones() {
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
            let meets = short.iter().filter(|opening| {
                opening.location_id == order.location_id
                    && order.quantities.contains_key(&opening.sku)
            });
            assert!(meets.count() <= 1);
        }
        let crossing = plan
            .openings
            .iter()
            .filter(|opening| opening.reorder_point.is_some());
        assert!(crossing.count() >= 10);
        assert!(
            plan.orders
                .iter()
                .any(|order| order.resend == Resend::AtOnce)
        );
    }

    #[test]
    fn a_basket_too_large_for_one_order_becomes_several() {
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
