//! The rules of Stockline's trade: orders, stock, alerts, tasks, money and days.
//!
//! Everything here is pure. Time, ids and storage come in as arguments; nothing here waits, logs or knows AWS.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod alert;
pub mod audit;
pub mod business_date;
pub mod caller;
pub mod catalog;
pub mod explanation;
pub mod export;
pub mod ids;
pub mod invalid;
pub mod level;
pub mod millis;
pub mod money;
pub mod open_order;
pub mod order;
pub mod place_order;
pub mod split_level;
pub mod stock_change;
pub mod task;
pub mod told_time;
