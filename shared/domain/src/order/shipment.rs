//! Shipments: who carries the goods of a fulfilment, under which number, in which parcels.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{FulfilLine, FulfilOrder};
use crate::invalid::{Checks, Invalid};
use crate::measures::MAX_WEIGHT_GRAMS;
use crate::text;

/// Maximum number of parcels of a shipment.
pub const MAX_PARCELS: usize = 100;

/// Maximum length of a carrier's name, in characters, and of a tracking number.
const MAX_NAME: usize = 64;

/// The body of `POST /v1/orders/{order_id}/completion`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompleteOrder {
    /// Who carries the goods, 1 to 64 characters.
    pub carrier: String,
    /// The carrier's number of the shipment, 1 to 64 visible ASCII characters.
    pub tracking_number: String,
    /// The parcels, 1 to 100.
    pub parcels: Vec<Parcel>,
    /// The quantities that leave. Default: all open quantities.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<FulfilLine>>,
    /// When the goods left, as for [`FulfilOrder`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
}

/// How the goods of a fulfilment were sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shipment {
    /// Who carries the goods, 1 to 64 characters.
    pub carrier: String,
    /// The carrier's number of the shipment, 1 to 64 visible ASCII characters.
    pub tracking_number: String,
    /// The parcels, 1 to 100.
    pub parcels: Vec<Parcel>,
}

/// A parcel of a [`Shipment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// The weight with packaging, as the carrier is told it, 1 to 1,000,000 grams.
    pub weight_grams: i64,
}

impl CompleteOrder {
    /// Checks the fields of the shipment.
    ///
    /// # Errors
    /// Every invalid field.
    pub fn check(&self) -> Result<(), Invalid> {
        let mut checks = Checks::new();
        let violation = text::violation(&self.carrier, MAX_NAME);
        checks.require(
            violation.is_none(),
            "/carrier",
            violation.unwrap_or_default(),
        );
        let number = &self.tracking_number;
        checks.require(
            (1..=MAX_NAME).contains(&number.len())
                && number.bytes().all(|byte| byte.is_ascii_graphic()),
            "/tracking_number",
            format!("must be 1 to {MAX_NAME} visible ASCII characters"),
        );
        checks.require(
            (1..=MAX_PARCELS).contains(&self.parcels.len()),
            "/parcels",
            format!("must hold 1 to {MAX_PARCELS} parcels"),
        );
        for (index, parcel) in self.parcels.iter().enumerate() {
            let weight = parcel.weight_grams;
            checks.require(
                (1..=MAX_WEIGHT_GRAMS).contains(&weight),
                format!("/parcels/{index}/weight_grams"),
                format!("must be 1 to {MAX_WEIGHT_GRAMS}, got {weight}"),
            );
        }
        checks.finish(())
    }

    /// Returns the fulfilment that this request asks for.
    pub fn fulfil_order(&self) -> FulfilOrder {
        FulfilOrder {
            lines: self.lines.clone(),
            occurred_at: self.occurred_at,
        }
    }

    /// Returns how the goods are sent.
    pub fn shipment(&self) -> Shipment {
        Shipment {
            carrier: self.carrier.clone(),
            tracking_number: self.tracking_number.clone(),
            parcels: self.parcels.clone(),
        }
    }
}
