//! Sample events parse, schemas compile, and sample messages match their schemas.
#![allow(clippy::unwrap_used, clippy::expect_used)]

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
            let problems: Vec<String> = jsonschema::validator_for(schema)
                .unwrap()
                .iter_errors(&message)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            // An invalid sample has `invalid` or `poison` in its name.
            assert!(
                problems.is_empty() || file.contains("invalid") || file.contains("poison"),
                "{file}: {problems:?}"
            );
        }
    }
}
