//! What is said of a level that sells while it is explained.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_domain::ids::LocationId;
use stockline_testkit::conformance::orders::request;
use stockline_testkit::conformance::stock::{apply, change, deadline, key};
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order;

use super::*;

/// A shop whose index never shows what was placed last: one order, and the one before where it goes on selling.
#[derive(Clone)]
struct Late {
    shop: MemoryShop,
    placed: Arc<AtomicUsize>,
    /// Whether an order is placed whenever the open ones are read.
    sells: bool,
}

impl OpenOrders for Late {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        if self.sells && after.is_none() {
            self.place().await;
        }
        let last = self.placed.load(Ordering::SeqCst);
        let first_hidden = if self.sells { last - 1 } else { last };
        let hidden = [first_hidden, last].map(|number| online(number).order_id);
        let mut page = self.shop.open_at(location, after).await?;
        page.items.retain(|order| !hidden.contains(&order.order_id));
        Ok(page)
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        self.shop.open_among(ids, deadline).await
    }
}

fn online(number: usize) -> stockline_domain::order::Order {
    order(&number.to_string(), "store-1", "online", &[("milk", 2)])
}

impl Late {
    /// A shop of two open orders of two.
    async fn new(sells: bool) -> Self {
        let late = Self {
            shop: MemoryShop::default(),
            placed: Arc::default(),
            sells,
        };
        let receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 100});
        apply(&late.shop, "store-1", 0, &change(receipt)).await;
        late.place().await;
        late.place().await;
        late
    }

    async fn place(&self) {
        let number = self.placed.fetch_add(1, Ordering::SeqCst) + 1;
        let (online, request) = (online(number), request("a"));
        let placement = self.shop.place(&online, &request, deadline()).await;
        assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
    }

    async fn explained(&self) -> Explanation {
        let milk = key("store-1", "milk");
        let explained = explain_level(&self.shop, self, &milk, deadline()).await;
        explained.unwrap().unwrap().explanation
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_too_new_for_the_index_is_no_difference() {
    let explained = Late::new(false).await.explained().await;
    assert_eq!(explained.differences, []);
    assert_eq!(explained.holders.open_quantity, Some(4));
    assert!(explained.orders_compared);
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_placed_meanwhile_is_no_difference() {
    let late = Late::new(true).await;
    for _ in 0..5 {
        assert_eq!(late.explained().await.differences, []);
    }
}
