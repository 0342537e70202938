//! Tests of the DynamoDB adapters on the simulated DynamoDB, with throttling, transaction conflicts and lost responses.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod audit_lag;
mod audit_records;
mod audits;
mod bucket_choice;
mod busy_tally;
mod conformance;
mod costs;
mod count_clock_skew;
mod deadlines;
mod duplicate_orders;
mod event_order;
mod hot_levels;
mod late_counts;
mod level_reads;
mod linearizability;
mod permanent_errors;
mod policies;
mod replayed_requests;
mod replenishment;
mod snapshot_refusals;
mod splitting;
mod test_store;
mod transaction_conflicts;
mod transaction_size;
mod unknown_order_items;
mod unsellable_stock;
mod warm_up;
