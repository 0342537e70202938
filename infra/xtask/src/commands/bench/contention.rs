//! `bench contention`: how many orders of one SKU the order store places, on a simulated DynamoDB.

use std::process::Command;

use clap::Args;

use crate::packages::{self, EXAMPLE};
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, process};

/// How it is run.
#[derive(Debug, Args)]
pub struct ContentionArgs {
    /// What is handed to the experiment itself; see `cargo xtask bench contention -- --help`
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// The command. It is built with the features of the test run, so that nothing is built twice.
pub fn command(workspace: &Workspace, args: &ContentionArgs) -> Result<()> {
    let mut step = Step::begin("building the experiment");
    let mut cargo = packages::cargo(workspace);
    cargo.args(["build", "--workspace", "--example", EXAMPLE]);
    process::run(&mut step, &mut cargo, &workspace.local().join("bench.log"))?;
    step.done("");
    let mut experiment = Command::new(packages::binary(workspace, "examples").join(EXAMPLE));
    experiment
        .args(&args.arguments)
        .current_dir(&workspace.root);
    let status = process::watch(&mut experiment, |_| ())?;
    match status.code() {
        Some(0) => Ok(()),
        code => Err(Error::Exit(
            code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        )),
    }
}
