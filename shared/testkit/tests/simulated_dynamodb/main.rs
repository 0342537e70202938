//! Tests that the simulated DynamoDB behaves as the Developer Guide and the API Reference describe, through the AWS client.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod expressions;
mod fixture;
mod items;
mod limits;
mod queries;
mod transactions;
