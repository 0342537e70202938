//! `cargo xtask`: reads the command line, does it, says in one sentence what went wrong.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

use std::process::ExitCode;

use clap::Parser as _;
use xtask::{Error, cli::Cli, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::install();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            interrupt::wait_if_ending();
            if !matches!(error, Error::Exit(_)) {
                eprintln!("error: {error}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
