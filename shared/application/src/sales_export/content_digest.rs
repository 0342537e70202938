//! A digest of what the rows of a day say, to decide whether the day needs a new revision.

use sha2::{Digest, Sha256};
use stockline_domain::export::{RefundLine, SalesLine, channel_name, status_name};
use stockline_domain::order::{LineAmounts, RefundedLine};

use crate::ports::export::sha256_hex;

/// Digests rows in the order in which they are written.
///
/// The revision is left out, because it depends on the decision. Product labels are left out, because renaming a product changes
/// no sale. Structs are destructured completely, so that a new column cannot be forgotten here.
#[derive(Debug, Default)]
pub(super) struct ContentDigest(Sha256);

impl ContentDigest {
    pub fn add_sale(&mut self, row: &SalesLine<'_>) {
        let SalesLine {
            group,
            location_id,
            order_id,
            line_no,
            sku,
            product: _,
            channel,
            status,
            sold_at,
            quantity,
            currency,
            unit_price,
            unit_cost,
            amounts,
            is_tax_inclusive,
            revision: _,
        } = *row;
        let LineAmounts {
            gross,
            discount,
            tax,
            net,
            total,
        } = amounts;
        self.text("sale");
        self.text(&group.name);
        self.text(location_id.as_str());
        self.0.update(order_id.as_uuid().as_bytes());
        self.number(i64::from(line_no));
        self.text(sku.as_str());
        self.text(channel_name(channel));
        self.text(status_name(status));
        self.number(sold_at.as_millisecond());
        self.number(group.local_milliseconds(sold_at));
        self.text(currency.as_str());
        self.number(i64::from(unit_cost.is_some()));
        self.number(i64::from(is_tax_inclusive));
        for number in [quantity, unit_price, unit_cost.unwrap_or_default()] {
            self.number(number);
        }
        for amount in [gross, discount, tax, net, total] {
            self.number(amount);
        }
    }

    pub fn add_refund(&mut self, row: &RefundLine<'_>) {
        let RefundLine {
            group,
            refund,
            refund_line_no,
            line,
            order,
            product: _,
            net,
            revision: _,
        } = *row;
        let RefundedLine {
            line: line_no,
            sku,
            quantity,
            amount,
            tax,
            restock,
        } = line;
        self.text("refund");
        self.text(&group.name);
        self.text(refund.location_id.as_str());
        self.0.update(refund.refund_id.as_uuid().as_bytes());
        self.number(i64::from(refund_line_no));
        self.number(refund.refunded_at.as_millisecond());
        self.number(group.local_milliseconds(refund.refunded_at));
        self.0.update(refund.order_id.as_uuid().as_bytes());
        self.text(order.location_id.as_str());
        self.text(&order.business_date.to_string());
        self.text(channel_name(order.channel));
        self.number(i64::from(order.tax_treatment.is_inclusive()));
        self.number(i64::from(*line_no));
        self.text(sku.as_str());
        self.number(i64::from(*restock));
        self.text(amount.currency.as_str());
        for number in [*quantity, net, tax.amount, amount.amount] {
            self.number(number);
        }
    }

    /// Returns the digest in hexadecimal.
    pub fn finish(self) -> String {
        sha256_hex(self.0)
    }

    fn text(&mut self, text: &str) {
        // The length separates neighboring texts.
        self.number(i64::try_from(text.len()).unwrap_or(i64::MAX));
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: i64) {
        self.0.update(number.to_be_bytes());
    }
}
