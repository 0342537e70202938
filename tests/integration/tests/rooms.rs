//! The rooms of the house: what each may touch, and what each must hold.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// The longest `main.rs`: one screen.
const SCREEN: usize = 60;
/// What may be seen at the top, beside hidden files and cargo's output.
const FOLDERS: [&str; 5] = ["events", "functions", "infra", "shared", "tests"];
const FILES: [&str; 4] = ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The dependency graph as it is built on this machine: what other platforms would add is not there to be read.
fn metadata() -> Metadata {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(rustc.stdout).unwrap();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap();
    MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", host].map(str::to_owned))
        .exec()
        .unwrap()
}

fn is_function(package: &Package) -> bool {
    package
        .manifest_path
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .ends_with("functions")
}

fn name(package: &Package) -> &str {
    package.name.as_str()
}

/// Every package below this one that is compiled into it, tests aside.
fn closure(metadata: &Metadata, start: &str) -> BTreeSet<String> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = nodes
        .iter()
        .map(|node| {
            let below = node
                .deps
                .iter()
                .filter(|dep| {
                    dep.dep_kinds
                        .iter()
                        .any(|kind| kind.kind != DependencyKind::Development)
                })
                .map(|dep| &dep.pkg);
            (&node.id, below.collect())
        })
        .collect();
    let first = metadata
        .packages
        .iter()
        .find(|package| name(package) == start)
        .unwrap();
    let mut seen = BTreeSet::from([&first.id]);
    let mut open = vec![&first.id];
    while let Some(id) = open.pop() {
        for below in &edges[id] {
            if seen.insert(below) {
                open.push(below);
            }
        }
    }
    seen.iter()
        .filter(|id| **id != &first.id)
        .map(|id| name(&metadata[*id]).to_owned())
        .collect()
}

/// Who depends directly on a package, tests aside.
fn dependants<'a>(metadata: &'a Metadata, on: &str) -> Vec<&'a str> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| {
            let mut direct = package.dependencies.iter();
            direct.any(|dependency| {
                dependency.name == on && dependency.kind == DependencyKind::Normal
            })
        })
        .map(name)
        .collect()
}

#[test]
fn domain_is_pure() {
    let below = closure(&metadata(), "stockline-domain");
    let foreign: Vec<&String> = below
        .iter()
        .filter(|name| {
            let starts = [
                "aws",
                "lambda",
                "tokio",
                "async",
                "futures",
                "hyper",
                "reqwest",
                "axum",
                "stockline",
            ];
            *name == "rand" || starts.iter().any(|start| name.starts_with(start))
        })
        .collect();
    assert!(
        foreign.is_empty(),
        "stockline-domain must not stand on {foreign:?}"
    );
}

#[test]
fn functions_do_not_touch_the_sdk() {
    let metadata = metadata();
    for package in metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| is_function(package))
    {
        let direct = package
            .dependencies
            .iter()
            .filter(|dependency| dependency.kind == DependencyKind::Normal);
        let sdk: Vec<&str> = direct
            .map(|dependency| dependency.name.as_str())
            .filter(|name| name.starts_with("aws-"))
            .collect();
        assert!(
            sdk.is_empty(),
            "{}: {sdk:?} belongs behind a port in platform",
            package.name
        );
    }
}

#[test]
fn the_sdk_is_for_platform_and_for_what_looks_at_the_cloud_from_outside() {
    let metadata = metadata();
    for package in metadata.workspace_packages() {
        let uses = package.dependencies.iter().any(|dependency| {
            dependency.kind == DependencyKind::Normal && dependency.name.starts_with("aws-sdk-")
        });
        let may = [
            "stockline-platform",
            "stockline-testkit",
            "stockline-simulators",
            "stockline-integration-tests",
            "xtask",
        ];
        assert!(
            !uses || may.contains(&name(package)),
            "{} must not use the SDK",
            package.name
        );
    }
}

#[test]
fn the_testkit_is_in_nothing_that_is_deployed() {
    let metadata = metadata();
    for package in dependants(&metadata, "stockline-testkit") {
        let may = [
            "stockline-integration-tests",
            "stockline-simulators",
            "xtask",
        ];
        assert!(
            may.contains(&package),
            "{package} has the testkit in more than its tests"
        );
    }
    for package in metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| is_function(package))
    {
        let below = closure(&metadata, name(package));
        assert!(
            !below.contains("stockline-testkit"),
            "{} is deployed with the testkit",
            package.name
        );
    }
}

#[test]
fn no_function_stands_on_another() {
    let metadata = metadata();
    for package in metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| is_function(package))
    {
        let above = dependants(&metadata, name(package));
        assert!(
            above.is_empty(),
            "{above:?} must not use the function {}",
            package.name
        );
    }
}

#[test]
fn one_tls_stack_is_enough() {
    let metadata = metadata();
    let second: Vec<&str> = metadata
        .packages
        .iter()
        .map(name)
        .filter(|name| {
            [
                "aws-lc-rs",
                "aws-lc-sys",
                "native-tls",
                "openssl",
                "openssl-sys",
            ]
            .contains(name)
        })
        .collect();
    assert!(
        second.is_empty(),
        "rustls with ring is the TLS stack; {second:?} would be another"
    );
}

#[test]
fn every_function_has_its_rooms() {
    let root = root();
    let events: Vec<String> = entries(&root.join("events"));
    let mut wrong = Vec::new();
    for function in entries(&root.join("functions")) {
        let folder = root.join("functions").join(&function);
        for file in ["Cargo.toml", "README.md", "src/main.rs", "src/handler.rs"] {
            if !folder.join(file).is_file() {
                wrong.push(format!("functions/{function}/{file} is missing"));
            }
        }
        let lines = fs::read_to_string(folder.join("src/main.rs"))
            .unwrap_or_default()
            .lines()
            .count();
        if lines > SCREEN {
            wrong.push(format!(
                "functions/{function}/src/main.rs has {lines} lines; {SCREEN} are a screen"
            ));
        }
        let sample = |event: &String| {
            let rest = event.strip_prefix(&function);
            rest.and_then(|rest| rest.strip_suffix(".json"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !events.iter().any(sample) {
            wrong.push(format!(
                "events/{function}.*.json, a sample event, is missing"
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_function_names_its_crate_after_its_folder() {
    for package in metadata()
        .workspace_packages()
        .into_iter()
        .filter(|package| is_function(package))
    {
        let folder = package.manifest_path.parent().unwrap().file_name().unwrap();
        assert_eq!(name(package), folder);
    }
}

#[test]
fn the_top_holds_the_rooms_and_nothing_else() {
    let strangers: Vec<String> = entries(&root())
        .into_iter()
        .filter(|entry| {
            !FOLDERS.contains(&entry.as_str())
                && !FILES.contains(&entry.as_str())
                && entry != "target"
        })
        .collect();
    assert!(strangers.is_empty(), "not a room: {strangers:?}");
    let missing: Vec<&str> = FOLDERS
        .into_iter()
        .filter(|folder| !root().join(folder).is_dir())
        .collect();
    assert!(missing.is_empty(), "a room is missing: {missing:?}");
}

/// What a folder shows: its entries without the hidden ones.
fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}
