//! DynamoDB's number: decimal, exact, of at most 38 significant digits.

use std::fmt;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};

/// The most significant digits a number has (Developer Guide, "Supported data types").
const DIGITS: u64 = 38;
/// The largest power of ten of a number's first digit; the smallest is -130.
const LARGEST: i64 = 125;
const SMALLEST: i64 = -130;

/// A number without trailing zeros, so that `1.0` and `1` are one and the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number(BigDecimal);

impl Number {
    /// Reads a number; an error is what DynamoDB says of it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let decimal = BigDecimal::from_str(text)
            .map_err(|_| format!("The parameter cannot be converted to a numeric value: {text}"))?;
        Self::within_limits(&decimal)
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Result<Self, String> {
        Self::within_limits(&(&self.0 + &other.0))
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Result<Self, String> {
        Self::within_limits(&(&self.0 - &other.0))
    }

    /// A number of elements.
    pub fn count(elements: usize) -> Self {
        Self(BigDecimal::from(elements as u64).normalized())
    }

    /// Its bytes in an item: one for every two significant digits, and one.
    pub fn size(&self) -> usize {
        let digits = usize::try_from(self.0.digits()).unwrap_or(usize::MAX);
        if self.0.is_zero() {
            1
        } else {
            digits.div_ceil(2) + 1
        }
    }

    fn within_limits(decimal: &BigDecimal) -> Result<Self, String> {
        let decimal = decimal.normalized();
        if decimal.is_zero() {
            return Ok(Self(decimal));
        }
        if decimal.digits() > DIGITS {
            return Err("Attempting to store more than 38 significant digits in a Number".into());
        }
        let (_, scale) = decimal.as_bigint_and_exponent();
        let digits = i64::try_from(decimal.digits()).unwrap_or(i64::MAX);
        let power = digits - 1 - scale;
        if power > LARGEST {
            return Err("Number overflow. Attempting to store a number with magnitude larger than supported range".into());
        }
        if power < SMALLEST {
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
    fn thirty_eight_digits_are_exact_and_one_more_is_refused() {
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
    fn zeros_that_say_nothing_are_gone() {
        assert_eq!(number("1.500").to_string(), "1.5");
        assert_eq!(number("0010"), number("1E1"));
        assert_eq!(number("-0").to_string(), "0");
        assert_eq!(number("100").size(), 2);
        assert_eq!(number("123").size(), 3);
    }

    #[test]
    fn the_magnitude_is_bounded() {
        assert!(Number::parse("9E125").is_ok());
        assert!(Number::parse("1E126").is_err());
        assert!(Number::parse("1E-130").is_ok());
        assert!(Number::parse("1E-131").is_err());
        assert!(Number::parse("many").is_err());
    }
}
