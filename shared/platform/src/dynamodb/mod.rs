//! The stores, kept in DynamoDB.

pub mod alerts;
pub mod attributes;
pub mod catalog;
mod change_level;
pub mod orders;
pub mod sales;
pub mod stock;
pub mod tasks;
mod transaction;
