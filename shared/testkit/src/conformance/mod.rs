//! What every implementation of a port must do, told as stories. Each suite runs in memory and on the local cloud.

pub mod alerts;
pub mod books;
pub mod catalog;
pub mod export;
pub mod orders;
pub mod split_levels;
pub mod stock;
pub mod tasks;
pub mod whereabouts;
