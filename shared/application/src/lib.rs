//! The use cases of Stockline, and the ports they need.
//!
//! A use case calls domain rules and ports in order, and repeats a decision that a concurrent write made stale. It names no
//! AWS type, no table, no queue and no HTTP status: those belong to `platform`, which implements the ports.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod chat_alerts;
pub mod controller_heartbeats;
pub mod deadline;
pub mod error_chain;
pub mod fingerprint;
pub mod lease_sweep;
pub mod level_creation;
pub mod level_explanation;
pub mod location_cache;
pub mod location_changes;
pub mod message;
pub mod metrics;
pub mod movement_recording;
pub mod order_history;
pub mod order_lifecycle;
pub mod order_placement;
pub mod order_search;
pub mod overviews;
pub mod paging;
pub mod ports;
pub mod product_cache;
pub mod product_names;
pub mod record_outcome;
pub mod reorder_messages;
pub mod reorder_policy;
pub mod replenishment;
pub mod sales_export;
pub mod sales_report;
pub mod sales_tally;
pub mod shipping;
pub mod sign_in;
pub mod stock_alerts;
pub mod stock_audit;
pub mod stock_change;
pub mod stock_listing;
pub mod stock_requests;
pub mod store_error;
pub mod stream_change;
pub mod task_cancellation;
pub mod task_dispatch;
pub mod task_messages;
pub mod task_planning;
pub mod task_reports;
pub mod trace;
pub mod user_cache;
pub mod users;
