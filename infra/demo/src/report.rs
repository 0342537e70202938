//! Reads the sales report of each store through the API.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Deserialize;
use stockline_simulators::api::ApiClient;
use tokio::time::{Instant, sleep};

use super::audit::expected_reports;
use super::audit::rows::Snapshot;
use super::callers::Callers;
use super::error::{DemoError, Result};

/// How long the tally may take after the last order.
const TALLY_TIMEOUT: Duration = Duration::from_mins(2);

const POLL_INTERVAL: Duration = Duration::from_millis(500);

/// The totals of a store's day, in cents.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub orders: i64,
    pub canceled_orders: i64,
    pub units: i64,
    pub gross: i64,
    pub discount: i64,
    pub tax: i64,
    pub net: i64,
    pub total: i64,
    pub refunds: i64,
    pub refunded_total: i64,
}

/// An entry of `totals` in a report.
#[derive(Debug, Deserialize)]
struct ReportedTotals {
    orders: i64,
    canceled_orders: i64,
    units: i64,
    gross: Amount,
    discount: Amount,
    tax: Amount,
    net: Amount,
    total: Amount,
    refunds: i64,
    refunded_total: Amount,
}

#[derive(Debug, Deserialize)]
struct Amount {
    amount: i64,
}

#[derive(Debug, Deserialize)]
struct Report {
    totals: Vec<ReportedTotals>,
}

/// Location -> the totals in its report.
pub type Reports = BTreeMap<String, Totals>;

/// Reads the report of every location that sold or took back something on the date, once it has all orders and refunds.
pub async fn read(callers: &Callers<'_>, snapshot: &Snapshot, date: &str) -> Result<Reports> {
    let start = Instant::now();
    let expected = expected_reports(snapshot, date);
    let mut clients = BTreeMap::new();
    for location in expected.keys() {
        clients.insert(location.clone(), callers.manager(location)?);
    }
    let mut reports = Reports::new();
    let mut pending: BTreeSet<String> = expected.keys().cloned().collect();
    loop {
        for location in pending.clone() {
            let totals = read_totals(&clients[&location], &location, date).await?;
            let counts = |totals: &Totals| (totals.orders + totals.canceled_orders, totals.refunds);
            if counts(&totals) == counts(&expected[&location]) {
                pending.remove(&location);
            }
            reports.insert(location, totals);
        }
        if pending.is_empty() {
            return Ok(reports);
        }
        if start.elapsed() > TALLY_TIMEOUT {
            return Err(DemoError::Timeout {
                what: "the sales reports did not have all orders",
                detail: pending.into_iter().collect::<Vec<_>>().join(", "),
                waited: TALLY_TIMEOUT,
            });
        }
        sleep(POLL_INTERVAL).await;
    }
}

async fn read_totals(api: &ApiClient, location: &str, date: &str) -> Result<Totals> {
    let path = format!("/v1/locations/{location}/reports/sales?from={date}&to={date}&by=hour");
    let report: Report = api.get(&path).await?.expect_status(&[200])?.parse_body()?;
    // All amounts of the demo are in US dollars.
    let totals = report.totals.first().map(|totals| Totals {
        orders: totals.orders,
        canceled_orders: totals.canceled_orders,
        units: totals.units,
        gross: totals.gross.amount,
        discount: totals.discount.amount,
        tax: totals.tax.amount,
        net: totals.net.amount,
        total: totals.total.amount,
        refunds: totals.refunds,
        refunded_total: totals.refunded_total.amount,
    });
    Ok(totals.unwrap_or_default())
}
