//! Wrong sales reports.

use super::super::super::report::Totals;
use super::*;

#[test]
fn expected_report_sums_orders_and_refunds() {
    let day = correct_day();
    let expected = expected_reports(&day.snapshot, "2026-03-01");
    let totals = Totals {
        orders: 1,
        units: 3,
        gross: 300,
        discount: 1,
        net: 299,
        total: 299,
        ..Totals::default()
    };
    assert_eq!(expected, Reports::from([("dc".to_owned(), totals)]));
    assert_eq!(
        expected_reports(&day.snapshot, "2026-03-02"),
        Reports::new()
    );

    let mut canceled = correct_day();
    canceled.snapshot.orders[0].status = "canceled".into();
    let totals = Totals {
        canceled_orders: 1,
        ..Totals::default()
    };
    let expected = expected_reports(&canceled.snapshot, "2026-03-01");
    assert_eq!(expected, Reports::from([("dc".to_owned(), totals)]));

    let refunded = partly_fulfilled_day();
    let expected = expected_reports(&refunded.snapshot, "2026-03-01");
    let refunds: i64 = expected.values().map(|totals| totals.refunds).sum();
    assert_eq!(
        refunds,
        i64::try_from(refunded.snapshot.refunds.len()).unwrap()
    );
}

#[test]
fn wrong_reports_are_found() {
    let day = correct_day();
    let right = expected_reports(&day.snapshot, "2026-03-01");
    assert_eq!(broken_with(&day, &right), [""; 0]);

    let mut cent = right.clone();
    cent.get_mut("dc").unwrap().total += 1;
    assert_eq!(broken_with(&day, &cent), ["reports_equal_orders"]);

    assert_eq!(broken_with(&day, &Reports::new()), ["reports_equal_orders"]);

    let mut invented = right;
    invented.insert("store-9".to_owned(), Totals::default());
    assert_eq!(broken_with(&day, &invented), ["reports_equal_orders"]);
}
