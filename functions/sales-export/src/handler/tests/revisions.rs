//! Repeated exports of a day: unchanged, revised, of another format.

use stockline_application::ports::export::{ExportFile, PutOutcome};

use super::*;

#[tokio::test]
async fn same_orders_give_same_bytes_and_no_rewrite() {
    let (first, second) = (retailer(), retailer());
    let orders: Vec<Order> = (10..30)
        .map(|minute| {
            let sold_at = format!("2026-03-01T10:{minute}:00Z");
            sale(&minute.to_string(), "store-a", &sold_at, minute, "EUR")
        })
        .collect();
    for (forward, backward) in orders.iter().zip(orders.iter().rev()) {
        first.add_order(forward);
        second.add_order(backward);
    }
    first.export(json!({})).await;
    second.export(json!({})).await;
    for key in first.bucket.take_written() {
        assert_eq!(first.bucket.bytes(&key), second.bucket.bytes(&key), "{key}");
    }
    let again = first.export(json!({})).await;
    assert_eq!(again[1].revision, 1);
    assert_eq!(first.bucket.take_written(), [""; 0]);
}

#[tokio::test]
async fn late_correction_revises_only_its_day() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    let first = retailer.bucket.bytes(&berlin("sales_lines", 1));
    retailer.bucket.take_written();
    retailer.add_order(&order.cancel(order.placed_at).unwrap());
    let exports = retailer.export(json!({"days": 3})).await;
    let berlin_days: Vec<(String, u64)> = exports[3..]
        .iter()
        .map(|day| (day.business_date.to_string(), day.revision))
        .collect();
    assert_eq!(
        berlin_days,
        [
            ("2026-02-27".to_owned(), 1),
            ("2026-02-28".to_owned(), 1),
            ("2026-03-01".to_owned(), 2)
        ]
    );
    let rows = retailer.sales();
    assert_eq!(rows.len(), 1);
    assert_eq!(
        (&rows[0]["status"], &rows[0]["revision"]),
        (&json!("canceled"), &json!(2))
    );
    let totals = &retailer.manifest(BERLIN_MANIFEST).totals[0];
    assert_eq!(
        (totals.orders, totals.canceled_orders, totals.net),
        (0, 1, 0)
    );
    assert_eq!(retailer.bucket.bytes(&berlin("sales_lines", 1)), first);
    let written = retailer.bucket.take_written();
    let of_new_york = |key: &&String| key.contains("business_date=2026-03-01/America");
    assert_eq!(written.iter().find(of_new_york), None);
}

#[tokio::test]
async fn correction_months_later_revises_its_day() {
    let retailer = retailer();
    let order = one_sale();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    retailer.bucket.take_written();
    let canceled_at = "2026-07-01T12:00:00Z".parse().unwrap();
    let canceled = order.cancel(canceled_at).unwrap();
    retailer
        .shop
        .lock()
        .write_order(canceled, Fingerprint::of(&"a").unwrap(), canceled_at);
    let in_july = retailer.function_at("2026-07-02T03:00:00Z");
    let exports = in_july.handle(json!({"days": 8})).await.unwrap().exports;
    let late: Vec<&ExportedDay> = exports
        .iter()
        .filter(|day| day.manifest == BERLIN_MANIFEST)
        .collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].revision, 2);
    assert_eq!(
        exports.len(),
        17,
        "eight days of two groups and one late day"
    );
    assert_eq!(retailer.sales()[0]["status"], "canceled");
    retailer.bucket.take_written();
    in_july.handle(json!({"days": 8})).await.unwrap();
    assert_eq!(
        retailer.bucket.take_written(),
        [""; 0],
        "nothing changed since"
    );
}

#[tokio::test]
async fn closed_day_stays_closed_after_an_older_run_ends() {
    // given a day that a run has exported after its close
    let retailer = retailer();
    retailer.add_order(&one_sale());
    retailer.export(json!({})).await;
    assert!(retailer.manifest(BERLIN_MANIFEST).closed);
    // when a run that read the clock before the close ends later
    let older = retailer.function_at("2026-03-01T20:00:00Z");
    older
        .handle(json!({"business_dates": [DAY]}))
        .await
        .unwrap();
    // then the day is still closed
    assert!(retailer.manifest(BERLIN_MANIFEST).closed);
}

#[tokio::test]
async fn renamed_product_changes_dim_products_only() {
    let retailer = retailer();
    retailer.add_order(&one_sale());
    retailer.export(json!({})).await;
    retailer.bucket.take_written();
    retailer.name_product("Whole milk");
    retailer.export(json!({})).await;
    assert_eq!(
        retailer.bucket.take_written(),
        ["dim_products/dim_products.parquet"]
    );
    assert_eq!(retailer.sales()[0]["product_name"], "Milk");
}

#[tokio::test]
async fn manifest_of_another_format_gets_a_new_revision() {
    let retailer = retailer();
    let old = json!({
        "version": 1, "group": "Europe-Berlin", "time_zone": "Europe/Berlin", "business_date": DAY, "revision": 4,
        "closed": true, "files": [], "totals": [{"location_id": "store-1", "currency": "EUR", "orders": 1, "net": 100}],
    });
    let file = ExportFile::new(
        BERLIN_MANIFEST.to_owned(),
        "application/json",
        old.to_string().into_bytes(),
    );
    let put = retailer.bucket.put(file, None).await.unwrap();
    assert_eq!(put, PutOutcome::Written);
    let exports = retailer.export(json!({})).await;
    assert_eq!(exports[1].revision, 5);
    let manifest = retailer.manifest(BERLIN_MANIFEST);
    assert_eq!(
        (manifest.version, manifest.revision),
        (Manifest::VERSION, 5)
    );
}

#[tokio::test]
async fn revisions_of_failed_runs_are_left_out() {
    let retailer = retailer();
    retailer.export(json!({})).await;
    // Two runs wrote files for other orders and stopped before their manifests.
    for revision in [2, 3] {
        let file = ExportFile::new(
            berlin("sales_lines", revision),
            "application/vnd.apache.parquet",
            vec![u8::try_from(revision).unwrap()],
        );
        let put = retailer.bucket.put(file, None).await.unwrap();
        assert_eq!(put, PutOutcome::Written);
    }
    retailer.add_order(&one_sale());
    let exports = retailer.export(json!({})).await;
    assert_eq!(exports[1].revision, 4);
    assert_eq!(retailer.bucket.bytes(&berlin("sales_lines", 2)), [2]);
}
