//! The deployed whole, as its users meet it: what tests across functions set up and wait for.
//!
//! What goes wrong here panics: it is a broken test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod shop;

use std::future::Future;
use std::time::Duration;

use serde_json::{Value, json};
use stockline_simulators::api::Api;
use xtask::oidc::Bearer;
use xtask::status::{Cloud, TEST_CLOUD_VARIABLE};

/// The deployed API, and tokens for it.
#[derive(Debug)]
pub struct Deployed {
    /// What is where.
    pub cloud: Cloud,
}

impl Deployed {
    /// The cloud that `cargo xtask test` started; says loudly when there is none.
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

    /// The same, its API reached by way of `proxy` (scheme and authority).
    #[must_use]
    pub fn by_way_of(&self, proxy: &str) -> Self {
        let mut cloud = self.cloud.clone();
        let path = reqwest::Url::parse(&cloud.api_url).unwrap();
        cloud.api_url = format!("{proxy}{}", path.path());
        Self { cloud }
    }

    /// The API, called by `subject` in `role` at `locations`.
    pub fn api(&self, role: &str, subject: &str, locations: &[&str]) -> Api {
        let bearer = Bearer::new(role)
            .named(subject)
            .at(locations.iter().copied());
        self.api_with(&bearer)
    }

    /// The API, called by an admin.
    pub fn admin(&self) -> Api {
        self.api_with(&Bearer::new("admin").named("operations"))
    }

    /// The API, called with `bearer`'s token.
    pub fn api_with(&self, bearer: &Bearer) -> Api {
        Api::new(&self.cloud.api_url, self.cloud.token(bearer).unwrap()).unwrap()
    }

    /// Opens a store in Berlin that stocks `on_hand` of each SKU, through the API.
    pub async fn open_store(&self, location: &str, stock: &[(&str, i64)]) {
        self.open(location, "store", json!([]), stock).await;
    }

    /// Opens an automated warehouse of one zone, `floor`, that stocks `on_hand` of each SKU, through the API.
    pub async fn open_warehouse(&self, location: &str, stock: &[(&str, i64)]) {
        let zones = json!([{"zone_id": "floor", "aisles": 2}]);
        self.open(location, "warehouse", zones, stock).await;
    }

    async fn open(&self, location: &str, kind: &str, zones: Value, stock: &[(&str, i64)]) {
        let products: Vec<Value> = stock
            .iter()
            .map(|(sku, _)| json!({"sku": sku, "name": sku, "unit_of_measure": "each"}))
            .collect();
        let place = json!({
            "location_id": location, "name": location, "kind": kind,
            "time_zone": "Europe/Berlin", "close_out_hour": 4, "zones": zones,
        });
        let catalog = json!({"products": products, "locations": [place]});
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

/// A client that sends just what it is given, once.
pub fn http() -> reqwest::Client {
    // Whoever came first has chosen a provider; any of them will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The body of a sale of one unit of `sku` at 1.00 EUR.
pub fn sale(location: &str, sku: &str) -> Value {
    json!({
        "location_id": location, "channel": "pos", "currency": "EUR",
        "lines": [{"sku": sku, "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}}],
        "total": {"amount": 100, "currency": "EUR"},
    })
}

/// Asks `question` until it has an answer, for at most a minute.
pub async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut question: impl FnMut() -> F,
) -> T {
    let asked = async {
        loop {
            if let Some(answer) = question().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), asked)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen within a minute"))
}
