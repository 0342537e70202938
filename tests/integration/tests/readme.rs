//! Commands and files that the README mentions exist.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

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
