//! Which locations have stock.

use serde_json::json;
use stockline_application::ports::stock::{StockStore, StockedLocations};
use stockline_application::ports::stock_changes::StockChangeStore;

use super::{applied_levels, apply, change, receipt};

pub(super) async fn location_has_stock_from_its_first_level<
    Store: StockStore + StockChangeStore + StockedLocations,
>(
    store: &Store,
) {
    let (stocked, other) = ("stocked".parse().unwrap(), "stocked-2".parse().unwrap());
    assert!(!store.has_stock(&stocked).await.unwrap());
    applied_levels(apply(store, "stocked", 0, &receipt("stocked", 1)).await);
    let sold_out = json!({"kind": "adjustment", "location_id": "stocked", "sku": "milk", "delta": -1,
        "reason": "theft"});
    applied_levels(apply(store, "stocked", 1, &change(sold_out)).await);
    assert!(store.has_stock(&stocked).await.unwrap());
    assert!(!store.has_stock(&other).await.unwrap());
}
