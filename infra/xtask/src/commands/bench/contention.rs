//! `bench contention`: how many orders of one SKU the order store places on a simulated DynamoDB.

use std::process::Command;

use clap::Args;

use crate::packages::{self, EXAMPLE};
use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Result, process};

/// Arguments of `bench contention`.
#[derive(Debug, Args)]
pub struct ContentionArgs {
    /// Arguments of the experiment itself; see `cargo xtask bench contention -- --help`
    #[arg(last = true, value_name = "ARGUMENTS")]
    arguments: Vec<String>,
}

/// Runs the command.
pub fn command(workspace: &Workspace, args: &ContentionArgs) -> Result<()> {
    let mut step = Step::begin("building the experiment");
    let mut cargo = packages::cargo(workspace);
    // `--workspace` shares the build of the SDK with the test run.
    cargo.args(["build", "--workspace", "--example", EXAMPLE]);
    process::run(&mut step, &mut cargo, &workspace.local().join("bench.log"))?;
    step.done("");
    let mut experiment = Command::new(packages::binary(workspace, "examples").join(EXAMPLE));
    experiment
        .args(&args.arguments)
        .current_dir(&workspace.root);
    process::run_tool(&mut experiment)
}
