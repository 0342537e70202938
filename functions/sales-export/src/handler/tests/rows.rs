//! The rows of `sales_lines`.

use super::*;

fn number(row: &Value, column: &str) -> i64 {
    row[column].as_i64().unwrap()
}

#[tokio::test]
async fn row_has_every_column() {
    let retailer = retailer();
    let money = |amount: i64| json!({"amount": amount, "currency": "EUR"});
    let body: PlaceOrder = serde_json::from_value(json!({
        "location_id": "store-a", "channel": "click_and_collect", "currency": "EUR",
        "tax_treatment": "added", "sold_at": "2026-03-01T10:00:00.5Z",
        "lines": [
            {"sku": "gum", "quantity": 1, "unit_price": money(50)},
            {"sku": "milk", "quantity": 3, "unit_price": money(119), "discount": money(7), "tax": money(66),
             "unit_cost": money(80)},
        ],
        "total": money(50 + 350 + 66),
    }))
    .unwrap();
    let now = "2026-03-01T10:01:00Z".parse().unwrap();
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let order = body
        .order(OrderId::derive("till", "1"), now, &zone, 0)
        .unwrap();
    retailer.add_order(&order);
    retailer.export(json!({})).await;
    let sold_at: Timestamp = "2026-03-01T10:00:00.5Z".parse().unwrap();
    let rows = retailer.sales();
    assert_eq!(
        rows[1],
        json!({
            "location_id": "store-a", "order_id": order.order_id.to_string(), "line_no": 2, "sku": "milk",
            "product_name": "Milk", "category": "Dairy", "channel": "click_and_collect", "status": "allocated",
            "sold_at": sold_at.as_microsecond(), "sold_at_local": sold_at.as_microsecond() + 3_600_000_000_i64,
            "time_zone": "Europe/Berlin", "quantity": 3, "currency": "EUR", "unit_price": 11_900, "unit_cost": 8_000,
            "gross": 35_700, "discount": 700, "net": 35_000, "tax": 6_600, "total": 41_600, "tax_inclusive": false,
            "revision": 1,
        })
    );
    // The catalog does not have the other product, and the order does not have its cost.
    for column in ["product_name", "category", "unit_cost"] {
        assert_eq!(rows[0][column], Value::Null);
    }
}

#[tokio::test]
async fn rows_sort_by_location_time_order_and_line() {
    let retailer = retailer();
    for (key, location, sold_at) in [
        ("late", "store-a", "2026-03-01T12:00:00Z"),
        ("other", "store-b", "2026-03-01T09:00:00Z"),
        ("twin-1", "store-a", "2026-03-01T11:00:00.0001Z"),
        ("twin-2", "store-a", "2026-03-01T11:00:00Z"),
    ] {
        retailer.add_order(&sale(key, location, sold_at, 119, "EUR"));
    }
    // Sold offline in the morning, received at night.
    let mut offline = sale("offline", "store-a", "2026-03-01T08:00:00Z", 119, "EUR");
    offline.placed_at = "2026-03-01T22:00:00Z".parse().unwrap();
    retailer.add_order(&offline);
    retailer.export(json!({})).await;
    let rows = retailer.sales();
    let keys: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                row["location_id"].as_str(),
                number(row, "sold_at"),
                row["order_id"].as_str(),
                number(row, "line_no"),
            )
        })
        .collect();
    assert_eq!(keys.len(), 5);
    assert!(keys.is_sorted(), "{keys:?}");
    assert_eq!(rows[0]["order_id"], offline.order_id.to_string());
    assert_eq!(rows[1]["sold_at"], rows[2]["sold_at"]);
}

#[tokio::test]
async fn repeated_dst_hour_differs_in_utc_and_not_locally() {
    let retailer = retailer();
    for sold_at in ["2026-10-25T00:30:00.250Z", "2026-10-25T01:30:00.250Z"] {
        retailer.add_order(&sale(sold_at, "store-a", sold_at, 119, "EUR"));
    }
    let function = retailer.function_at("2026-10-26T08:00:00Z");
    function
        .handle(json!({"business_dates": ["2026-10-25"]}))
        .await
        .unwrap();
    let rows = analyst::rows(&retailer.bucket, "sales_lines", "2026-10-25");
    let micros = |at: &str| at.parse::<Timestamp>().unwrap().as_microsecond();
    assert_eq!(
        number(&rows[1], "sold_at") - number(&rows[0], "sold_at"),
        3_600_000_000
    );
    for row in &rows {
        assert_eq!(
            number(row, "sold_at_local"),
            micros("2026-10-25T02:30:00.250Z")
        );
    }
}

#[tokio::test]
async fn amounts_are_exact_major_units_in_every_currency() {
    let retailer = retailer();
    for (minute, currency) in [(1, "JPY"), (2, "EUR"), (3, "KWD"), (4, "CLF")] {
        let sold_at = format!("2026-03-01T10:0{minute}:00Z");
        retailer.add_order(&sale(currency, "store-a", &sold_at, 1999, currency));
    }
    retailer.export(json!({})).await;
    let amounts: Vec<_> = retailer
        .sales()
        .iter()
        .map(|row| {
            let amounts = ["unit_price", "gross", "discount", "net", "total"];
            let amounts = amounts.map(|column| number(row, column));
            (row["currency"].as_str().unwrap().to_owned(), amounts)
        })
        .collect();
    assert_eq!(
        amounts,
        [
            (
                "JPY",
                [19_990_000, 39_980_000, 10_000, 39_970_000, 39_970_000]
            ),
            ("EUR", [199_900, 399_800, 100, 399_700, 399_700]),
            ("KWD", [19_990, 39_980, 10, 39_970, 39_970]),
            ("CLF", [1999, 3998, 1, 3997, 3997]),
        ]
        .map(|(currency, amounts)| (currency.to_owned(), amounts))
    );
}

#[tokio::test]
async fn partly_canceled_order_exports_what_was_sold() {
    let retailer = retailer();
    let order = one_sale();
    let part = order.fulfil(1, 1).unwrap().cancel(order.placed_at).unwrap();
    retailer.add_order(&part);
    retailer.export(json!({})).await;
    let row = &retailer.sales()[0];
    // One of two units at 1.19 with a discount of 0.01 on the line: half of 2.37, rounded down.
    assert_eq!(
        (&row["status"], &row["quantity"]),
        (&json!("fulfilled"), &json!(1))
    );
    let amounts = ["gross", "discount", "net"].map(|column| number(row, column));
    assert_eq!(amounts, [11_900, 100, 11_800]);
    let totals = &retailer.manifest(BERLIN_MANIFEST).totals[0];
    assert_eq!((totals.orders, totals.gross, totals.net), (1, 119, 118));
}
