//! The project's own tool: the local cloud, the deployment, the tests, the demo and the benchmark.
//!
//! `cargo xtask --help` says what there is. The library holds what the binaries share: `xtask` itself, which builds
//! in seconds, and `stockline-demo` and `stockline-repair`, which carry the SDK.
#![warn(clippy::print_stdout)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod clock;
pub mod cloud;
pub mod commands;
pub mod error;
pub mod files;
pub mod interrupt;
pub mod oidc;
pub mod output;
pub mod packages;
pub mod process;
pub mod progress;
pub mod python;
pub mod status;
pub mod terraform;
pub mod tools;
pub mod workspace;

pub use error::{Error, Result};
