//! The project's own tool: the local cloud, the deployment, the tests, the demo and the benchmark.
//!
//! `cargo xtask --help` says what there is. The library holds what the two binaries share: `xtask` itself, which
//! builds in seconds, and `stockline-demo`, which carries the SDK.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod clock;
pub mod cloud;
pub mod commands;
pub mod error;
pub mod files;
pub mod interrupt;
pub mod oidc;
pub mod packages;
pub mod process;
pub mod progress;
pub mod python;
pub mod status;
pub mod terraform;
pub mod tools;
pub mod workspace;

pub use error::{Error, Result};
