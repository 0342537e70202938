//! Names and texts are plain technical English.

use crate::workspace::{files, text};

/// The longest name of a test.
const MAX_TEST_NAME: usize = 60;

const FOLDERS: [&str; 5] = ["events", "functions", "infra", "shared", "tests"];

/// Words and phrases that made readers stop, and what to write instead.
const BANNED: [(&str, &str); 22] = [
    ("told_time", "reported_time"),
    ("rethink", "replan"),
    ("think_again", "replan"),
    ("get_together", "transact_get"),
    ("whereabouts", "stock_lookup"),
    ("sightings", "observations"),
    ("bookkeeper", "StockRepairer"),
    ("evening out", "rebalancing"),
    ("evened out", "rebalanced"),
    ("even_out", "rebalance"),
    ("needs no leave", "is always allowed"),
    ("in vain", "the effect that is missing"),
    ("lies there", "is on hand"),
    ("comes about", "is written"),
    ("came about", "was written"),
    ("is told by", "the mechanism by which it is known"),
    ("puts right", "repairs"),
    ("put right", "repaired"),
    ("what became of", "the outcome of"),
    ("overtaken", "a conflict"),
    ("a moment ago", "the consistency of the read"),
    ("says so", "what is reported"),
];

#[test]
fn texts_are_plain_english() {
    let mut found = Vec::new();
    for folder in FOLDERS {
        for path in files(folder, &["rs", "md", "tf", "yaml", "sql", "py", "toml"]) {
            if path.contains("tests/rooms/") {
                continue;
            }
            for (number, line) in text(&path).lines().enumerate() {
                let line = line.to_lowercase();
                for (phrase, instead) in BANNED {
                    if line.contains(phrase) {
                        let number = number + 1;
                        found.push(format!("{path}:{number}: `{phrase}`; write {instead}"));
                    }
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "{} lines:\n{}",
        found.len(),
        found.join("\n")
    );
}

#[test]
fn test_names_are_short() {
    let mut long = Vec::new();
    for folder in FOLDERS {
        for path in files(folder, &["rs"]) {
            let text = text(&path);
            let mut is_test = false;
            for line in text.lines() {
                let line = line.trim();
                is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                let declaration = line.strip_prefix("async ").unwrap_or(line);
                if let Some(rest) = declaration.strip_prefix("fn ") {
                    let name = rest.split(['(', '<']).next().unwrap();
                    if is_test && name.len() > MAX_TEST_NAME {
                        long.push(format!("{path}: {name} ({} characters)", name.len()));
                    }
                    is_test = false;
                }
            }
        }
    }
    assert!(
        long.is_empty(),
        "test names have at most {MAX_TEST_NAME} characters:\n{}",
        long.join("\n")
    );
}
