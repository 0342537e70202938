//! The use cases of Stockline, and the ports they need.
//!
//! A use case calls domain rules and ports in order, and retries a decision that another writer overtook. It names no
//! AWS type, no table, no queue and no HTTP status: those belong to `platform`, which implements the ports.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod deadline;
pub mod error_chain;
pub mod fingerprint;
pub mod location_cache;
pub mod message;
pub mod metrics;
pub mod order_lifecycle;
pub mod paging;
pub mod ports;
pub mod record_outcome;
pub mod replenishment;
pub mod stock_audit;
pub mod store_error;
pub mod task_cancellation;
pub mod task_reports;
pub mod trace;
