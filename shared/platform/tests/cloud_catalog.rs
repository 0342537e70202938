//! The catalog store on DynamoDB conforms, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::deadline::Deadline;
use stockline_application::ports::catalog::CatalogStore;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::keys;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::catalog::product;
use stockline_testkit::conformance_tests;
use stockline_testkit::lossy_connection::LossyConnection;

conformance_tests!(catalog, dynamodb, catalog_store().await);

async fn catalog_store() -> Option<DynamoCatalog> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("catalog", Table::Catalog).await;
    Some(DynamoCatalog::new(cloud.aws().dynamodb(), table))
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

#[tokio::test]
async fn put_with_a_lost_response_succeeds_by_retry() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("lost", Table::Catalog).await;
    let connection = LossyConnection::new();
    let store = DynamoCatalog::new(cloud.aws_over(&connection).dynamodb(), table);
    let milk = product("milk");
    connection.lose_next(1);
    store.put_product(&milk, deadline()).await.unwrap();
    assert_eq!(connection.lost_count(), 1);
    assert_eq!(store.find_product(&milk.sku).await.unwrap(), Some(milk));
}

#[tokio::test]
async fn item_with_an_unknown_attribute_is_read() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("newer", Table::Catalog).await;
    let client = cloud.aws().dynamodb();
    let store = DynamoCatalog::new(client.clone(), table.clone());
    let milk = product("milk");
    store.put_product(&milk, deadline()).await.unwrap();
    let key = keys::product(&milk.sku);
    client
        .update_item()
        .table_name(&table)
        .key("pk", AttributeValue::S(key.pk))
        .key("sk", AttributeValue::S(key.sk))
        .update_expression("SET shelf_life_days = :days")
        .expression_attribute_values(":days", AttributeValue::N("7".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(store.find_product(&milk.sku).await.unwrap(), Some(milk));
}
