//! Where Stockline meets AWS and HTTP: ports and their adapters, the HTTP edge, batches, environment and telemetry.
//!
//! SDK types never leave this crate. It is the one place that reads the clock and picks an HTTP status.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod batch;
pub mod clients;
pub mod clock;
mod contract;
pub mod cursor;
pub mod dynamodb;
pub mod edge;
mod embedded_metrics;
pub mod environment;
pub mod key_set;
pub mod keys;
pub mod problem;
pub mod s3;
pub mod slack;
pub mod sns;
pub mod sqs;
pub mod strict_json;
pub mod telemetry;
