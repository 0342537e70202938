//! The evening: packers ship the online orders of the stores.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use stockline_simulators::api::ApiClient;

use super::callers::{Callers, packer_subject};
use super::error::{DemoError, Result};
use super::plan::Plan;
use super::trading::Traded;

/// Number of shipments of a page, so that a busy store has several pages.
const PAGE_LIMIT: u8 = 5;

/// The weight from which a packer takes another parcel, in grams.
const PARCEL_GRAMS: i64 = 20_000;

/// Maximum number of parcels of a shipment.
const MAX_PARCELS: i64 = 100;

/// One shipment in this many is reported twice, like after a lost response.
const RESEND_INTERVAL: usize = 3;

/// What the packers shipped.
#[derive(Debug, Default)]
pub struct Shipped {
    /// Number of shipments.
    pub shipments: usize,
    /// Their weight in grams, as the API weighed them.
    pub weight_grams: i64,
    /// Shipments that were reported twice, and answered alike.
    pub replays: usize,
}

/// Stores the packer of a location as a user.
async fn store_packer(location: &str, callers: &Callers<'_>) -> Result<()> {
    let path = format!("/v1/users/{}", packer_subject(location));
    let user = json!({"role": "logistics", "location_ids": [location]});
    let stored = callers.admin()?.put(&path, &user).await?;
    stored.expect_status(&[200])?;
    Ok(())
}

/// Ships every online order of the stores, and checks that the worklists list exactly those and are empty afterwards.
pub async fn ship(plan: &Plan, traded: &Traded, callers: &Callers<'_>) -> Result<Shipped> {
    let mut expected: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for order in plan.orders.iter().filter(|order| order.is_shipped) {
        if let Some(id) = traded.placed.get(&order.key) {
            let ids = expected.entry(&order.location_id).or_default();
            ids.insert(id.clone());
        }
    }
    let mut shipped = Shipped::default();
    for (location, expected) in expected {
        store_packer(location, callers).await?;
        let packer = callers.packer(location)?;
        let worklist = list(&packer, location).await?;
        let listed: BTreeSet<String> = worklist.iter().map(order_id).collect();
        if listed != expected || worklist.len() != expected.len() {
            return Err(DemoError::Unexpected(format!(
                "{location} has {} orders to ship, the worklist has {}",
                expected.len(),
                worklist.len()
            )));
        }
        for shipment in &worklist {
            shipped.complete(&packer, shipment).await?;
        }
        let left = list(&packer, location).await?;
        if !left.is_empty() {
            return Err(DemoError::Unexpected(format!(
                "{} orders of {location} are still to be shipped",
                left.len()
            )));
        }
    }
    Ok(shipped)
}

impl Shipped {
    async fn complete(&mut self, packer: &ApiClient, shipment: &Value) -> Result<()> {
        let id = order_id(shipment);
        let weight = shipment["weight_grams"].as_i64().ok_or_else(|| {
            DemoError::Unexpected(format!("the weight of order {id} is unknown: {shipment}"))
        })?;
        let body = json!({"carrier": "Demo Parcels", "tracking_number": format!("DP-{id}"),
                          "parcels": parcels(weight)});
        let path = format!("/v1/orders/{id}/completion");
        let key = format!("ship-{id}");
        let first = packer.post(&path, &body, Some(&key)).await?;
        let first = first.expect_status(&[201])?;
        if self.shipments.is_multiple_of(RESEND_INTERVAL) {
            let again = packer.post(&path, &body, Some(&key)).await?;
            let again = again.expect_status(&[201])?;
            if !again.is_replayed || again.body != first.body {
                return Err(DemoError::Unexpected(format!(
                    "order {id} was completed twice, and the responses differ"
                )));
            }
            self.replays += 1;
        }
        self.shipments += 1;
        self.weight_grams += weight;
        Ok(())
    }
}

/// All pages of the worklist of a location.
async fn list(packer: &ApiClient, location: &str) -> Result<Vec<Value>> {
    let (mut listed, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/v1/shipments?location_id={location}&state=open&limit={PAGE_LIMIT}");
        let page = packer.get(&format!("{path}{cursor}")).await?;
        let page = page.expect_status(&[200])?.body;
        listed.extend(page["shipments"].as_array().cloned().unwrap_or_default());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(listed),
        }
    }
}

fn order_id(shipment: &Value) -> String {
    let id = shipment["order_id"].as_str();
    id.unwrap_or_default().to_owned()
}

/// The parcels for goods of `weight` grams: equal ones of about 20 kg.
fn parcels(weight: i64) -> Vec<Value> {
    let count = (weight / PARCEL_GRAMS + 1).min(MAX_PARCELS);
    let parcel = json!({"weight_grams": (weight + count - 1) / count});
    (0..count).map(|_| parcel.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heavy_shipment_has_several_parcels() {
        for (weight, count, each) in [(1, 1, 1), (45_000, 3, 15_000), (9_000_000, 100, 90_000)] {
            let parcels = parcels(weight);
            assert_eq!(parcels.len(), count);
            assert_eq!(parcels[0]["weight_grams"], each);
        }
    }
}
