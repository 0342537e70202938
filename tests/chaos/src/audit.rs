//! The audit after a sale, without faults: orders, level and movements must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockline_simulators::api::ApiClient;
use tokio::time::sleep;

use super::ChaosReport;
use stockline_integration_tests::Deployed;

/// How long the audit waits for the ledger.
const LEDGER_TIMEOUT: Duration = Duration::from_mins(2);

/// The totals of the responses that buyers received.
pub struct Expected {
    /// The ids of all orders.
    pub orders: BTreeSet<String>,
    /// Their business dates.
    pub business_dates: BTreeSet<String>,
    /// Number of canceled orders.
    pub canceled: usize,
    /// Expected `on_hand`.
    pub on_hand: i64,
    /// Units at the start of the sale.
    pub units: i64,
    /// Expected number of movements.
    pub movements: usize,
}

/// Compares the stored orders, level and movements with the responses.
pub async fn audit(
    deployed: &Deployed,
    location: &str,
    expected: &Expected,
    report: &mut ChaosReport,
) {
    let admin = deployed.admin();
    let orders = orders(&admin, location, &expected.business_dates).await;
    let ids: BTreeSet<String> = orders.keys().cloned().collect();
    report.check("orders stored", ids.len(), expected.orders.len());
    report.check(
        "orders that no response named",
        ids.difference(&expected.orders).count(),
        0,
    );
    let canceled = orders
        .values()
        .filter(|order| order["status"] == "canceled");
    report.check("orders canceled", canceled.count(), expected.canceled);

    let path = format!("/v1/locations/{location}/stock/last");
    let level = read(&admin, &path).await;
    let number = |field: &str| level[field].as_i64().unwrap_or(i64::MIN);
    let allocated = orders
        .values()
        .filter(|order| order["status"] == "allocated")
        .count();
    report.check("units left", number("on_hand"), expected.on_hand);
    report.check(
        "units allocated",
        number("allocated"),
        i64::try_from(allocated).unwrap_or(-1),
    );
    report.check("units available", number("available"), 0);
    report.check(
        "units left and sold",
        expected.units,
        expected.on_hand + count_pos_orders(&orders),
    );

    let start = Instant::now();
    let mut movements =
        read_all_pages(&admin, &format!("{path}/movements?limit=100"), "movements").await;
    while movements.len() < expected.movements && start.elapsed() < LEDGER_TIMEOUT {
        sleep(Duration::from_millis(200)).await;
        movements =
            read_all_pages(&admin, &format!("{path}/movements?limit=100"), "movements").await;
    }
    let sum = |field: &str| {
        movements
            .iter()
            .filter_map(|movement| movement[field].as_i64())
            .sum::<i64>()
    };
    report.check("movements", movements.len(), expected.movements);
    report.check(
        "on_hand of all movements",
        sum("on_hand_delta"),
        number("on_hand"),
    );
    report.check(
        "allocated of all movements",
        sum("allocated_delta"),
        number("allocated"),
    );
    let distinct: BTreeSet<_> = movements
        .iter()
        .map(|movement| movement["movement_id"].as_str())
        .collect();
    report.check("distinct movements", distinct.len(), movements.len());
}

fn count_pos_orders(orders: &BTreeMap<String, Value>) -> i64 {
    let pos_orders = orders
        .values()
        .filter(|order| order["channel"] == "pos")
        .count();
    i64::try_from(pos_orders).unwrap_or(-1)
}

/// The orders of the location on these business dates, by id.
async fn orders(
    admin: &ApiClient,
    location: &str,
    business_dates: &BTreeSet<String>,
) -> BTreeMap<String, Value> {
    let mut orders = BTreeMap::new();
    for business_date in business_dates {
        let path =
            format!("/v1/locations/{location}/orders?business_date={business_date}&limit=100");
        for order in read_all_pages(admin, &path, "orders").await {
            let id = order["order_id"].as_str().unwrap_or_default().to_owned();
            orders.insert(id, order);
        }
    }
    orders
}

async fn read_all_pages(admin: &ApiClient, path: &str, list: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = read(admin, &format!("{path}{cursor}")).await;
        found.extend(page[list].as_array().into_iter().flatten().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
}

async fn read(admin: &ApiClient, path: &str) -> Value {
    admin
        .get(path)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap()
        .body
}
