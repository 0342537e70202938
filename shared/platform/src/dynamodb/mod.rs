//! The stores, kept in DynamoDB.

pub mod alerts;
pub mod attributes;
pub mod audit_records;
pub mod catalog;
mod cause_attributes;
pub mod change_level;
mod get_all;
mod get_together;
pub mod level_changes;
pub mod orders;
mod rebalance;
pub mod replace_level;
pub mod sales;
mod single_write;
mod split_levels;
pub mod stock;
pub mod tasks;
mod transaction;
