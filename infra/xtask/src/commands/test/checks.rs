//! What looks at the sources without running them.

use super::Outcome;
use crate::progress::Step;
use crate::terraform::Terraform;
use crate::workspace::Workspace;
use crate::{Error, Result, packages, process, python, tools};

/// Formatting.
pub fn format(workspace: &Workspace) -> Result<()> {
    let mut cargo = packages::cargo(workspace);
    process::run_shown("cargo fmt --check", cargo.args(["fmt", "--all", "--check"]))
}

/// Lints: what clippy warns of fails here.
pub fn lints(workspace: &Workspace) -> Result<()> {
    let mut step = Step::begin("cargo clippy");
    let mut cargo = packages::cargo(workspace);
    cargo.args(["clippy", "--workspace", "--all-targets"]);
    cargo.args(["--color", "never", "--", "-D", "warnings"]);
    process::run(&mut step, &mut cargo, &workspace.local().join("clippy.log"))?;
    step.done("no warnings");
    Ok(())
}

/// Licences, bans and sources always; advisories where their database can be had.
pub fn licences(workspace: &Workspace) -> Outcome {
    let deny = match tools::find(workspace, &tools::DENY) {
        Ok(deny) => deny,
        Err(error) => return Outcome::Skipped(error.to_string()),
    };
    let log = workspace.local().join("deny.log");
    let check = |step: &mut Step, what: &[&str]| {
        let mut cargo = packages::cargo(workspace);
        deny.apply(&mut cargo);
        cargo.args(["deny", "--color", "never", "--all-features"]);
        cargo.args(["--config", ".cargo/deny.toml"]);
        cargo.args(["check", "--hide-inclusion-graph"]);
        process::run(step, cargo.args(what), &log)
    };
    let mut step = Step::begin("cargo deny: licences, bans, sources");
    match check(&mut step, &["licenses", "bans", "sources"]) {
        Ok(()) => step.done(""),
        Err(error) => return Outcome::Failed(error),
    }
    let mut step = Step::begin("cargo deny: advisories");
    match check(&mut step, &["advisories"]) {
        Err(Error::Failed { tail, .. }) if tail.contains("failed to fetch advisory database") => {
            step.done("!! SKIPPED: their database cannot be fetched from here");
            Outcome::Passed
        }
        Err(error) => Outcome::Failed(error),
        Ok(()) => {
            step.done("");
            Outcome::Passed
        }
    }
}

/// Terraform's own checks, without any cloud.
pub fn terraform(workspace: &Workspace) -> Result<()> {
    let dir = workspace.cloud_dir("test");
    let terraform = Terraform::find(workspace, &dir, &python::find()?)?;
    terraform.check(
        "terraform fmt -check",
        &["fmt", "-check", "-recursive", "-diff"],
    )?;
    // `terraform test` and `validate` look at the packages' paths only.
    terraform.init()?;
    terraform.check("terraform validate", &["validate", "-no-color"])?;
    terraform.check("terraform test", &["test", "-no-color"])
}
