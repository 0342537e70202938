//! Adapters of the ports of `stockline_application` to AWS, Slack and the identity provider; the HTTP edge; batches of queue and
//! stream records; configuration and telemetry of a function.
//!
//! SDK types stay inside this crate. Only this crate reads the clock and chooses HTTP statuses.
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
pub mod http_client;
pub mod identity;
pub mod key_set;
pub mod keys;
pub mod oidc;
pub mod problem;
pub mod random;
pub mod s3;
pub mod sealing;
pub mod slack;
pub mod sns;
pub mod sqs;
pub mod strict_json;
pub mod telemetry;
