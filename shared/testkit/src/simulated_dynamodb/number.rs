//! DynamoDB's number type: exact decimals of at most 38 significant digits.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};

/// The maximum number of significant digits (Developer Guide, "Supported data types").
const MAX_DIGITS: u64 = 38;
/// The largest and smallest decimal exponent of a number's first digit (Developer Guide, "Supported data types").
const MAX_EXPONENT: i64 = 125;
const MIN_EXPONENT: i64 = -130;

/// A number without trailing zeros, so that `1.0` equals `1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

impl Number {
    /// Parses a number. An error is DynamoDB's error message.
    pub fn parse(text: &str) -> Result<Self, String> {
        let decimal = BigDecimal::from_str(text)
            .map_err(|_| format!("The parameter cannot be converted to a numeric value: {text}"))?;
        Self::check_limits(&decimal)
    }

    /// Adds. An error is DynamoDB's error message for a result out of range.
    pub fn plus(&self, other: &Self) -> Result<Self, String> {
        Self::check_limits(&(&self.0 + &other.0))
    }

    /// Subtracts. An error is DynamoDB's error message for a result out of range.
    pub fn minus(&self, other: &Self) -> Result<Self, String> {
        Self::check_limits(&(&self.0 - &other.0))
    }

    /// Converts a number of elements.
    pub fn from_count(elements: usize) -> Self {
        Self(BigDecimal::from(elements as u64).normalized())
    }

    /// Returns its size in bytes within an item: one for every two significant digits, plus one.
    pub fn size(&self) -> usize {
        let digits = usize::try_from(self.0.digits()).unwrap_or(usize::MAX);
        if self.0.is_zero() {
            1
        } else {
            digits.div_ceil(2) + 1
        }
    }

    fn check_limits(decimal: &BigDecimal) -> Result<Self, String> {
        let decimal = decimal.normalized();
        if decimal.is_zero() {
            return Ok(Self(decimal));
        }
        if decimal.digits() > MAX_DIGITS {
            return Err("Attempting to store more than 38 significant digits in a Number".into());
        }
        let (_, scale) = decimal.as_bigint_and_exponent();
        let digits = i64::try_from(decimal.digits()).unwrap_or(i64::MAX);
        let exponent = digits - 1 - scale;
        if exponent > MAX_EXPONENT {
            return Err("Number overflow. Attempting to store a number with magnitude larger than supported range".into());
        }
        if exponent < MIN_EXPONENT {
            return Err("Number underflow. Attempting to store a number with magnitude smaller than supported range".into());
        }
        Ok(Self(decimal))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.to_plain_string())
    }
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn number(text: &str) -> Number {
        Number::parse(text).unwrap()
    }

    #[test]
    fn numbers_have_at_most_38_exact_digits() {
        let largest = "9".repeat(38);
        assert_eq!(number(&largest).to_string(), largest);
        assert!(Number::parse(&"9".repeat(39)).is_err());
        assert!(number(&largest).plus(&number("0.1")).is_err());
        assert_eq!(
            number("0.1").plus(&number("0.2")).unwrap(),
            number("0.3"),
            "no binary fractions"
        );
    }

    #[test]
    fn insignificant_zeros_are_removed() {
        assert_eq!(number("1.500").to_string(), "1.5");
        assert_eq!(number("0010"), number("1E1"));
        assert_eq!(number("-0").to_string(), "0");
        assert_eq!(number("100").size(), 2);
        assert_eq!(number("123").size(), 3);
    }

    #[test]
    fn exponent_is_limited() {
        assert!(Number::parse("9E125").is_ok());
        assert!(Number::parse("1E126").is_err());
        assert!(Number::parse("1E-130").is_ok());
        assert!(Number::parse("1E-131").is_err());
        assert!(Number::parse("many").is_err());
    }
}
