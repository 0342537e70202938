//! Money as an integer number of minor units; never floating point.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The largest amount that a field of a request may hold, in minor units.
pub const MAX_AMOUNT: i64 = 1_000_000_000_000;

/// The codes of ISO 4217, list one (2026-01-01), that have a minor unit. Precious metals, units of account and the codes for
/// tests have none, so no amount can be stated in them.
const CODES_WITH_MINOR_UNIT: &str = "\
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD \
    CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP \
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR \
    KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN \
    MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD \
    SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX \
    USD USN UYI UYU UYW UZS VED VES VND VUV WST XAD XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";

/// A currency code: three capital letters. [`Currency::is_active`] tells whether ISO 4217 lists it today. Stored amounts keep
/// their code when ISO 4217 withdraws it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is not a currency code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an ISO 4217 code of three capital letters")]
pub struct InvalidCurrency;

impl Currency {
    /// Returns the code, such as `EUR`.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Whether ISO 4217 lists the code as a current currency with a minor unit. Only such a currency is accepted in requests.
    pub fn is_active(self) -> bool {
        CODES_WITH_MINOR_UNIT
            .split(' ')
            .any(|code| code == self.as_str())
    }

    /// Returns the number of decimal places of the major unit (ISO 4217, table A.1).
    pub fn minor_digits(self) -> u32 {
        match &self.0 {
            b"BIF" | b"CLP" | b"DJF" | b"GNF" | b"ISK" | b"JPY" | b"KMF" | b"KRW" | b"PYG"
            | b"RWF" | b"UGX" | b"UYI" | b"VND" | b"VUV" | b"XAF" | b"XOF" | b"XPF" => 0,
            b"BHD" | b"IQD" | b"JOD" | b"KWD" | b"LYD" | b"OMR" | b"TND" => 3,
            b"CLF" | b"UYW" => 4,
            _ => 2,
        }
    }
}

impl std::str::FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(code: &str) -> Result<Self, InvalidCurrency> {
        match <[u8; 3]>::try_from(code.as_bytes()) {
            Ok(bytes) if bytes.iter().all(u8::is_ascii_uppercase) => Ok(Self(bytes)),
            _ => Err(InvalidCurrency),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = InvalidCurrency;

    fn try_from(code: String) -> Result<Self, InvalidCurrency> {
        code.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An amount in minor units (cents, yen, fils) of one currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// The amount in minor units; may be negative.
    pub amount: i64,
    /// The currency of the amount.
    pub currency: Currency,
}

impl Money {
    /// Creates an amount of `amount` minor units of `currency`.
    pub fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// Returns the amount in the major unit, with the decimal places of the currency and without its code.
    pub fn decimal(&self) -> String {
        let digits = self.currency.minor_digits();
        let (sign, magnitude) = (
            if self.amount < 0 { "-" } else { "" },
            self.amount.unsigned_abs(),
        );
        if digits == 0 {
            return format!("{sign}{magnitude}");
        }
        let unit = 10_u64.pow(digits);
        let width = digits as usize;
        format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.decimal(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(amount: i64, code: &str) -> Money {
        Money::new(amount, code.parse().unwrap())
    }

    #[test]
    fn display_uses_the_decimal_places_of_the_currency() {
        assert_eq!(money(1999, "EUR").to_string(), "19.99 EUR");
        assert_eq!(money(-5, "EUR").to_string(), "-0.05 EUR");
        assert_eq!(money(1999, "JPY").to_string(), "1999 JPY");
        assert_eq!(money(1999, "KWD").to_string(), "1.999 KWD");
        assert_eq!(money(0, "EUR").to_string(), "0.00 EUR");
    }

    #[test]
    fn only_listed_codes_are_active() {
        let is_active = |code: &str| code.parse::<Currency>().unwrap().is_active();
        for code in ["AED", "EUR", "JPY", "KWD", "UYW", "ZWG"] {
            assert!(is_active(code), "{code}");
        }
        // Not a code, withdrawn, without a minor unit, for tests, and two halves of neighbouring codes.
        for code in ["QQQ", "DEM", "XAU", "XTS", "DAF"] {
            assert!(!is_active(code), "{code}");
        }
    }

    #[test]
    fn money_serializes_and_parses_to_the_same_value() {
        let written = serde_json::to_string(&money(-1999, "EUR")).unwrap();
        assert_eq!(written, r#"{"amount":-1999,"currency":"EUR"}"#);
        assert_eq!(
            serde_json::from_str::<Money>(&written).unwrap(),
            money(-1999, "EUR")
        );
    }

    #[test]
    fn parse_rejects_fractions_bad_codes_and_unknown_fields() {
        assert!(serde_json::from_str::<Money>(r#"{"amount":19.99,"currency":"EUR"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1999,"currency":"eur"}"#).is_err());
        assert!(serde_json::from_str::<Money>(r#"{"amount":1,"currency":"EUR","x":1}"#).is_err());
    }
}
