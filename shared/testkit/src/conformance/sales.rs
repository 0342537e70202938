//! What every reader of sales must do.

use std::collections::BTreeSet;
use std::future::Future;

use jiff::Timestamp;
use jiff::civil::{Date, date};
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::export::SalesReader;
use stockline_domain::export::late::LateDay;
use stockline_domain::order::{Order, Refund, RefundContext, RefundLine, RefundOrder};

use super::story_functions;
use crate::memory::shop::MemoryShop;
use crate::orders::{order, refund_id};

story_functions!(sales, [Sales: StoredSales], [super], Sales);

/// A reader of sales under test, and direct access to the orders that it reads.
pub trait StoredSales: SalesReader {
    /// Writes `order` as it is when it is placed.
    fn put(&self, order: &Order) -> impl Future<Output = ()>;

    /// Writes `refund` of an order.
    fn put_refund(&self, refund: &Refund) -> impl Future<Output = ()>;

    /// Writes `order` at `at`, which may be long after its business date.
    fn put_at(&self, order: &Order, at: Timestamp) -> impl Future<Output = ()>;
}

impl StoredSales for MemoryShop {
    async fn put(&self, order: &Order) {
        let entry = (order.clone(), Fingerprint::of(&"a").unwrap());
        self.lock().orders.insert(order.order_id, entry);
    }

    async fn put_refund(&self, refund: &Refund) {
        let request = Fingerprint::of(&"r").unwrap();
        self.lock().write_refund(refund.clone(), request);
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

async fn refund_reported_late_is_found_by_its_day_of_writing<Sales: StoredSales>(sales: &Sales) {
    let sold = order("sold", "store-1", "pos", &[("milk", 9)]);
    sales.put(&sold).await;
    for (key, location, at) in [
        ("in time", "store-1", "2026-03-05T23:00:00Z"),
        ("late", "store-2", "2026-03-06T12:00:00Z"),
    ] {
        let refund = refund(&sold, key, location, date(2026, 3, 1), at);
        sales.put_refund(&refund).await;
    }
    let late = LateDay {
        location_id: "store-2".parse().unwrap(),
        business_date: date(2026, 3, 1),
    };
    let found = async |day| sales.written_late(day).await.unwrap();
    assert_eq!(found(date(2026, 3, 5)).await, [].into());
    assert_eq!(found(date(2026, 3, 6)).await, [late].into());
}

/// A refund of one unit of `order` at `location` on `business_date`.
fn refund(order: &Order, key: &str, location: &str, business_date: Date, at: &str) -> Refund {
    let body = RefundOrder {
        reason: "broken".to_owned(),
        location_id: None,
        occurred_at: None,
        lines: vec![RefundLine {
            line: 1,
            quantity: 1,
            restock: key == "restocked",
        }],
    };
    let context = RefundContext {
        refund_id: refund_id(order, key),
        location_id: location.parse().unwrap(),
        business_date,
        at: at.parse().unwrap(),
    };
    body.refund(context, order).unwrap().0
}

async fn refunds_are_listed_by_their_own_place_and_day<Sales: StoredSales>(sales: &Sales) {
    let sold = order("sold", "store-1", "pos", &[("milk", 9)]);
    sales.put(&sold).await;
    let day = date(2026, 3, 9);
    let mut expected = Vec::new();
    for (key, at) in [
        ("third", "2026-03-09T12:00:00.001Z"),
        ("restocked", "2026-03-09T11:00:00Z"),
        ("second", "2026-03-09T12:00:00Z"),
    ] {
        let refund = refund(&sold, key, "store-2", day, at);
        sales.put_refund(&refund).await;
        expected.push(refund);
    }
    let at = "2026-03-09T12:00:00Z";
    let elsewhere = refund(&sold, "elsewhere", "store-1", day, at);
    let tomorrow = refund(&sold, "tomorrow", "store-2", date(2026, 3, 10), at);
    for refund in [&elsewhere, &tomorrow] {
        sales.put_refund(refund).await;
    }
    expected.sort_by_key(|refund| refund.refunded_at);
    assert_eq!(refunds_of(sales, "store-2", day).await, expected);
    assert_eq!(refunds_of(sales, "store-1", day).await, [elsewhere]);
    assert_eq!(
        refunds_of(sales, "store-2", date(2026, 3, 10)).await,
        [tomorrow]
    );
    // A refund is no order, and an order is no refund.
    assert_eq!(read_day(sales, "store-2", day).await, []);
    assert_eq!(refunds_of(sales, "store-1", sold.business_date).await, []);
}

async fn orders_are_found_by_id<Sales: StoredSales>(sales: &Sales) {
    let orders: Vec<Order> = ["a", "b", "c"]
        .into_iter()
        .map(|key| order(key, "store-1", "pos", &[("milk", 1)]))
        .collect();
    for order in &orders[..2] {
        sales.put(order).await;
    }
    let refund = refund(
        &orders[0],
        "r",
        "store-1",
        date(2026, 3, 1),
        "2026-03-01T13:00:00Z",
    );
    sales.put_refund(&refund).await;
    let ids: BTreeSet<_> = orders.iter().map(|order| order.order_id).collect();
    let mut found = sales.find_orders(&ids).await.unwrap();
    found.sort_by_key(|order| order.order_id);
    let mut expected = orders[..2].to_vec();
    expected.sort_by_key(|order| order.order_id);
    assert_eq!(found, expected, "the third order is unknown");
    assert_eq!(sales.find_orders(&BTreeSet::new()).await.unwrap(), []);
}

/// Reads every refund of a day in pages.
async fn refunds_of<Sales: SalesReader>(reader: &Sales, location: &str, on: Date) -> Vec<Refund> {
    let (location, mut refunds, mut after) = (location.parse().unwrap(), Vec::new(), None);
    loop {
        let page = reader.refunds_page(&location, on, after).await.unwrap();
        refunds.extend(page.items);
        after = page.next;
        if after.is_none() {
            return refunds;
        }
    }
}
