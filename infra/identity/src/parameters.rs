//! Parameters of a query or a form.

use std::collections::BTreeMap;

/// The longest value that is accepted, in bytes.
const MAX_VALUE_BYTES: usize = 2048;

/// Why parameters are rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidParameters {
    /// RFC 6749 section 3.1 forbids it.
    #[error("the parameter `{0}` is there twice; send it once")]
    Repeated(String),
    /// A value is longer than [`MAX_VALUE_BYTES`].
    #[error("the parameter `{0}` has more than {MAX_VALUE_BYTES} bytes; send a shorter value")]
    TooLong(String),
}

/// Decoded parameters, each with one value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Decodes `application/x-www-form-urlencoded`.
    pub fn parse(encoded: &[u8]) -> Result<Self, InvalidParameters> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(encoded) {
            let name = name.into_owned();
            if value.len() > MAX_VALUE_BYTES {
                return Err(InvalidParameters::TooLong(name));
            }
            if parameters
                .insert(name.clone(), value.into_owned())
                .is_some()
            {
                return Err(InvalidParameters::Repeated(name));
            }
        }
        Ok(Self(parameters))
    }

    /// The value of a parameter. An empty value counts as omitted, as RFC 6749 section 3.1 requires.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?;
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded_and_empty_is_omitted() {
        let parameters = Parameters::parse(b"a=x+y%26z&b=").unwrap();
        assert_eq!(parameters.get("a"), Some("x y&z"));
        assert_eq!(parameters.get("b"), None);
        assert_eq!(parameters.get("c"), None);
    }

    #[test]
    fn repeated_parameter_is_rejected() {
        let repeated = InvalidParameters::Repeated("state".into());
        assert_eq!(Parameters::parse(b"state=1&state=1"), Err(repeated));
    }

    #[test]
    fn long_value_is_rejected() {
        let parameters = |length| Parameters::parse(format!("a={}", "x".repeat(length)).as_bytes());
        assert!(parameters(MAX_VALUE_BYTES).is_ok());
        let too_long = InvalidParameters::TooLong("a".into());
        assert_eq!(parameters(MAX_VALUE_BYTES + 1), Err(too_long));
    }
}
