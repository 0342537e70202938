//! Products and locations.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::gtin::Gtin;
use crate::ids::{LocationId, Sku, ZoneId};
use crate::invalid::{Checks, Invalid};
use crate::measures::{Dimensions, MAX_WEIGHT_GRAMS};
use crate::money::{MAX_AMOUNT, Money};
use crate::text;

/// The rule of [`is_time_zone`], as a text for people that follows the name of the field.
pub const TIME_ZONE_RULE: &str =
    "must be an IANA time zone in the spelling of IANA, such as Europe/Berlin";

/// The unit in which quantities of a SKU are counted.
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

/// A product that the retailer sells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The stock keeping unit.
    pub sku: Sku,
    /// The display name, 1 to 200 characters.
    pub name: String,
    /// The department, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The category, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The brand, 1 to 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The unit of its quantities.
    pub unit_of_measure: UnitOfMeasure,
    /// The list price, 0 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_price: Option<Money>,
    /// The number of its bar code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtin: Option<Gtin>,
    /// The weight with packaging, 1 to 1,000,000 grams: of one piece, or of 1,000 grams or millilitres.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit_weight_grams: Option<i64>,
    /// The outer dimensions of what `unit_weight_grams` weighs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dimensions_mm: Option<Dimensions>,
}

impl Product {
    /// Checks the product.
    ///
    /// # Errors
    /// Every field that breaks a rule; pointers start with `at`.
    pub fn check(self, at: &str) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        check_text(&mut checks, &format!("{at}/name"), &self.name, 200);
        for (field, text) in [
            ("department", &self.department),
            ("category", &self.category),
            ("brand", &self.brand),
        ] {
            if let Some(text) = text {
                check_text(&mut checks, &format!("{at}/{field}"), text, 100);
            }
        }
        if let Some(price) = self.list_price {
            checks.require(
                (0..=MAX_AMOUNT).contains(&price.amount),
                format!("{at}/list_price/amount"),
                format!("must be 0 to {MAX_AMOUNT}"),
            );
        }
        if let Some(weight) = self.unit_weight_grams {
            checks.require(
                (1..=MAX_WEIGHT_GRAMS).contains(&weight),
                format!("{at}/unit_weight_grams"),
                format!("must be 1 to {MAX_WEIGHT_GRAMS}, got {weight}"),
            );
        }
        if let Some(dimensions) = self.dimensions_mm {
            dimensions.check(&format!("{at}/dimensions_mm"), &mut checks);
        }
        checks.finish(self)
    }
}

/// The kind of a location.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LocationKind {
    /// Sells to customers.
    Store,
    /// Stores goods for other locations.
    Warehouse,
}

/// A part of an automated warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Zone {
    /// The id of the zone, unique across the retailer.
    pub zone_id: ZoneId,
    /// The number of aisles, 1 to 1000.
    pub aisles: u16,
}

/// A store or a warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// The id of the location in keys and paths.
    pub location_id: LocationId,
    /// The display name, 1 to 200 characters.
    pub name: String,
    /// The kind of the location.
    pub kind: LocationKind,
    /// The IANA time zone, such as `Europe/Berlin`.
    pub time_zone: String,
    /// The local hour at which the trading day ends, 0 to 12.
    pub close_out_hour: i8,
    /// The automated zones, at most 100; empty where people pick. Only a warehouse has zones.
    #[serde(default)]
    pub zones: Vec<Zone>,
}

impl Location {
    /// Checks the location.
    ///
    /// # Errors
    /// Every field that breaks a rule; pointers start with `at`.
    pub fn check(self, at: &str) -> Result<Self, Invalid> {
        let mut checks = Checks::new();
        check_text(&mut checks, &format!("{at}/name"), &self.name, 200);
        checks.require(
            is_time_zone(&self.time_zone),
            format!("{at}/time_zone"),
            TIME_ZONE_RULE,
        );
        checks.require(
            (0..=12).contains(&self.close_out_hour),
            format!("{at}/close_out_hour"),
            "must be 0 to 12",
        );
        checks.require(
            self.zones.is_empty() || self.kind == LocationKind::Warehouse,
            format!("{at}/zones"),
            "must be empty unless the kind is warehouse",
        );
        checks.require(
            self.zones.len() <= 100,
            format!("{at}/zones"),
            "must be at most 100 zones",
        );
        let mut zone_ids = BTreeSet::new();
        for (index, zone) in self.zones.iter().enumerate() {
            checks.require(
                zone_ids.insert(&zone.zone_id),
                format!("{at}/zones/{index}/zone_id"),
                "must be unique among the zones of the location",
            );
            checks.require(
                (1..=1000).contains(&zone.aisles),
                format!("{at}/zones/{index}/aisles"),
                "must be 1 to 1000",
            );
        }
        checks.finish(self)
    }

    /// Returns the time zone, or none where the name is unknown.
    pub fn zone(&self) -> Option<TimeZone> {
        TimeZone::get(&self.time_zone)
            .ok()
            .filter(|zone| !zone.is_unknown())
    }

    /// Whether controllers retrieve the goods of the location.
    pub fn is_automated(&self) -> bool {
        !self.zones.is_empty()
    }
}

fn check_text(checks: &mut Checks, pointer: &str, text: &str, max_chars: usize) {
    let violation = text::violation(text, max_chars);
    checks.require(violation.is_none(), pointer, violation.unwrap_or_default());
}

/// Whether `name` is an IANA time zone in the spelling of IANA, such as `Europe/Berlin`.
pub fn is_time_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok_and(|zone| !zone.is_unknown() && zone.iana_name() == Some(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn location(changes: &Value) -> Location {
        let mut body = json!({
            "location_id": "hub", "name": "Hub", "kind": "warehouse", "time_zone": "Europe/Berlin",
            "close_out_hour": 4, "zones": [{"zone_id": "hub-a", "aisles": 12}],
        });
        body.as_object_mut()
            .unwrap()
            .extend(changes.as_object().unwrap().clone());
        serde_json::from_value(body).unwrap()
    }

    fn pointers<T: std::fmt::Debug>(checked: Result<T, Invalid>) -> Vec<String> {
        let invalid = checked.unwrap_err();
        invalid
            .errors
            .into_iter()
            .map(|error| error.pointer)
            .collect()
    }

    #[test]
    fn valid_location_is_accepted() {
        for good in [
            json!({}),
            json!({"kind": "store", "zones": [], "close_out_hour": 0}),
            json!({"time_zone": "UTC", "close_out_hour": 12}),
        ] {
            let location = location(&good);
            assert_eq!(location.clone().check(""), Ok(location));
        }
    }

    #[test]
    fn every_invalid_field_of_a_location_is_reported() {
        let broken = location(&json!({
            "name": "", "kind": "store", "time_zone": "Berlin", "close_out_hour": 13,
            "zones": [{"zone_id": "a", "aisles": 0}, {"zone_id": "a", "aisles": 1}],
        }));
        assert_eq!(
            pointers(broken.check("/locations/2")),
            [
                "name",
                "time_zone",
                "close_out_hour",
                "zones",
                "zones/0/aisles",
                "zones/1/zone_id"
            ]
            .map(|field| format!("/locations/2/{field}"))
        );
    }

    #[test]
    fn time_zone_rejects_other_spellings() {
        for name in ["europe/berlin", "Etc/Unknown", "CEST", "+02:00", ""] {
            let broken = location(&json!({"time_zone": name}));
            assert_eq!(
                pointers(broken.check("")),
                ["/time_zone"],
                "{name} was accepted"
            );
        }
    }

    #[test]
    fn every_invalid_field_of_a_product_is_reported() {
        let product: Product = serde_json::from_value(json!({
            "sku": "milk", "name": "x".repeat(201), "brand": "", "category": "a\nb",
            "unit_of_measure": "each", "list_price": {"amount": -1, "currency": "EUR"},
            "unit_weight_grams": 0, "dimensions_mm": {"length": 0, "width": 1, "height": 1},
        }))
        .unwrap();
        assert_eq!(
            pointers(product.check("")),
            [
                "/name",
                "/category",
                "/brand",
                "/list_price/amount",
                "/unit_weight_grams",
                "/dimensions_mm/length"
            ]
        );
    }
}
