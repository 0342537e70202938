//! The sales reader on DynamoDB and the export bucket on S3 conform.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use stockline_application::ports::export::ExportBucket;
use stockline_platform::s3::S3Exports;
use stockline_testkit::cloud::{Table, TestCloud, unique_name};
use stockline_testkit::conformance_tests;
use stockline_testkit::dynamo_sales::DynamoStoredSales;

conformance_tests!(sales, dynamodb, stored_sales().await);
conformance_tests!(export_bucket, s3, new_bucket().await);

async fn stored_sales() -> Option<DynamoStoredSales> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("sales", Table::Orders).await;
    Some(DynamoStoredSales::new(cloud.aws().dynamodb(), table))
}

async fn new_bucket() -> Option<S3Exports> {
    let client = TestCloud::find()?.aws().s3();
    let bucket = unique_name("exports");
    let region = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuCentral1)
        .build();
    client
        .create_bucket()
        .bucket(&bucket)
        .create_bucket_configuration(region)
        .send()
        .await
        .unwrap();
    Some(S3Exports::new(client, bucket))
}

#[tokio::test]
async fn get_from_missing_bucket_is_an_error() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let exports = S3Exports::new(cloud.aws().s3(), "test-no-such-bucket".to_owned());
    assert!(exports.get("export_manifest/a.json").await.is_err());
}
