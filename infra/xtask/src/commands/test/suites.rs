//! The test binaries: those that need no cloud, and those that use a deployed one.

use std::process::Command;

use crate::commands::up::PrivateCloud;
use crate::packages::{self, Selection};
use crate::status::TEST_CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Result, process, tools};

/// Runs all tests that need no cloud.
pub fn unit(workspace: &Workspace) -> Result<()> {
    packages::build(workspace, Selection::Everything)?;
    process::run_shown("cargo nextest run", &mut nextest(workspace, "default")?)
}

/// Runs all tests that call the deployed functions, in a private cloud.
pub fn integration(workspace: &Workspace) -> Result<()> {
    let private = PrivateCloud::start(workspace, "test", Selection::Everything)?;
    private.check_empty_plan(workspace)?;
    let mut run = nextest(workspace, "cloud")?;
    run.env(TEST_CLOUD_VARIABLE, private.status_file());
    process::run_shown("cargo nextest run --profile cloud", &mut run)
}

/// A nextest command with a profile of `.config/nextest.toml`.
pub fn nextest(workspace: &Workspace, profile: &str) -> Result<Command> {
    let tool = tools::find(workspace, &tools::NEXTEST)?;
    let mut cargo = packages::cargo(workspace);
    tool.add_to_path(&mut cargo);
    cargo.args(["nextest", "run", "--workspace"]);
    cargo.args([
        "--profile",
        profile,
        "--no-tests",
        "warn",
        "--no-fail-fast",
        "--cargo-quiet",
    ]);
    Ok(cargo)
}
