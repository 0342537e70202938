//! The sales tally: running totals of each location, business date and hour, and what each order and refund adds to them.
//!
//! What an order adds is a function of its present state. It is stored with the revision of the order it was computed from, so a
//! repeated or older change of the order adds nothing, and a newer one adds the difference. The amounts are those of the export
//! ([`crate::export`]).

mod contribution;
mod figures;
mod report;
#[cfg(test)]
mod tests;

pub use contribution::{
    Contribution, ContributionId, OrderVersion, RETENTION_DAYS, SkuAmounts, TallyCell, TallyWrite,
    changes_sales, local_hour, sold_amounts,
};
pub use figures::{Figures, Measure};
pub use report::{
    Grouping, HourTally, InvalidGrouping, MAX_REPORT_DAYS, ReportRange, ReportRow, ReportSums,
    RowKey,
};
