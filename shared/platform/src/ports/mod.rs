//! The ports: small traits with just the verbs their callers use. Each store port has one conformance suite.

pub mod alerts;
pub mod catalog;
pub mod export;
pub mod identity;
pub mod messages;
pub mod orders;
pub mod stock;
pub mod tasks;
