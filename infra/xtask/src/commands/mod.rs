//! One module for each thing that can be asked for.

pub mod bench;
pub mod chaos;
pub mod demo;
pub mod down;
pub mod invoke;
pub mod package;
pub mod repair;
pub mod status;
pub mod test;
pub mod token;
pub mod up;
