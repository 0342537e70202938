//! The simulated DynamoDB and the local cloud's answer the same random requests alike.
//!
//! What is random is small on purpose: few keys, few attributes, so that requests meet each other. Compared are the items,
//! keys and counts that come back, errors by their names, cancellation reasons by code and item, and consumed capacity.
//!
//! Where the local cloud (MiniStack 1.5.33) is known to differ from DynamoDB, the requests keep away from it:
//! - in a transaction, and beside a condition that fails, it does not see that an expression is wrong; DynamoDB reads all of
//!   a request before anything else;
//! - it takes a function that there is not, an update without a value, and two actions on one path; DynamoDB refuses them;
//! - it adds with 28 digits and leaves zeros after the point; DynamoDB has 38 digits and cuts such zeros;
//! - it takes a nested value away where nothing is around it; DynamoDB calls the path invalid;
//! - it tells no capacity of a batch, and of a read half a unit or one, however much is read. DynamoDB rounds what it read up
//!   to 4 KB, each item of a batch by itself; so does the simulation, and what is read here is smaller than that.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod draw;
mod send;

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use fastrand::Rng;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::simulated_dynamodb::SimulatedDynamoDb;

use draw::Request;

type Item = HashMap<String, AttributeValue>;

const REQUESTS: usize = 1500;

/// One service under comparison.
struct Side {
    client: Client,
    table: String,
    /// Begins every token.
    run: String,
}

#[tokio::test]
async fn the_simulation_and_the_local_cloud_answer_alike() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    for seed in 1..=3 {
        let database = SimulatedDynamoDb::new(seed);
        let run = format!("{}-{seed}", std::process::id());
        let simulated = Side {
            run: run.clone(),
            client: database.aws().dynamodb(),
            table: database.table(Table::Stock),
        };
        let local = Side {
            run,
            client: cloud.aws().dynamodb(),
            table: cloud.table(&format!("alike-{seed}"), Table::Stock).await,
        };
        let mut random = Rng::with_seed(seed);
        for number in 0..REQUESTS {
            let request = Request::draw(&mut random);
            let (here, there) = tokio::join!(request.send(&simulated), request.send(&local));
            assert_eq!(here, there, "seed {seed}, request {number}: {request:#?}");
        }
    }
}
