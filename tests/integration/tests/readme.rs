//! Commands and files that the README mentions exist.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::Path;

use clap::Parser;
use xtask::cli::Cli;

#[test]
fn every_xtask_command_of_the_readme_is_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let mut seen = 0;
    for (_, rest) in readme
        .match_indices("cargo xtask ")
        .map(|(at, found)| (at, &readme[at + found.len()..]))
    {
        let words = rest.split(['\n', '`', '|', ')']).next().unwrap();
        let arguments = std::iter::once("cargo xtask").chain(words.split_whitespace());
        if let Err(error) = Cli::try_parse_from(arguments) {
            panic!("`cargo xtask {words}`: {error}");
        }
        seen += 1;
    }
    assert!(seen >= 10, "the README shows {seen} commands");
}

#[test]
fn every_event_that_a_reader_is_told_to_send_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for told in ["README.md", "infra/xtask/src/cli.rs"] {
        let text = std::fs::read_to_string(root.join(told)).unwrap();
        let is_end = |letter: char| !(letter.is_alphanumeric() || "./-_".contains(letter));
        let events: Vec<&str> = text
            .match_indices("events/")
            .map(|(at, _)| text[at..].split(is_end).next().unwrap())
            .filter(|event| Path::new(event).extension().is_some())
            .collect();
        assert!(!events.is_empty(), "{told} names no event");
        for event in events {
            assert!(root.join(event).is_file(), "{told}: {event}");
        }
    }
}
