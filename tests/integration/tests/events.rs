//! Sample events parse, schemas compile, sample messages match their schemas, and every message type has a schema.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

fn events() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../events")
}

fn json_files(folder: &Path) -> Vec<(String, Value)> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(path).unwrap();
            let value =
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
            (name, value)
        })
        .collect()
}

fn envelope() -> Value {
    let text = fs::read_to_string(events().join("schemas/envelope.schema.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The Rust files below `folder`.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files
}

/// The message types that the code sends: constants and `type_` fields whose value is two words with a dot, such as
/// `stock.alert`.
fn sent_types() -> BTreeSet<String> {
    let is_word = |word: &str| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    // A file name is no message type.
    let extensions = ["csv", "html", "json", "md", "parquet", "sql", "toml"];
    let mut types = BTreeSet::new();
    for room in ["shared/application/src", "shared/platform/src", "functions"] {
        for path in rust_files(&events().join("..").join(room)) {
            let text = fs::read_to_string(path).unwrap();
            for marker in [": &str = \"", "type_: \""] {
                let values = text.split(marker).skip(1);
                types.extend(
                    values
                        .filter_map(|rest| rest.split('"').next())
                        .filter(|value| {
                            value.split_once('.').is_some_and(|(first, second)| {
                                is_word(first) && is_word(second) && !extensions.contains(&second)
                            })
                        })
                        .map(str::to_owned),
                );
            }
        }
    }
    types
}

#[test]
fn every_sent_message_type_has_a_schema() {
    let sent = sent_types();
    // The constants are found by reading the code, so at least these must be among them.
    for known in [
        stockline_application::ports::alerts::STOCK_ALERT,
        stockline_application::ports::operations::STOCK_AUDIT,
        stockline_application::task_messages::TASK_QUEUED,
        stockline_application::task_messages::TASK_COMMAND,
    ] {
        assert!(sent.contains(known), "{known} is not in {sent:?}");
    }
    let envelope = envelope();
    let allowed: BTreeSet<String> = envelope["properties"]["type"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap().to_owned())
        .collect();
    assert_eq!(allowed, sent, "the types of the envelope and of the code");
    let described: BTreeSet<String> = json_files(&events().join("schemas"))
        .into_iter()
        .filter_map(|(_, schema)| Some(schema["properties"]["type"]["const"].as_str()?.to_owned()))
        .collect();
    assert_eq!(described, sent, "the types of the schemas and of the code");
}

#[test]
fn message_schemas_have_the_fields_of_the_envelope() {
    let fields = |schema: &Value| -> BTreeSet<String> {
        let properties = schema["properties"].as_object().unwrap();
        properties.keys().cloned().collect()
    };
    let envelope = envelope();
    for (file, schema) in json_files(&events().join("schemas")) {
        assert_eq!(fields(&schema), fields(&envelope), "{file}");
        assert_eq!(schema["required"], envelope["required"], "{file}");
    }
}

#[test]
fn sample_events_are_objects_named_after_functions() {
    let functions = events().join("../functions");
    for (file, event) in json_files(&events()) {
        assert!(
            event.is_object(),
            "{file}: a Lambda event must be an object"
        );
        let function = file.split('.').next().unwrap();
        assert!(
            functions.join(function).is_dir(),
            "{file}: no function is named {function}"
        );
    }
}

#[test]
fn schemas_compile_and_have_id_and_title() {
    let schemas = json_files(&events().join("schemas"));
    assert!(!schemas.is_empty());
    for (file, schema) in schemas {
        jsonschema::meta::validate(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
        jsonschema::validator_for(&schema).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(file.ends_with(".schema.json"), "{file}");
        assert!(
            schema["$id"].as_str().is_some_and(|id| id.ends_with(&file)),
            "{file}: $id must end with the file name"
        );
        assert!(schema["title"].is_string(), "{file}: title is missing");
    }
}

#[test]
fn message_schemas_reject_unknown_fields() {
    for (file, schema) in json_files(&events().join("schemas")) {
        assert_eq!(schema["additionalProperties"], false, "{file}");
        let validator = jsonschema::validator_for(&schema).unwrap();
        assert!(
            !validator.is_valid(&serde_json::json!({"unknown": true})),
            "{file}"
        );
        assert!(!validator.is_valid(&serde_json::json!([])), "{file}");
    }
}

#[test]
fn sample_messages_match_their_schemas() {
    // An SQS record carries the message as text in `body`.
    let schemas = json_files(&events().join("schemas"));
    let envelope = envelope();
    for (file, event) in json_files(&events()) {
        for record in event["Records"].as_array().into_iter().flatten() {
            let Some(message) = record["body"]
                .as_str()
                .and_then(|body| serde_json::from_str::<Value>(body).ok())
            else {
                continue;
            };
            let Some(kind) = message["type"].as_str() else {
                continue;
            };
            let schema_name = format!("{kind}.schema.json");
            let (_, schema) = schemas
                .iter()
                .find(|(name, _)| *name == schema_name)
                .unwrap_or_else(|| panic!("{file}: no schema for {kind}"));
            let problems: Vec<String> = [schema, &envelope]
                .iter()
                .flat_map(|schema| {
                    let validator = jsonschema::validator_for(schema).unwrap();
                    let errors = validator.iter_errors(&message);
                    errors
                        .map(|error| format!("{}: {error}", error.instance_path()))
                        .collect::<Vec<_>>()
                })
                .collect();
            // An invalid sample has `invalid` or `poison` in its name.
            assert!(
                problems.is_empty() || file.contains("invalid") || file.contains("poison"),
                "{file}: {problems:?}"
            );
        }
    }
}
