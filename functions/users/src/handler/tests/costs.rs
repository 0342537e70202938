//! Measures the DynamoDB cost of each call and compares it with the table in README.md.

use stockline_platform::dynamodb::users::DynamoUsers;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn call_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Catalog);
    let store = DynamoUsers::new(database.aws().dynamodb(), table);
    let api = UsersApi::new(store, CursorKey::new("secret"));
    let hundred: Vec<String> = (0..100).map(|number| format!("store-{number}")).collect();
    let hundred = json!({"role": "store_manager", "location_ids": hundred, "expected_version": 1});
    let mut costs = CostTable::new();
    for (operation, call) in [
        (
            "a new user of 2 stores",
            put("lea", &manager(&["store-1", "store-2"])),
        ),
        (
            "the same request again",
            put("lea", &manager(&["store-1", "store-2"])),
        ),
        ("100 stores instead", put("lea", &hundred)),
        ("read a user", one("GET", "lea")),
        ("a page of 1 user", list()),
        ("delete a user", one("DELETE", "lea")),
    ] {
        api.handle(call.build()).await.unwrap();
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
