//! Checks request bodies against the contract, `infra/api/openapi.yaml`, and reports all fields that break it at once.
//!
//! The schemas are compiled in as statics by `build.rs`, so a rule of the contract is enforced without a second description of
//! it. A general JSON Schema validator is not used, because it compiles its schemas at every cold start, brings a regular expression
//! engine, and reports schema keywords instead of rules. Deserialization alone stops at the first mistake and reports it in terms
//! of Rust types.
//!
//! Rules that compare fields or need the clock are checked after this by the domain.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde_json::{Map, Value};
use stockline_domain::catalog::{TIME_ZONE_RULE, is_time_zone};
use stockline_domain::gtin::Gtin;
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::invalid::Checks;
use stockline_domain::money::Currency;
use stockline_domain::{reported_time, text};

use crate::strict_json::pointer_segment;
use table::REQUESTS;

/// The maximum number of characters of an offending text in an error.
const MAX_QUOTED: usize = 40;

#[allow(clippy::unreadable_literal, reason = "build.rs generates the table")]
mod table {
    use super::{Field, Format, Schema};

    include!(concat!(env!("OUT_DIR"), "/request_schemas.rs"));
}

/// The values that the contract allows for a request body or a part of one. `null` is never allowed.
#[derive(Debug)]
pub enum Schema {
    /// An object with these fields and no others.
    Object(&'static [Field]),
    /// An array.
    Array {
        /// The schema of each entry.
        items: &'static Schema,
        /// The minimum number of entries.
        min: usize,
        /// The maximum number of entries.
        max: usize,
        /// Whether the operation checks each entry on its own, so that an invalid one does not reject the others.
        is_checked_later: bool,
    },
    /// A string of `min` to `max` characters.
    Text {
        /// The minimum number of characters.
        min: usize,
        /// The maximum number of characters.
        max: usize,
        /// The form of the text.
        format: Option<Format>,
    },
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An integer.
    Integer {
        /// The smallest allowed value.
        min: i64,
        /// The largest allowed value.
        max: i64,
        /// Whether 0 is allowed if it is in the range.
        is_zero_allowed: bool,
    },
    /// `true` or `false`.
    Boolean,
    /// An object whose field `tag` selects its schema.
    Tagged {
        /// The name of the field.
        tag: &'static str,
        /// Its values, each with the schema that it selects.
        variants: &'static [(&'static str, &'static Schema)],
    },
}

/// A field of an object.
#[derive(Debug)]
pub struct Field {
    name: &'static str,
    is_required: bool,
    schema: &'static Schema,
}

/// The form of a text. Where the contract has a pattern, the rule of the domain is checked.
#[derive(Debug, Clone, Copy)]
#[allow(dead_code, reason = "the contract decides which formats occur")]
pub enum Format {
    /// An ISO 4217 code.
    Currency,
    /// A calendar date.
    Date,
    /// A GTIN with its check digit.
    Gtin,
    /// The id of a location, a zone or a controller.
    Id,
    /// A caller's reference: visible ASCII characters.
    Reference,
    /// A stock keeping unit.
    Sku,
    /// An IANA time zone.
    TimeZone,
    /// An RFC 3339 time.
    Timestamp,
    /// A UUID in its canonical form (RFC 9562, section 4).
    Uuid,
    /// A name or a reason.
    VisibleText,
}

/// Returns the schema of the request body of an operation, such as `POST` `/v1/orders/{order_id}/refunds`.
pub fn request_schema(method: &str, resource: &str) -> Option<&'static Schema> {
    REQUESTS
        .iter()
        .find(|(known_method, path, _)| *known_method == method && *path == resource)
        .map(|(_, _, schema)| *schema)
}

impl Schema {
    /// Returns the schema of the part at `pointer`, a JSON Pointer to fields and entries that exist.
    pub fn part(&'static self, pointer: &str) -> Option<&'static Self> {
        let mut segments = pointer.split('/');
        segments.next();
        segments.try_fold(self, |schema, segment| match schema {
            Self::Object(fields) => {
                let field = fields.iter().find(|field| field.name == segment);
                field.map(|field| field.schema)
            }
            Self::Array { items, .. } => Some(*items),
            _ => None,
        })
    }

    /// Records every part of `value` that this schema does not allow. `pointer` is the JSON Pointer to `value`.
    pub fn check(&self, value: &Value, pointer: &str, checks: &mut Checks) {
        self.check_at(&Place::Start(pointer), value, checks);
    }

    fn check_at(&self, at: &Place<'_>, value: &Value, checks: &mut Checks) {
        match self {
            Self::Object(fields) => match value {
                Value::Object(object) => check_fields(at, fields, object, checks),
                _ => refuse(at, "must be an object", value, checks),
            },
            Self::Array {
                items,
                min,
                max,
                is_checked_later,
            } => match value {
                Value::Array(entries) if (*min..=*max).contains(&entries.len()) => {
                    for (index, entry) in entries.iter().enumerate().filter(|_| !is_checked_later) {
                        items.check_at(&Place::Entry(at, index), entry, checks);
                    }
                }
                Value::Array(entries) => checks.refuse(
                    at.to_string(),
                    format!("must have {min} to {max} entries, got {}", entries.len()),
                ),
                _ => refuse(at, "must be an array", value, checks),
            },
            Self::Tagged { tag, variants } => match value {
                Value::Object(object) => {
                    let place = Place::Field(at, tag);
                    if let Some(schema) = selected(&place, variants, object.get(*tag), checks) {
                        schema.check_at(at, value, checks);
                    }
                }
                _ => refuse(at, "must be an object", value, checks),
            },
            scalar => {
                if let Some(rule) = scalar.broken_rule(value) {
                    refuse(at, &rule, value, checks);
                }
            }
        }
    }

    /// The rule of a schema of scalars that `value` breaks.
    fn broken_rule(&self, value: &Value) -> Option<String> {
        match (self, value) {
            (Self::OneOf(allowed), Value::String(text)) if allowed.contains(&text.as_str()) => None,
            (Self::OneOf(allowed), _) => Some(match allowed {
                [only] => format!("must be {only}"),
                _ => format!("must be one of {}", allowed.join(", ")),
            }),
            (Self::Boolean, Value::Bool(_))
            | (Self::Object(_) | Self::Array { .. } | Self::Tagged { .. }, _) => None,
            (Self::Boolean, _) => Some("must be true or false".to_owned()),
            (
                Self::Integer {
                    min,
                    max,
                    is_zero_allowed,
                },
                _,
            ) => match value.as_i64() {
                Some(0) if !is_zero_allowed => Some("must not be 0".to_owned()),
                Some(number) if (*min..=*max).contains(&number) => None,
                _ => Some(format!("must be an integer from {min} to {max}")),
            },
            (Self::Text { min, max, format }, Value::String(text)) => match format {
                Some(format) => format.broken_rule(text, *max),
                None if (*min..=*max).contains(&text.chars().count()) => None,
                None => Some(format!("must be {min} to {max} characters")),
            },
            (Self::Text { .. }, _) => Some("must be a string".to_owned()),
        }
    }
}

/// Where a value stands in the body. The pointer is written only for an error, so a valid body costs no allocation.
enum Place<'a> {
    /// At this pointer.
    Start(&'a str),
    /// In this field of the object at the place.
    Field(&'a Place<'a>, &'a str),
    /// In this entry of the array at the place.
    Entry(&'a Place<'a>, usize),
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(pointer) => f.write_str(pointer),
            Self::Field(object, name) => write!(f, "{object}{}", pointer_segment(name)),
            Self::Entry(array, index) => write!(f, "{array}/{index}"),
        }
    }
}

fn refuse(at: &Place<'_>, rule: &str, value: &Value, checks: &mut Checks) {
    checks.refuse(at.to_string(), format!("{rule}, got {}", quoted(value)));
}

fn check_fields(
    at: &Place<'_>,
    fields: &[Field],
    object: &Map<String, Value>,
    checks: &mut Checks,
) {
    for field in fields {
        let place = Place::Field(at, field.name);
        match object.get(field.name) {
            Some(Value::Null) if !field.is_required => {
                let rule = "must not be null: leave the field out instead";
                checks.refuse(place.to_string(), rule);
            }
            Some(value) => field.schema.check_at(&place, value, checks),
            None if field.is_required => checks.refuse(place.to_string(), "is required"),
            None => {}
        }
    }
    let is_known = |name: &str| fields.iter().any(|field| field.name == name);
    for unknown in object.keys().filter(|name| !is_known(name)) {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        checks.refuse(
            Place::Field(at, unknown).to_string(),
            format!(
                "is not a field of this object, which has {}",
                known.join(", ")
            ),
        );
    }
}

/// The schema that the tag at `place` selects. Records an error and returns `None` if it selects none.
fn selected(
    place: &Place<'_>,
    variants: &[(&str, &'static Schema)],
    tag: Option<&Value>,
    checks: &mut Checks,
) -> Option<&'static Schema> {
    let Some(tag) = tag else {
        checks.refuse(place.to_string(), "is required");
        return None;
    };
    let variant = variants.iter().find(|(name, _)| tag == name);
    if variant.is_none() {
        let names: Vec<&str> = variants.iter().map(|(name, _)| *name).collect();
        let rule = format!("must be one of {}", names.join(", "));
        refuse(place, &rule, tag, checks);
    }
    variant.map(|(_, schema)| *schema)
}

impl Format {
    /// The rule of this format, or of the length, that `text` breaks.
    fn broken_rule(self, text: &str, max: usize) -> Option<String> {
        let rule = |is_kept: bool, rule: &str| (!is_kept).then(|| rule.to_owned());
        match self {
            Self::Currency => rule(
                text.parse().is_ok_and(Currency::is_active),
                "must be the ISO 4217 code of a current currency, such as EUR",
            ),
            Self::Date => rule(
                is_canonical::<Date>(text),
                "must be a date, such as 2026-03-01",
            ),
            Self::Gtin => text.parse::<Gtin>().err().map(|error| error.to_string()),
            Self::Id => text
                .parse::<LocationId>()
                .err()
                .map(|error| error.to_string()),
            Self::Reference => rule(
                (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic()),
                &format!("must be 1 to {max} visible ASCII characters"),
            ),
            Self::Sku => text.parse::<Sku>().err().map(|error| error.to_string()),
            Self::TimeZone => rule(is_time_zone(text), TIME_ZONE_RULE),
            Self::Timestamp => reported_time::parse(text)
                .err()
                .map(|error| error.to_string()),
            Self::Uuid => rule(
                is_canonical::<uuid::Uuid>(text),
                "must be a UUID in lower case, such as 9d2ad7a4-2b4c-5e2c-8d7c-0c8d7b6f4a11",
            ),
            Self::VisibleText => text::violation(text, max),
        }
    }
}

/// Whether the text is what the parsed value is displayed as.
fn is_canonical<T: FromStr + fmt::Display>(text: &str) -> bool {
    text.parse::<T>()
        .is_ok_and(|value| value.to_string() == text)
}

/// A value as an error quotes it: a long text is cut, an object or an array is only named.
fn quoted(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "an array".to_owned(),
        Value::String(text) if text.chars().count() > MAX_QUOTED => {
            let start: String = text.chars().take(MAX_QUOTED).collect();
            format!("{start:?}..")
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
