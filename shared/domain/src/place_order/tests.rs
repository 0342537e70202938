//! Validation of a request to place an order.

use jiff::ToSpan;
use proptest::prelude::*;

use super::*;

fn body(json: &str) -> PlaceOrder {
    serde_json::from_str(json).unwrap()
}

fn two_lines(channel: &str) -> PlaceOrder {
    body(&format!(
        r#"{{"location_id":"store-1","channel":"{channel}","currency":"EUR","lines":[
            {{"sku":"milk","quantity":2,"unit_price":{{"amount":119,"currency":"EUR"}}}},
            {{"sku":"bread","quantity":1,"unit_price":{{"amount":250,"currency":"EUR"}},
              "discount":{{"amount":50,"currency":"EUR"}},"tax":{{"amount":13,"currency":"EUR"}},
              "unit_cost":{{"amount":90,"currency":"EUR"}}}}],
           "total":{{"amount":438,"currency":"EUR"}}}}"#
    ))
}

fn placed_in(zone: &str, close_out_hour: i8, order: PlaceOrder) -> Result<Order, Invalid> {
    let now = "2026-03-01T12:00:00Z".parse().unwrap();
    let zone = TimeZone::get(zone).unwrap();
    order.order(OrderId::derive("till", "1"), now, &zone, close_out_hour)
}

fn placed(order: PlaceOrder) -> Result<Order, Invalid> {
    placed_in("UTC", 0, order)
}

fn pointers(result: Result<Order, Invalid>) -> Vec<String> {
    result
        .unwrap_err()
        .errors
        .into_iter()
        .map(|error| error.pointer)
        .collect()
}

#[test]
fn order_has_at_most_99_different_skus() {
    let place = |skus: usize| {
        let mut order = two_lines("pos");
        let line = PlaceLine {
            quantity: 1,
            ..order.lines[0].clone()
        };
        order.lines = (0..100)
            .map(|number| PlaceLine {
                sku: format!("sku-{}", number % skus).parse().unwrap(),
                ..line.clone()
            })
            .collect();
        order.total.amount = 100 * line.unit_price.amount;
        placed(order)
    };
    assert_eq!(place(99).unwrap().placement_deltas().len(), 99);
    assert_eq!(pointers(place(100)), ["/lines"]);
}

#[test]
fn wrong_total_is_refused_with_the_difference() {
    let mut order = two_lines("pos");
    order.total.amount = 440;
    let refused = placed(order).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/total/amount");
    assert!(
        refused.errors[0].detail.ends_with("a difference of 2"),
        "{refused:?}"
    );
}

#[test]
fn total_includes_added_tax_but_not_inclusive_tax_again() {
    let inclusive = placed(two_lines("pos")).unwrap();
    assert_eq!(inclusive.lines[1].total.amount, 200);
    let mut order = two_lines("pos");
    order.tax_treatment = TaxTreatment::Added;
    let refused = placed(order.clone()).unwrap_err();
    assert!(
        refused.errors[0].detail.ends_with("a difference of -13"),
        "{refused:?}"
    );
    order.total.amount = 451;
    let added = placed(order).unwrap();
    assert_eq!(
        (
            added.lines[1].net.amount,
            added.lines[1].total.amount,
            added.total.amount
        ),
        (200, 213, 451)
    );
}

#[test]
fn order_reports_all_invalid_fields() {
    let mut order = two_lines("pos");
    order.lines[0].quantity = 0;
    order.lines[1].unit_price.currency = "USD".parse().unwrap();
    order.lines[1].unit_cost.as_mut().unwrap().currency = "USD".parse().unwrap();
    order.sold_at = Some("2026-02-01T00:00:00Z".parse().unwrap());
    assert_eq!(
        pointers(placed(order)),
        [
            "/sold_at",
            "/lines/0/quantity",
            "/lines/1/unit_price/currency",
            "/lines/1/unit_cost/currency",
            "/total/amount"
        ]
    );
}

#[test]
fn external_reference_is_1_to_64_visible_ascii() {
    let with = |reference: &str| {
        placed(PlaceOrder {
            external_reference: Some(reference.to_owned()),
            ..two_lines("pos")
        })
    };
    for valid in ["R-1", &"x".repeat(64)] {
        let order = with(valid).unwrap();
        assert_eq!(order.external_reference.as_deref(), Some(valid));
    }
    for invalid in ["", "two words", "Käse", &"x".repeat(65)] {
        assert_eq!(
            pointers(with(invalid)),
            ["/external_reference"],
            "{invalid}"
        );
    }
}

#[test]
fn overflowing_line_is_refused() {
    let mut order = two_lines("pos");
    order.lines[0].quantity = i64::MAX;
    order.lines[0].unit_price.amount = i64::MAX;
    assert!(pointers(placed(order)).contains(&"/lines/0/unit_price/amount".to_owned()));
}

#[test]
fn sum_of_lines_above_maximum_is_refused() {
    let mut order = two_lines("pos");
    for line in &mut order.lines {
        line.quantity = 1;
        line.unit_price.amount = MAX_AMOUNT;
        line.discount = None;
    }
    order.total.amount = 2 * MAX_AMOUNT;
    assert_eq!(pointers(placed(order)), ["/lines"]);
}

#[test]
fn lines_of_one_sku_are_merged() {
    let mut order = two_lines("pos");
    order.lines[1].sku = "milk".parse().unwrap();
    let quantities = placed(order).unwrap().quantities();
    assert_eq!(quantities.len(), 1);
    assert_eq!(quantities[0].quantity, 3);
}

#[test]
fn default_tax_treatment_is_not_serialized() {
    let text = serde_json::to_string(&two_lines("pos")).unwrap();
    assert!(!text.contains("tax_treatment"), "{text}");
}

#[test]
fn sold_at_is_at_most_7_days_back_and_5_minutes_ahead() {
    let now: Timestamp = "2026-03-01T12:00:00Z".parse().unwrap();
    let place_sold_at = |at: Timestamp| {
        let mut order = two_lines("pos");
        order.sold_at = Some(at);
        placed(order)
    };
    let (oldest, newest) = (
        now - reported_time::MAX_AGE,
        now + reported_time::CLOCK_TOLERANCE,
    );
    for at in [oldest, now, newest] {
        assert_eq!(place_sold_at(at).unwrap().sold_at, at);
    }
    for at in [
        oldest - 1.nanosecond(),
        newest + 1.nanosecond(),
        Timestamp::MIN,
        Timestamp::MAX,
    ] {
        assert_eq!(pointers(place_sold_at(at)), ["/sold_at"]);
    }
}

#[test]
fn business_date_is_the_stores_trading_day_of_the_sale() {
    // Received at noon UTC on 1 March. Kiritimati is at UTC+14, Pago Pago at UTC-11.
    for (zone, close_out_hour, sold_at, day) in [
        (
            "Pacific/Kiritimati",
            0,
            "2026-02-28T09:59:59Z",
            "2026-02-28",
        ),
        (
            "Pacific/Kiritimati",
            0,
            "2026-02-28T10:00:00Z",
            "2026-03-01",
        ),
        ("Pacific/Pago_Pago", 0, "2026-02-28T10:59:59Z", "2026-02-27"),
        ("Pacific/Pago_Pago", 0, "2026-02-28T11:00:00Z", "2026-02-28"),
        ("Europe/Berlin", 4, "2026-02-24T02:59:59Z", "2026-02-23"),
        ("Europe/Berlin", 4, "2026-02-24T03:00:00Z", "2026-02-24"),
    ] {
        let mut order = two_lines("pos");
        order.sold_at = Some(sold_at.parse().unwrap());
        let order = placed_in(zone, close_out_hour, order).unwrap();
        assert_eq!(order.business_date.to_string(), day, "{zone} {sold_at}");
    }
}

proptest! {
    #[test]
    fn accepted_orders_add_up_and_never_overflow(
        lines in prop::collection::vec(
            (amount(), amount(), amount(), amount(), quantity()),
            1..5,
        ),
        added: bool,
        arbitrary_total in amount(),
        is_total_exact: bool,
    ) {
        let currency = "EUR".parse().unwrap();
        let money = |amount| Money::new(amount, currency);
        let mut order = two_lines("pos");
        if added {
            order.tax_treatment = TaxTreatment::Added;
        }
        order.lines = lines
            .iter()
            .map(|(price, discount, tax, cost, quantity)| PlaceLine {
                sku: "milk".parse().unwrap(),
                quantity: *quantity,
                unit_price: money(*price),
                discount: Some(money(*discount)),
                tax: Some(money(*tax)),
                unit_cost: Some(money(*cost)),
            })
            .collect();
        let exact: i128 = lines
            .iter()
            .map(|(price, discount, tax, _, quantity)| {
                let net = i128::from(*price) * i128::from(*quantity) - i128::from(*discount);
                net + if added { i128::from(*tax) } else { 0 }
            })
            .sum();
        order.total.amount = match i64::try_from(exact) {
            Ok(exact) if is_total_exact => exact,
            _ => arbitrary_total,
        };
        if let Ok(order) = placed(order) {
            prop_assert_eq!(i128::from(order.total.amount), exact);
            for line in &order.lines {
                prop_assert!((0..=MAX_AMOUNT).contains(&line.net.amount));
                prop_assert!((0..=MAX_AMOUNT).contains(&line.total.amount));
                prop_assert!(line.tax.amount <= line.total.amount);
                let whole = line.amounts_of(line.quantity);
                prop_assert_eq!((whole.total, whole.net), (line.total.amount, line.net.amount));
                prop_assert_eq!((whole.tax, whole.discount), (line.tax.amount, line.discount.amount));
            }
        }
    }
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 0_i64..10_000,
        1 => MAX_AMOUNT - 2..MAX_AMOUNT + 2,
        1 => any::<i64>(),
    ]
}

fn quantity() -> impl Strategy<Value = i64> {
    prop_oneof![
        6 => 1_i64..100,
        1 => MAX_QUANTITY - 1..MAX_QUANTITY + 2,
        1 => any::<i64>(),
    ]
}

#[test]
fn amounts_that_were_not_sent_are_not_blamed() {
    let mut order = two_lines("pos");
    order.lines[0].unit_price.amount = -1;
    let blamed = pointers(placed(order));
    assert!(
        !blamed
            .iter()
            .any(|pointer| pointer.starts_with("/lines/0/discount"))
    );
    assert!(
        !blamed
            .iter()
            .any(|pointer| pointer.starts_with("/lines/0/tax"))
    );
}
