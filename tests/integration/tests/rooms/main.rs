//! The rules of the rooms: what each may depend on, what each must contain, and how it is written.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod language;
mod layers;
mod layout;
mod modules;
mod signatures;
mod workspace;
