//! Products are read once in five minutes, and unknown ones each time.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use jiff::SignedDuration;
use stockline_application::deadline::Deadline;
use stockline_application::product_names::ProductNames;
use stockline_domain::ids::Sku;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::catalog::product;
use stockline_testkit::memory::catalog::MemoryCatalog;

#[tokio::test]
async fn known_product_is_read_again_after_five_minutes() {
    let catalog = MemoryCatalog::default();
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    let cache = ProductNames::new(catalog.clone(), clock.clone());
    let [milk, bread]: [Sku; 2] = ["milk", "bread"].map(|sku| sku.parse().unwrap());
    let put = |name: &str| {
        let mut product = product("milk");
        name.clone_into(&mut product.name);
        catalog.lock().products.insert(milk.clone(), product);
    };
    let names = async || {
        let deadline = Deadline::within(Duration::from_secs(5));
        let found = cache.find_all([&milk, &bread], deadline).await.unwrap();
        let names = found.values().map(|product| product.name.clone());
        names.collect::<Vec<_>>()
    };

    put("Milk");
    assert_eq!(names().await, ["Milk"]);
    put("Fresh milk");
    clock.advance(SignedDuration::from_secs(299));
    assert_eq!(names().await, ["Milk"]);
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(names().await, ["Fresh milk"]);
    let rye = product("bread");
    catalog.lock().products.insert(bread.clone(), rye);
    assert_eq!(
        names().await,
        ["Product bread", "Fresh milk"],
        "a new product is shown at once"
    );
}
