//! The night's export: asked for, fetched from the bucket, read back by `DuckDB`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::{Value, json};
use stockline_platform::clients::Aws;
use xtask::status::Cloud;
use xtask::{Error, files, process};

use super::error::{DemoError, Result};

/// A row of `sales_lines`.
#[derive(Debug, Clone, Deserialize)]
pub struct ExportedLine {
    /// The order.
    pub order_id: String,
    /// Its line, from 1.
    pub line: i64,
    /// Where it was sold.
    pub location_id: String,
    /// How.
    pub channel: String,
    /// The partition it lies in.
    pub business_date: String,
    /// What.
    pub sku: String,
    /// How much.
    pub quantity: i64,
    /// The currency.
    pub currency: String,
    /// Before discount, in cents.
    pub gross_minor: i64,
    /// Taken off, in cents.
    pub discount_minor: i64,
    /// What was paid, in cents.
    pub net_minor: i64,
}

/// Lets `sales-export` export the day.
pub async fn export(cloud: &Cloud, business_date: &str) -> Result<()> {
    let event = json!({"business_dates": [business_date]}).to_string();
    let cloud = cloud.clone();
    let invoked =
        tokio::task::spawn_blocking(move || cloud.invoke("sales-export", event.as_bytes()));
    let (payload, error) = invoked
        .await
        .map_err(|error| DemoError::Unexpected(error.to_string()))??;
    match error {
        None => Ok(()),
        Some(kind) => Err(DemoError::Unexpected(format!(
            "sales-export failed ({kind}): {payload}"
        ))),
    }
}

/// Fetches the day's files and reads their rows.
pub async fn fetch(cloud: &Cloud, aws: &Aws, business_date: &str) -> Result<Vec<ExportedLine>> {
    let bucket = cloud
        .buckets
        .get("exports")
        .ok_or_else(|| DemoError::Unexpected("the cloud has no bucket `exports`".into()))?;
    let folder = cloud.workspace_root.join("target/demo/export");
    files::remove(&folder)?;
    let s3 = aws.s3();
    let prefix = format!("sales_lines/business_date={business_date}/");
    let mut pages = s3
        .list_objects_v2()
        .bucket(bucket)
        .prefix(&prefix)
        .into_paginator()
        .send();
    let mut found = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(DemoError::aws(format!("listing {bucket}/{prefix}")))?;
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let object = s3.get_object().bucket(bucket).key(key).send().await;
            let object = object.map_err(DemoError::aws(format!("fetching {bucket}/{key}")))?;
            let bytes = object
                .body
                .collect()
                .await
                .map_err(DemoError::aws(format!("fetching {bucket}/{key}")))?;
            files::write(&local(&folder, key), &bytes.into_bytes())?;
            found += 1;
        }
    }
    if found == 0 {
        return Err(DemoError::Unexpected(format!(
            "the export left no file under {bucket}/{prefix}"
        )));
    }
    let printed = process::output(
        "the exported files",
        Command::new(&cloud.python)
            .arg(cloud.workspace_root.join("infra/demo/python/exported.py"))
            .arg(folder.join("sales_lines")),
    )?;
    printed.lines().map(read).collect()
}

fn local(folder: &Path, key: &str) -> PathBuf {
    key.split('/')
        .fold(folder.to_owned(), |path, part| path.join(part))
}

fn read(line: &str) -> Result<ExportedLine> {
    let row: Value = serde_json::from_str(line).map_err(Error::unreadable("an exported row"))?;
    Ok(serde_json::from_value(row).map_err(Error::unreadable("an exported row"))?)
}
