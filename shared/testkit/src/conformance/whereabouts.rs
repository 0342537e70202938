//! What every store that knows where a SKU is must do.

use serde_json::json;
use stockline_application::paging::Page;
use stockline_application::ports::stock::{ChangeOutcome, Ledger, StockStore};
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_domain::caller::Locations;
use stockline_domain::level::MovementKind;

use super::stock::{apply, change, deadline, key};

/// Runs every story; the store must hold nothing of `figs` yet.
pub async fn all<S: StockStore + Ledger + StockLookup>(store: &S) {
    a_sku_is_listed_in_pages_at_the_locations_that_are_asked_for(store).await;
    a_history_goes_back_to_the_last_count(store).await;
}

async fn a_sku_is_listed_in_pages_at_the_locations_that_are_asked_for<
    S: StockStore + StockLookup,
>(
    store: &S,
) {
    let locations = ["where-1", "where-2", "where-3", "where-4", "where-5"];
    for location in locations {
        let received = change(
            json!({"kind": "receipt", "location_id": location, "sku": "figs", "quantity": 4}),
        );
        apply(store, location, 0, &received).await;
    }
    let some = locations[..4]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    for (asked, expected) in [(Locations::All, 5), (Locations::Only(some), 4)] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 2, after };
            let figs = "figs".parse().unwrap();
            let listing = store
                .list_by_sku(&figs, &asked, page, deadline())
                .await
                .unwrap();
            assert!(listing.items.len() <= 2);
            found.extend(listing.items);
            after = listing.next;
            if after.is_none() {
                break;
            }
        }
        let at: Vec<&str> = found
            .iter()
            .map(|level| level.location_id.as_str())
            .collect();
        assert_eq!(at, locations[..expected]);
        assert!(found.iter().all(|level| level.on_hand == 4));
    }
}

async fn a_history_goes_back_to_the_last_count<S: StockStore + Ledger + StockLookup>(store: &S) {
    let at = "history";
    let nothing = store.history(&key(at, "milk"), deadline()).await.unwrap();
    assert_eq!(nothing, []);
    let receipt =
        || change(json!({"kind": "receipt", "location_id": at, "sku": "milk", "quantity": 2}));
    let count = change(
        json!({"kind": "count", "location_id": at, "sku": "milk", "quantity": 9,
        "counted_at": "2026-03-01T12:00:02Z"}),
    );
    for (index, change) in [receipt(), receipt(), count, receipt()].iter().enumerate() {
        let ChangeOutcome::Applied(levels) = apply(store, at, index, change).await else {
            panic!("change {index} was not applied")
        };
        store
            .record(&levels[0].movement_since(None).unwrap())
            .await
            .unwrap();
    }
    let histories = store.history(&key(at, "milk"), deadline()).await.unwrap();
    assert_eq!(histories.len(), 1);
    let movements = &histories[0].movements;
    assert_eq!(movements[0].on_hand, histories[0].level.on_hand);
    assert_eq!(movements[1].change.kind, MovementKind::Count);
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn whereabouts_in_memory_conform() {
        super::all(&crate::memory::shop::MemoryShop::default()).await;
    }
}
