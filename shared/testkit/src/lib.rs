//! Test support: builders, a fake clock, in-memory stores, conformance suites, a simulated DynamoDB and a lossy connection.
//!
//! A dev-dependency only. Errors panic, because they mean that a test is broken.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod calls;
pub mod clock;
pub mod cloud;
pub mod conformance;
pub mod dynamo_audited_shop;
pub mod dynamo_sales;
pub mod dynamo_shop;
pub mod issuer;
pub mod lossy_connection;
pub mod memory;
pub mod orders;
pub mod simulated_dynamodb;
