//! The export of the day: starts it, downloads its files and reads them with `DuckDB`.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use serde_json::json;
use stockline_platform::clients::Aws;
use xtask::status::Cloud;
use xtask::{Error, files, process};

use super::error::{DemoError, Result};

/// The datasets of a day, and the manifests that name their revision.
const DATASETS: [&str; 3] = ["sales_lines", "refund_lines", "export_manifest"];

/// The exported rows in force.
#[derive(Debug, Clone, Default)]
pub struct ExportedDay {
    pub sales: Vec<ExportedLine>,
    pub refunds: Vec<ExportedRefund>,
}

/// A row of a dataset, as the script prints it.
#[derive(Debug, Deserialize)]
#[serde(tag = "dataset", rename_all = "snake_case")]
enum ExportedRow {
    SalesLines(ExportedLine),
    RefundLines(ExportedRefund),
}

/// A row of `sales_lines`.
#[derive(Debug, Clone, Deserialize)]
pub struct ExportedLine {
    pub order_id: String,
    /// Number of the line, from 1.
    pub line_no: i64,
    pub location_id: String,
    pub channel: String,
    /// Business date, from the partition.
    pub business_date: String,
    pub sku: String,
    pub quantity: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Amount before discount, in cents.
    pub gross_minor: i64,
    /// Discount, in cents.
    pub discount_minor: i64,
    /// Amount after discount, in cents.
    pub net_minor: i64,
    /// Amount to pay, in cents.
    pub total_minor: i64,
}

/// A row of `refund_lines`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct ExportedRefund {
    pub refund_id: String,
    pub order_id: String,
    /// Number of the refunded line of the order, from 1.
    pub line_no: i64,
    /// Location of the return.
    pub location_id: String,
    /// Business date of the refund, from the partition.
    pub business_date: String,
    /// Business date of the order.
    pub order_business_date: String,
    pub sku: String,
    /// Whether it was returned to stock.
    pub restocked: bool,
    pub quantity: i64,
    /// ISO 4217 code.
    pub currency: String,
    /// Refunded amount, in cents.
    pub total_minor: i64,
}

/// Invokes `sales-export` for the day.
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

/// Downloads the files of the day and reads the rows in force.
pub async fn read(cloud: &Cloud, aws: &Aws, business_date: &str) -> Result<ExportedDay> {
    let folder = cloud.workspace_root.join("target/demo/export");
    files::remove(&folder)?;
    for dataset in DATASETS {
        download(cloud, aws, &folder, dataset, business_date).await?;
    }
    let output = process::output(
        "the exported files",
        Command::new(&cloud.python)
            .arg(cloud.workspace_root.join("infra/demo/python/exported.py"))
            .arg(&folder),
    )?;
    let mut day = ExportedDay::default();
    for line in output.lines() {
        let row: ExportedRow =
            serde_json::from_str(line).map_err(Error::unreadable("an exported row"))?;
        match row {
            ExportedRow::SalesLines(line) => day.sales.push(line),
            ExportedRow::RefundLines(refund) => day.refunds.push(refund),
        }
    }
    Ok(day)
}

/// Downloads all files of one dataset and date, of every revision.
async fn download(
    cloud: &Cloud,
    aws: &Aws,
    folder: &Path,
    dataset: &str,
    business_date: &str,
) -> Result<()> {
    let bucket = cloud
        .buckets
        .get("exports")
        .ok_or_else(|| DemoError::Unexpected("the cloud has no bucket `exports`".into()))?;
    let s3 = aws.s3();
    let prefix = format!("{dataset}/business_date={business_date}/");
    let mut pages = s3
        .list_objects_v2()
        .bucket(bucket)
        .prefix(&prefix)
        .into_paginator()
        .send();
    let mut files_found = 0;
    while let Some(page) = pages.next().await {
        let page = page.map_err(DemoError::aws(format!("listing {bucket}/{prefix}")))?;
        for key in page.contents().iter().filter_map(|object| object.key()) {
            let object = s3.get_object().bucket(bucket).key(key).send().await;
            let object = object.map_err(DemoError::aws(format!("downloading {bucket}/{key}")))?;
            let bytes = object
                .body
                .collect()
                .await
                .map_err(DemoError::aws(format!("downloading {bucket}/{key}")))?;
            files::write(&local_path(folder, key), &bytes.into_bytes())?;
            files_found += 1;
        }
    }
    if files_found == 0 {
        return Err(DemoError::Unexpected(format!(
            "the export has written no file under {bucket}/{prefix}"
        )));
    }
    Ok(())
}

fn local_path(folder: &Path, key: &str) -> PathBuf {
    key.split('/')
        .fold(folder.to_owned(), |path, part| path.join(part))
}
