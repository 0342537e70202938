//! The audit and its records conform on DynamoDB.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_platform::dynamodb::audit_records::DynamoAuditRecords;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance_tests;
use stockline_testkit::dynamo_audited_shop::DynamoAuditedShop;

conformance_tests!(audit, dynamodb, audited_shop().await);
conformance_tests!(audit_records, dynamodb, audit_records_store().await);

async fn audited_shop() -> Option<DynamoAuditedShop> {
    let cloud = TestCloud::find()?;
    let orders_table = cloud.table("audit", Table::Orders).await;
    let stock_table = cloud.table("audit", Table::Stock).await;
    let client = cloud.aws().dynamodb();
    Some(DynamoAuditedShop::new(client, orders_table, stock_table))
}

async fn audit_records_store() -> Option<DynamoAuditRecords> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("audit-records", Table::Stock).await;
    Some(DynamoAuditRecords::new(cloud.aws().dynamodb(), table))
}
