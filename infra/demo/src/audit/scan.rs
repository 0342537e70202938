//! Scans whole tables. Functions must not scan, but an audit must also find items that no key or index leads to.

use aws_sdk_dynamodb::Client;
use xtask::status::Cloud;

use super::super::error::{DemoError, Result};
use super::rows::Snapshot;

/// Reads the current content of the tables.
pub async fn snapshot(client: &Client, cloud: &Cloud) -> Result<Snapshot> {
    let mut snapshot = Snapshot::default();
    for name in ["stock", "orders", "tasks"] {
        let table = cloud
            .tables
            .get(name)
            .ok_or_else(|| DemoError::Unexpected(format!("the cloud has no table `{name}`")))?;
        let mut pages = client
            .scan()
            .table_name(table)
            .consistent_read(true)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(DemoError::aws(format!("reading the table {table}")))?;
            for item in page.items.unwrap_or_default() {
                snapshot.add(&item)?;
            }
        }
    }
    Ok(snapshot)
}
