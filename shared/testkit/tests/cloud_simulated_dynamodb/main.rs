//! Differential test: the simulated DynamoDB and the local cloud's DynamoDB give equal responses to random requests.
//!
//! Requests use few keys and few attributes, so that they often address the same items. The test compares returned items,
//! keys and counts, error codes, the codes and items of cancellation reasons, and consumed capacity.
//!
//! The requests avoid the known differences of the local cloud (MiniStack 1.5.33) from DynamoDB:
//! - It accepts an invalid expression in a transaction, or next to a failing condition. DynamoDB validates the whole
//!   request first.
//! - It accepts unknown functions, updates without a value, and two actions on one path. DynamoDB rejects them.
//! - It adds with 28 digits and keeps trailing zeros of fractions. DynamoDB has 38 digits and removes trailing zeros.
//! - It accepts removing a nested value whose parent does not exist. DynamoDB rejects the path as invalid.
//! - It reports no consumed capacity for a batch, and half a unit or one unit for any other read, however large. DynamoDB
//!   and the simulation round the size up to 4 KB, in a batch for each item. All reads here are smaller than 4 KB.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod random_request;
mod send;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

use random_request::Request;

type Item = HashMap<String, AttributeValue>;

const REQUESTS_PER_SEED: usize = 1500;

/// One of the two compared services.
struct Service {
    client: Client,
    table: String,
    /// The prefix of every client request token.
    token_prefix: String,
}

#[tokio::test]
async fn simulation_responds_like_the_local_cloud() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    for seed in 1..=3 {
        let database = SimulatedDynamoDb::new(seed);
        let token_prefix = format!("{}-{seed}", std::process::id());
        let simulated = Service {
            token_prefix: token_prefix.clone(),
            client: database.aws().dynamodb(),
            table: database.create_table(Table::Stock),
        };
        let local = Service {
            token_prefix,
            client: cloud.aws().dynamodb(),
            table: cloud.table(&format!("alike-{seed}"), Table::Stock).await,
        };
        let mut random = Rng::with_seed(seed);
        for number in 0..REQUESTS_PER_SEED {
            let request = Request::draw(&mut random);
            let (actual, expected) = tokio::join!(request.send(&simulated), request.send(&local));
            assert_eq!(
                actual, expected,
                "seed {seed}, request {number}: {request:#?}"
            );
        }
    }
}
