//! A function's configuration: environment variables, read once at start.

/// A variable that must be set is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} is not set")]
pub struct MissingVariable {
    name: String,
}

/// The value of `name`.
pub fn required(name: &str) -> Result<String, MissingVariable> {
    optional(name).ok_or_else(|| MissingVariable {
        name: name.to_owned(),
    })
}

/// The value of `name`, where it is set and not empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_missing_variable_is_named() {
        let missing = super::required("STOCKLINE_NOT_SET").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the environment variable STOCKLINE_NOT_SET is not set"
        );
    }
}
