//! After the sale, on a good line: orders, level and movements tell one story.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockline_simulators::api::Api;
use tokio::time::sleep;

use super::Figures;
use stockline_integration_tests::Deployed;

/// How long the ledger may take.
const DRAINED_WITHIN: Duration = Duration::from_mins(2);

/// What the buyers were told, added up.
pub struct Expected {
    /// The ids of all orders.
    pub orders: BTreeSet<String>,
    /// Their business dates.
    pub days: BTreeSet<String>,
    /// How many of them were canceled.
    pub canceled: usize,
    /// What is left in the store.
    pub on_hand: i64,
    /// What was for sale.
    pub units: i64,
    /// How many movements made it so.
    pub movements: usize,
}

/// Compares what is stored with what the buyers were told.
pub async fn audit(
    deployed: &Deployed,
    location: &str,
    expected: &Expected,
    figures: &mut Figures,
) {
    let admin = deployed.admin();
    let orders = orders(&admin, location, &expected.days).await;
    let ids: BTreeSet<String> = orders.keys().cloned().collect();
    figures.expect("orders stored", ids.len(), expected.orders.len());
    figures.expect(
        "orders that nobody was told of",
        ids.difference(&expected.orders).count(),
        0,
    );
    let canceled = orders
        .values()
        .filter(|order| order["status"] == "canceled");
    figures.expect("orders canceled", canceled.count(), expected.canceled);

    let path = format!("/v1/locations/{location}/stock/last");
    let level = read(&admin, &path).await;
    let number = |field: &str| level[field].as_i64().unwrap_or(i64::MIN);
    let promised = orders
        .values()
        .filter(|order| order["status"] == "allocated")
        .count();
    figures.expect("units left", number("on_hand"), expected.on_hand);
    figures.expect(
        "units promised",
        number("allocated"),
        i64::try_from(promised).unwrap_or(-1),
    );
    figures.expect("units available", number("available"), 0);
    figures.expect(
        "units at first",
        expected.units,
        expected.on_hand + sold(&orders),
    );

    let begun = Instant::now();
    let mut movements = all(&admin, &format!("{path}/movements?limit=100"), "movements").await;
    while movements.len() < expected.movements && begun.elapsed() < DRAINED_WITHIN {
        sleep(Duration::from_millis(200)).await;
        movements = all(&admin, &format!("{path}/movements?limit=100"), "movements").await;
    }
    let sum = |field: &str| {
        movements
            .iter()
            .filter_map(|movement| movement[field].as_i64())
            .sum::<i64>()
    };
    figures.expect("movements", movements.len(), expected.movements);
    figures.expect(
        "on_hand of all movements",
        sum("on_hand_delta"),
        number("on_hand"),
    );
    figures.expect(
        "allocated of all movements",
        sum("allocated_delta"),
        number("allocated"),
    );
    let different: BTreeSet<_> = movements
        .iter()
        .map(|movement| movement["movement_id"].as_str())
        .collect();
    figures.expect("different movements", different.len(), movements.len());
}

fn sold(orders: &BTreeMap<String, Value>) -> i64 {
    let sold = orders
        .values()
        .filter(|order| order["channel"] == "pos")
        .count();
    i64::try_from(sold).unwrap_or(-1)
}

/// The orders of the location on these days, by id.
async fn orders(admin: &Api, location: &str, days: &BTreeSet<String>) -> BTreeMap<String, Value> {
    let mut orders = BTreeMap::new();
    for day in days {
        let path = format!("/v1/locations/{location}/orders?business_date={day}&limit=100");
        for order in all(admin, &path, "orders").await {
            let id = order["order_id"].as_str().unwrap_or_default().to_owned();
            orders.insert(id, order);
        }
    }
    orders
}

async fn all(admin: &Api, path: &str, what: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = read(admin, &format!("{path}{cursor}")).await;
        found.extend(page[what].as_array().into_iter().flatten().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn read(admin: &Api, path: &str) -> Value {
    admin
        .get(path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap()
        .body
}
