//! The store of the sales tally on DynamoDB conforms, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_platform::dynamodb::sales_tally::DynamoSalesTally;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::sales_tally::stories::contribution_reads_back_and_adds_to_its_hour;
use stockline_testkit::conformance_tests;
use stockline_testkit::lossy_connection::LossyConnection;

conformance_tests!(sales_tally, dynamodb, tally().await);

async fn tally() -> Option<DynamoSalesTally> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("tally", Table::Sales).await;
    Some(DynamoSalesTally::new(cloud.aws().dynamodb(), table))
}

#[tokio::test]
async fn write_with_a_lost_response_counts_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("lost", Table::Sales).await;
    let connection = LossyConnection::new();
    let tally = DynamoSalesTally::new(cloud.aws_over(&connection).dynamodb(), table);
    // The first request of the story reads, the second one writes.
    connection.lose_next(2);
    contribution_reads_back_and_adds_to_its_hour(&tally).await;
    assert_eq!(connection.lost_count(), 2);
}
