//! Setup and helpers for tests against the deployed system.
//!
//! A failure panics, because it is a failed test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod browser;
pub mod stock_service;

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use stockline_simulators::api::ApiClient;
use xtask::oidc::Bearer;
use xtask::status::{Cloud, TEST_CLOUD_VARIABLE};

/// The deployed system: its API and tokens for it.
#[derive(Debug)]
pub struct Deployed {
    /// The endpoints and names of the deployment.
    pub cloud: Cloud,
}

impl Deployed {
    /// The cloud that `cargo xtask test` started; prints `SKIPPED` and returns `None` if there is none.
    pub fn find() -> Option<Self> {
        let Some(path) = std::env::var_os(TEST_CLOUD_VARIABLE) else {
            eprintln!("SKIPPED: no local cloud here; `cargo xtask test` starts one");
            return None;
        };
        let text = std::fs::read_to_string(path).unwrap();
        Some(Self {
            cloud: serde_json::from_str(&text).unwrap(),
        })
    }

    /// The same deployment with its API reached through `proxy` (scheme and authority).
    #[must_use]
    pub fn with_proxy(&self, proxy: &str) -> Self {
        let mut cloud = self.cloud.clone();
        let path = reqwest::Url::parse(&cloud.api_url).unwrap();
        cloud.api_url = format!("{proxy}{}", path.path());
        Self { cloud }
    }

    /// An API client for `subject` with `role` at `locations`.
    pub fn api(&self, role: &str, subject: &str, locations: &[&str]) -> ApiClient {
        let bearer = Bearer::new(role)
            .named(subject)
            .at(locations.iter().copied());
        self.api_with(&bearer)
    }

    /// An API client for an admin.
    pub fn admin(&self) -> ApiClient {
        self.api_with(&Bearer::new("admin").named("operations"))
    }

    /// An API client with the token of `bearer`.
    pub fn api_with(&self, bearer: &Bearer) -> ApiClient {
        ApiClient::new(&self.cloud.api_url, self.cloud.token(bearer).unwrap()).unwrap()
    }

    /// Creates a store in Berlin with `on_hand` units of each SKU, through the API.
    pub async fn open_store(&self, location: &str, stock: &[(&str, i64)]) {
        self.open(location, "store", json!([]), stock).await;
    }

    /// Creates an automated warehouse with one zone, `floor`, and `on_hand` units of each SKU, through the API.
    pub async fn open_warehouse(&self, location: &str, stock: &[(&str, i64)]) {
        let zones = json!([{"zone_id": "floor", "aisles": 2}]);
        self.open(location, "warehouse", zones, stock).await;
    }

    async fn open(&self, location: &str, kind: &str, zones: Value, stock: &[(&str, i64)]) {
        let products: Vec<Value> = stock
            .iter()
            .map(|(sku, _)| json!({"sku": sku, "name": sku, "unit_of_measure": "each"}))
            .collect();
        let location_body = json!({
            "location_id": location, "name": location, "kind": kind,
            "time_zone": "Europe/Berlin", "close_out_hour": 4, "zones": zones,
        });
        let catalog = json!({"products": products, "locations": [location_body]});
        let written = self
            .admin()
            .post("/v1/catalog/batch", &catalog, None)
            .await
            .unwrap();
        let written = written.expect_status(&[200]).unwrap();
        for result in written.body["results"].as_array().unwrap() {
            assert_eq!(result["outcome"], "stored", "{result}");
        }
        for (sku, _) in stock.iter().filter(|(_, quantity)| *quantity == 0) {
            let policy = json!({"reorder_point": 0, "target_level": 0, "order_multiple": 1, "safety_stock": 0,
                "lead_time_days": 0});
            let path = format!("/v1/locations/{location}/stock/{sku}/policy");
            let set = self.admin().put(&path, &policy).await.unwrap();
            set.expect_status(&[200]).unwrap();
        }
        let receipts: Vec<Value> = stock
            .iter()
            .filter(|(_, quantity)| *quantity > 0)
            .map(|(sku, quantity)| {
                json!({"kind": "receipt", "location_id": location, "sku": sku, "quantity": quantity})
            })
            .collect();
        if receipts.is_empty() {
            return;
        }
        let changes = json!({"changes": receipts});
        let key = format!("open-{location}");
        let received = self
            .admin()
            .post("/v1/stock/changes", &changes, Some(&key))
            .await
            .unwrap();
        let received = received.expect_status(&[200]).unwrap();
        for result in received.body["results"].as_array().unwrap() {
            assert_eq!(result["outcome"], "applied", "{result}");
        }
    }
}

/// An HTTP client without retries and authentication.
pub fn http() -> reqwest::Client {
    // Fails if a crypto provider is installed already; any provider will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The body of a point-of-sale order of one unit of `sku` at 1.00 EUR.
pub fn sale(location: &str, sku: &str) -> Value {
    json!({
        "location_id": location, "channel": "pos", "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}}],
        "total": {"amount": 100, "currency": "EUR"},
    })
}

/// Polls `probe` until it returns a value, for at most a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut probe: impl FnMut() -> F,
) -> T {
    let polling = async {
        loop {
            if let Some(value) = probe().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), polling)
        .await
        .unwrap_or_else(|_| panic!("timed out after a minute waiting for {what}"))
}
