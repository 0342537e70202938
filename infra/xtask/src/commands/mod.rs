//! One module for each command.

pub mod athena;
pub mod bench;
pub mod chaos;
pub mod demo;
pub mod down;
pub mod invoke;
pub mod logs;
pub mod package;
pub mod repair;
pub mod status;
pub mod test;
pub mod token;
pub mod up;
