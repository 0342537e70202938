//! The stores, kept in DynamoDB.

pub mod attributes;
pub mod orders;
mod transaction;
