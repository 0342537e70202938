//! Stand-ins for the systems around Stockline, each a real client or server of its public interfaces.
//!
//! - [`api`]: a caller of the HTTPS API, patient as a till has to be;
//! - [`store_app`]: a till that places orders;
//! - [`controller`]: an automation controller on its real queue, with scripts for good and bad days;
//! - [`fault_proxy`]: a bad network before a service;
//! - [`slack`]: what answers in Slack's place and checks what it is sent.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
pub mod controller;
pub mod fault_proxy;
pub mod script;
pub mod slack;
pub mod slack_payload;
pub mod store_app;
