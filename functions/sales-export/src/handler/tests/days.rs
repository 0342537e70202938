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
                day.sales_lines,
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
    assert_eq!(exports[1].manifest, BERLIN_MANIFEST);
    assert_eq!(
        retailer.bucket.take_written(),
        [
            "dim_products/dim_products.parquet",
            "dim_locations/dim_locations.parquet",
            "sales_lines/business_date=2026-03-01/America-New_York.r1.parquet",
            "refund_lines/business_date=2026-03-01/America-New_York.r1.parquet",
            "export_manifest/business_date=2026-03-01/America-New_York.json",
            &berlin("sales_lines", 1),
            &berlin("refund_lines", 1),
            BERLIN_MANIFEST,
        ]
    );
    let manifest = retailer.manifest(BERLIN_MANIFEST);
    assert!(manifest.closed);
    let files: Vec<_> = manifest
        .files
        .iter()
        .map(|file| (file.dataset.as_str(), file.key.clone(), file.rows))
        .collect();
    assert_eq!(
        files,
        [
            ("sales_lines", berlin("sales_lines", 1), 1),
            ("refund_lines", berlin("refund_lines", 1), 0)
        ]
    );
    for file in &manifest.files {
        let stored = retailer.bucket.sha256(&file.key).await.unwrap().unwrap();
        assert_eq!(stored.content, file.sha256);
    }
    assert_eq!(manifest.totals[0].net, 237);
}

#[tokio::test]
async fn manifest_has_the_fields_of_the_contract() {
    let retailer = retailer();
    retailer.export(json!({})).await;
    let manifest: Value = serde_json::from_slice(&retailer.bucket.bytes(BERLIN_MANIFEST)).unwrap();
    let contract: Value =
        serde_json::from_str(include_str!("../../../../../infra/athena/datasets.json")).unwrap();
    let columns = contract["export_manifest"]["columns"].as_array().unwrap();
    assert!(!columns.is_empty());
    for column in columns {
        let field = &manifest[column["name"].as_str().unwrap()];
        let has_type = match column["type"].as_str().unwrap() {
            "string" => field.is_string(),
            "boolean" => field.is_boolean(),
            "int" | "bigint" => field.is_u64(),
            other => panic!("no field of a manifest has the type {other}"),
        };
        assert!(has_type, "{column}: {field}");
    }
}

#[tokio::test]
async fn day_without_sales_is_a_file_without_rows() {
    let retailer = retailer();
    retailer.export(json!({})).await;
    for dataset in ["sales_lines", "refund_lines"] {
        let bytes = retailer.bucket.bytes(&berlin(dataset, 1));
        assert_eq!(analyst::records(bytes), [] as [Value; 0]);
    }
    assert_eq!(retailer.manifest(BERLIN_MANIFEST).totals, []);
}

#[tokio::test]
async fn open_day_is_exported_on_request_as_not_closed() {
    let retailer = retailer();
    let event = json!({"business_dates": ["2026-03-02"]});
    let exports = retailer.export(event.clone()).await;
    assert_eq!(exports.len(), 2);
    let key = "export_manifest/business_date=2026-03-02/Europe-Berlin.json";
    let open = retailer.manifest(key);
    assert!(!open.closed);
    // Once it is closed without a change, only the manifest changes.
    retailer.bucket.take_written();
    let function = retailer.function_at("2026-03-03T08:00:00Z");
    function.handle(event).await.unwrap();
    let closed = retailer.manifest(key);
    assert_eq!(
        closed,
        Manifest {
            closed: true,
            ..open
        }
    );
    assert_eq!(retailer.bucket.take_written().len(), 2, "two manifests");
}
