//! Measures the DynamoDB cost of each operation and compares it with the table in README.md.

use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_testkit::cloud::Table;
use stockline_testkit::conformance::orders::StockedOrders;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::simulated_dynamodb::{CostTable, SimulatedDynamoDb};

use super::*;

#[tokio::test(start_paused = true)]
async fn operation_costs_match_readme() {
    // given ten open orders of two weighed products, and a function that has just started
    let database = SimulatedDynamoDb::new(1);
    let client = database.aws().dynamodb();
    let [orders, stock, catalog] =
        [Table::Orders, Table::Stock, Table::Catalog].map(|table| database.create_table(table));
    let shop = DynamoShop::new(client.clone(), client.clone(), orders, stock);
    let catalog = DynamoCatalog::new(client, catalog);
    catalog
        .put_location(&store("hub-1", "UTC", 0), deadline())
        .await
        .unwrap();
    for product in products().into_iter().take(2) {
        let product: Product = serde_json::from_value(product).unwrap();
        catalog.put_product(&product, deadline()).await.unwrap();
        StockedOrders::stock(&shop, "hub-1", product.sku.as_str(), 10_000).await;
    }
    let mut placed = Vec::new();
    for number in 0..10 {
        let mut online = order(
            &format!("o{number}"),
            "hub-1",
            "online",
            &[("milk", 2), ("apples", 750)],
        );
        online.placed_at = minute(number);
        let request = Fingerprint::of(&number).unwrap();
        let outcome = OrderStore::place(&shop, &online, &request, deadline()).await;
        assert_eq!(outcome.unwrap(), PlaceOutcome::Placed);
        placed.push(online);
    }
    let clock = FakeClock::at("2026-03-01T12:30:00Z");
    let shipping = ShippingCatalog {
        locations: LocationCache::new(catalog.clone(), clock.clone()),
        products: ProductCache::new(catalog, clock.clone()),
    };
    let logistics = Logistics::new(shop, shipping, clock, CursorKey::new("secret"));
    database.take_bill();
    // when each operation is called, then it costs what the README lists
    let mut costs = CostTable::new();
    let handed_over = |key: &str| complete_with(&placed[0], key, &completion("1Z999"));
    for (operation, call, status) in [
        ("ten shipments, the products unread", list("hub-1"), 200),
        ("ten shipments", list("hub-1"), 200),
        ("the weight of an order", weigh(&placed[0]), 200),
        ("a completion of 2 SKUs", handed_over("c1"), 201),
        ("its replay", handed_over("c1"), 201),
    ] {
        let reply = logistics.handle(call.build()).await.unwrap();
        assert_eq!(reply.status(), status);
        costs.add(operation, &database.take_bill());
    }
    let refused = logistics.handle(handed_over("c2").build()).await;
    assert_eq!(refused.unwrap_err().status(), 409);
    costs.add("a completion of a completed order", &database.take_bill());
    costs.assert_in_readme(include_str!("../../../README.md"));
}
