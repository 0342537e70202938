//! Validation errors of a request, by field.

use serde::{Deserialize, Serialize};

/// The maximum number of field errors that are reported for one request.
pub const MAX_FIELD_ERRORS: usize = 1000;

/// A rule that one field breaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// The field: a JSON Pointer (RFC 6901) into the request body, or the name of a parameter.
    pub pointer: String,
    /// The rule, as a text for people that follows the name of the field.
    pub detail: String,
}

/// The errors of a request that was parsed but breaks rules; at most [`MAX_FIELD_ERRORS`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.errors))]
pub struct Invalid {
    /// The field errors, at least one.
    pub errors: Vec<FieldError>,
}

/// Collects the field errors of one request.
#[derive(Debug, Default)]
pub struct Checks {
    errors: Vec<FieldError>,
}

impl Checks {
    /// Starts without errors.
    pub fn new() -> Self {
        Self::default()
    }

    /// Records an error for the field at `pointer` unless `holds` is true or [`MAX_FIELD_ERRORS`] are recorded.
    pub fn require(&mut self, holds: bool, pointer: impl Into<String>, detail: impl Into<String>) {
        if !holds && self.errors.len() < MAX_FIELD_ERRORS {
            self.errors.push(FieldError {
                pointer: pointer.into(),
                detail: detail.into(),
            });
        }
    }

    /// Returns `value`.
    ///
    /// # Errors
    /// The recorded field errors, if there are any.
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

/// The first error and the number of the others.
fn summary(errors: &[FieldError]) -> String {
    let Some((first, others)) = errors.split_first() else {
        return "the request is not valid".to_owned();
    };
    let first = format!("{} {}", first.pointer, first.detail);
    match others.len() {
        0 => first,
        1 => format!("{first}; and 1 more error"),
        more => format!("{first}; and {more} more errors"),
    }
}

impl Invalid {
    /// Creates an error of one field.
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
    fn every_field_error_is_reported_up_to_a_thousand() {
        for (broken, reported) in [(1, 1), (1000, 1000), (1001, 1000)] {
            let mut checks = Checks::new();
            checks.require(true, "/total", "holds");
            for line in 0..broken {
                checks.require(false, format!("/lines/{line}"), "breaks");
            }
            assert_eq!(checks.finish(()).unwrap_err().errors.len(), reported);
        }
    }

    #[test]
    fn display_names_the_first_error_and_counts_the_others() {
        let mut invalid = Invalid::field("/lines/0", "must hold");
        assert_eq!(invalid.to_string(), "/lines/0 must hold");
        invalid.errors.extend(invalid.errors.clone());
        assert_eq!(invalid.to_string(), "/lines/0 must hold; and 1 more error");
        invalid.errors.extend(invalid.errors.clone());
        assert_eq!(invalid.to_string(), "/lines/0 must hold; and 3 more errors");
    }
}
