//! Attributes that hold the correlation id and trace context of the request that last wrote an item. The consumer of the
//! item's stream record continues that trace.

use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::trace::{Cause, Traceparent};

use super::attributes::string;

/// Attribute names and their placeholders in expressions.
const CORRELATION_ID: (&str, &str) = ("correlation_id", ":correlation_id");
const TRACEPARENT: (&str, &str) = ("traceparent", ":traceparent");

/// The cause attributes of a write. A write without a cause removes those of the previous write.
pub struct CauseAttributes([(&'static str, &'static str, Option<String>); 2]);

impl CauseAttributes {
    /// Returns the attributes of the current cause.
    pub fn current() -> Self {
        let cause = Cause::current();
        Self([
            (
                CORRELATION_ID.0,
                CORRELATION_ID.1,
                cause.correlation_id().map(str::to_owned),
            ),
            (
                TRACEPARENT.0,
                TRACEPARENT.1,
                cause.traceparent().map(Traceparent::to_string),
            ),
        ])
    }

    /// Returns the attributes to add to an item that is put.
    pub fn attributes(&self) -> impl Iterator<Item = (String, AttributeValue)> {
        self.0
            .iter()
            .filter_map(|(name, _, value)| Some(((*name).to_owned(), string(value.as_deref()?))))
    }

    /// Returns the expression attribute values for [`Self::update_expression`].
    pub fn values(&self) -> impl Iterator<Item = (&'static str, AttributeValue)> {
        self.0
            .iter()
            .filter_map(|(_, placeholder, value)| Some((*placeholder, string(value.as_deref()?))))
    }

    /// Returns an update expression with these assignments and removals that also writes the cause attributes.
    pub fn update_expression(&self, assignments: &[&str], removals: &[&str]) -> String {
        let mut sets: Vec<String> = assignments.iter().map(|&set| set.to_owned()).collect();
        let mut removals = removals.to_vec();
        for (name, placeholder, value) in &self.0 {
            match value {
                Some(_) => sets.push(format!("{name} = {placeholder}")),
                None => removals.push(name),
            }
        }
        let mut expression = format!("SET {}", sets.join(", "));
        if !removals.is_empty() {
            expression.push_str(" REMOVE ");
            expression.push_str(&removals.join(", "));
        }
        expression
    }
}
