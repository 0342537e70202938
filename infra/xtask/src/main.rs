//! `cargo xtask`: parses the command line, runs the command and prints its error.

use std::process::ExitCode;

use clap::Parser as _;
use xtask::{Error, cli::Cli, interrupt};

fn main() -> ExitCode {
    let cli = Cli::parse();
    interrupt::install();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            interrupt::block_if_interrupted();
            if !matches!(error, Error::Exit(_)) {
                eprintln!("error: {error}");
            }
            ExitCode::from(error.exit_code())
        }
    }
}
