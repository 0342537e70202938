//! Which days are exported, and the files of each.

use super::*;

#[tokio::test]
async fn nightly_run_exports_each_groups_last_closed_day() {
    let retailer = retailer();
    retailer.add_order(&one_sale());
    let exports = retailer.export(json!({})).await;
    let days: Vec<(&str, String, u64, u64)> = exports
        .iter()
        .map(|day| {
            (
                day.group.as_str(),
                day.business_date.to_string(),
                day.rows,
                day.revision,
            )
        })
        .collect();
    assert_eq!(
        days,
        [
            ("America-New_York", "2026-03-01".to_owned(), 0, 1),
            ("Europe-Berlin", "2026-03-01".to_owned(), 1, 1),
        ]
    );
    assert_eq!(exports[1].key, BERLIN);
    assert_eq!(
        retailer.bucket.take_written(),
        [
            "dim_products/dim_products.parquet",
            "dim_locations/dim_locations.parquet",
            "sales_lines/business_date=2026-03-01/America-New_York.parquet",
            "export_manifest/business_date=2026-03-01/America-New_York.json",
            BERLIN,
            BERLIN_MANIFEST,
        ]
    );
    let manifest = retailer.manifest(BERLIN_MANIFEST);
    assert!(manifest.closed);
    assert_eq!(manifest.files[0].rows, 1);
    assert_eq!(manifest.files[0].sha256.len(), 64);
    assert_eq!(manifest.totals[0].net, 237);
}

#[tokio::test]
async fn day_without_sales_is_a_file_without_rows() {
    let retailer = retailer();
    retailer.export(json!({})).await;
    assert_eq!(retailer.rows(BERLIN), []);
    assert_eq!(retailer.manifest(BERLIN_MANIFEST).totals, []);
}

#[tokio::test]
async fn open_day_is_exported_on_request_as_not_closed() {
    let retailer = retailer();
    let exports = retailer
        .export(json!({"business_dates": ["2026-03-02"]}))
        .await;
    assert_eq!(exports.len(), 2);
    let key = "export_manifest/business_date=2026-03-02/Europe-Berlin.json";
    assert!(!retailer.manifest(key).closed);
}
