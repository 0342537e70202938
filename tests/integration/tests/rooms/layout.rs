//! What each folder contains.

use std::fs;

use crate::workspace::{entries, files, functions, metadata, name, root, text};

/// The most lines of a `main.rs`: one screen.
const MAX_MAIN_LINES: usize = 60;

/// The most lines of a source file.
const MAX_FILE_LINES: usize = 500;

/// The visible entries of the top folder, besides build output.
const TOP_FOLDERS: [&str; 5] = ["events", "functions", "infra", "shared", "tests"];
const TOP_FILES: [&str; 4] = ["Cargo.lock", "Cargo.toml", "LICENSE", "README.md"];

#[test]
fn every_function_is_complete() {
    let root = root();
    let events: Vec<String> = entries(&root.join("events"));
    let map = text("functions/README.md");
    let mut missing = Vec::new();
    for function in entries(&root.join("functions")) {
        let folder = root.join("functions").join(&function);
        if !folder.is_dir() {
            continue;
        }
        for file in ["Cargo.toml", "README.md", "src/main.rs", "src/handler.rs"] {
            if !folder.join(file).is_file() {
                missing.push(format!("functions/{function}/{file} is missing"));
            }
        }
        if !map.contains(&format!("| [{function}]({function}/README.md) |")) {
            missing.push(format!("functions/README.md has no row for {function}"));
        }
        let main = fs::read_to_string(folder.join("src/main.rs")).unwrap_or_default();
        let lines = main.lines().count();
        if lines > MAX_MAIN_LINES {
            missing.push(format!(
                "functions/{function}/src/main.rs has {lines} lines, at most {MAX_MAIN_LINES} are allowed"
            ));
        }
        let is_sample = |event: &String| {
            let rest = event.strip_prefix(&function);
            rest.and_then(|rest| rest.strip_suffix(".json"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        if !events.iter().any(is_sample) {
            missing.push(format!(
                "events/{function}.*.json, a sample event, is missing"
            ));
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn files_are_short() {
    let mut long = Vec::new();
    for folder in TOP_FOLDERS {
        for path in files(folder, &["rs", "py", "sql", "tf"]) {
            let lines = text(&path).lines().count();
            if lines > MAX_FILE_LINES {
                long.push(format!("{path} has {lines} lines"));
            }
        }
    }
    assert!(
        long.is_empty(),
        "a file has at most {MAX_FILE_LINES} lines; split it by subject:\n{}",
        long.join("\n")
    );
}

#[test]
fn every_function_crate_has_the_name_of_its_folder() {
    for package in functions(&metadata()) {
        let folder = package.manifest_path.parent().unwrap().file_name().unwrap();
        assert_eq!(name(package), folder);
    }
}

#[test]
fn top_folder_has_the_agreed_entries_only() {
    let unexpected: Vec<String> = entries(&root())
        .into_iter()
        .filter(|entry| {
            !TOP_FOLDERS.contains(&entry.as_str())
                && !TOP_FILES.contains(&entry.as_str())
                && entry != "target"
        })
        .collect();
    assert!(unexpected.is_empty(), "unexpected: {unexpected:?}");
    let missing: Vec<&str> = TOP_FOLDERS
        .into_iter()
        .filter(|folder| !root().join(folder).is_dir())
        .chain(
            TOP_FILES
                .into_iter()
                .filter(|file| !root().join(file).is_file()),
        )
        .collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
}
