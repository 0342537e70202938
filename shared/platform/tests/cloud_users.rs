//! The store of users on DynamoDB conforms, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::ports::users::{UserReader, UserStore, UserWriteOutcome};
use stockline_domain::caller::Role;
use stockline_domain::user::StoredUser;
use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance_tests;
use stockline_testkit::lossy_connection::LossyConnection;
use stockline_testkit::memory::users::user;

conformance_tests!(users, dynamodb, user_store().await);

async fn user_store() -> Option<DynamoUsers> {
    let cloud = TestCloud::find()?;
    let table = cloud.table("users", Table::Catalog).await;
    Some(DynamoUsers::new(cloud.aws().dynamodb(), table))
}

#[tokio::test]
async fn put_with_a_lost_response_is_no_conflict() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let table = cloud.table("users-lost", Table::Catalog).await;
    let connection = LossyConnection::new();
    let users = DynamoUsers::new(cloud.aws_over(&connection).dynamodb(), table);
    let stored = StoredUser {
        user: user("lea", Role::StoreApp, &["store-1"]),
        version: 1,
    };
    connection.lose_next(1);
    let deadline = Deadline::within(Duration::from_secs(20));
    let outcome = users.replace_user(&stored, None, deadline).await.unwrap();
    assert_eq!(outcome, UserWriteOutcome::Written);
    assert_eq!(connection.lost_count(), 1);
    let found = users.find_user(&stored.user.subject).await.unwrap();
    assert_eq!(found, Some(stored));
}
