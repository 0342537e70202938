//! What every catalog store must do.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::paging::Page;
use stockline_application::ports::catalog::{CatalogStore, PRODUCT_SHARDS, ProductReader};
use stockline_domain::catalog::{LocationKind, Product, UnitOfMeasure, Zone};
use stockline_domain::measures::Dimensions;
use stockline_domain::money::Money;

use super::story_functions;
use crate::memory::catalog::store as location;

story_functions!(catalog, [Store: CatalogStore + ProductReader], [super], Store);

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// A product with the required fields only.
pub fn product(sku: &str) -> Product {
    Product {
        sku: sku.parse().unwrap(),
        name: format!("Product {sku}"),
        department: None,
        category: None,
        brand: None,
        unit_of_measure: UnitOfMeasure::Each,
        list_price: None,
        gtin: None,
        unit_weight_grams: None,
        dimensions_mm: None,
    }
}

async fn unknown_product_and_location_are_not_found<Store: CatalogStore>(store: &Store) {
    assert_eq!(
        store
            .find_product(&"nothing".parse().unwrap())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store
            .find_location(&"nowhere".parse().unwrap())
            .await
            .unwrap(),
        None
    );
    assert_eq!(store.list_locations().await.unwrap(), []);
}

async fn product_reads_back_and_is_replaced<Store: CatalogStore>(store: &Store) {
    let milk = Product {
        department: Some("Fresh".to_owned()),
        category: Some("Dairy".to_owned()),
        brand: Some("Alm & Söhne".to_owned()),
        unit_of_measure: UnitOfMeasure::Millilitre,
        list_price: Some(Money::new(129, "EUR".parse().unwrap())),
        gtin: Some("4006381333931".parse().unwrap()),
        unit_weight_grams: Some(1030),
        dimensions_mm: Some(Dimensions {
            length: 70,
            width: 71,
            height: 200,
        }),
        ..product("milk")
    };
    store.put_product(&milk, deadline()).await.unwrap();
    assert_eq!(
        store.find_product(&milk.sku).await.unwrap(),
        Some(milk.clone())
    );

    let plain = product("milk");
    store.put_product(&plain, deadline()).await.unwrap();
    store.put_product(&plain, deadline()).await.unwrap();
    assert_eq!(store.find_product(&milk.sku).await.unwrap(), Some(plain));
}

async fn location_reads_back_and_is_replaced<Store: CatalogStore>(store: &Store) {
    let mut hub = location("hub", "Europe/Berlin", 0);
    hub.kind = LocationKind::Warehouse;
    hub.zones = vec![
        Zone {
            zone_id: "hub-a".parse().unwrap(),
            aisles: 12,
        },
        Zone {
            zone_id: "hub-b".parse().unwrap(),
            aisles: 1000,
        },
    ];
    store.put_location(&hub, deadline()).await.unwrap();
    assert_eq!(
        store.find_location(&hub.location_id).await.unwrap(),
        Some(hub)
    );

    let moved = location("hub", "America/New_York", 4);
    store.put_location(&moved, deadline()).await.unwrap();
    assert_eq!(
        store.find_location(&moved.location_id).await.unwrap(),
        Some(moved)
    );
}

async fn product_and_location_may_share_an_id<Store: CatalogStore>(store: &Store) {
    let (product, location) = (product("same"), location("same", "UTC", 0));
    store.put_product(&product, deadline()).await.unwrap();
    store.put_location(&location, deadline()).await.unwrap();
    assert_eq!(
        store.find_product(&product.sku).await.unwrap(),
        Some(product)
    );
    assert_eq!(
        store.find_location(&location.location_id).await.unwrap(),
        Some(location)
    );
}

async fn locations_are_listed_by_id<Store: CatalogStore>(store: &Store) {
    store
        .put_product(&product("same"), deadline())
        .await
        .unwrap();
    for id in ["store-2", "hub", "store-1", "same"] {
        store
            .put_location(&location(id, "Europe/Berlin", 3), deadline())
            .await
            .unwrap();
    }
    let listed: Vec<String> = store
        .list_locations()
        .await
        .unwrap()
        .into_iter()
        .map(|location| location.location_id.to_string())
        .collect();
    assert_eq!(listed, ["hub", "same", "store-1", "store-2"]);
}

async fn shards_list_every_product_once<Store: CatalogStore>(store: &Store) {
    let same = location("same", "UTC", 0);
    store.put_location(&same, deadline()).await.unwrap();
    let mut expected = vec!["milk".to_owned(), "same".to_owned()];
    expected.extend((0..30).map(|number| format!("sku-{number}")));
    for sku in &expected {
        store.put_product(&product(sku), deadline()).await.unwrap();
    }
    let (mut listed, mut most_pages) = (Vec::new(), 0);
    for shard in 0..PRODUCT_SHARDS {
        let (mut after, mut pages, mut last) = (None, 0, String::new());
        loop {
            let listing = store
                .list_products(shard, Page { limit: 2, after })
                .await
                .unwrap();
            assert!(listing.items.len() <= 2);
            for product in listing.items {
                assert!(
                    product.sku.as_str() > last.as_str(),
                    "a shard is listed by SKU"
                );
                last = product.sku.to_string();
                listed.push(last.clone());
            }
            after = listing.next;
            pages += 1;
            if after.is_none() {
                break;
            }
        }
        most_pages = pages.max(most_pages);
    }
    assert!(most_pages > 1, "a shard has more than one page");
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

async fn products_are_found_by_sku<Store: CatalogStore + ProductReader>(store: &Store) {
    // More than one batch of DynamoDB.
    let mut expected: Vec<Product> = (0..120)
        .map(|number| product(&format!("found-{number}")))
        .collect();
    for product in &expected {
        store.put_product(product, deadline()).await.unwrap();
    }
    let mut asked: Vec<_> = expected.iter().map(|product| product.sku.clone()).collect();
    asked.insert(60, "missing".parse().unwrap());
    let mut found = store.find_products(&asked, deadline()).await.unwrap();
    for products in [&mut found, &mut expected] {
        products.sort_by(|a, b| a.sku.cmp(&b.sku));
    }
    assert_eq!(found, expected);
    assert_eq!(store.find_products(&[], deadline()).await.unwrap(), []);
}
