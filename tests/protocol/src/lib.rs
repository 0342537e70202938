//! Checks the write protocol of orders, stock and tasks.
//!
//! - [`model`]: a state machine of the protocol, explored exhaustively with a model checker;
//! - [`history`]: a linearizability checker for what concurrent clients of one level observe.
//!
//! A failure panics, because it is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod history;
pub mod model;
