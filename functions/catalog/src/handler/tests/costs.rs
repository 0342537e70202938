//! Measures the DynamoDB cost of each call and compares it with the table in README.md.

use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn call_costs_match_readme() {
    let database = SimulatedDynamoDb::new(1);
    let table = database.create_table(Table::Catalog);
    let dynamodb = database.aws().dynamodb();
    let stock = DynamoStock::new(dynamodb.clone(), database.create_table(Table::Stock));
    let catalog = Catalog::new(DynamoCatalog::new(dynamodb, table), stock);
    let mut moved = shop("store-1");
    moved["time_zone"] = "Europe/Lisbon".into();
    let mut renamed = milk();
    renamed["name"] = "Fresh milk, 1 l".into();
    let hundred: Vec<Value> = (0..100)
        .map(|number| {
            let mut product = milk();
            product["sku"] = format!("milk-{number}").into();
            product
        })
        .collect();
    let hundred = batch(&json!({"products": hundred}));
    let mut costs = CostTable::new();
    for (operation, call) in [
        ("a new product", put_product("milk").body(&milk())),
        ("the same product again", put_product("milk").body(&milk())),
        ("a renamed product", put_product("milk").body(&renamed)),
        (
            "a new location",
            put_location("store-1").body(&shop("store-1")),
        ),
        (
            "another time zone of a location without stock",
            put_location("store-1").body(&moved),
        ),
        ("read a product", read_product("milk")),
        ("a batch of 100 new products", hundred),
    ] {
        catalog.handle(call.build()).await.unwrap();
        costs.add(operation, &database.take_bill());
    }
    costs.assert_in_readme(include_str!("../../../README.md"));
}
