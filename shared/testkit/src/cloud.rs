//! The local cloud that the cloud tests run on.

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType,
};
use serde_json::Value;
use stockline_platform::clients::Aws;

use crate::lost_response::LosesResponses;

/// Where the tests' cloud is.
#[derive(Debug, Clone)]
pub struct TestCloud {
    status: Value,
}

/// The four tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Orders, with `by_location`, `by_late_write` and `open_by_location`.
    Orders,
    /// Levels, movements, requests; with `by_location` and `by_sku`.
    Stock,
    /// Tasks and controllers, with `by_zone`.
    Tasks,
    /// Products and locations, with `by_type`.
    Catalog,
}

/// What the one index that has some attributes and not all has.
pub const OPEN_ORDER: [&str; 3] = ["channel", "currency", "lines"];

impl Table {
    /// The indexes: name, partition key, sort key, what of an item they hold.
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
            ],
            Self::Tasks => &[("by_zone", "zone_key", "queued_key", ProjectionType::All)],
            Self::Catalog => &[("by_type", "type_key", "id_key", ProjectionType::All)],
        }
    }
}

impl TestCloud {
    /// The cloud that `STOCKLINE_TEST_CLOUD` names; says loudly when there is none.
    pub fn find() -> Option<Self> {
        let Some(path) = std::env::var_os("STOCKLINE_TEST_CLOUD") else {
            eprintln!("SKIPPED: no local cloud here; `cargo xtask test` starts one");
            return None;
        };
        let text = std::fs::read_to_string(path).unwrap();
        Some(Self {
            status: serde_json::from_str(&text).unwrap(),
        })
    }

    /// What `cargo xtask status --json` says of it.
    pub fn status(&self) -> &Value {
        &self.status
    }

    /// Its clients.
    pub fn aws(&self) -> Aws {
        Aws::new(credentials(), self.region(), Some(self.endpoint()))
            .with_dynamodb_at(self.dynamodb_endpoint())
    }

    /// Its clients, over a connection that loses responses.
    pub fn aws_over(&self, connection: &LosesResponses) -> Aws {
        Aws::over(
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

    /// Where DynamoDB is, if it is not where everything else is.
    fn dynamodb_endpoint(&self) -> Option<&str> {
        self.status["dynamodb_endpoint_url"].as_str()
    }

    fn region(&self) -> String {
        self.status["region"]
            .as_str()
            .unwrap_or("eu-central-1")
            .to_owned()
    }

    /// A table of its own for the test `test`, empty.
    pub async fn table(&self, test: &str, table: Table) -> String {
        let name = format!("test-{test}-{table:?}-{}", std::process::id()).to_lowercase();
        let client = self.aws().dynamodb();
        let _ = client.delete_table().table_name(&name).send().await;
        create(&client, &name, table).await;
        name
    }
}

/// Those of no account.
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
                                .then(|| OPEN_ORDER.map(str::to_owned).to_vec()),
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
