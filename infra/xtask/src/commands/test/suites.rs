//! The test binaries: those that need no cloud, and those that use a deployed one.

use std::process::Command;

use super::SuiteOutcome;
use crate::commands::up::PrivateCloud;
use crate::kind::CloudKind;
use crate::launcher::{self, Launcher};
use crate::packages::{self, Selection};
use crate::progress::Step;
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
    deploy_and_test(workspace, "test", CloudKind::Ministack, "cloud")
}

/// Runs the tests that can run on LocalStack, in a private cloud, and before them the tests of the patches to LocalStack.
pub fn localstack(workspace: &Workspace) -> SuiteOutcome {
    if let Some(what) = launcher::missing(CloudKind::Localstack) {
        return SuiteOutcome::Skipped(format!("{what} is missing, and LocalStack needs it"));
    }
    test_localstack(workspace).into()
}

fn test_localstack(workspace: &Workspace) -> Result<()> {
    let launcher = Launcher::prepare(workspace, CloudKind::Localstack)?;
    let mut step = Step::begin("tests of the patches to LocalStack");
    let log = workspace.target().join("localstack/patches.log");
    process::run(&mut step, &mut launcher.patch_tests(), &log)?;
    step.done("");
    deploy_and_test(
        workspace,
        "test-localstack",
        CloudKind::Localstack,
        "localstack",
    )
}

/// Deploys everything to a private cloud and runs the tests of a nextest profile there.
fn deploy_and_test(
    workspace: &Workspace,
    name: &str,
    kind: CloudKind,
    profile: &str,
) -> Result<()> {
    let private = PrivateCloud::start(workspace, name, kind, Selection::Everything)?;
    private.check_empty_plan(workspace)?;
    let mut run = nextest(workspace, profile)?;
    run.env(TEST_CLOUD_VARIABLE, private.status_file());
    process::run_shown(&format!("cargo nextest run --profile {profile}"), &mut run)?;
    // After the tests, because LocalStack starts a service at its first request.
    private.check_loopback_only()
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
