//! Explanations of a level that changes while it is read.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;
use stockline_application::deadline::Deadline;
use stockline_application::level_explanation::explain_level;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::orders::{OpenOrders, OrderStore, PlaceOutcome};
use stockline_application::store_error::StoreError;
use stockline_domain::explanation::Explanation;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::Order;
use stockline_testkit::conformance::orders::request;
use stockline_testkit::conformance::stock::{apply, change, deadline, key};
use stockline_testkit::memory::shop::MemoryShop;
use stockline_testkit::orders::order;

/// A shop whose index of open orders lags behind: it hides the newest order, and the newest two if the shop keeps selling.
#[derive(Clone)]
struct LaggingIndex {
    shop: MemoryShop,
    placed: Arc<AtomicUsize>,
    /// Whether an order is placed at each read of the index.
    is_selling: bool,
}

impl OpenOrders for LaggingIndex {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        if self.is_selling && after.is_none() {
            self.place().await;
        }
        let last = self.placed.load(Ordering::SeqCst);
        let first_hidden = if self.is_selling { last - 1 } else { last };
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

fn online(number: usize) -> Order {
    order(&number.to_string(), "store-1", "online", &[("milk", 2)])
}

impl LaggingIndex {
    /// A shop with two open orders of two units each.
    async fn new(is_selling: bool) -> Self {
        let shop = Self {
            shop: MemoryShop::default(),
            placed: Arc::default(),
            is_selling,
        };
        let receipt =
            json!({"kind": "receipt", "location_id": "store-1", "sku": "milk", "quantity": 100});
        apply(&shop.shop, "store-1", 0, &change(receipt)).await;
        shop.place().await;
        shop.place().await;
        shop
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
async fn order_missing_from_index_is_no_difference() {
    let explained = LaggingIndex::new(false).await.explained().await;
    assert_eq!(explained.differences, []);
    assert_eq!(explained.holders.open_quantity, Some(4));
    assert!(explained.orders_compared);
}

#[tokio::test(start_paused = true)]
async fn order_placed_during_explain_is_no_difference() {
    let shop = LaggingIndex::new(true).await;
    for _ in 0..5 {
        assert_eq!(shop.explained().await.differences, []);
    }
}
