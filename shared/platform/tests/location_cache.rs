//! A till asks for its location with every sale, and the catalog is read once in five minutes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use jiff::SignedDuration;
use jiff::civil::date;
use stockline_application::location_cache::LocationCache;
use stockline_domain::ids::LocationId;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::memory::catalog::{MemoryCatalog, store};

fn cache(catalog: &MemoryCatalog) -> (LocationCache<MemoryCatalog, FakeClock>, FakeClock) {
    let clock = FakeClock::at("2026-03-01T12:00:00Z");
    (LocationCache::new(catalog.clone(), clock.clone()), clock)
}

fn berlin() -> LocationId {
    "berlin".parse().unwrap()
}

#[tokio::test]
async fn a_location_is_read_once_in_five_minutes_and_a_change_is_seen_after() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    for _ in 0..3 {
        let known = cache.find(&berlin()).await.unwrap().unwrap();
        let late = "2026-03-02T02:59:59Z".parse().unwrap();
        assert_eq!(known.business_date(late), date(2026, 3, 1));
    }
    assert_eq!(catalog.open().location_reads, 1);

    catalog
        .open()
        .locations
        .insert(berlin(), store("berlin", "Europe/Berlin", 0));
    clock.advance(SignedDuration::from_secs(299));
    assert_eq!(
        cache
            .find(&berlin())
            .await
            .unwrap()
            .unwrap()
            .location
            .close_out_hour,
        4
    );
    clock.advance(SignedDuration::from_secs(1));
    assert_eq!(
        cache
            .find(&berlin())
            .await
            .unwrap()
            .unwrap()
            .location
            .close_out_hour,
        0
    );
    assert_eq!(catalog.open().location_reads, 2);
}

#[tokio::test]
async fn a_store_that_opens_is_served_at_once() {
    let catalog = MemoryCatalog::default();
    let (cache, _) = cache(&catalog);
    assert!(cache.find(&berlin()).await.unwrap().is_none());
    catalog
        .open()
        .locations
        .insert(berlin(), store("berlin", "Europe/Berlin", 4));
    assert!(cache.find(&berlin()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_location_is_taken_as_it_was_while_the_catalog_cannot_be_read() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    catalog.open().busy = true;
    assert!(
        cache.find(&berlin()).await.is_err(),
        "nothing is known of it yet"
    );
    catalog.open().busy = false;
    cache.find(&berlin()).await.unwrap();
    catalog.open().busy = true;
    clock.advance(SignedDuration::from_mins(30));
    assert!(cache.find(&berlin()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_location_that_is_gone_is_not_served_from_memory_for_ever() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    cache.find(&berlin()).await.unwrap();
    catalog.open().locations.clear();
    clock.advance(SignedDuration::from_mins(5));
    assert!(cache.find(&berlin()).await.unwrap().is_none());
}
