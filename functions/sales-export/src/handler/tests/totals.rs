//! Property test: files and manifests sum to the orders they came from.

use std::collections::BTreeMap;

use proptest::prelude::*;
use stockline_domain::order::OrderStatus;

use super::*;

#[derive(Debug, Clone)]
struct RandomSale {
    store: usize,
    minute: u32,
    currency: usize,
    /// Quantity, unit price, discount in percent, tax in percent.
    lines: Vec<(i64, i64, i64, i64)>,
    canceled: bool,
}

fn any_sale() -> impl Strategy<Value = RandomSale> {
    let line = (1..50_i64, 0..2_000_000_i64, 0..100_i64, 0..100_i64);
    (
        0..2_usize,
        0..60_u32,
        0..3_usize,
        prop::collection::vec(line, 1..5),
        any::<bool>(),
    )
        .prop_map(|(store, minute, currency, lines, canceled)| RandomSale {
            store,
            minute,
            currency,
            lines,
            canceled,
        })
}

impl RandomSale {
    fn order(&self, number: usize) -> Order {
        let location = ["store-a", "store-b"][self.store];
        let currency = ["EUR", "JPY", "KWD"][self.currency];
        let money = |amount: i64| json!({"amount": amount, "currency": currency});
        let (mut total, mut lines) = (0, Vec::new());
        for (quantity, price, discount, tax) in &self.lines {
            let gross = quantity * price;
            let discount = gross * discount / 100;
            let net = gross - discount;
            total += net;
            lines.push(json!({
                "sku": format!("sku-{price}"), "quantity": quantity, "unit_price": money(*price),
                "discount": money(discount), "tax": money(net * tax / 100),
            }));
        }
        let body: PlaceOrder = serde_json::from_value(json!({
            "location_id": location, "channel": "online",
            "currency": currency, "lines": lines, "total": money(total),
        }))
        .unwrap();
        let now = format!("2026-03-01T10:{:02}:00Z", self.minute)
            .parse()
            .unwrap();
        let id = OrderId::derive("till", &number.to_string());
        let order = body.order(id, now, &TimeZone::UTC, 0).unwrap();
        if self.canceled {
            order.cancel(now).unwrap()
        } else {
            order
        }
    }
}

/// Net and tax per store and currency, in minor units.
type Sums = BTreeMap<(String, String), (i128, i128)>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn exported_totals_equal_their_orders(
        sales in prop::collection::vec(any_sale(), 0..40),
    ) {
        let retailer = retailer();
        let mut expected = Sums::new();
        for (number, sale) in sales.iter().enumerate() {
            let order = sale.order(number);
            retailer.add_order(&order);
            let sums = expected
                .entry((order.location_id.to_string(), order.currency.to_string()))
                .or_default();
            if order.status != OrderStatus::Canceled {
                sums.0 += i128::from(order.total.amount);
                sums.1 += order.lines.iter().map(|line| i128::from(line.tax.amount)).sum::<i128>();
            }
        }
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(retailer.export(json!({})));
        let mut in_rows = Sums::new();
        for row in retailer.sales() {
            let text = |column: &str| row[column].as_str().unwrap().to_owned();
            let number = |column: &str| i128::from(row[column].as_i64().unwrap());
            let factor = match text("currency").as_str() { "JPY" => 10_000, "EUR" => 100, _ => 10 };
            prop_assert_eq!(number("net") % factor, 0);
            prop_assert_eq!(number("gross"), number("unit_price") * number("quantity"));
            prop_assert_eq!(number("net"), number("gross") - number("discount"));
            prop_assert_eq!(number("total"), number("net"));
            let sums = in_rows.entry((text("location_id"), text("currency"))).or_default();
            if text("status") != "canceled" {
                sums.0 += number("net") / factor;
                sums.1 += number("tax") / factor;
            }
        }
        let in_manifest: Sums = retailer
            .manifest(BERLIN_MANIFEST)
            .totals
            .into_iter()
            .map(|store| {
                let key = (store.location_id.to_string(), store.currency.to_string());
                (key, (i128::from(store.net), i128::from(store.tax)))
            })
            .collect();
        prop_assert_eq!(&in_rows, &expected);
        prop_assert_eq!(&in_manifest, &expected);
    }
}
