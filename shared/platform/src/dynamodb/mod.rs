//! Stores over DynamoDB.

pub mod alerts;
pub mod attributes;
pub mod audit_records;
mod batch_get;
pub mod catalog;
mod cause_attributes;
pub mod change_level;
pub mod level_changes;
pub mod orders;
mod paging;
mod rebalance;
pub mod replace_level;
pub mod sales;
pub mod sales_tally;
mod single_write;
mod split_levels;
pub mod stock;
pub mod tasks;
mod transact_get;
mod transaction;
pub mod users;
