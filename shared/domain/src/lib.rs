//! The business rules of Stockline: orders, stock, alerts, warehouse tasks, money and business dates.
//!
//! All functions are pure: time, ids and stored data are arguments, and nothing is async, logs or depends on AWS.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod alert;
pub mod audit;
pub mod business_date;
pub mod caller;
pub mod catalog;
pub mod explanation;
pub mod export;
pub mod gtin;
pub mod ids;
pub mod invalid;
pub mod level;
pub mod measures;
pub mod millis;
pub mod money;
pub mod open_order;
pub mod order;
pub mod place_order;
pub mod replenishment;
pub mod reported_time;
pub mod shipping;
pub mod split_level;
pub mod stock_change;
pub mod tally;
pub mod task;
pub mod text;
pub mod user;
