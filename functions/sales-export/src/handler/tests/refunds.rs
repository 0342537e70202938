//! The rows of `refund_lines`.

use jiff::civil::date;

use super::*;

/// An order of 1 February of which both units are handed over.
fn old_order() -> Order {
    let order = sale("old", "store-a", "2026-02-01T10:00:00Z", 119, "EUR");
    order.fulfil(1, 2).unwrap()
}

#[tokio::test]
async fn refund_is_a_row_of_its_own_day_and_place() {
    let retailer = retailer();
    let order = old_order();
    // One unit back on the shelf and one thrown away, in New York.
    let lines = [(1, true), (1, false)];
    let (refund, refunded) = refund(&order, "r", "store-n", date(2026, 3, 1), &lines);
    retailer.add_order(&refunded);
    retailer.add_refund(&refund);
    let exports = retailer.export(json!({})).await;
    assert_eq!(exports[0].group, "America-New_York");
    assert_eq!((exports[0].sales_lines, exports[0].refund_lines), (0, 2));
    assert_eq!((exports[1].sales_lines, exports[1].refund_lines), (0, 0));
    let refunded_at: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let micros = refunded_at.as_microsecond();
    let row = |number: u16, restocked: bool, amount: i64| {
        json!({
            "location_id": "store-n", "refund_id": refund.refund_id.to_string(), "refund_line_no": number,
            "order_id": order.order_id.to_string(), "line_no": 1, "order_location_id": "store-a",
            // 2026-02-01 is day 20485 after 1970-01-01.
            "order_business_date": 20_485, "channel": "online", "sku": "milk", "product_name": "Milk",
            "category": "Dairy", "restocked": restocked, "refunded_at": micros,
            "refunded_at_local": micros - 5 * 3_600_000_000_i64, "time_zone": "America/New_York", "quantity": 1,
            "currency": "EUR", "net": amount, "tax": 0, "total": amount, "tax_inclusive": true, "revision": 1,
        })
    };
    // 2.37 EUR were paid for two units; the first unit's share is rounded down.
    assert_eq!(
        retailer.refunds(),
        [row(1, true, 11_800), row(2, false, 11_900)]
    );
    let key = "export_manifest/business_date=2026-03-01/America-New_York.json";
    let totals = &retailer.manifest(key).refund_totals[0];
    assert_eq!(totals.location_id.as_str(), "store-n");
    assert_eq!((totals.refunds, totals.net, totals.total), (1, 237, 237));
}

#[tokio::test]
async fn all_pages_of_refunds_are_exported_in_order() {
    let retailer = retailer();
    for number in 0..5 {
        let sold_at = format!("2026-02-0{}T10:00:00Z", number + 1);
        let order = sale(&sold_at, "store-a", &sold_at, 100, "EUR");
        let order = order.fulfil(1, 2).unwrap();
        let (mut refund, refunded) = refund(&order, "r", "store-a", date(2026, 3, 1), &[(1, true)]);
        refund.refunded_at = format!("2026-03-01T1{}:00:00Z", 9 - number)
            .parse()
            .unwrap();
        retailer.add_order(&refunded);
        retailer.add_refund(&refund);
    }
    retailer.export(json!({})).await;
    let times: Vec<i64> = retailer
        .refunds()
        .iter()
        .map(|row| row["refunded_at"].as_i64().unwrap())
        .collect();
    assert_eq!(times.len(), 5);
    assert!(times.is_sorted(), "{times:?}");
}

#[tokio::test]
async fn added_tax_is_not_in_the_net_of_a_refund() {
    let retailer = retailer();
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let body: PlaceOrder = serde_json::from_value(json!({
        "location_id": "store-a", "channel": "pos", "currency": "EUR", "tax_treatment": "added",
        "lines": [{"sku": "milk", "quantity": 2, "unit_price": money(100), "tax": money(38)}],
        "total": money(238),
    }))
    .unwrap();
    let now = "2026-03-01T10:00:00Z".parse().unwrap();
    let order = body
        .order(OrderId::derive("till", "added"), now, &TimeZone::UTC, 0)
        .unwrap();
    let (refund, refunded) = refund(&order, "r", "store-a", date(2026, 3, 1), &[(1, false)]);
    retailer.add_order(&refunded);
    retailer.add_refund(&refund);
    retailer.export(json!({})).await;
    let amounts = |row: &Value| ["net", "tax", "total"].map(|column| row[column].as_i64().unwrap());
    let (sold, returned) = (&retailer.sales()[0], &retailer.refunds()[0]);
    assert_eq!(amounts(sold), [20_000, 3_800, 23_800]);
    assert_eq!(amounts(returned), [10_000, 1_900, 11_900]);
    assert_eq!(
        (&sold["tax_inclusive"], &returned["tax_inclusive"]),
        (&json!(false), &json!(false))
    );
}

#[tokio::test]
async fn refund_makes_no_revision_of_the_day_of_its_order() {
    let retailer = retailer();
    let order = one_sale().fulfil(1, 2).unwrap();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    let (refund, refunded) = refund(&order, "r", "store-a", date(2026, 3, 2), &[(1, true)]);
    retailer.add_order(&refunded);
    retailer.add_refund(&refund);
    retailer.bucket.take_written();
    retailer.export(json!({})).await;
    assert_eq!(retailer.bucket.take_written(), [""; 0]);
    let function = retailer.function_at("2026-03-03T08:00:00Z");
    let exports = function.handle(json!({})).await.unwrap().exports;
    assert_eq!((exports[1].sales_lines, exports[1].refund_lines), (0, 1));
}
