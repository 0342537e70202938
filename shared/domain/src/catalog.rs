//! Products and locations.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::ids::{LocationId, Sku, ZoneId};
use crate::invalid::{Checks, Invalid};
use crate::money::{MAX_AMOUNT, Money};

/// What one of a SKU's quantity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UnitOfMeasure {
    /// Pieces.
    Each,
    /// Grams.
    Gram,
    /// Millilitres.
    Millilitre,
}

/// Something the retailer sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its stock keeping unit.
    pub sku: Sku,
    /// What a person calls it, 1 to 200 characters.
    pub name: String,
    /// Its department, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Its category, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Its brand, at most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// What its quantities count.
    pub unit_of_measure: UnitOfMeasure,
    /// The price on its label.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<Money>,
}

impl Product {
    /// The product, or every field that breaks a rule; pointers start with `at`.
    pub fn check(self, at: &str) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        check_text(&mut checks, &format!("{at}/name"), &self.name, 1, 200);
        for (field, text) in [
            ("department", &self.department),
            ("category", &self.category),
            ("brand", &self.brand),
        ] {
            if let Some(text) = text {
                check_text(&mut checks, &format!("{at}/{field}"), text, 1, 100);
            }
        }
        if let Some(price) = self.list_price {
            checks.require(
                (0..=MAX_AMOUNT).contains(&price.amount),
                format!("{at}/list_price/amount"),
                format!("must be 0 to {MAX_AMOUNT}"),
            );
        }
        checks.finish(self)
    }
}

/// What a location is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// Sells to people.
    Store,
    /// Holds goods for others.
    Warehouse,
}

/// A part of an automated warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// Its name, unique across the retailer.
    pub zone_id: ZoneId,
    /// How many aisles it has, 1 to 1000.
    pub aisles: u16,
}

/// A store or a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// Its name in every key and path.
    pub location_id: LocationId,
    /// What a person calls it, 1 to 200 characters.
    pub name: String,
    /// Store or warehouse.
    pub kind: LocationKind,
    /// Its IANA time zone, such as `Europe/Berlin`.
    pub time_zone: String,
    /// The local hour at which its trading day ends, 0 to 12.
    pub close_out_hour: i8,
    /// Its automated zones; none where people pick.
    #[serde(default)]
    pub zones: Vec<Zone>,
}

impl Location {
    /// The location, or every field that breaks a rule; pointers start with `at`.
    pub fn check(self, at: &str) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        check_text(&mut checks, &format!("{at}/name"), &self.name, 1, 200);
        checks.require(
            self.zone().is_some(),
            format!("{at}/time_zone"),
            "must be an IANA time zone, such as Europe/Berlin",
        );
        checks.require(
            (0..=12).contains(&self.close_out_hour),
            format!("{at}/close_out_hour"),
            "must be 0 to 12",
        );
        checks.require(
            self.zones.is_empty() || self.kind == LocationKind::Warehouse,
            format!("{at}/zones"),
            "only a warehouse has zones",
        );
        checks.require(
            self.zones.len() <= 100,
            format!("{at}/zones"),
            "must be at most 100",
        );
        for (index, zone) in self.zones.iter().enumerate() {
            checks.require(
                (1..=1000).contains(&zone.aisles),
                format!("{at}/zones/{index}/aisles"),
                "must be 1 to 1000",
            );
        }
        checks.finish(self)
    }

    /// The time zone, where its name is known.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.time_zone).ok()
    }

    /// Whether controllers fetch its goods.
    pub fn is_automated(&self) -> bool {
        !self.zones.is_empty()
    }
}

fn check_text(checks: &mut Checks, pointer: &str, text: &str, least: usize, most: usize) {
    let length = text.chars().count();
    checks.require(
        (least..=most).contains(&length) && !text.chars().any(char::is_control),
        pointer,
        format!("must be {least} to {most} characters, none of them control characters"),
    );
}
