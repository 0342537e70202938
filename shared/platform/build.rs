//! Generates the table of request schemas from the contract, `infra/api/openapi.yaml`.
//!
//! The table consists of statics, so that a function neither parses YAML nor allocates for it at start. A keyword of a schema
//! that the check in `src/contract.rs` cannot enforce is a build error. Not checked: keywords beside `$ref` or `allOf`, whether the
//! pattern of a schema in [`FORMATS`] is the rule of its format, `minLength` of such a schema, and bodies that are not JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use serde_json::{Map, Value};

const CONTRACT: &str = "../../infra/api/openapi.yaml";

/// Named string schemas with a pattern, and the variant of `Format` that checks their texts.
const FORMATS: [(&str, &str); 14] = [
    ("BusinessDate", "Date"),
    ("Carrier", "VisibleText"),
    ("Currency", "Currency"),
    ("ErrorCode", "VisibleText"),
    ("GroupName", "VisibleText"),
    ("Gtin", "Gtin"),
    ("Id", "Id"),
    ("Name", "VisibleText"),
    ("Reason", "VisibleText"),
    ("Reference", "Reference"),
    ("ReportedTime", "Timestamp"),
    ("Sku", "Sku"),
    ("TimeZone", "TimeZone"),
    ("Uuid", "Uuid"),
];

/// Keywords that say nothing about which values are allowed.
const ANNOTATIONS: [&str; 5] = ["default", "description", "example", "format", "title"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed={CONTRACT}");
    println!("cargo::rerun-if-changed=build.rs");
    let contract: Value = serde_yaml_ng::from_str(&fs::read_to_string(CONTRACT)?)?;
    let table = Table::of(&contract)?;
    let path = PathBuf::from(env::var("OUT_DIR")?).join("request_schemas.rs");
    Ok(fs::write(path, table)?)
}

/// Collects the schemas that request bodies use.
struct Table<'a> {
    schemas: &'a Map<String, Value>,
    /// For each named schema, the expression that refers to it.
    references: BTreeMap<String, String>,
    /// For each static, its value.
    statics: BTreeMap<String, String>,
}

impl<'a> Table<'a> {
    /// Returns the source of the table.
    fn of(contract: &'a Value) -> Result<String> {
        let mut table = Self {
            schemas: object(&contract["components"]["schemas"], "components/schemas")?,
            references: BTreeMap::new(),
            statics: BTreeMap::new(),
        };
        let mut rows = String::new();
        for (path, item) in object(&contract["paths"], "paths")? {
            for (method, operation) in object(item, path)? {
                let body = &operation["requestBody"]["content"]["application/json"]["schema"];
                if !body.is_null() {
                    let schema = table.schema(body, None, &format!("{method} {path}"))?;
                    let method = method.to_uppercase();
                    writeln!(rows, "    ({method:?}, {path:?}, {schema}),")?;
                }
            }
        }
        let mut source =
            format!("pub(super) static REQUESTS: &[(&str, &str, &Schema)] = &[\n{rows}];\n");
        for (name, value) in table.statics {
            writeln!(source, "static {name}: Schema = {value};")?;
        }
        Ok(source)
    }

    /// Returns a constant expression of type `&'static Schema`. `name` is the schema's name if it has one, `at` where it is used.
    fn schema(&mut self, schema: &Value, name: Option<&str>, at: &str) -> Result<String> {
        let keywords = object(schema, at)?;
        if let Some(target) = keywords.get("$ref").or_else(|| only_part(keywords)) {
            return self.reference(target, at);
        }
        if let Some(alternatives) = keywords.get("oneOf") {
            allow(keywords, &["oneOf"], at)?;
            return self.tagged(alternatives, at);
        }
        let expression = match keywords.get("type").and_then(Value::as_str) {
            Some("object") => self.object(keywords, at)?,
            Some("array") => self.array(keywords, at)?,
            Some("string") => text(keywords, name, at)?,
            Some("integer") => integer(keywords, at)?,
            Some("boolean") => {
                allow(keywords, &["type"], at)?;
                "Schema::Boolean".to_owned()
            }
            other => return Err(format!("{at}: type {other:?} is not supported").into()),
        };
        Ok(format!("&{expression}"))
    }

    fn reference(&mut self, target: &Value, at: &str) -> Result<String> {
        let name = target
            .as_str()
            .and_then(|target| target.strip_prefix("#/components/schemas/"))
            .ok_or_else(|| format!("{at}: $ref {target} is not supported"))?;
        if let Some(reference) = self.references.get(name) {
            return Ok(reference.clone());
        }
        let reference = format!("&{}", constant(name));
        self.references.insert(name.to_owned(), reference.clone());
        let expression = self.schema(&self.schemas[name], Some(name), name)?;
        let Some(value) = expression.strip_prefix("&Schema::") else {
            // The schema only gives another one a description.
            self.references.insert(name.to_owned(), expression.clone());
            return Ok(expression);
        };
        self.statics
            .insert(constant(name), format!("Schema::{value}"));
        Ok(reference)
    }

    fn object(&mut self, keywords: &Map<String, Value>, at: &str) -> Result<String> {
        allow(
            keywords,
            &["type", "additionalProperties", "required", "properties"],
            at,
        )?;
        if keywords.get("additionalProperties") != Some(&Value::Bool(false)) {
            return Err(format!("{at}: additionalProperties must be false").into());
        }
        let required: BTreeSet<&str> = strings(keywords.get("required"));
        let mut fields = String::new();
        for (field, schema) in object(&keywords["properties"], at)? {
            let schema = self.schema(schema, None, &format!("{at}/{field}"))?;
            let is_required = required.contains(field.as_str());
            write!(
                fields,
                "Field {{ name: {field:?}, is_required: {is_required}, schema: {schema} }}, "
            )?;
        }
        Ok(format!("Schema::Object(&[{fields}])"))
    }

    fn array(&mut self, keywords: &Map<String, Value>, at: &str) -> Result<String> {
        let entry_by_entry = "x-stockline-entry-by-entry";
        allow(
            keywords,
            &["type", "items", "minItems", "maxItems", entry_by_entry],
            at,
        )?;
        let items = self.schema(&keywords["items"], None, &format!("{at}/items"))?;
        let min = keywords
            .get("minItems")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        let max = keywords
            .get("maxItems")
            .and_then(Value::as_u64)
            .ok_or_else(|| format!("{at}: maxItems is missing"))?;
        let is_checked_later = keywords.contains_key(entry_by_entry);
        Ok(format!(
            "Schema::Array {{ items: {items}, min: {min}, max: {max}, is_checked_later: {is_checked_later} }}"
        ))
    }

    /// Alternatives that differ in the only allowed value of one field.
    fn tagged(&mut self, alternatives: &Value, at: &str) -> Result<String> {
        let (mut tags, mut rows) = (BTreeSet::new(), String::new());
        for alternative in alternatives.as_array().into_iter().flatten() {
            let name = alternative["$ref"]
                .as_str()
                .and_then(|target| target.rsplit('/').next())
                .ok_or_else(|| format!("{at}: oneOf must list references"))?;
            let schema = self.reference(&alternative["$ref"], at)?;
            let (tag, value) = object(&self.schemas[name]["properties"], name)?
                .iter()
                .find_map(
                    |(field, schema)| match schema["enum"].as_array()?.as_slice() {
                        [Value::String(only)] => Some((field, only)),
                        _ => None,
                    },
                )
                .ok_or_else(|| format!("{name}: one field must have a single allowed value"))?;
            tags.insert(tag);
            write!(rows, "({value:?}, {schema}), ")?;
        }
        match tags.into_iter().collect::<Vec<_>>().as_slice() {
            [tag] => Ok(format!(
                "&Schema::Tagged {{ tag: {tag:?}, variants: &[{rows}] }}"
            )),
            tags => Err(format!("{at}: alternatives differ in {tags:?}, not in one field").into()),
        }
    }
}

/// The target of `allOf: [{ $ref: .. }]`, which adds a description to a reference.
fn only_part(keywords: &Map<String, Value>) -> Option<&Value> {
    match keywords.get("allOf")?.as_array()?.as_slice() {
        [part] => part.get("$ref"),
        _ => None,
    }
}

fn text(keywords: &Map<String, Value>, name: Option<&str>, at: &str) -> Result<String> {
    if let Some(values) = keywords.get("enum") {
        allow(keywords, &["type", "enum"], at)?;
        let values: Vec<&str> = strings(Some(values)).into_iter().collect();
        return Ok(format!("Schema::OneOf(&{values:?})"));
    }
    allow(keywords, &["type", "minLength", "maxLength", "pattern"], at)?;
    let limit = |keyword| keywords.get(keyword).and_then(Value::as_u64);
    let min = limit("minLength").unwrap_or(0);
    let max = limit("maxLength").ok_or_else(|| format!("{at}: maxLength is missing"))?;
    let format = if keywords.contains_key("pattern") {
        let (_, format) = FORMATS
            .iter()
            .find(|(named, _)| Some(*named) == name)
            .ok_or_else(|| format!("{at}: give this pattern a named schema and a format, see build.rs of stockline-platform"))?;
        format!("Some(Format::{format})")
    } else {
        "None".to_owned()
    };
    Ok(format!(
        "Schema::Text {{ min: {min}, max: {max}, format: {format} }}"
    ))
}

fn integer(keywords: &Map<String, Value>, at: &str) -> Result<String> {
    allow(keywords, &["type", "minimum", "maximum", "not"], at)?;
    let limit = |keyword| keywords.get(keyword).and_then(Value::as_i64);
    let min = limit("minimum").unwrap_or(i64::MIN);
    let max = limit("maximum").unwrap_or(i64::MAX);
    let is_zero_allowed = match keywords.get("not") {
        None => true,
        Some(not) if *not == serde_json::json!({"enum": [0]}) => false,
        Some(not) => return Err(format!("{at}: not {not} is not supported").into()),
    };
    Ok(format!(
        "Schema::Integer {{ min: {min}, max: {max}, is_zero_allowed: {is_zero_allowed} }}"
    ))
}

/// Checks that a schema has no other keywords than `supported` and annotations.
fn allow(keywords: &Map<String, Value>, supported: &[&str], at: &str) -> Result<()> {
    let unsupported = keywords.keys().find(|keyword| {
        !supported.contains(&keyword.as_str()) && !ANNOTATIONS.contains(&keyword.as_str())
    });
    match unsupported {
        None => Ok(()),
        Some(keyword) => Err(format!("{CONTRACT}: {at}: {keyword} is not supported").into()),
    }
}

fn object<'a>(value: &'a Value, at: &str) -> Result<&'a Map<String, Value>> {
    let map = value.as_object();
    map.ok_or_else(|| format!("{CONTRACT}: {at} is not an object").into())
}

fn strings(values: Option<&Value>) -> BTreeSet<&str> {
    let values = values.and_then(Value::as_array).into_iter().flatten();
    values.filter_map(Value::as_str).collect()
}

/// `NewOrder` as `NEW_ORDER`.
fn constant(name: &str) -> String {
    let mut constant = String::new();
    for character in name.chars() {
        if character.is_uppercase() && !constant.is_empty() {
            constant.push('_');
        }
        constant.extend(character.to_uppercase());
    }
    constant
}
