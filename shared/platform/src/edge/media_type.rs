//! Chooses the media type of a response (RFC 9110, section 12.5.1).

/// A media type of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    Json,
    /// `text/csv`.
    Csv,
}

impl MediaType {
    /// Returns the media type that the `Accept` header `accept` prefers: the one with the highest weight, or JSON if both have
    /// the same. `None` if it accepts neither.
    pub(super) fn preferred(accept: &str) -> Option<Self> {
        let json = weight(accept, ["application/json", "application/*", "*/*"]);
        let csv = weight(accept, ["text/csv", "text/*", "*/*"]);
        match (json, csv) {
            (0, 0) => None,
            _ if csv > json => Some(Self::Csv),
            _ => Some(Self::Json),
        }
    }
}

/// The weight, in thousandths, of the first of `ranges` that `accept` names; 0 if it names none. Ranges are listed from the
/// most specific one. Other parameters than the weight are ignored.
fn weight(accept: &str, ranges: [&str; 3]) -> u16 {
    let named: Vec<(&str, u16)> = accept
        .split(',')
        .map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or_default();
            let weight = parts.find_map(|parameter| {
                let (name, value) = parameter.split_once('=')?;
                name.trim()
                    .eq_ignore_ascii_case("q")
                    .then(|| thousandths(value.trim()))
            });
            (name, weight.unwrap_or(1000))
        })
        .collect();
    ranges
        .iter()
        .find_map(|range| {
            let mut found = named.iter();
            let (_, weight) = found.find(|(name, _)| name.eq_ignore_ascii_case(range))?;
            Some(*weight)
        })
        .unwrap_or(0)
}

/// Parses a weight of 0 to 1 with up to three decimals. A malformed weight is 0.
fn thousandths(text: &str) -> u16 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    match whole {
        "1" => 1000,
        "0" => format!("{fraction:0<3}").parse().unwrap_or(0),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accept_header_selects_the_media_type() {
        use MediaType::{Csv, Json};
        for (accept, expected) in [
            ("*/*", Some(Json)),
            ("application/json", Some(Json)),
            ("application/*", Some(Json)),
            ("text/csv", Some(Csv)),
            ("Text/CSV; charset=utf-8", Some(Csv)),
            ("text/*", Some(Csv)),
            ("text/csv, application/json", Some(Json)),
            ("text/csv, application/json;q=0.9", Some(Csv)),
            ("text/csv;q=0.5, */*;q=0.1", Some(Csv)),
            ("text/html, */*;q=0.8", Some(Json)),
            ("application/json;q=0, */*", Some(Csv)),
            ("application/xml", None),
            ("text/csv;q=0", None),
            ("text/csv;q=2", None),
            ("", None),
        ] {
            assert_eq!(MediaType::preferred(accept), expected, "{accept}");
        }
    }
}
