//! The ports: small traits with just the verbs their callers use. Each store port has one conformance suite.

pub mod alerts;
pub mod books;
pub mod catalog;
pub mod export;
pub mod identity;
pub mod messages;
pub mod operations;
pub mod orders;
pub mod stock;
pub mod tasks;
pub mod whereabouts;
