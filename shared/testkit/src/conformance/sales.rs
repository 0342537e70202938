//! What every reader of sales must do.

use std::future::Future;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::export::SalesReader;
use stockline_domain::export::late::LateDay;
use stockline_domain::order::Order;

use super::story_functions;
use crate::memory::shop::MemoryShop;
use crate::orders::order;

story_functions!(sales, [Sales: StoredSales], [super], Sales);

/// A reader of sales under test, and direct access to the orders that it reads.
pub trait StoredSales: SalesReader {
    /// Writes `order` as it is when it is placed.
    fn put(&self, order: &Order) -> impl Future<Output = ()>;

    /// Writes `order` at `at`, which may be long after its business date.
    fn put_at(&self, order: &Order, at: Timestamp) -> impl Future<Output = ()>;
}

impl StoredSales for MemoryShop {
    async fn put(&self, order: &Order) {
        let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
        self.lock().orders.insert(order.order_id, entry);
    }

    async fn put_at(&self, order: &Order, at: Timestamp) {
        let request = Fingerprint::of(&"a").unwrap();
        self.lock().write_order(order.clone(), request, at);
    }
}

/// Reads every order of a day in pages.
async fn read_day<Sales: SalesReader>(
    reader: &Sales,
    location: &str,
    business_date: Date,
) -> Vec<Order> {
    let (location, mut orders, mut after) = (location.parse().unwrap(), Vec::new(), None);
    loop {
        let page = reader.page(&location, business_date, after).await.unwrap();
        orders.extend(page.items);
        after = page.next;
        if after.is_none() {
            return orders;
        }
    }
}

async fn pages_return_every_order_of_a_day_once<Sales: StoredSales>(sales: &Sales) {
    let day = date(2026, 3, 1);
    let mut expected: Vec<Order> = (0..8)
        .map(|number| {
            order(
                &number.to_string(),
                "store-1",
                "pos",
                &[("milk", 1), ("eggs", 2)],
            )
        })
        .collect();
    for order in &expected {
        sales.put(order).await;
    }
    let other_location = order("elsewhere", "store-10", "pos", &[("milk", 1)]);
    sales.put(&other_location).await;
    let mut tomorrow = order("tomorrow", "store-1", "pos", &[("milk", 1)]);
    tomorrow.business_date = date(2026, 3, 2);
    sales.put(&tomorrow).await;

    // Orders of the same millisecond are sorted by id.
    expected.sort_by_key(|order| order.order_id);
    assert_eq!(read_day(sales, "store-1", day).await, expected);
    assert_eq!(
        read_day(sales, "store-1", date(2026, 3, 2)).await,
        [tomorrow]
    );
    assert_eq!(read_day(sales, "store-2", day).await, []);
}

async fn late_write_is_found_by_its_day_of_writing<Sales: StoredSales>(sales: &Sales) {
    let late_day = |location: &str| LateDay {
        location_id: location.parse().unwrap(),
        business_date: date(2026, 3, 1),
    };
    let at = |text: &str| -> Timestamp { text.parse().unwrap() };
    for (key, location, written) in [
        ("in time", "store-1", "2026-03-02T12:00:00Z"),
        ("late", "store-1", "2026-05-01T12:00:00Z"),
        ("late, too", "store-1", "2026-05-01T13:00:00Z"),
        ("elsewhere", "store-2", "2026-05-01T23:59:59Z"),
        ("later", "store-3", "2026-05-02T00:00:00Z"),
    ] {
        let order = order(key, location, "online", &[("milk", 1)]);
        sales.put_at(&order, at(written)).await;
    }
    let found = async |day| sales.written_late(day).await.unwrap();
    assert_eq!(found(date(2026, 3, 2)).await, [].into());
    assert_eq!(
        found(date(2026, 5, 1)).await,
        [late_day("store-1"), late_day("store-2")].into()
    );
    assert_eq!(found(date(2026, 5, 2)).await, [late_day("store-3")].into());
}
