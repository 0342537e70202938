//! Invariant 5: exported totals equal the orders they came from.

use std::collections::BTreeMap;

use super::super::exported::{ExportedDay, ExportedLine, ExportedRefund};
use super::Finding;
use super::rows::Snapshot;

/// Compares every line and every refund, and the total of each location.
pub fn equals_orders(snapshot: &Snapshot, exported: &ExportedDay, business_date: &str) -> Finding {
    let mut finding = Finding::new(
        "exports_equal_orders",
        "exported totals equal the orders they came from, to the cent",
    );
    let mut rows: BTreeMap<(&str, i64), Vec<&ExportedLine>> = BTreeMap::new();
    let mut totals: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for line in &exported.sales {
        rows.entry((&line.order_id, line.line_no))
            .or_default()
            .push(line);
        totals.entry(&line.location_id).or_default().0 += line.net_minor;
    }
    for order in snapshot
        .orders
        .iter()
        .filter(|order| order.business_date == business_date)
    {
        let sum: i64 = order.lines.iter().map(|line| order.total_of(line)).sum();
        finding.check(sum == order.total, || {
            format!(
                "order {}: the sum of its lines is {sum}, its total is {}",
                order.order_id, order.total
            )
        });
        for (number, line) in (1_i64..).zip(&order.lines) {
            let line_rows = rows
                .remove(&(order.order_id.as_str(), number))
                .unwrap_or_default();
            let quantity = order.exported_quantity(line);
            let net = order.net_of(line, quantity);
            let gross = line.unit_price * quantity;
            totals.entry(&order.location_id).or_default().1 += net;
            let is_equal = line_rows.len() == usize::from(quantity > 0)
                && line_rows.iter().all(|row| {
                    row.location_id == order.location_id
                        && row.channel == order.channel
                        && row.business_date == business_date
                        && row.currency == "USD"
                        && row.sku == line.sku
                        && row.quantity == quantity
                        && row.gross_minor == gross
                        && row.discount_minor == gross - net
                        && row.net_minor == net
                        && row.total_minor == order.paid_for(line, quantity)
                });
            finding.check(is_equal, || {
                format!(
                    "line {number} of order {}: exported {} times, as {:?}",
                    order.order_id,
                    line_rows.len(),
                    line_rows.first()
                )
            });
        }
    }
    for ((order, line), rows) in rows {
        finding.check(false, || {
            format!(
                "{} exported rows of line {line} of order {order}, which does not exist",
                rows.len()
            )
        });
    }
    for (location, (files, orders)) in totals {
        finding.check(files == orders, || {
            format!(
                "{location}: the total of the files is {files}, the total of the orders is {orders}"
            )
        });
    }
    compare_refunds(snapshot, &exported.refunds, business_date, &mut finding);
    finding
}

/// Compares the exported refunds with the stored ones, as sets of lines.
fn compare_refunds(
    snapshot: &Snapshot,
    exported: &[ExportedRefund],
    business_date: &str,
    finding: &mut Finding,
) {
    let dates: BTreeMap<&str, &str> = snapshot
        .orders
        .iter()
        .map(|order| (order.order_id.as_str(), order.business_date.as_str()))
        .collect();
    let mut stored: Vec<ExportedRefund> = Vec::new();
    for refund in &snapshot.refunds {
        if refund.business_date != business_date {
            continue;
        }
        stored.extend(refund.lines.iter().map(|line| {
            let order_date = dates.get(refund.order_id.as_str());
            ExportedRefund {
                refund_id: refund.refund_id.clone(),
                order_id: refund.order_id.clone(),
                line_no: line.line,
                location_id: refund.location_id.clone(),
                business_date: refund.business_date.clone(),
                order_business_date: (*order_date.unwrap_or(&"")).to_owned(),
                sku: line.sku.clone(),
                restocked: line.restock,
                quantity: line.quantity,
                currency: "USD".to_owned(),
                total_minor: line.amount,
            }
        }));
    }
    stored.sort_unstable();
    let mut exported = exported.to_vec();
    exported.sort_unstable();
    // A day without refunds proves nothing about them.
    if stored.is_empty() && exported.is_empty() {
        return;
    }
    finding.check(stored == exported, || {
        let difference = stored
            .iter()
            .zip(&exported)
            .find(|(stored, exported)| stored != exported);
        format!(
            "{} refunded lines are stored, {} are exported; the first pair that differs: {difference:?}",
            stored.len(),
            exported.len()
        )
    });
}
