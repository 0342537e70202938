//! The test binaries: those that need no cloud, and those that run through a deployed one.

use std::process::Command;

use crate::commands::up::Private;
use crate::packages::{self, Selection};
use crate::status::TEST_CLOUD_VARIABLE;
use crate::workspace::Workspace;
use crate::{Result, process, tools};

/// Everything that needs no cloud.
pub fn unit(workspace: &Workspace) -> Result<()> {
    packages::build(workspace, Selection::Everything)?;
    process::run_shown("cargo nextest run", &mut nextest(workspace, "default")?)
}

/// Everything through the deployed functions. The cloud ends whatever happens.
pub fn integration(workspace: &Workspace) -> Result<()> {
    let private = Private::start(workspace, "test", Selection::Everything)?;
    private.is_settled(workspace)?;
    let mut run = nextest(workspace, "cloud")?;
    run.env(TEST_CLOUD_VARIABLE, private.file());
    process::run_shown("cargo nextest run --profile cloud", &mut run)
}

/// Nextest with one of the profiles of `.config/nextest.toml`.
pub fn nextest(workspace: &Workspace, profile: &str) -> Result<Command> {
    let tool = tools::find(workspace, &tools::NEXTEST)?;
    let mut cargo = packages::cargo(workspace);
    tool.apply(&mut cargo);
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
