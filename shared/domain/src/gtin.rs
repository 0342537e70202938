//! Global Trade Item Numbers, the numbers below bar codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The lengths of a GTIN, check digit included: GTIN-8, GTIN-12 (UPC), GTIN-13 (EAN) and GTIN-14 (case).
const LENGTHS: [usize; 4] = [8, 12, 13, 14];

/// A GTIN of 8, 12, 13 or 14 digits. The last one is the check digit (GS1 General Specifications, section 7.9).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gtin(String);

/// A text that is no GTIN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGtin {
    /// It has another length, or characters that are not digits.
    #[error("must be 8, 12, 13 or 14 digits")]
    Form,
    /// Its last digit does not fit the digits before it.
    #[error("must end with the check digit {expected}")]
    CheckDigit {
        /// The check digit of the digits before the last one.
        expected: u8,
    },
}

impl Gtin {
    /// Returns the digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the check digit of `digits`, which are the ASCII digits before it: it makes the sum of all digits a multiple of 10,
/// when every second digit from the right, the one beside the check digit first, counts three times.
fn check_digit(digits: &[u8]) -> u8 {
    let weights = [3, 1].into_iter().cycle();
    let weighted = digits.iter().rev().zip(weights);
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    u8::try_from((10 - sum % 10) % 10).unwrap_or_default()
}

impl FromStr for Gtin {
    type Err = InvalidGtin;

    fn from_str(text: &str) -> Result<Self, InvalidGtin> {
        let bytes = text.as_bytes();
        let is_number = LENGTHS.contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_digit);
        let (last, digits) = bytes.split_last().ok_or(InvalidGtin::Form)?;
        if !is_number {
            return Err(InvalidGtin::Form);
        }
        let expected = check_digit(digits);
        if last - b'0' == expected {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidGtin::CheckDigit { expected })
        }
    }
}

impl TryFrom<String> for Gtin {
    type Error = InvalidGtin;

    fn try_from(text: String) -> Result<Self, InvalidGtin> {
        text.parse()
    }
}

impl From<Gtin> for String {
    fn from(gtin: Gtin) -> Self {
        gtin.0
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<Gtin, InvalidGtin> {
        text.parse()
    }

    /// The digits before the check digit, of every length.
    fn digits() -> impl Strategy<Value = String> {
        prop::sample::select(LENGTHS.to_vec())
            .prop_flat_map(|length| prop::collection::vec(b'0'..=b'9', length - 1))
            .prop_map(|digits| String::from_utf8(digits).unwrap())
    }

    fn with_check_digit(digits: &str) -> String {
        format!("{digits}{}", check_digit(digits.as_bytes()))
    }

    #[test]
    fn published_numbers_are_valid() {
        // Examples of the GS1 General Specifications and of products.
        for gtin in [
            "96385074",
            "614141999996",
            "036000291452",
            "4006381333931",
            "10614141999993",
            "00000000",
        ] {
            assert_eq!(parse(gtin).map(String::from).as_deref(), Ok(gtin));
        }
    }

    #[test]
    fn wrong_check_digit_names_the_right_one() {
        let error = parse("4006381333932").unwrap_err();
        assert_eq!(error, InvalidGtin::CheckDigit { expected: 1 });
        assert_eq!(error.to_string(), "must end with the check digit 1");
    }

    #[test]
    fn other_lengths_and_characters_are_rejected() {
        for text in [
            "",
            "1",
            "9638507",
            "963850740",
            "400638133393a",
            " 4006381333931",
            "4006-38133393",
            "٤٠٠٦٣٨١٣",
        ] {
            assert_eq!(parse(text), Err(InvalidGtin::Form), "{text}");
        }
    }

    proptest! {
        #[test]
        fn number_with_its_check_digit_is_valid(digits in digits()) {
            prop_assert!(parse(&with_check_digit(&digits)).is_ok());
        }

        #[test]
        fn any_wrong_digit_is_detected(digits in digits(), at in any::<prop::sample::Index>(), by in 1_u8..10) {
            let mut wrong = with_check_digit(&digits).into_bytes();
            let at = at.index(wrong.len());
            wrong[at] = b'0' + (wrong[at] - b'0' + by) % 10;
            let refused = parse(std::str::from_utf8(&wrong).unwrap());
            prop_assert!(matches!(refused, Err(InvalidGtin::CheckDigit { .. })), "{:?}", refused);
        }

        #[test]
        fn error_names_the_digit_that_makes_it_valid(digits in digits(), last in 0_u8..10) {
            match parse(&format!("{digits}{last}")) {
                Ok(gtin) => prop_assert_eq!(gtin.as_str(), with_check_digit(&digits)),
                Err(InvalidGtin::CheckDigit { expected }) => {
                    prop_assert_ne!(expected, last);
                    let repaired = format!("{digits}{expected}");
                    prop_assert!(parse(&repaired).is_ok());
                }
                Err(InvalidGtin::Form) => prop_assert!(false, "the form is valid"),
            }
        }

        #[test]
        fn swapped_neighbours_are_detected_unless_5_apart(digits in digits(), at in any::<prop::sample::Index>()) {
            let mut swapped = with_check_digit(&digits).into_bytes();
            let at = at.index(swapped.len() - 1);
            let apart = swapped[at].abs_diff(swapped[at + 1]);
            swapped.swap(at, at + 1);
            let result = parse(std::str::from_utf8(&swapped).unwrap());
            prop_assert_eq!(result.is_ok(), apart.is_multiple_of(5));
        }

        #[test]
        fn leading_zeros_keep_the_check_digit(digits in digits()) {
            let gtin = with_check_digit(&digits);
            let padded = format!("{gtin:0>14}");
            prop_assert!(parse(&padded).is_ok());
        }
    }
}
