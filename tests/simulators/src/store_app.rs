//! A simulated store app that places orders.

use serde::Deserialize;
use serde_json::Value;

use crate::api::{ApiClient, ApiError};

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
pub enum PlaceOutcome {
    /// The order is placed.
    Placed {
        /// The order's id.
        order_id: String,
        /// Whether an earlier request had placed it.
        is_replayed: bool,
        /// The order in the response.
        order: Value,
    },
    /// Insufficient stock; nothing is taken.
    Short(Vec<ShortLine>),
}

/// A store app.
#[derive(Debug, Clone)]
pub struct StoreApp {
    api: ApiClient,
}

/// The outcome of an order, and the server errors before it.
#[derive(Debug, Clone)]
pub struct PlaceResponse {
    /// The outcome.
    pub outcome: PlaceOutcome,
    /// Number of 5xx responses before the final one.
    pub server_errors: u32,
}

impl StoreApp {
    /// A store app that calls the API with `api`.
    pub fn new(api: ApiClient) -> Self {
        Self { api }
    }

    /// Places `order` under `idempotency_key`. Any response other than placed or insufficient stock is an error.
    pub async fn place(
        &self,
        order: &Value,
        idempotency_key: &str,
    ) -> Result<PlaceResponse, ApiError> {
        #[derive(Deserialize)]
        struct ShortageProblem {
            lines: Vec<ShortLine>,
        }
        let response = self
            .api
            .post("/v1/orders", order, Some(idempotency_key))
            .await?;
        let server_errors = response.server_errors;
        let is_short =
            response.status == 409 && response.problem_type() == Some("insufficient-stock");
        let outcome = if is_short {
            PlaceOutcome::Short(response.parse_body::<ShortageProblem>()?.lines)
        } else {
            let response = response.expect_status(&[201])?;
            let is_replayed = response.is_replayed;
            PlaceOutcome::Placed {
                order_id: response.body["order_id"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned(),
                is_replayed,
                order: response.body,
            }
        };
        Ok(PlaceResponse {
            outcome,
            server_errors,
        })
    }
}
