//! Failed exports and their error messages.

use jiff::civil::date;
use stockline_application::ports::export::{ExportFile, PutOutcome};

use super::*;

#[tokio::test]
async fn failed_day_has_no_manifest_and_blocks_no_other() {
    let retailer = retailer();
    retailer.add_order(&one_sale());
    retailer
        .bucket
        .fail_puts(Some("sales_lines/business_date=2026-03-01/America"));
    let message = retailer.error_message(json!({})).await;
    assert_eq!(
        message,
        "1 of 3 parts failed (export_manifest/business_date=2026-03-01/America-New_York.json); \
         first error: the store is busy"
    );
    let written = retailer.bucket.take_written();
    assert!(written.contains(&BERLIN_MANIFEST.to_owned()), "{written:?}");
    assert!(
        !written.iter().any(|key| key.contains("America")),
        "{written:?}"
    );
    retailer.bucket.fail_puts(None);
    assert_eq!(retailer.export(json!({})).await.len(), 2);
    assert_eq!(retailer.bucket.take_written().len(), 3);
}

#[tokio::test]
async fn failed_catalog_file_blocks_no_day() {
    let retailer = retailer();
    retailer.add_order(&one_sale());
    retailer.bucket.fail_puts(Some("dim_products"));
    let message = retailer.error_message(json!({})).await;
    assert_eq!(
        message,
        "1 of 3 parts failed (dim_products and dim_locations); first error: the store is busy"
    );
    assert_eq!(retailer.manifest(BERLIN_MANIFEST).sales_lines_rows, 1);
    assert_eq!(retailer.sales()[0]["product_name"], "Milk");
}

#[tokio::test]
async fn location_with_unknown_time_zone_blocks_no_group() {
    let retailer = retailer();
    retailer.add_order(&one_sale());
    let moon = store("moon-1", "Moon/Base", 0);
    let id = moon.location_id.clone();
    retailer.catalog.lock().locations.insert(id, moon);
    let message = retailer.error_message(json!({})).await;
    assert_eq!(
        message,
        "1 of 4 parts failed (location moon-1); \
         first error: location moon-1 has the unknown time zone Moon/Base"
    );
    assert_eq!(retailer.manifest(BERLIN_MANIFEST).sales_lines_rows, 1);
}

#[tokio::test]
async fn invalid_event_is_rejected_with_a_reason() {
    let retailer = retailer();
    for (event, reason) in [
        (
            json!({"business_dates": ["2026-03-04"]}),
            "/business_dates/0 must not be in the future",
        ),
        (
            json!({"business_dates": []}),
            "/business_dates must hold 1 to 31 dates",
        ),
        (json!({"days": 32}), "/days must be 1 to 31"),
        (
            json!({"business_dates": ["1 March"]}),
            "the event must be {}",
        ),
        (json!({"dates": []}), "unknown field `dates`"),
        (json!("2026-03-01"), "the event must be {}"),
    ] {
        let message = retailer.error_message(event).await;
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(retailer.bucket.take_written(), [""; 0]);
}

#[tokio::test]
async fn unreadable_manifest_is_named_and_not_replaced() {
    let retailer = retailer();
    let broken = ExportFile::new(
        BERLIN_MANIFEST.to_owned(),
        "application/json",
        b"{".to_vec(),
    );
    let put = retailer.bucket.put(broken, None).await.unwrap();
    assert_eq!(put, PutOutcome::Written);
    let message = retailer.error_message(json!({})).await;
    assert!(
        message.contains(&format!(
            "the manifest {BERLIN_MANIFEST} cannot be read: EOF"
        )),
        "{message}"
    );
}

#[tokio::test]
async fn order_that_differs_from_its_lines_keeps_the_old_revision() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    let (before, manifest) = (retailer.sales(), retailer.manifest(BERLIN_MANIFEST));
    let mut wrong = sale("2", "store-a", "2026-03-01T11:00:00Z", 119, "EUR");
    wrong.total.amount += 1;
    retailer.add_order(&wrong);
    let message = retailer.error_message(json!({})).await;
    assert!(
        message.contains("sales_lines of store-a in EUR: total is 475 as read, 474 in the rows"),
        "{message}"
    );
    assert_eq!(retailer.sales(), before);
    assert_eq!(retailer.manifest(BERLIN_MANIFEST), manifest);
}

#[tokio::test]
async fn refund_that_differs_from_its_lines_fails_its_day() {
    let retailer = retailer();
    let order = one_sale().fulfil(1, 2).unwrap();
    let (mut refund, refunded) = refund(&order, "r", "store-a", date(2026, 3, 1), &[(1, true)]);
    refund.total.amount -= 1;
    retailer.add_order(&refunded);
    retailer.add_refund(&refund);
    let message = retailer.error_message(json!({})).await;
    assert!(
        message.contains("refund_lines of store-a in EUR: net is 117 as read, 118 in the rows"),
        "{message}"
    );
    assert!(!retailer.bucket.keys().contains(&BERLIN_MANIFEST.to_owned()));
}

#[tokio::test]
async fn refund_without_an_order_fails_its_day() {
    let retailer = retailer();
    let order = one_sale().fulfil(1, 2).unwrap();
    let (refund, _) = refund(&order, "r", "store-a", date(2026, 3, 1), &[(1, true)]);
    retailer.add_refund(&refund);
    let message = retailer.error_message(json!({})).await;
    let (order_id, refund_id) = (order.order_id, refund.refund_id);
    assert!(
        message.contains(&format!(
            "order {order_id} of refund {refund_id} does not exist"
        )),
        "{message}"
    );
}
