//! The stores in memory, for tests of handlers; the conformance suites hold them to what `DynamoDB` does.

pub mod alerts;
pub mod books;
pub mod catalog;
pub mod export;
pub mod operations;
pub mod orders;
pub mod shop;
pub mod stock;
pub mod tasks;
pub mod whereabouts;
