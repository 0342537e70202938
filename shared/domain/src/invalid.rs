//! What is wrong with a request, field by field.

use serde::{Deserialize, Serialize};

/// The most broken fields of one request that are named.
pub const MAX_NAMED: usize = 1000;

/// One field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Where, as a JSON Pointer (RFC 6901) into the request body, or the parameter's name.
    pub pointer: String,
    /// What must hold there, for the reader.
    pub detail: String,
}

/// A request that can be read but not accepted; every broken field is named, up to [`MAX_NAMED`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} field(s) break a rule", .errors.len())]
pub struct Invalid {
    /// The broken fields, at least one.
    pub errors: Vec<FieldError>,
}

/// Collects the broken fields of one request.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// Nothing broken yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records that the field at `pointer` breaks a rule, unless `holds` or [`MAX_NAMED`] are recorded.
    pub fn require(&mut self, holds: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !holds && self.errors.len() < MAX_NAMED {
            self.errors.push(FieldError {
                pointer: pointer.into(),
                detail: detail.into(),
            });
        }
    }

    /// `value`, or every broken field.
    pub fn finish<T>(self, value: T) -> Result<T, Invalid> {
        if self.errors.is_empty() {
            Ok(value)
        } else {
            Err(Invalid {
                errors: self.errors,
            })
        }
    }
}

impl Invalid {
    /// One broken field.
    pub fn field(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            errors: vec![FieldError {
                pointer: pointer.into(),
                detail: detail.into(),
            }],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_broken_field_is_named_up_to_a_thousand() {
        for (broken, named) in [(1, 1), (1000, 1000), (1001, 1000)] {
            let mut checks = Checks::new();
            checks.require(true, "/total", "holds");
            for line in 0..broken {
                checks.require(false, format!("/lines/{line}"), "breaks");
            }
            assert_eq!(checks.finish(()).unwrap_err().errors.len(), named);
        }
    }
}
