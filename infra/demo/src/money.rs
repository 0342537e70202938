//! Converts the data set's floating-point amounts to exact cents.
//!
//! The total of a line is the shortest decimal text of the float, rounded half to even to two digits. The unit price is the
//! total divided by the quantity, rounded up to a cent. The discount is the excess, so that
//! quantity x unit price - discount is exactly the total.

/// A text that is no amount of money.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount of money: expected digits with an optional decimal point")]
pub struct InvalidAmount(pub String);

/// Unit price and discount of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Price of one unit, in minor units.
    pub unit_price: i64,
    /// Discount of the whole line, in minor units.
    pub discount: i64,
}

/// Converts a decimal text of major units to minor units, rounded half to even.
pub fn minor_units(text: &str) -> Result<i64, InvalidAmount> {
    let invalid = || InvalidAmount(text.to_owned());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(invalid());
    }
    let (kept, dropped) = fraction.split_at(fraction.len().min(2));
    let amount: i64 = format!("{whole}{kept:0<2}")
        .parse()
        .map_err(|_| invalid())?;
    let rounds_up = match dropped.as_bytes() {
        [b'5', rest @ ..] if rest.iter().all(|digit| *digit == b'0') => amount % 2 == 1,
        [first, ..] => *first >= b'5',
        [] => false,
    };
    amount.checked_add(i64::from(rounds_up)).ok_or_else(invalid)
}

/// The unit price and discount whose line total is exactly `total`.
pub fn price(total: i64, quantity: i64) -> Price {
    let unit_price = (total + quantity - 1) / quantity;
    Price {
        unit_price,
        discount: unit_price * quantity - total,
    }
}

/// Formats minor units as dollars.
pub fn dollars(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, cents) = (minor.abs() / 100, minor.abs() % 100);
    format!("{sign}{}.{cents:02} USD", grouped(whole))
}

/// Formats a number with thousands separators.
pub fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_text_rounds_half_to_even_cents() {
        for (text, cents) in [
            ("3.49", 349),
            ("5.0", 500),
            ("840", 84_000),
            ("0.1", 10),
            ("0.125", 12),
            ("0.135", 14),
            ("0.1250", 12),
            ("0.12500001", 13),
            ("2.999999999999", 300),
            ("0.0000000000000017763568394002505", 0),
        ] {
            assert_eq!(minor_units(text), Ok(cents), "{text}");
        }
    }

    #[test]
    fn invalid_amounts_are_rejected() {
        for text in [
            "",
            "-1.00",
            "1e-5",
            "nan",
            "1.2.3",
            ".5",
            "99999999999999999999",
        ] {
            assert!(minor_units(text).is_err(), "{text}");
        }
    }

    #[test]
    fn price_and_discount_give_the_exact_total() {
        for total in [0, 1, 99, 100, 1001, 1852] {
            for quantity in [1, 2, 3, 7, 9082] {
                let price = price(total, quantity);
                assert_eq!(price.unit_price * quantity - price.discount, total);
                assert!((0..=price.unit_price * quantity).contains(&price.discount));
            }
        }
        assert_eq!(
            price(600, 2),
            Price {
                unit_price: 300,
                discount: 0
            }
        );
    }

    #[test]
    fn dollars_have_thousands_separators() {
        assert_eq!(dollars(123_456_789), "1,234,567.89 USD");
        assert_eq!(dollars(-5), "-0.05 USD");
    }
}
