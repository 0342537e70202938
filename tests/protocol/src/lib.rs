//! What the protocol of orders and stock promises, proved as far as a machine can.
//!
//! - [`model`]: the protocol over atomic transactions, explored in every order that its steps can take;
//! - [`history`]: what concurrent callers saw of one shelf, held against what one after another could have seen.
//!
//! What goes wrong here panics: it is a broken test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod history;
pub mod model;
