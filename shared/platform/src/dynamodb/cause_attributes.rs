//! The attributes by which an item names the request that last wrote it, so that its stream record continues the trace.

use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::trace::{Cause, Traceparent};

use super::attributes::string;

/// The attributes and their placeholders in expressions.
const CORRELATION_ID: (&str, &str) = ("correlation_id", ":correlation_id");
const TRACEPARENT: (&str, &str) = ("traceparent", ":traceparent");

/// The cause of a write, as attributes. A write without a cause removes those of the write before it.
pub struct CauseAttributes([(&'static str, &'static str, Option<String>); 2]);

impl CauseAttributes {
    /// The cause of the work at hand.
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

    /// The attributes of an item that is written whole.
    pub fn attributes(&self) -> impl Iterator<Item = (String, AttributeValue)> {
        self.0
            .iter()
            .filter_map(|(name, _, value)| Some(((*name).to_owned(), string(value.as_deref()?))))
    }

    /// The values that [`Self::update_expression`] refers to.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, AttributeValue)> {
        self.0
            .iter()
            .filter_map(|(_, placeholder, value)| Some((*placeholder, string(value.as_deref()?))))
    }

    /// An update expression that makes these assignments and removals, and writes the cause.
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
