//! The local cloud of the cloud tests, and tables on it.

use std::sync::atomic::{AtomicU32, Ordering};

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use serde_json::Value;
use stockline_platform::clients::Aws;

use crate::lossy_connection::LossyConnection;

/// The cloud that the cloud tests run on.
#[derive(Debug, Clone)]
pub struct TestCloud {
    status: Value,
}

/// The layout of one of the five tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Orders, with `by_location`, `by_late_write`, `open_by_location` and `by_reference`.
    Orders,
    /// Levels, movements, requests and replenishment orders, with `by_location`, `by_sku` and `by_replenishment`.
    Stock,
    /// Tasks and controllers, with `by_zone`.
    Tasks,
    /// Products and locations, with `by_type`.
    Catalog,
    /// The sales tally, without an index.
    Sales,
}

/// The non-key attributes of `open_by_location`, the one index that projects some attributes.
pub const OPEN_ORDER_ATTRIBUTES: [&str; 3] = ["channel", "currency", "lines"];

impl Table {
    /// The indexes: name, partition key, sort key, projection.
    pub(crate) fn indexes(
        self,
    ) -> &'static [(&'static str, &'static str, &'static str, ProjectionType)] {
        match self {
            Self::Orders => &[
                (
                    "by_location",
                    "location_key",
                    "placed_key",
                    ProjectionType::All,
                ),
                (
                    "by_late_write",
                    "late_on",
                    "location_key",
                    ProjectionType::KeysOnly,
                ),
                (
                    "open_by_location",
                    "open_location",
                    "placed_key",
                    ProjectionType::Include,
                ),
                (
                    "by_reference",
                    "external_reference",
                    "location_key",
                    ProjectionType::KeysOnly,
                ),
            ],
            Self::Stock => &[
                (
                    "by_location",
                    "index_location",
                    "index_sku",
                    ProjectionType::KeysOnly,
                ),
                (
                    "by_sku",
                    "index_sku",
                    "index_location",
                    ProjectionType::KeysOnly,
                ),
                (
                    "by_replenishment",
                    "replenishment_location",
                    "replenishment_key",
                    ProjectionType::All,
                ),
            ],
            Self::Tasks => &[("by_zone", "zone_key", "queued_key", ProjectionType::All)],
            Self::Catalog => &[("by_type", "type_key", "id_key", ProjectionType::All)],
            Self::Sales => &[],
        }
    }
}

impl TestCloud {
    /// Reads the cloud from the file that `STOCKLINE_TEST_CLOUD` names. Without the variable, prints `SKIPPED` and returns
    /// `None`.
    pub fn find() -> Option<Self> {
        let Some(path) = std::env::var_os("STOCKLINE_TEST_CLOUD") else {
            eprintln!(
                "SKIPPED: STOCKLINE_TEST_CLOUD is not set; `cargo xtask test` starts a local cloud"
            );
            return None;
        };
        let text = std::fs::read_to_string(path).unwrap();
        Some(Self {
            status: serde_json::from_str(&text).unwrap(),
        })
    }

    /// The cloud's status, as `cargo xtask status --json` prints it.
    pub fn status(&self) -> &Value {
        &self.status
    }

    /// The AWS clients of this cloud.
    pub fn aws(&self) -> Aws {
        Aws::new(credentials(), self.region(), Some(self.endpoint()))
            .with_dynamodb_at(self.dynamodb_endpoint())
    }

    /// The AWS clients of this cloud, over a connection that loses responses.
    pub fn aws_over(&self, connection: &LossyConnection) -> Aws {
        Aws::with_http_client(
            connection.http_client(),
            credentials(),
            self.region(),
            Some(self.endpoint()),
        )
        .with_dynamodb_at(self.dynamodb_endpoint())
    }

    fn endpoint(&self) -> &str {
        self.status["endpoint_url"].as_str().unwrap()
    }

    /// The endpoint of DynamoDB, if it differs from the endpoint of the other services.
    fn dynamodb_endpoint(&self) -> Option<&str> {
        self.status["dynamodb_endpoint_url"].as_str()
    }

    fn region(&self) -> String {
        self.status["region"]
            .as_str()
            .unwrap_or("eu-central-1")
            .to_owned()
    }

    /// Creates an empty table for the test `test`, with a name that no other test in any process uses at the same time.
    pub async fn table(&self, test: &str, table: Table) -> String {
        let name = format!("{}-{table:?}", unique_name(test)).to_lowercase();
        let client = self.aws().dynamodb();
        // The name may be left from an earlier process with the same id.
        let _ = client.delete_table().table_name(&name).send().await;
        create(&client, &name, table).await;
        name
    }
}

/// A name for a resource of the test `test`, which no other test in any process uses at the same time.
pub fn unique_name(test: &str) -> String {
    static CREATED: AtomicU32 = AtomicU32::new(0);
    let number = CREATED.fetch_add(1, Ordering::Relaxed);
    format!("test-{test}-{}-{number}", std::process::id())
}

/// Dummy credentials. The local clouds do not check them.
pub(crate) fn credentials() -> Credentials {
    Credentials::new("test", "test", None, None, "test")
}

async fn create(client: &Client, name: &str, table: Table) {
    let hash = |name: &str| element(name, KeyType::Hash);
    let range = |name: &str| element(name, KeyType::Range);
    let mut attributes = vec!["pk", "sk"];
    let mut request = client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(hash("pk"))
        .key_schema(range("sk"));
    for (index, pk, sk, projection) in table.indexes() {
        attributes.extend([pk, sk]);
        request = request.global_secondary_indexes(
            GlobalSecondaryIndex::builder()
                .index_name(*index)
                .key_schema(hash(pk))
                .key_schema(range(sk))
                .projection(
                    Projection::builder()
                        .projection_type(projection.clone())
                        .set_non_key_attributes(
                            (*projection == ProjectionType::Include)
                                .then(|| OPEN_ORDER_ATTRIBUTES.map(str::to_owned).to_vec()),
                        )
                        .build(),
                )
                .build()
                .unwrap(),
        );
    }
    attributes.sort_unstable();
    attributes.dedup();
    for attribute in attributes {
        request = request.attribute_definitions(
            AttributeDefinition::builder()
                .attribute_name(attribute)
                .attribute_type(ScalarAttributeType::S)
                .build()
                .unwrap(),
        );
    }
    request.send().await.unwrap();
}

fn element(name: &str, key_type: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder()
        .attribute_name(name)
        .key_type(key_type)
        .build()
        .unwrap()
}
