//! The location cache reads a location from the catalog once in five minutes.
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
async fn location_is_read_again_after_five_minutes() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    for _ in 0..3 {
        let known = cache.find(&berlin()).await.unwrap().unwrap();
        let before_close_out = "2026-03-02T02:59:59Z".parse().unwrap();
        assert_eq!(known.business_date(before_close_out), date(2026, 3, 1));
    }
    assert_eq!(catalog.lock().location_reads, 1);

    catalog
        .lock()
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
    assert_eq!(catalog.lock().location_reads, 2);
}

#[tokio::test]
async fn missing_location_is_not_cached() {
    let catalog = MemoryCatalog::default();
    let (cache, _) = cache(&catalog);
    assert!(cache.find(&berlin()).await.unwrap().is_none());
    catalog
        .lock()
        .locations
        .insert(berlin(), store("berlin", "Europe/Berlin", 4));
    assert!(cache.find(&berlin()).await.unwrap().is_some());
}

#[tokio::test]
async fn cached_location_is_used_while_the_catalog_is_busy() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    catalog.lock().busy = true;
    assert!(
        cache.find(&berlin()).await.is_err(),
        "the location is not cached yet"
    );
    catalog.lock().busy = false;
    cache.find(&berlin()).await.unwrap();
    catalog.lock().busy = true;
    clock.advance(SignedDuration::from_mins(30));
    assert!(cache.find(&berlin()).await.unwrap().is_some());
}

#[tokio::test]
async fn deleted_location_is_not_found_after_five_minutes() {
    let catalog = MemoryCatalog::with_locations([store("berlin", "Europe/Berlin", 4)]);
    let (cache, clock) = cache(&catalog);
    cache.find(&berlin()).await.unwrap();
    catalog.lock().locations.clear();
    clock.advance(SignedDuration::from_mins(5));
    assert!(cache.find(&berlin()).await.unwrap().is_none());
}
