//! Simulators of the systems around Stockline. Each is a real client or server of a public interface.
//!
//! - [`api`]: a client of the HTTPS API that retries;
//! - [`store_app`]: a store app that places orders;
//! - [`controller`]: an automation controller on its real queue, with scripts for correct and faulty behaviour;
//! - [`fault_proxy`]: a reverse proxy that injects faults;
//! - [`slack`]: a stand-in for Slack that validates the messages it receives;
//! - [`visitor`]: a person who visits the dashboard with a browser without scripts.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod api;
pub mod controller;
pub mod fault_proxy;
pub mod script;
pub mod slack;
pub mod slack_payload;
pub mod store_app;
pub mod visitor;
