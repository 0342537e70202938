//! The sales reports equal the orders and refunds they came from.

use super::super::report::{Reports, Totals};
use super::Finding;
use super::rows::Snapshot;

/// Compares the report of each location with the stored orders and refunds.
pub fn equal_orders(snapshot: &Snapshot, reports: &Reports, date: &str) -> Finding {
    let mut finding = Finding::new(
        "reports_equal_orders",
        "the sales report of a store equals its orders and refunds, to the cent",
    );
    let expected = expected_reports(snapshot, date);
    for (location, totals) in &expected {
        let reported = reports.get(location);
        finding.check(reported == Some(totals), || {
            format!("{location}: reported {reported:?}, stored {totals:?}")
        });
    }
    for location in reports
        .keys()
        .filter(|location| !expected.contains_key(*location))
    {
        finding.check(false, || format!("{location} has a report and no orders"));
    }
    finding
}

/// The totals of each location with orders or refunds on `date`, from the stored ones.
pub fn expected_reports(snapshot: &Snapshot, date: &str) -> Reports {
    let mut reports = Reports::new();
    let orders = snapshot.orders.iter();
    for order in orders.filter(|order| order.business_date == date) {
        let totals = reports.entry(order.location_id.clone()).or_default();
        if order.status == "canceled" {
            totals.canceled_orders += 1;
            continue;
        }
        totals.orders += 1;
        for line in &order.lines {
            let quantity = order.exported_quantity(line);
            let (gross, net) = (line.unit_price * quantity, order.net_of(line, quantity));
            *totals = Totals {
                units: totals.units + quantity,
                gross: totals.gross + gross,
                discount: totals.discount + gross - net,
                tax: totals.tax + line.share(line.tax, quantity),
                net: totals.net + net,
                total: totals.total + order.paid_for(line, quantity),
                ..*totals
            };
        }
    }
    let refunds = snapshot.refunds.iter();
    for refund in refunds.filter(|refund| refund.business_date == date) {
        let totals = reports.entry(refund.location_id.clone()).or_default();
        totals.refunds += 1;
        totals.refunded_total += refund.total;
    }
    reports
}
