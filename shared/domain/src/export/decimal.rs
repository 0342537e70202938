//! Amounts as decimals of the major unit.

use crate::money::Money;

/// Precision of an exported amount: the number of decimal digits that fit a 64-bit integer in every query engine.
pub const DECIMAL_PRECISION: u8 = 18;

/// Scale of every exported amount: digits after the decimal point. ISO 4217 has currencies of 0 to 4 digits, so a scale of 2
/// would round some of them.
pub const DECIMAL_SCALE: u8 = 4;

/// An amount or a sum exceeds [`DECIMAL_PRECISION`] or 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount has more than 18 digits, the precision of an exported decimal")]
pub struct TooLarge;

/// Converts `money` to the unscaled value of a decimal of [`DECIMAL_SCALE`] in the major unit: 19.99 EUR is 199900.
///
/// # Errors
/// The value has more than [`DECIMAL_PRECISION`] digits.
pub fn unscaled(money: Money) -> Result<i64, TooLarge> {
    let extra_digits = u32::from(DECIMAL_SCALE)
        .checked_sub(money.currency.minor_digits())
        .ok_or(TooLarge)?;
    money
        .amount
        .checked_mul(10_i64.pow(extra_digits))
        .filter(|value| value.unsigned_abs() < 10_u64.pow(u32::from(DECIMAL_PRECISION)))
        .ok_or(TooLarge)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    fn decimal(amount: i64, code: &str) -> Result<i64, TooLarge> {
        unscaled(Money::new(amount, code.parse().unwrap()))
    }

    #[test]
    fn every_currency_is_exact_at_scale_4() {
        assert_eq!(decimal(1999, "EUR"), Ok(199_900));
        assert_eq!(decimal(-1999, "JPY"), Ok(-19_990_000));
        assert_eq!(decimal(1999, "KWD"), Ok(19_990));
        assert_eq!(decimal(1999, "CLF"), Ok(1999));
    }

    #[test]
    fn amount_above_18_digits_is_rejected() {
        assert_eq!(
            decimal(99_999_999_999_999, "JPY"),
            Ok(999_999_999_999_990_000)
        );
        assert_eq!(decimal(100_000_000_000_000, "JPY"), Err(TooLarge));
        assert_eq!(decimal(i64::MIN, "CLF"), Err(TooLarge));
    }

    proptest! {
        #[test]
        fn amount_is_recovered_from_its_decimal(
            amount in -crate::money::MAX_AMOUNT..=crate::money::MAX_AMOUNT,
            code in prop::sample::select(vec!["JPY", "EUR", "KWD", "CLF"]),
        ) {
            let currency: Currency = code.parse().unwrap();
            let factor = 10_i64.pow(4 - currency.minor_digits());
            let value = unscaled(Money::new(amount, currency)).unwrap();
            prop_assert_eq!((value / factor, value % factor), (amount, 0));
        }
    }
}
