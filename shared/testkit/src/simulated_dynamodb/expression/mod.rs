//! DynamoDB's expressions. An expression that does not match its grammar is rejected.

pub mod condition;
pub mod key_condition;
mod parser;
pub mod path;
mod reserved;
mod token;
pub mod update;

use std::collections::{BTreeMap, BTreeSet};

pub use condition::Condition;
pub use key_condition::KeyCondition;
pub use path::Path;
pub use update::Update;

use self::parser::Parser;
use super::value::{Item, Value};

/// The `ExpressionAttributeNames` and `ExpressionAttributeValues` of a request. Each must be used by an expression.
#[derive(Debug, Default)]
pub struct Placeholders {
    names: BTreeMap<String, String>,
    values: Item,
    used: BTreeSet<String>,
}

impl Placeholders {
    /// Creates the placeholders of a request.
    pub fn new(names: Option<BTreeMap<String, String>>, values: Option<Item>) -> Self {
        Self {
            names: names.unwrap_or_default(),
            values: values.unwrap_or_default(),
            used: BTreeSet::new(),
        }
    }

    /// Parses a condition. `kind` is the name of the request parameter.
    pub fn condition(&mut self, kind: &'static str, text: &str) -> Result<Condition, String> {
        let mut parser = Parser::new(kind, text, self)?;
        let condition = parser.condition()?;
        parser.end()?;
        Ok(condition)
    }

    /// Parses an update expression.
    pub fn update(&mut self, text: &str) -> Result<Update, String> {
        let mut parser = Parser::new("UpdateExpression", text, self)?;
        let update = parser.update()?;
        parser.end()?;
        update.validate()
    }

    /// Parses a projection expression.
    pub fn projection(&mut self, text: &str) -> Result<Vec<Path>, String> {
        let mut parser = Parser::new("ProjectionExpression", text, self)?;
        let paths = parser.paths()?;
        parser.end()?;
        path::check_no_overlap("ProjectionExpression", &paths)?;
        Ok(paths)
    }

    /// Checks that the expressions parsed so far use every placeholder.
    pub fn check_all_used(&self) -> Result<(), String> {
        let unused = |given: Vec<&String>| {
            given
                .into_iter()
                .filter(|name| !self.used.contains(*name))
                .cloned()
                .collect::<Vec<_>>()
                .join(", ")
        };
        for (parameter, unused) in [
            ("Names", unused(self.names.keys().collect())),
            ("Values", unused(self.values.keys().collect())),
        ] {
            if !unused.is_empty() {
                return Err(format!(
                    "Value provided in ExpressionAttribute{parameter} unused in expressions: keys: {{{unused}}}"
                ));
            }
        }
        Ok(())
    }

    fn name(&mut self, kind: &str, placeholder: &str) -> Result<String, String> {
        self.used.insert(placeholder.to_owned());
        self.names.get(placeholder).cloned().ok_or_else(|| {
            format!("Invalid {kind}: An expression attribute name used in the document path is not defined; attribute name: {placeholder}")
        })
    }

    fn value(&mut self, kind: &str, placeholder: &str) -> Result<Value, String> {
        self.used.insert(placeholder.to_owned());
        self.values.get(placeholder).cloned().ok_or_else(|| {
            format!("Invalid {kind}: An expression attribute value used in expression is not defined; attribute value: {placeholder}")
        })
    }
}
