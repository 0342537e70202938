//! On DynamoDB too, an audit finds each fault and a repair mends it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::books::{all, what_is_found_is_kept_by_day};
use stockline_testkit::dynamo_books::DynamoBooks;

#[tokio::test]
async fn books_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let orders_table = cloud.table("books", Table::Orders).await;
    let stock_table = cloud.table("books", Table::Stock).await;
    let client = cloud.aws().dynamodb();
    all(&DynamoBooks::new(client, orders_table, stock_table)).await;
}

#[tokio::test]
async fn audit_records_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("auditrecords", Table::Stock).await;
    let records = DynamoAuditRecords::new(cloud.aws().dynamodb(), table);
    what_is_found_is_kept_by_day(&records).await;
}
