//! Validation errors of a request, by field.

use serde::{Deserialize, Serialize};

/// The maximum length of a pointer in a field error, in characters. A longer one, of an unknown field, is cut.
pub const MAX_POINTER: usize = 256;

/// The maximum length of the detail of a field error, in characters.
pub const MAX_DETAIL: usize = 2000;

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

impl FieldError {
    /// Creates an error; `pointer` and `detail` are cut at [`MAX_POINTER`] and [`MAX_DETAIL`].
    fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            pointer: cut(pointer.into(), MAX_POINTER),
            detail: cut(detail.into(), MAX_DETAIL),
        }
    }
}

fn cut(mut text: String, max_chars: usize) -> String {
    if let Some((end, _)) = text.char_indices().nth(max_chars) {
        text.truncate(end);
    }
    text
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
        if !holds {
            self.refuse(pointer, detail);
        }
    }

    /// Records an error for the field at `pointer` unless [`MAX_FIELD_ERRORS`] are recorded.
    pub fn refuse(&mut self, pointer: impl Into<String>, detail: impl Into<String>) {
        if self.errors.len() < MAX_FIELD_ERRORS {
            self.errors.push(FieldError::new(pointer, detail));
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
            errors: vec![FieldError::new(pointer, detail)],
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
    fn long_pointers_and_details_are_cut() {
        let invalid = Invalid::field("ü".repeat(257), "ü".repeat(2001));
        let error = &invalid.errors[0];
        assert_eq!(error.pointer.chars().count(), MAX_POINTER);
        assert_eq!(error.detail.chars().count(), MAX_DETAIL);
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
