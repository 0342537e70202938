//! Setup before trading: products, locations, counts and reorder points, all through the API.

use std::collections::BTreeMap;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::ToSpan;
use serde_json::{Value, json};
use stockline_simulators::api::{ApiClient, ApiResponse};

use super::callers::Callers;
use super::error::{DemoError, Result};
use super::plan::{Opening, Plan};

/// Maximum number of entries of a batch request.
const BATCH_SIZE: usize = 100;

const CONCURRENT_BATCHES: usize = 4;

const CONCURRENT_REQUESTS: usize = 16;

/// Creates the products and locations of the plan.
pub async fn catalog(plan: &Plan, callers: &Callers<'_>) -> Result<()> {
    let admin = callers.admin()?;
    // Locations first: requests for an unknown location are rejected.
    put_batch(&admin, "locations", &plan.locations).await?;
    let batches = stream::iter(
        plan.products
            .chunks(BATCH_SIZE)
            .map(|batch| put_batch(&admin, "products", batch)),
    );
    batches
        .buffer_unordered(CONCURRENT_BATCHES)
        .try_collect::<()>()
        .await
}

async fn put_batch(admin: &ApiClient, field: &str, entries: &[Value]) -> Result<()> {
    let body = json!({field: entries});
    let answer = admin
        .post("/v1/catalog/batch", &body, None)
        .await?
        .expect_status(&[200])?;
    check_results(&answer, "stored", entries.len())
}

/// Sends the opening counts, dated before the day begins in any time zone. A later count would include sales of the day.
pub async fn counts(plan: &Plan, callers: &Callers<'_>) -> Result<()> {
    let before_opening = plan.business_date.saturating_sub(1.day());
    let counted_at = format!("{before_opening}T12:00:00.000Z");
    let mut by_location: BTreeMap<&str, Vec<&Opening>> = BTreeMap::new();
    for opening in &plan.openings {
        by_location
            .entry(&opening.location_id)
            .or_default()
            .push(opening);
    }
    let mut batches = Vec::new();
    for (location, openings) in by_location {
        let manager = callers.manager(location)?;
        for (number, batch) in openings.chunks(BATCH_SIZE).enumerate() {
            let key = format!("opening-{}-{location}-{number}", plan.business_date);
            let batch: Vec<Opening> = batch.iter().copied().cloned().collect();
            batches.push(count(manager.clone(), key, batch, &counted_at));
        }
    }
    stream::iter(batches)
        .buffer_unordered(CONCURRENT_BATCHES)
        .try_collect::<()>()
        .await
}

async fn count(
    manager: ApiClient,
    key: String,
    openings: Vec<Opening>,
    counted_at: &str,
) -> Result<()> {
    let changes: Vec<Value> = openings
        .iter()
        .map(|opening| {
            json!({
                "kind": "count",
                "location_id": opening.location_id,
                "sku": opening.sku,
                "quantity": opening.quantity,
                "counted_at": counted_at,
            })
        })
        .collect();
    let body = json!({"changes": changes});
    let answer = manager
        .post("/v1/stock/changes", &body, Some(&key))
        .await?
        .expect_status(&[200])?;
    check_results(&answer, "applied", openings.len())
}

/// Sets the reorder points. Returns their number.
pub async fn policies(plan: &Plan, callers: &Callers<'_>) -> Result<usize> {
    let mut calls = Vec::new();
    for opening in &plan.openings {
        if let Some(reorder_point) = opening.reorder_point {
            calls.push(policy(
                callers.manager(&opening.location_id)?,
                opening,
                reorder_point,
            ));
        }
    }
    let count = calls.len();
    stream::iter(calls)
        .buffer_unordered(CONCURRENT_REQUESTS)
        .try_collect::<()>()
        .await?;
    Ok(count)
}

async fn policy(manager: ApiClient, opening: &Opening, reorder_point: i64) -> Result<()> {
    let path = format!(
        "/v1/locations/{}/stock/{}/policy",
        opening.location_id, opening.sku
    );
    let body = json!({
        "reorder_point": reorder_point,
        "target_level": opening.quantity.max(reorder_point),
        "order_multiple": 1,
        "safety_stock": 0,
        "lead_time_days": 2,
    });
    manager.put(&path, &body).await?.expect_status(&[200])?;
    Ok(())
}

/// Checks that a batch response has `count` results with this outcome.
fn check_results(answer: &ApiResponse, outcome: &str, count: usize) -> Result<()> {
    let results = answer.body["results"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let unexpected = results.iter().find(|result| result["outcome"] != outcome);
    if let Some(unexpected) = unexpected {
        return Err(DemoError::Unexpected(format!(
            "{} did not accept all entries of a batch: {unexpected}",
            answer.path
        )));
    }
    if results.len() != count {
        let got = results.len();
        return Err(DemoError::Unexpected(format!(
            "{} returned {got} results for {count} entries",
            answer.path
        )));
    }
    Ok(())
}
