//! Static checks of the sources.

use super::SuiteOutcome;
use crate::progress::Step;
use crate::terraform::Terraform;
use crate::workspace::Workspace;
use crate::{Error, Result, packages, process, python, tools};

/// Runs `cargo fmt --check`.
pub fn format(workspace: &Workspace) -> Result<()> {
    let mut cargo = packages::cargo(workspace);
    process::run_shown("cargo fmt --check", cargo.args(["fmt", "--all", "--check"]))
}

/// Runs clippy. Warnings are errors.
pub fn lints(workspace: &Workspace) -> Result<()> {
    let mut step = Step::begin("cargo clippy");
    let mut cargo = packages::cargo(workspace);
    cargo.args(["clippy", "--workspace", "--all-targets"]);
    cargo.args(["--color", "never", "--", "-D", "warnings"]);
    process::run(&mut step, &mut cargo, &workspace.local().join("clippy.log"))?;
    step.done("no warnings");
    Ok(())
}

/// Runs cargo-deny. Licences, bans and sources are always checked, advisories only if their database can be downloaded.
pub fn licences(workspace: &Workspace) -> SuiteOutcome {
    let deny = match tools::find(workspace, &tools::DENY) {
        Ok(deny) => deny,
        Err(error) => return SuiteOutcome::Skipped(error.to_string()),
    };
    let log = workspace.local().join("deny.log");
    let run = |step: &mut Step, checks: &[&str]| {
        let mut cargo = packages::cargo(workspace);
        deny.add_to_path(&mut cargo);
        cargo.args(["deny", "--color", "never", "--all-features"]);
        cargo.args(["--config", ".cargo/deny.toml"]);
        cargo.args(["check", "--hide-inclusion-graph"]);
        process::run(step, cargo.args(checks), &log)
    };
    let mut step = Step::begin("cargo deny: licences, bans, sources");
    match run(&mut step, &["licenses", "bans", "sources"]) {
        Ok(()) => step.done(""),
        Err(error) => return SuiteOutcome::Failed(error),
    }
    let mut step = Step::begin("cargo deny: advisories");
    match run(&mut step, &["advisories"]) {
        Err(Error::Failed { tail, .. }) if tail.contains("failed to fetch advisory database") => {
            step.done("!! SKIPPED: the advisory database cannot be downloaded");
            SuiteOutcome::Passed
        }
        Err(error) => SuiteOutcome::Failed(error),
        Ok(()) => {
            step.done("");
            SuiteOutcome::Passed
        }
    }
}

/// Runs Terraform's checks. They need no cloud.
pub fn terraform(workspace: &Workspace) -> Result<()> {
    let dir = workspace.cloud_dir("test");
    let terraform = Terraform::find(workspace, &dir, &python::find()?)?;
    terraform.check(
        "terraform fmt -check",
        &["fmt", "-check", "-recursive", "-diff"],
    )?;
    // `terraform validate` and `test` use the paths of the packages only, so nothing is built before.
    terraform.init()?;
    terraform.check("terraform validate", &["validate", "-no-color"])?;
    terraform.check("terraform test", &["test", "-no-color"])
}
