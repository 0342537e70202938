//! The data set's floating-point money as exact cents.
//!
//! The rule: the shortest decimal text that reads back as the float is rounded to two digits, half to even; that is the
//! line's total. The unit price is the total divided by the quantity, rounded up to a whole cent, and what that makes
//! too much is the line's discount: so quantity x unit price - discount is the total, to the cent.

/// A text that is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no amount of money")]
pub struct BadAmount(pub String);

/// What one of a line costs, and what is taken off the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Price of one, in minor units.
    pub unit_price: i64,
    /// Taken off the whole line, in minor units.
    pub discount: i64,
}

/// The minor units that a plain decimal text of major units is, rounded half to even to two digits.
pub fn minor_units(text: &str) -> Result<i64, BadAmount> {
    let bad = || BadAmount(text.to_owned());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return Err(bad());
    }
    let (kept, dropped) = fraction.split_at(fraction.len().min(2));
    let amount: i64 = format!("{whole}{kept:0<2}").parse().map_err(|_| bad())?;
    let up = match dropped.as_bytes() {
        [b'5', rest @ ..] if rest.iter().all(|digit| *digit == b'0') => amount % 2 == 1,
        [first, ..] => *first >= b'5',
        [] => false,
    };
    amount.checked_add(i64::from(up)).ok_or_else(bad)
}

/// The price that makes a line of `quantity` come to exactly `total`.
pub fn price(total: i64, quantity: i64) -> Price {
    let unit_price = (total + quantity - 1) / quantity;
    Price {
        unit_price,
        discount: unit_price * quantity - total,
    }
}

/// Minor units as people write them.
pub fn written(minor: i64) -> String {
    let sign = if minor < 0 { "-" } else { "" };
    let (whole, cents) = (minor.abs() / 100, minor.abs() % 100);
    format!("{sign}{}.{cents:02} USD", grouped(whole))
}

/// A number with its thousands apart.
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
    fn a_floats_text_becomes_cents_half_to_even() {
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
    fn what_is_no_amount_is_refused() {
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
    fn price_and_discount_make_the_total_again_to_the_cent() {
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
    fn amounts_are_written_for_people() {
        assert_eq!(written(123_456_789), "1,234,567.89 USD");
        assert_eq!(written(-5), "-0.05 USD");
    }
}
