//! The workspace as cargo and git see it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

/// The root of the checkout.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The dependency graph for this machine's target. Dependencies of other targets are not downloaded, so they are left out.
pub fn metadata() -> Metadata {
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

/// The name of a package.
pub fn name(package: &Package) -> &str {
    package.name.as_str()
}

/// The packages in `functions/`.
pub fn functions(metadata: &Metadata) -> Vec<&Package> {
    let is_function = |package: &&Package| {
        let folder = package.manifest_path.parent().unwrap();
        folder.parent().unwrap().ends_with("functions")
    };
    metadata
        .workspace_packages()
        .into_iter()
        .filter(is_function)
        .collect()
}

/// The names of the packages that `start` depends on, directly or not, without dev-dependencies.
pub fn dependencies(metadata: &Metadata, start: &str) -> BTreeSet<String> {
    let nodes = &metadata.resolve.as_ref().unwrap().nodes;
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = nodes
        .iter()
        .map(|node| {
            let below = node.deps.iter().filter(|dep| {
                let mut kinds = dep.dep_kinds.iter();
                kinds.any(|kind| kind.kind != DependencyKind::Development)
            });
            (&node.id, below.map(|dep| &dep.pkg).collect())
        })
        .collect();
    let mut packages = metadata.packages.iter();
    let first = packages.find(|package| name(package) == start).unwrap();
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

/// The workspace packages that depend directly on `on`, without dev-dependencies.
pub fn dependents<'a>(metadata: &'a Metadata, on: &str) -> Vec<&'a str> {
    metadata
        .workspace_packages()
        .into_iter()
        .filter(|package| direct_dependencies(package).any(|dependency| dependency == on))
        .map(name)
        .collect()
}

/// The direct dependencies of a package, without dev-dependencies.
pub fn direct_dependencies(package: &Package) -> impl Iterator<Item = &str> {
    package
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == DependencyKind::Normal)
        .map(|dependency| dependency.name.as_str())
}

/// The visible entries of a folder, sorted.
pub fn entries(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.'))
        .collect();
    names.sort();
    names
}

/// The files below `folder` with one of these extensions, as paths relative to the root. Build output is left out.
pub fn files(folder: &str, extensions: &[&str]) -> Vec<String> {
    let root = root();
    let mut found = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        for entry in entries(&folder) {
            let path = folder.join(&entry);
            if path.is_dir() {
                if entry != "target" {
                    open.push(path);
                }
            } else if let Some(extension) = path.extension()
                && extensions.contains(&extension.to_str().unwrap())
            {
                let path = path.strip_prefix(&root).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// The text of a file, by its path relative to the root.
pub fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}
