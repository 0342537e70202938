//! Paths: the repository, its functions, and one folder under `target/` for each cloud.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Name of the cloud that `up` starts and `down` ends.
pub const LOCAL: &str = "local";
/// Names of all clouds. The demo, the tests on each kind of cloud, the benchmark and the chaos run each have their own, which
/// starts empty.
pub const CLOUDS: [&str; 6] = [LOCAL, "demo", "test", "test-localstack", "bench", "chaos"];

/// The checkout of the repository.
#[derive(Debug, Clone)]
pub struct Workspace {
    /// The root folder.
    pub root: PathBuf,
}

impl Workspace {
    /// The checkout that this tool was built from.
    pub fn find() -> Result<Self> {
        let start = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        start
            .ancestors()
            .find(|folder| {
                folder.join("infra").is_dir()
                    && folder.join("Cargo.lock").is_file()
                    && folder.join("functions").is_dir()
            })
            .map(|root| Self {
                root: root.to_owned(),
            })
            .ok_or_else(|| Error::Missing {
                what: "the repository that this tool belongs to".into(),
                hint: "Run it as `cargo xtask` inside the repository".into(),
            })
    }

    /// Cargo's target folder.
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |dir| self.root.join(dir))
    }

    /// Files that all clouds share: the venv, a downloaded Terraform, the packages.
    pub fn local(&self) -> PathBuf {
        self.target().join("local")
    }

    /// The folder of one cloud: pid file, logs, Terraform state.
    pub fn cloud_dir(&self, name: &str) -> PathBuf {
        match name {
            LOCAL => self.local(),
            private => self.target().join(format!("{private}-cloud")),
        }
    }

    /// The Terraform root module.
    pub fn infra(&self) -> PathBuf {
        self.root.join("infra")
    }

    /// The names of all functions: the folders below `functions/` that contain a crate.
    pub fn functions(&self) -> Result<Vec<String>> {
        let folder = self.root.join("functions");
        let entries = fs::read_dir(&folder).map_err(Error::file("read", &folder))?;
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.path().join("Cargo.toml").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// Checks the name of a function. The error lists all names.
    pub fn function(&self, name: &str) -> Result<String> {
        let known = self.functions()?;
        if known.iter().any(|function| function == name) {
            return Ok(name.to_owned());
        }
        Err(Error::Unknown {
            kind: "function",
            name: name.to_owned(),
            known: known.join(", "),
        })
    }

    /// A path relative to the root, for output.
    pub fn shown<'a>(&self, path: &'a Path) -> std::path::Display<'a> {
        path.strip_prefix(&self.root).unwrap_or(path).display()
    }
}
