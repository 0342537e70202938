//! How quantities, times and states are written for people.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use stockline_domain::catalog::UnitOfMeasure;
use stockline_domain::level::Level;
use stockline_domain::order::Channel;

/// Writes a quantity with a comma between groups of three digits.
pub fn quantity(quantity: i64) -> String {
    let digits = quantity.unsigned_abs().to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if quantity < 0 {
        // A minus sign, not a hyphen: screen readers speak it.
        text.insert(0, '\u{2212}');
    }
    text
}

/// Writes a quantity that is added or taken, with its sign.
pub fn change(delta: i64) -> String {
    let text = quantity(delta);
    if delta > 0 { format!("+{text}") } else { text }
}

/// Writes a time in the time zone of the store, to the minute.
pub fn time(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    local.strftime("%-d %b %Y, %H:%M").to_string()
}

/// Writes the time of the day in the store, to the second.
pub fn time_of_day(time: Timestamp, zone: &TimeZone) -> String {
    let local = time.to_zoned(zone.clone());
    local.strftime("%H:%M:%S").to_string()
}

/// Writes the name of a kind, state or role: `transfer_out` as `Transfer out`.
pub fn words<T: Serialize>(name: &T) -> String {
    let name = serde_json::to_value(name).unwrap_or_default();
    let name = name.as_str().unwrap_or_default().replace('_', " ");
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

/// Writes a sales channel.
pub fn channel(channel: Channel) -> &'static str {
    match channel {
        Channel::Pos => "Till",
        Channel::Online => "Online",
        Channel::ClickAndCollect => "Click and collect",
    }
}

/// The unit after a quantity; empty for pieces.
pub fn unit(unit: Option<UnitOfMeasure>) -> &'static str {
    match unit {
        None | Some(UnitOfMeasure::Each) => "",
        Some(UnitOfMeasure::Gram) => " g",
        Some(UnitOfMeasure::Millilitre) => " ml",
    }
}

/// The condition of a level, worst first: the class of its badge and its text. `None` if nothing is to be done.
pub fn condition(level: &Level) -> Option<(&'static str, &'static str)> {
    if level.is_short() {
        Some(("bad", "Short"))
    } else if level.available() == 0 {
        Some(("bad", "Out"))
    } else if level.is_low() {
        Some(("warn", "Low"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use stockline_domain::caller::Role;

    use super::*;

    #[test]
    fn quantities_are_grouped_and_signed() {
        assert_eq!(quantity(0), "0");
        assert_eq!(quantity(999), "999");
        assert_eq!(quantity(1_234_567), "1,234,567");
        assert_eq!(quantity(-1_000), "\u{2212}1,000");
        assert_eq!(change(12), "+12");
        assert_eq!(change(-12), "\u{2212}12");
    }

    #[test]
    fn times_are_those_of_the_store() {
        let at: Timestamp = "2026-03-01T23:05:09Z".parse().unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(time(at, &zone), "2 Mar 2026, 00:05");
        assert_eq!(time_of_day(at, &zone), "00:05:09");
    }

    #[test]
    fn names_are_written_as_words() {
        assert_eq!(words(&Role::StoreManager), "Store manager");
    }
}
