//! What every stock lookup, which finds the levels and the history of a SKU, must do.

use serde_json::json;
use stockline_application::paging::Page;
use stockline_application::ports::stock::{Ledger, StockStore};
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::stock_change::ChangeOutcome;
use stockline_domain::caller::Locations;
use stockline_domain::level::MovementKind;

use super::stock::{apply, change, deadline, key};
use super::story_functions;

story_functions!(stock_lookup, [Store: StockStore + StockChangeStore + Ledger + StockLookup], [super], Store);

async fn sku_is_listed_in_pages_at_requested_locations<
    Store: StockStore + StockChangeStore + StockLookup,
>(
    store: &Store,
) {
    let locations = ["where-1", "where-2", "where-3", "where-4", "where-5"];
    for location in locations {
        let received = change(
            json!({"kind": "receipt", "location_id": location, "sku": "figs", "quantity": 4}),
        );
        apply(store, location, 0, &received).await;
    }
    let first_four = locations[..4]
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    for (requested, expected) in [(Locations::All, 5), (Locations::Only(first_four), 4)] {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = Page { limit: 2, after };
            let figs = "figs".parse().unwrap();
            let listing = store
                .list_by_sku(&figs, &requested, page, deadline())
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

async fn history_reaches_back_to_the_last_count<
    Store: StockStore + StockChangeStore + Ledger + StockLookup,
>(
    store: &Store,
) {
    let at = "history";
    let history = store.history(&key(at, "milk"), deadline()).await.unwrap();
    assert_eq!(history, []);
    let receipt =
        || change(json!({"kind": "receipt", "location_id": at, "sku": "milk", "quantity": 2}));
    let count = change(
        json!({"kind": "count", "location_id": at, "sku": "milk", "quantity": 9,
        "counted_at": "2026-03-01T12:00:02Z"}),
    );
    for (index, change) in [receipt(), receipt(), count, receipt()].iter().enumerate() {
        let ChangeOutcome::Applied(levels) = apply(store, at, index, change).await else {
            panic!("change {index} is not applied")
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
