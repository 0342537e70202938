//! What every catalog store must do.
//!
//! The store is empty at the start, and the stories leave in it what they wrote.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::paging::Page;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::catalog::PRODUCT_SHARDS;
use stockline_domain::catalog::{LocationKind, Product, UnitOfMeasure, Zone};
use stockline_domain::money::Money;

use crate::memory::catalog::store as shop;

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

/// A product with nothing but what it must have.
pub fn product(sku: &str) -> Product {
    Product {
        sku: sku.parse().unwrap(),
        name: format!("Product {sku}"),
        department: None,
        category: None,
        brand: None,
        unit_of_measure: UnitOfMeasure::Each,
        list_price: None,
    }
}

/// Runs every story.
pub async fn all<S: CatalogStore>(store: &S) {
    what_was_never_written_is_not_there(store).await;
    a_product_reads_back_whole_and_a_later_one_replaces_it(store).await;
    a_location_reads_back_whole_and_a_later_one_replaces_it(store).await;
    a_product_and_a_location_of_one_name_are_two_things(store).await;
    every_location_is_listed_by_id(store).await;
    the_shards_together_list_every_product_once(store).await;
}

async fn what_was_never_written_is_not_there<S: CatalogStore>(store: &S) {
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

async fn a_product_reads_back_whole_and_a_later_one_replaces_it<S: CatalogStore>(store: &S) {
    let milk = Product {
        department: Some("Fresh".to_owned()),
        category: Some("Dairy".to_owned()),
        brand: Some("Alm & Söhne".to_owned()),
        unit_of_measure: UnitOfMeasure::Millilitre,
        list_price: Some(Money::new(129, "EUR".parse().unwrap())),
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

async fn a_location_reads_back_whole_and_a_later_one_replaces_it<S: CatalogStore>(store: &S) {
    let mut hub = shop("hub", "Europe/Berlin", 0);
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

    let moved = shop("hub", "America/New_York", 4);
    store.put_location(&moved, deadline()).await.unwrap();
    assert_eq!(
        store.find_location(&moved.location_id).await.unwrap(),
        Some(moved)
    );
}

async fn a_product_and_a_location_of_one_name_are_two_things<S: CatalogStore>(store: &S) {
    let (goods, place) = (product("same"), shop("same", "UTC", 0));
    store.put_product(&goods, deadline()).await.unwrap();
    store.put_location(&place, deadline()).await.unwrap();
    assert_eq!(store.find_product(&goods.sku).await.unwrap(), Some(goods));
    assert_eq!(
        store.find_location(&place.location_id).await.unwrap(),
        Some(place)
    );
}

async fn every_location_is_listed_by_id<S: CatalogStore>(store: &S) {
    for id in ["store-2", "store-1"] {
        store
            .put_location(&shop(id, "Europe/Berlin", 3), deadline())
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

async fn the_shards_together_list_every_product_once<S: CatalogStore>(store: &S) {
    let mut expected = vec!["milk".to_owned(), "same".to_owned()];
    for number in 0..30 {
        let sku = format!("sku-{number}");
        store.put_product(&product(&sku), deadline()).await.unwrap();
        expected.push(sku);
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
    assert!(most_pages > 1, "some shard fills more than one page");
    listed.sort();
    expected.sort();
    assert_eq!(listed, expected);
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn a_catalog_in_memory_conforms() {
        super::all(&crate::memory::catalog::MemoryCatalog::default()).await;
    }
}
