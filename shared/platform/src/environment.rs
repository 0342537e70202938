//! Environment variables, which configure a function and are read once at its start.

/// A required variable is not set, or is empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} is not set")]
pub struct MissingVariable {
    name: String,
}

/// The value of the variable `name`, which must be set and not be empty.
pub fn required(name: &str) -> Result<String, MissingVariable> {
    optional(name).ok_or_else(|| MissingVariable {
        name: name.to_owned(),
    })
}

/// The value of the variable `name`, or `None` if it is not set or is empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn missing_variable_is_named_in_the_error() {
        let missing = super::required("STOCKLINE_NOT_SET").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the environment variable STOCKLINE_NOT_SET is not set"
        );
    }
}
