//! Rules of the sales export: which business dates are due, the rows of each dataset, their totals, and the manifest that
//! makes a revision visible.

mod decimal;
mod group;
pub mod late;
mod manifest;
mod request;
mod rows;
mod totals;

pub use decimal::{DECIMAL_PRECISION, DECIMAL_SCALE, TooLarge, unscaled};
pub use group::{TimeZoneGroup, UnknownTimeZone};
pub use manifest::{DayDataset, ExportedFile, Manifest, data_key, manifest_key};
pub use request::{ExportDays, ExportRequest, MAX_DAYS};
pub use rows::{
    ProductLabel, RefundLine, SalesLine, SoldLine, channel_name, refund_net, sold_lines,
    status_name,
};
pub use totals::{DayTotals, NotReconciled, RefundTotals, StoreTotals};
