//! The export's reader on DynamoDB and its bucket on S3 do what every reader and bucket must.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::export::ExportBucket;
use stockline_domain::order::Order;
use stockline_platform::dynamodb::attributes::item;
use stockline_platform::dynamodb::orders::OrderRecord;
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::keys;
use stockline_platform::s3::S3Exports;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::export::{
    a_day_is_read_whole_and_alone, a_file_is_replaced_whole, a_late_write_is_found_by_its_day,
    of_two_writers_one_is_overtaken,
};

#[tokio::test]
async fn sales_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("sales", Table::Orders).await;
    let client = cloud.aws().dynamodb();
    let put = async |order: Order| {
        let record = OrderRecord::new(&order, &Fingerprint::of(&"a").unwrap());
        client
            .put_item()
            .table_name(&table)
            .set_item(Some(item(&keys::order(order.order_id), &record).unwrap()))
            .send()
            .await
            .unwrap();
    };
    let sales = DynamoSales::new(client.clone(), table.clone());
    a_day_is_read_whole_and_alone(&sales, put).await;
}

#[tokio::test]
async fn late_writes_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("late", Table::Orders).await;
    let client = cloud.aws().dynamodb();
    let write = async |order: Order, at| {
        let placed = OrderRecord::new(&order, &Fingerprint::of(&"a").unwrap());
        let next = placed.next(&order.cancel(at).unwrap(), at);
        for record in [placed, next] {
            client
                .put_item()
                .table_name(&table)
                .set_item(Some(item(&keys::order(order.order_id), &record).unwrap()))
                .send()
                .await
                .unwrap();
        }
    };
    let sales = DynamoSales::new(client.clone(), table.clone());
    a_late_write_is_found_by_its_day(&sales, write).await;
}

#[tokio::test]
async fn a_bucket_on_s3_conforms() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let client = cloud.aws().s3();
    let bucket = format!("test-exports-{}", std::process::id());
    let here = CreateBucketConfiguration::builder()
        .location_constraint(BucketLocationConstraint::EuCentral1)
        .build();
    client
        .create_bucket()
        .bucket(&bucket)
        .create_bucket_configuration(here)
        .send()
        .await
        .unwrap();
    let exports = S3Exports::new(client, bucket);
    a_file_is_replaced_whole(&exports).await;
    of_two_writers_one_is_overtaken(&exports).await;
}

#[tokio::test]
async fn a_bucket_that_is_not_there_is_an_error_and_no_missing_file() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let exports = S3Exports::new(cloud.aws().s3(), "test-no-such-bucket".to_owned());
    assert!(exports.get("export_manifest/a.json").await.is_err());
}
