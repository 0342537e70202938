//! Products and locations.

use std::collections::BTreeSet;

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
            self.zone()
                .is_some_and(|zone| zone.iana_name() == Some(&self.time_zone)),
            format!("{at}/time_zone"),
            "must be an IANA time zone as IANA spells it, such as Europe/Berlin",
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
        let mut zone_ids = BTreeSet::new();
        for (index, zone) in self.zones.iter().enumerate() {
            checks.require(
                zone_ids.insert(&zone.zone_id),
                format!("{at}/zones/{index}/zone_id"),
                "must be no other zone's",
            );
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
        TimeZone::get(&self.time_zone)
            .ok()
            .filter(|zone| !zone.is_unknown())
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
    fn a_location_within_the_rules_is_taken() {
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
    fn every_broken_field_of_a_location_is_named() {
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
    fn a_time_zone_has_one_spelling() {
        for name in ["europe/berlin", "Etc/Unknown", "CEST", "+02:00", ""] {
            let broken = location(&json!({"time_zone": name}));
            assert_eq!(
                pointers(broken.check("")),
                ["/time_zone"],
                "{name} was taken"
            );
        }
    }

    #[test]
    fn every_broken_field_of_a_product_is_named() {
        let product: Product = serde_json::from_value(json!({
            "sku": "milk", "name": "x".repeat(201), "brand": "", "category": "a\nb",
            "unit_of_measure": "each", "list_price": {"amount": -1, "currency": "EUR"},
        }))
        .unwrap();
        assert_eq!(
            pointers(product.check("")),
            ["/name", "/category", "/brand", "/list_price/amount"]
        );
    }
}
