//! Commands and files that the README mentions exist, and its license is that of every crate.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use cargo_metadata::MetadataCommand;
use clap::Parser;
use xtask::cli::Cli;

#[test]
fn readme_xtask_commands_parse() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut command_count = 0;
    for (_, rest) in readme
        .match_indices("cargo xtask ")
        .map(|(at, found)| (at, &readme[at + found.len()..]))
    {
        let words = rest.split(['\n', '`', '|', ')']).next().unwrap();
        let arguments = std::iter::once("cargo xtask").chain(words.split_whitespace());
        if let Err(error) = Cli::try_parse_from(arguments) {
            panic!("`cargo xtask {words}`: {error}");
        }
        command_count += 1;
    }
    assert!(
        command_count >= 10,
        "the README has only {command_count} commands"
    );
}

#[test]
fn referenced_sample_events_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for document in ["README.md", "infra/xtask/src/cli.rs"] {
        let text = std::fs::read_to_string(root.join(document)).unwrap();
        let is_end = |letter: char| !(letter.is_alphanumeric() || "./-_".contains(letter));
        let events: Vec<&str> = text
            .match_indices("events/")
            .map(|(at, _)| text[at..].split(is_end).next().unwrap())
            .filter(|event| Path::new(event).extension().is_some())
            .collect();
        assert!(!events.is_empty(), "{document} names no event");
        for event in events {
            assert!(root.join(event).is_file(), "{document}: {event}");
        }
    }
}

#[test]
fn license_is_the_same_everywhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |file: &str| std::fs::read_to_string(root.join(file)).unwrap();
    let text = read("LICENSE");
    let title: Vec<&str> = text.lines().take(2).map(str::trim).collect();
    assert_eq!(title[0], "Apache License");
    assert!(title[1].starts_with("Version 2.0,"), "{}", title[1]);
    assert!(read("README.md").contains("Apache-2.0, see [LICENSE](LICENSE)"));
    let contract: serde_yaml_ng::Value =
        serde_yaml_ng::from_str(&read("infra/api/openapi.yaml")).unwrap();
    assert_eq!(contract["info"]["license"]["name"], "Apache-2.0");
    let workspace = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    assert!(!workspace.packages.is_empty());
    for package in workspace.packages {
        let license = package.license.as_deref();
        assert_eq!(license, Some("Apache-2.0"), "{}", package.name);
    }
}
