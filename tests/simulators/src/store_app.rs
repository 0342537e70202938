//! A till: places orders for its store.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, ApiError};

/// A SKU that was short.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShortLine {
    /// The stock keeping unit.
    pub sku: String,
    /// What the order wanted.
    pub requested: i64,
    /// What there was.
    pub available: i64,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is placed.
    Placed {
        /// Its id.
        order_id: String,
        /// Whether an earlier try had placed it.
        replayed: bool,
        /// The whole order as answered.
        order: Value,
    },
    /// Nothing was taken: these are short.
    Short(Vec<ShortLine>),
}

/// A store's app.
#[derive(Debug, Clone)]
pub struct StoreApp {
    api: Api,
}

/// What became of an order, and how many tries met a server error on the way.
#[derive(Debug, Clone)]
pub struct Placing {
    /// What became of it.
    pub outcome: Outcome,
    /// Answers with a 5xx status, before the one that counts.
    pub server_errors: u32,
}

impl StoreApp {
    /// A till that calls with `api`'s token.
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Places `order` under `idempotency_key`; any answer but placed and short is an error.
    pub async fn place(&self, order: &Value, idempotency_key: &str) -> Result<Placing, ApiError> {
        #[derive(Deserialize)]
        struct Shortage {
            lines: Vec<ShortLine>,
        }
        let answer = self
            .api
            .post("/v1/orders", order, Some(idempotency_key))
            .await?;
        let server_errors = answer.server_errors;
        let short = answer.status == 409 && answer.problem() == Some("insufficient-stock");
        let outcome = if short {
            Outcome::Short(answer.read::<Shortage>()?.lines)
        } else {
            let answer = answer.expect_status(&[201])?;
            let replayed = answer.replayed;
            Outcome::Placed {
                order_id: answer.body["order_id"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                replayed,
                order: answer.body,
            }
        };
        Ok(Placing {
            outcome,
            server_errors,
        })
    }
}
