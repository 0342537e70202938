//! The rows of one day of one group: encoded, digested and summed in one pass.

use stockline_domain::export::{
    DayTotals, ProductLabel, RefundLine, RefundTotals, SalesLine, StoreTotals, TimeZoneGroup,
    refund_net,
};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::order::{Order, Refund};

use super::ExportError;
use super::catalog::ProductLabels;
use super::content_digest::ContentDigest;
use super::location_day::LocationDay;
use crate::ports::export::{DayEncoder, EncodedFile};

/// Builds the files of one day at one revision. Locations must be added in the order of their ids.
pub(super) struct DayRows<'a, Encoder> {
    pub group: &'a TimeZoneGroup,
    pub labels: &'a ProductLabels,
    pub revision: u64,
    pub files: Encoder,
    /// Sums the rows.
    pub row_totals: DayTotals,
    /// Sums the orders and refunds as they were read.
    pub read_totals: DayTotals,
    pub digest: ContentDigest,
}

/// The files of one day.
pub(super) struct FinishedDay {
    pub sales_lines: EncodedFile,
    pub refund_lines: EncodedFile,
    pub content_sha256: String,
    pub totals: Vec<StoreTotals>,
    pub refund_totals: Vec<RefundTotals>,
}

impl<'a, Encoder: DayEncoder> DayRows<'a, Encoder> {
    /// Appends the sales of one location.
    pub fn add_sales(
        &mut self,
        location_id: &LocationId,
        day: &LocationDay,
    ) -> Result<(), ExportError> {
        for (order, line, sku) in day.lines() {
            let row = SalesLine {
                group: self.group,
                location_id,
                order_id: order.order_id,
                line_no: line.line_no,
                sku,
                product: self.label(sku),
                channel: order.channel,
                status: order.status,
                sold_at: order.sold_at,
                quantity: line.quantity,
                currency: order.currency,
                unit_price: line.unit_price,
                unit_cost: line.unit_cost,
                amounts: line.amounts,
                is_tax_inclusive: order.is_tax_inclusive,
                revision: self.revision,
            };
            self.digest.add_sale(&row);
            self.row_totals.add_sales_line(&row)?;
            self.files.add_sale(&row)?;
        }
        Ok(())
    }

    /// Appends the lines of one refund of `order`.
    pub fn add_refund(&mut self, refund: &Refund, order: &Order) -> Result<(), ExportError> {
        self.read_totals.add_refund(refund, order.tax_treatment)?;
        for (refund_line_no, line) in (1..).zip(&refund.lines) {
            let row = RefundLine {
                group: self.group,
                refund,
                refund_line_no,
                line,
                order,
                product: self.label(&line.sku),
                net: refund_net(line.amount.amount, line.tax.amount, order.tax_treatment),
                revision: self.revision,
            };
            self.digest.add_refund(&row);
            self.row_totals.add_refund_line(&row)?;
            self.files.add_refund(&row)?;
        }
        Ok(())
    }

    /// Returns the files after checking that their totals equal those of the orders and refunds read.
    pub fn finish(self) -> Result<FinishedDay, ExportError> {
        self.read_totals.reconcile(&self.row_totals)?;
        let (sales_lines, refund_lines) = self.files.finish()?;
        let (totals, refund_totals) = self.read_totals.finish();
        Ok(FinishedDay {
            sales_lines,
            refund_lines,
            content_sha256: self.digest.finish(),
            totals,
            refund_totals,
        })
    }

    fn label(&self, sku: &Sku) -> Option<&'a ProductLabel> {
        self.labels.get(sku)
    }
}
