//! The stores, kept in DynamoDB.

pub mod attributes;
pub mod catalog;
pub mod orders;
pub mod sales;
pub mod stock;
mod transaction;
