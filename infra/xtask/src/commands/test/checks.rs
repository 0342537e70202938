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
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--features",
        packages::DEMO_FEATURE,
    ]);
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
    let check = |title: &str, what: &[&str]| {
        let mut step = Step::begin(title);
        let mut cargo = packages::cargo(workspace);
        deny.apply(&mut cargo);
        cargo.args([
            "deny",
            "--color",
            "never",
            "--all-features",
            "check",
            "--config",
            ".cargo/deny.toml",
            "--hide-inclusion-graph",
        ]);
        process::run(&mut step, cargo.args(what), &log)?;
        step.done("");
        Ok(())
    };
    if let Err(error) = check(
        "cargo deny: licences, bans, sources",
        &["licenses", "bans", "sources"],
    ) {
        return Outcome::Failed(error);
    }
    match check("cargo deny: advisories", &["advisories"]) {
        Err(Error::Failed { tail, .. }) if tail.contains("fetch") || tail.contains("clone") => {
            eprintln!("!! SKIPPED advisories: their database cannot be fetched from here");
            Outcome::Passed
        }
        other => other.into(),
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
