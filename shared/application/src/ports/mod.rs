//! The ports: small traits with just the verbs their callers use. Each store port has one conformance suite.

pub mod alerts;
pub mod audit_data;
pub mod catalog;
pub mod clock;
pub mod export;
pub mod identity;
pub mod operations;
pub mod order_search;
pub mod orders;
pub mod queue;
pub mod randomness;
pub mod replenishment;
pub mod sales_tally;
pub mod stock;
pub mod stock_changes;
pub mod stock_lookup;
pub mod tasks;
pub mod users;
