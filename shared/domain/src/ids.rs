//! Names that callers choose (SKU, location, zone, controller) and ids that Stockline derives as UUIDs of version 5.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A name of the wrong length or with characters that are not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters of {allowed}")]
pub struct InvalidName {
    allowed: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $allowed:literal, $punctuation:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $type(String);

        impl $type {
            /// Returns the name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $type {
            type Err = InvalidName;

            fn from_str(name: &str) -> Result<Self, InvalidName> {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || $punctuation.contains(&byte);
                // A path segment `.` or `..` is resolved by clients and proxies, so it would address another resource.
                let is_all_dots = name.bytes().all(|byte| byte == b'.');
                if (1..=64).contains(&name.len()) && name.bytes().all(allowed) && !is_all_dots {
                    Ok(Self(name.to_owned()))
                } else {
                    Err(InvalidName { allowed: $allowed })
                }
            }
        }

        impl TryFrom<String> for $type {
            type Error = InvalidName;

            fn try_from(name: String) -> Result<Self, InvalidName> {
                name.parse()
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> Self {
                name.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A stock keeping unit: 1 to 64 of `A-Z a-z 0-9 . _ -`, not only dots.
    Sku, "A-Z a-z 0-9 . _ -, not only dots", b"._-"
);
name!(
    /// A store or a warehouse: 1 to 64 of `A-Z a-z 0-9 _ -`.
    LocationId, "A-Z a-z 0-9 _ -", b"_-"
);
name!(
    /// A part of an automated warehouse: 1 to 64 of `A-Z a-z 0-9 _ -`.
    ZoneId, "A-Z a-z 0-9 _ -", b"_-"
);
name!(
    /// An automation controller: 1 to 64 of `A-Z a-z 0-9 _ -`.
    ControllerId, "A-Z a-z 0-9 _ -", b"_-"
);

macro_rules! derived_id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(Uuid);

        impl $type {
            /// Returns the id as a UUID.
            pub fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $type {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromStr for $type {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

derived_id!(
    /// An order, derived from caller and idempotency key, so that the order is its own idempotency record.
    OrderId
);
derived_id!(
    /// One refund of an order, derived from the order, the caller and the idempotency key.
    RefundId
);
derived_id!(
    /// One fulfilment that a person recorded for an order, derived from the order, the caller and the idempotency key.
    FulfilmentId
);
derived_id!(
    /// The cancellation of an order, derived from the order, the caller and the idempotency key.
    CancellationId
);
derived_id!(
    /// One request to change stock, derived from caller and idempotency key.
    RequestId
);
derived_id!(
    /// One movement of a level, derived from its cause.
    MovementId
);
derived_id!(
    /// One alert, derived from the level and the version that raised it.
    AlertId
);
derived_id!(
    /// One report of findings to operators, derived from the run that found them.
    ReportId
);
derived_id!(
    /// One replenishment order, derived from its level and the number of its cycle.
    ReplenishmentOrderId
);
derived_id!(
    /// One transport in a warehouse, derived from the order line that it serves.
    TaskId
);

/// Stockline's own UUID namespace (RFC 9562, section 5.5), so that derived ids do not collide with those of other systems.
const NAMESPACE: Uuid = Uuid::from_u128(0x8f1d_6a52_5d0e_5c0b_9a63_7c1f_2b90_4e11);

fn derive(kind: &str, parts: &[&str]) -> Uuid {
    let mut name = kind.to_owned();
    for part in parts {
        name.push('\0');
        name.push_str(part);
    }
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

impl OrderId {
    /// Derives the id of the order that `subject` places under `idempotency_key`. Other subjects or keys give other ids.
    pub fn derive(subject: &str, idempotency_key: &str) -> Self {
        Self(derive("order", &[subject, idempotency_key]))
    }
}

impl RefundId {
    /// Derives the id of the refund of `order` that `subject` makes under `idempotency_key`.
    pub fn derive(order: OrderId, subject: &str, idempotency_key: &str) -> Self {
        let order = order.to_string();
        Self(derive("refund", &[&order, subject, idempotency_key]))
    }
}

impl FulfilmentId {
    /// Derives the id of the fulfilment of `order` that `subject` makes under `idempotency_key`.
    pub fn derive(order: OrderId, subject: &str, idempotency_key: &str) -> Self {
        let order = order.to_string();
        Self(derive("fulfilment", &[&order, subject, idempotency_key]))
    }

    /// Derives the id of the fulfilment by which `subject` completes `order` under `idempotency_key`. A key belongs to one
    /// operation, so it differs from that of [`Self::derive`] with the same key.
    pub fn derive_for_completion(order: OrderId, subject: &str, idempotency_key: &str) -> Self {
        let order = order.to_string();
        Self(derive("completion", &[&order, subject, idempotency_key]))
    }
}

impl CancellationId {
    /// Derives the id of the cancellation of `order` that `subject` asks for under `idempotency_key`.
    pub fn derive(order: OrderId, subject: &str, idempotency_key: &str) -> Self {
        let order = order.to_string();
        Self(derive("cancellation", &[&order, subject, idempotency_key]))
    }
}

impl RequestId {
    /// Derives the id of the stock request that `subject` sends under `idempotency_key`.
    pub fn derive(subject: &str, idempotency_key: &str) -> Self {
        Self(derive("stock-request", &[subject, idempotency_key]))
    }
}

impl MovementId {
    /// Derives the id of the movement of `kind` that `cause` (an order, a change of a request, a task) makes to one level.
    pub fn derive(cause: &str, kind: &str, location: &LocationId, sku: &Sku) -> Self {
        Self(derive(
            "movement",
            &[cause, kind, location.as_str(), sku.as_str()],
        ))
    }

    /// Derives the id of the part of this movement in bucket `bucket` of a split level; bucket 0 keeps the id itself.
    pub fn in_bucket(self, bucket: u8) -> Self {
        if bucket == 0 {
            return self;
        }
        Self(derive(
            "movement-in-bucket",
            &[&self.to_string(), &bucket.to_string()],
        ))
    }
}

impl AlertId {
    /// Derives the id of the alert of `kind` that version `version` of one level raises.
    pub fn derive(location: &LocationId, sku: &Sku, version: u64, kind: &str) -> Self {
        let version = version.to_string();
        Self(derive(
            "alert",
            &[location.as_str(), sku.as_str(), &version, kind],
        ))
    }
}

impl ReportId {
    /// Derives the id of the report of `kind` on the run `run`.
    pub fn derive(kind: &str, run: &str) -> Self {
        Self(derive("report", &[kind, run]))
    }
}

impl ReplenishmentOrderId {
    /// Derives the id of the order of cycle `cycle` (from 1) of one level.
    pub fn derive(location: &LocationId, sku: &Sku, cycle: u64) -> Self {
        let cycle = cycle.to_string();
        Self(derive(
            "replenishment-order",
            &[location.as_str(), sku.as_str(), &cycle],
        ))
    }
}

impl TaskId {
    /// Derives the id of the task that retrieves line `line` (from 1) of `order`.
    pub fn for_order_line(order: OrderId, line: u16) -> Self {
        Self(derive("task", &[&order.to_string(), &line.to_string()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_rejects_key_separators_and_long_texts() {
        assert!("SKU-1.a_b".parse::<Sku>().is_ok());
        assert!("store-7".parse::<LocationId>().is_ok());
        for bad in ["", "a#b", "a b", "ä", &"x".repeat(65)] {
            assert!(bad.parse::<Sku>().is_err(), "{bad} was accepted");
        }
        assert!(".5".parse::<Sku>().is_ok());
        for path_segment in [".", "..", "..."] {
            assert!(path_segment.parse::<Sku>().is_err());
        }
        assert!("a.b".parse::<LocationId>().is_err());
    }

    #[test]
    fn order_id_depends_on_caller_and_key() {
        assert_eq!(OrderId::derive("ana", "k1"), OrderId::derive("ana", "k1"));
        assert_ne!(OrderId::derive("ana", "k1"), OrderId::derive("ben", "k1"));
        assert_ne!(OrderId::derive("an", "ak1"), OrderId::derive("ana", "k1"));
        assert_ne!(
            OrderId::derive("ana", "k1").as_uuid(),
            RequestId::derive("ana", "k1").as_uuid()
        );
    }
}
