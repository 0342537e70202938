//! What tests are made of: builders, a clock that stands still, in-memory stores, lost responses, conformance suites.
//!
//! A dev-dependency only. What goes wrong here panics: it is a broken test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod calls;
pub mod clock;
pub mod cloud;
pub mod conformance;
pub mod dynamo_books;
pub mod dynamo_shop;
pub mod lost_response;
pub mod memory;
pub mod orders;
pub mod simulated_dynamodb;
