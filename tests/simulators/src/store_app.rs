//! A simulated store app that places orders.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{Api, ApiError};

/// A SKU with insufficient stock.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ShortLine {
    /// The stock keeping unit.
    pub sku: String,
    /// Units ordered.
    pub requested: i64,
    /// Units available.
    pub available: i64,
}

/// The outcome of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The order is placed.
    Placed {
        /// The order's id.
        order_id: String,
        /// Whether an earlier request had placed it.
        replayed: bool,
        /// The order in the response.
        order: Value,
    },
    /// Insufficient stock; nothing is taken.
    Short(Vec<ShortLine>),
}

/// A store app.
#[derive(Debug, Clone)]
pub struct StoreApp {
    api: Api,
}

/// The outcome of an order, and the server errors before it.
#[derive(Debug, Clone)]
pub struct Placing {
    /// The outcome.
    pub outcome: Outcome,
    /// Number of 5xx responses before the final one.
    pub server_errors: u32,
}

impl StoreApp {
    /// A store app that calls the API with `api`.
    pub fn new(api: Api) -> Self {
        Self { api }
    }

    /// Places `order` under `idempotency_key`. Any response other than placed or insufficient stock is an error.
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
