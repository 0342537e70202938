//! `cargo xtask`: the local cloud, the deployment into it, the tests, the demo and the benchmarks.
//!
//! The library is shared with `stockline-demo`, `stockline-repair`, `stockline-chaos` and the cloud tests. It depends on
//! neither the AWS SDK nor an async runtime, so that `cargo xtask` builds in seconds.
//!
//! The modules form layers; a module imports only from lower ones:
//!
//! | layer | modules |
//! | --- | --- |
//! | commands | `cli`, `commands` |
//! | cloud | `athena`, `logs`, `status`, `cloud`, `identity_server` |
//! | tools | `terraform`, `tools`, `packages`, `launcher`, `python` |
//! | processes | `process`, `progress`, `interrupt`, `listeners` |
//! | files | `oidc`, `net`, `files`, `workspace`, `kind`, `output`, `table`, `clock`, `error` |
#![warn(clippy::print_stdout)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod athena;
pub mod cli;
pub mod clock;
pub mod cloud;
pub mod commands;
pub mod error;
pub mod files;
pub mod identity_server;
pub mod interrupt;
pub mod kind;
pub mod launcher;
pub mod listeners;
pub mod logs;
pub mod net;
pub mod oidc;
pub mod output;
pub mod packages;
pub mod process;
pub mod progress;
pub mod python;
pub mod status;
pub mod table;
pub mod terraform;
pub mod tools;
pub mod workspace;

pub use error::{Error, Result};

#[cfg(test)]
mod tests {
    use std::path::Path;

    /// The modules below `commands`, each after those that it may import.
    const LAYERS: [&str; 23] = [
        "error",
        "clock",
        "output",
        "table",
        "kind",
        "workspace",
        "files",
        "net",
        "oidc",
        "interrupt",
        "listeners",
        "progress",
        "process",
        "python",
        "launcher",
        "packages",
        "tools",
        "terraform",
        "identity_server",
        "cloud",
        "status",
        "athena",
        "logs",
    ];

    #[test]
    fn modules_import_lower_layers_only() {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (layer, module) in LAYERS.iter().enumerate() {
            let source = std::fs::read_to_string(sources.join(format!("{module}.rs"))).unwrap();
            let code: Vec<&str> = source
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect();
            let code = code.join("\n");
            let imports: Vec<&str> = code
                .split("crate::")
                .skip(1)
                .flat_map(|path| match path.strip_prefix('{') {
                    Some(list) => list.split('}').next().unwrap().split(',').collect(),
                    None => vec![path],
                })
                .map(|path| {
                    let end = |letter: char| !(letter.is_alphanumeric() || letter == '_');
                    path.trim().split(end).next().unwrap()
                })
                .collect();
            for import in imports {
                let is_higher =
                    LAYERS[layer..].contains(&import) || ["cli", "commands"].contains(&import);
                assert!(!is_higher, "{module} imports {import}");
            }
        }
    }
}
