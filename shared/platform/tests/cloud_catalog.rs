//! The catalog store on DynamoDB does what every catalog store must.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::deadline::Deadline;
use stockline_application::ports::catalog::CatalogStore;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::keys;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::catalog::{all, product};
use stockline_testkit::lost_response::LosesResponses;

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

#[tokio::test]
async fn a_catalog_on_dynamodb_conforms() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("conform", Table::Catalog).await;
    all(&DynamoCatalog::new(cloud.aws().dynamodb(), table)).await;
}

#[tokio::test]
async fn a_write_whose_response_is_lost_is_done_once_it_answers() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("lost", Table::Catalog).await;
    let connection = LosesResponses::new();
    let store = DynamoCatalog::new(cloud.aws_over(&connection).dynamodb(), table);
    let milk = product("milk");
    connection.lose_next(1);
    store.put_product(&milk, deadline()).await.unwrap();
    assert_eq!(connection.lost(), 1);
    assert_eq!(store.find_product(&milk.sku).await.unwrap(), Some(milk));
}

#[tokio::test]
async fn an_item_that_a_newer_version_wrote_is_read_by_this_one() {
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
