//! In-memory stores for the tests of handlers. They pass the same conformance suites as the stores on `DynamoDB`.

pub mod alerts;
pub mod audit_data;
pub mod catalog;
pub mod export;
pub mod operations;
pub mod orders;
pub mod replenishment;
pub mod sales_tally;
pub mod shop;
pub mod stock;
pub mod stock_lookup;
pub mod tasks;
pub mod users;
