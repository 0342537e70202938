//! Builds the functions for this machine and packs each into a zip with one file, `bootstrap`, as Lambda requires.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::Command;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::progress::Step;
use crate::workspace::Workspace;
use crate::{Error, Result, files, process};

/// The binary of the demo.
pub const DEMO: &str = "stockline-demo";
/// The binary of the local OpenID provider.
pub const IDENTITY: &str = "stockline-identity";
/// The binary of the stock repair.
pub const REPAIR: &str = "stockline-repair";
/// The binary of the chaos run.
pub const CHAOS: &str = "stockline-chaos";

/// An example of `stockline-platform` that is part of every build, so that all builds share one build of the AWS SDK.
///
/// Cargo unifies the features of a dependency over all packages selected with `--workspace`: functions, demo, chaos, repair
/// and tests. It counts dev-dependencies only if the build has a target that uses them, such as an example. Without this
/// example, a build of the functions would compile the SDK with other features than the test run.
pub const EXAMPLE: &str = "contention";

/// The targets to build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selection {
    /// All functions, and the OpenID provider that runs beside them.
    Functions,
    /// The same, and a binary that uses them when they are deployed.
    FunctionsAnd(&'static str),
    /// One binary.
    Only(&'static str),
    /// All binaries and tests of the workspace.
    Everything,
}

/// The folder of the packages.
pub fn folder(workspace: &Workspace) -> PathBuf {
    workspace.local().join("packages")
}

/// Builds the selection with one cargo command.
pub fn build(workspace: &Workspace, selection: Selection) -> Result<()> {
    let mut cargo = cargo(workspace);
    cargo.args(["build", "--workspace", "--example", EXAMPLE]);
    let title = match selection {
        Selection::Everything => {
            cargo.args(["--bins", "--tests"]);
            "building the functions and every test".to_owned()
        }
        Selection::Only(binary) => {
            cargo.args(["--bin", binary]);
            format!("building {binary}")
        }
        Selection::Functions | Selection::FunctionsAnd(_) => {
            let functions = workspace.functions()?;
            for function in &functions {
                cargo.args(["--bin", function]);
            }
            cargo.args(["--bin", IDENTITY]);
            if let Selection::FunctionsAnd(binary) = selection {
                cargo.args(["--bin", binary]);
            }
            format!("building {} functions", functions.len())
        }
    };
    let mut step = Step::begin(title);
    process::run(&mut step, &mut cargo, &workspace.local().join("build.log"))?;
    step.done("");
    Ok(())
}

/// The cargo that started this tool.
pub fn cargo(workspace: &Workspace) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(&workspace.root);
    // `cargo run` sets these variables for this tool. Passed on, they would make cargo rebuild crates whose build scripts
    // read them.
    for (key, _) in std::env::vars_os() {
        let name = key.to_string_lossy();
        if name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_MANIFEST_")
            || name == "CARGO_BIN_NAME"
            || name == "CARGO_CRATE_NAME"
        {
            cargo.env_remove(&key);
        }
    }
    cargo
}

/// The path of a built binary.
pub fn binary(workspace: &Workspace, name: &str) -> PathBuf {
    workspace.target().join("debug").join(name)
}

/// Packs every function whose binary changed. Returns a digest over all packages.
pub fn pack_all(workspace: &Workspace) -> Result<String> {
    let folder = folder(workspace);
    files::make_folder(&folder)?;
    let mut all = String::new();
    for function in workspace.functions()? {
        let digest = pack(
            &binary(workspace, &function),
            &folder.join(format!("{function}.zip")),
        )?;
        all.push_str(&digest);
    }
    Ok(files::digest(all.as_bytes()))
}

/// Packs one binary, unless its package is up to date. The same binary gives the same zip. Returns the digest of the binary.
fn pack(binary: &Path, package: &Path) -> Result<String> {
    let digest = files::digest_files([binary])?;
    let stamp = package.with_extension("sha256");
    if package.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|known| known == digest) {
        return Ok(digest);
    }
    files::remove(&stamp)?;
    let mut source = File::open(binary).map_err(Error::file("read", binary))?;
    let target = File::create(package).map_err(Error::file("write", package))?;
    let mut zip = ZipWriter::new(BufWriter::new(target));
    // Not compressed, because the package stays on this machine. The default time stamp is fixed, so the zip is reproducible.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .unix_permissions(0o755);
    zip.start_file("bootstrap", options)
        .map_err(io::Error::from)
        .and_then(|()| io::copy(&mut source, &mut zip))
        .and_then(|_| zip.finish().map_err(io::Error::from))
        .and_then(|mut writer| io::Write::flush(&mut writer))
        .map_err(Error::file("write", package))?;
    files::write(&stamp, digest.as_bytes())?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_binary_gives_same_package() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("order-intake");
        std::fs::write(&binary, vec![7; 100_000]).unwrap();
        let (one, two) = (folder.path().join("one.zip"), folder.path().join("two.zip"));

        let digests = (pack(&binary, &one).unwrap(), pack(&binary, &two).unwrap());

        assert_eq!(digests.0, digests.1);
        assert_eq!(std::fs::read(&one).unwrap(), std::fs::read(&two).unwrap());
    }

    #[test]
    fn changed_binary_is_packed_again() {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("order-intake");
        let package = folder.path().join("order-intake.zip");
        std::fs::write(&binary, b"one").unwrap();
        pack(&binary, &package).unwrap();
        let before = std::fs::read(&package).unwrap();

        std::fs::write(&binary, b"two").unwrap();
        pack(&binary, &package).unwrap();

        assert_ne!(before, std::fs::read(&package).unwrap());
    }
}
