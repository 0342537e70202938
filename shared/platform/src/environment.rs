//! Environment variables, which configure a function and are read once at its start.

use std::str::FromStr;

/// A required variable that is not set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name} is not set")]
pub struct MissingVariable {
    name: String,
}

/// A variable whose value is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {name}: {reason}")]
pub struct InvalidVariable {
    name: String,
    reason: String,
}

/// Returns the value of `name`, which must be set and not empty.
pub fn required(name: &str) -> Result<String, MissingVariable> {
    optional(name).ok_or_else(|| MissingVariable {
        name: name.to_owned(),
    })
}

/// Returns the parsed value of `name`, which must be set.
pub fn required_value<T: FromStr>(name: &str) -> Result<T, InvalidVariable>
where
    T::Err: ToString,
{
    let invalid = |reason: String| InvalidVariable {
        name: name.to_owned(),
        reason,
    };
    let value = std::env::var(name).map_err(|error| invalid(error.to_string()))?;
    value
        .parse()
        .map_err(|error: T::Err| invalid(error.to_string()))
}

/// Returns the entries of `name`, separated by commas. The variable must be set; an empty value is an empty list.
pub fn required_list<T: FromStr>(name: &str) -> Result<Vec<T>, InvalidVariable>
where
    T::Err: ToString,
{
    let invalid = |reason: String| InvalidVariable {
        name: name.to_owned(),
        reason,
    };
    let value = std::env::var(name).map_err(|error| invalid(error.to_string()))?;
    parse_list(&value).map_err(invalid)
}

fn parse_list<T: FromStr>(value: &str) -> Result<Vec<T>, String>
where
    T::Err: ToString,
{
    let entries = value.split(',').filter(|_| !value.is_empty());
    entries
        .map(|entry| {
            entry
                .parse()
                .map_err(|error: T::Err| format!("{entry:?} {}", error.to_string()))
        })
        .collect()
}

/// Returns the value of `name` if it is set and not empty.
pub fn optional(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use stockline_domain::ids::ControllerId;

    use super::*;

    #[test]
    fn missing_variable_is_named() {
        let missing = required("STOCKLINE_NOT_SET").unwrap_err();
        assert_eq!(
            missing.to_string(),
            "the environment variable STOCKLINE_NOT_SET is not set"
        );
        let missing = required_list::<ControllerId>("STOCKLINE_NOT_SET").unwrap_err();
        assert!(missing.to_string().contains("STOCKLINE_NOT_SET"));
    }

    #[test]
    fn list_is_split_at_commas_and_checked() {
        let ids = parse_list::<ControllerId>("controller-1,controller-2").unwrap();
        assert_eq!(ids.len(), 2);
        assert_eq!(parse_list::<ControllerId>(""), Ok(Vec::new()));
        let error = parse_list::<ControllerId>("controller-1,a b").unwrap_err();
        assert!(error.starts_with("\"a b\" must be"), "{error}");
        assert!(parse_list::<ControllerId>("controller-1,").is_err());
    }
}
