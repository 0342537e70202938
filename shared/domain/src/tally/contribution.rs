//! What one order or refund adds to the tally.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use super::Figures;
use crate::export::{TooLarge, refund_net, sold_lines};
use crate::ids::{LocationId, OrderId, RefundId, Sku};
use crate::money::Currency;
use crate::order::{Order, OrderStatus, Refund, TaxTreatment};

/// How long a contribution is kept after it was written, in days.
///
/// It covers 13 months, so a report can be compared with the same days a year earlier. It is far above the 15 days in which a
/// stream record can be delivered again: 24 hours in the stream, and 14 days in the failure queue.
pub const RETENTION_DAYS: i32 = 400;

/// An order at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderVersion {
    /// The order.
    pub order: Order,
    /// The revision: 1 when the order is placed, and one more with each change.
    pub revision: u64,
}

/// The order or refund that a contribution belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContributionId {
    /// An order.
    Order(OrderId),
    /// A refund.
    Refund(RefundId),
}

/// The totals that a contribution is part of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TallyCell {
    /// The location of the sale or of the return.
    pub location_id: LocationId,
    /// The business date of the sale or of the return.
    pub business_date: Date,
    /// The hour of the location's local time, 0 to 23.
    pub hour: i8,
    /// The currency.
    pub currency: Currency,
}

/// The amounts of one SKU, in minor units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkuAmounts {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The quantity in the SKU's unit of measure.
    pub quantity: i64,
    /// Quantity times unit price. For a refund, the net.
    pub gross: i64,
    /// Tax, included in `net` or added to it.
    pub tax: i64,
    /// The amount without added tax.
    pub net: i64,
    /// The amount.
    pub total: i64,
}

/// What one order or refund adds to the tally.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contribution {
    /// The order or refund.
    pub id: ContributionId,
    /// The totals that it is part of.
    pub cell: TallyCell,
    /// The revision of the order; 1 for a refund, which never changes.
    pub revision: u64,
    /// The sold or refunded SKUs, each once, sorted. A canceled order has none; every other order and every refund has one.
    pub lines: Vec<SkuAmounts>,
}

/// A change of the tally: a contribution, and what its cell gains by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TallyWrite {
    /// The revision of the stored contribution that this one replaces; `None` if there is none.
    pub replaces: Option<u64>,
    /// The contribution to store.
    pub contribution: Contribution,
    /// What the cell gains. All zero if only the lines change.
    pub difference: Figures,
}

/// Returns the hour of `at` in local time, 0 to 23. The hour that is repeated at the end of daylight saving time is one hour.
pub fn local_hour(at: Timestamp, time_zone: &TimeZone) -> i8 {
    time_zone.to_datetime(at).hour()
}

/// Returns what `order` sold by SKU. Empty for a canceled order.
///
/// # Errors
/// A sum exceeds 64 bits.
pub fn sold_amounts(order: &Order) -> Result<Vec<SkuAmounts>, TooLarge> {
    if order.status == OrderStatus::Canceled {
        return Ok(Vec::new());
    }
    by_sku(sold_lines(order).map(|sold| SkuAmounts {
        sku: sold.line.sku.clone(),
        quantity: sold.quantity,
        gross: sold.amounts.gross,
        tax: sold.amounts.tax,
        net: sold.amounts.net,
        total: sold.amounts.total,
    }))
}

/// Returns whether what `order` sold differs from `before`, its state before a change. A fulfilment or a refund sells nothing.
///
/// # Errors
/// A sum exceeds 64 bits.
pub fn changes_sales(before: &Order, order: &Order) -> Result<bool, TooLarge> {
    Ok(sold_amounts(before)? != sold_amounts(order)?)
}

impl Contribution {
    /// Returns the contribution of an order that was sold in the local `hour`.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn of_order(version: &OrderVersion, hour: i8) -> Result<Self, TooLarge> {
        let order = &version.order;
        Ok(Self {
            id: ContributionId::Order(order.order_id),
            cell: TallyCell {
                location_id: order.location_id.clone(),
                business_date: order.business_date,
                hour,
                currency: order.currency,
            },
            revision: version.revision,
            lines: sold_amounts(order)?,
        })
    }

    /// Returns the contribution of a refund that was made in the local `hour`. `treatment` is that of its order.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn of_refund(refund: &Refund, treatment: TaxTreatment, hour: i8) -> Result<Self, TooLarge> {
        let lines = refund.lines.iter().map(|line| {
            let net = refund_net(line.amount.amount, line.tax.amount, treatment);
            SkuAmounts {
                sku: line.sku.clone(),
                quantity: line.quantity,
                gross: net,
                tax: line.tax.amount,
                net,
                total: line.amount.amount,
            }
        });
        Ok(Self {
            id: ContributionId::Refund(refund.refund_id),
            cell: TallyCell {
                location_id: refund.location_id.clone(),
                business_date: refund.business_date,
                hour,
                currency: refund.total.currency,
            },
            revision: 1,
            lines: by_sku(lines)?,
        })
    }

    /// Returns the figures of the whole order or refund.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn figures(&self) -> Result<Figures, TooLarge> {
        let count = match self.id {
            ContributionId::Order(_) if self.lines.is_empty() => Figures {
                canceled_orders: 1,
                ..Figures::default()
            },
            ContributionId::Order(_) => Figures {
                orders: 1,
                ..Figures::default()
            },
            ContributionId::Refund(_) => Figures {
                refunds: 1,
                ..Figures::default()
            },
        };
        self.lines
            .iter()
            .try_fold(count, |sum, line| sum.plus(&self.line_figures(line)))
    }

    /// Returns the figures of one of its lines, without counts of orders and refunds.
    pub fn line_figures(&self, line: &SkuAmounts) -> Figures {
        match self.id {
            ContributionId::Order(_) => Figures {
                units: line.quantity,
                gross: line.gross,
                discount: line.gross - line.net,
                tax: line.tax,
                net: line.net,
                total: line.total,
                ..Figures::default()
            },
            ContributionId::Refund(_) => Figures {
                refunded_units: line.quantity,
                refunded_tax: line.tax,
                refunded_net: line.net,
                refunded_total: line.total,
                ..Figures::default()
            },
        }
    }
}

impl TallyWrite {
    /// Returns how the tally changes by `observed`; `None` if it has this revision or a later one.
    ///
    /// `stored` is the stored contribution of the same order. If there is none because it has expired, `expired` is the
    /// contribution of the order's previous revision. The hour of the first contribution is kept, as the business date is.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn next(
        stored: Option<&Contribution>,
        expired: Option<&Contribution>,
        observed: Contribution,
    ) -> Result<Option<Self>, TooLarge> {
        if stored.is_some_and(|stored| stored.revision >= observed.revision) {
            return Ok(None);
        }
        let mut contribution = observed;
        let base = stored.or(expired);
        let difference = match base {
            None => contribution.figures()?,
            Some(base) => {
                contribution.cell.clone_from(&base.cell);
                contribution.figures()?.minus(&base.figures()?)?
            }
        };
        Ok(Some(Self {
            replaces: stored.map(|stored| stored.revision),
            contribution,
            difference,
        }))
    }

    /// Returns whether a contribution that was first written at `placed_at` or later may have expired at `now`.
    pub fn may_have_expired(placed_at: Timestamp, now: Timestamp) -> bool {
        now.duration_since(placed_at) > SignedDuration::from_hours(24 * i64::from(RETENTION_DAYS))
    }
}

fn by_sku(lines: impl Iterator<Item = SkuAmounts>) -> Result<Vec<SkuAmounts>, TooLarge> {
    let mut merged: BTreeMap<Sku, SkuAmounts> = BTreeMap::new();
    for line in lines {
        match merged.get_mut(&line.sku) {
            None => {
                merged.insert(line.sku.clone(), line);
            }
            Some(sum) => {
                for (sum, amount) in [
                    (&mut sum.quantity, line.quantity),
                    (&mut sum.gross, line.gross),
                    (&mut sum.tax, line.tax),
                    (&mut sum.net, line.net),
                    (&mut sum.total, line.total),
                ] {
                    *sum = sum.checked_add(amount).ok_or(TooLarge)?;
                }
            }
        }
    }
    Ok(merged.into_values().collect())
}
