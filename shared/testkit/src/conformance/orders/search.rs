//! What every order store must do when orders are looked up.

use jiff::{SignedDuration, Timestamp};
use stockline_application::order_search::{OrderQuery, search_orders};
use stockline_application::paging::Page;
use stockline_application::ports::order_search::PlacedRange;
use stockline_domain::ids::OrderId;
use stockline_domain::order::{Channel, Order, OrderStatus};

use super::{StockedOrders, cancel, deadline, found, minute, placed, request};
use crate::conformance::story_functions;
use crate::orders::order;

story_functions!(order_search, [Store: StockedOrders], [super], Store);

/// Every order that is placed at `location` at the time of the stories, within a day.
fn everything_at(location: &str) -> OrderQuery {
    OrderQuery {
        location: location.parse().unwrap(),
        external_reference: None,
        status: None,
        channel: None,
        placed: PlacedRange {
            from: minute(0),
            to: minute(24 * 60),
        },
    }
}

/// Reads all pages of a search, two orders a page.
async fn search<Store: StockedOrders>(store: &Store, query: &OrderQuery) -> Vec<Order> {
    query.check().unwrap();
    let (mut orders, mut after) = (Vec::new(), None);
    loop {
        let page = Page { limit: 2, after };
        let found = search_orders(store, query, page, deadline()).await.unwrap();
        assert!(found.items.len() <= 2);
        orders.extend(found.items);
        after = found.next;
        if after.is_none() {
            return orders;
        }
    }
}

async fn place_at<Store: StockedOrders>(store: &Store, mut order: Order, at: Timestamp) -> Order {
    order.placed_at = at;
    let placement = store.place(&order, &request("a"), deadline()).await;
    placement.unwrap();
    order
}

async fn placement_range_is_searched_across_business_dates<Store: StockedOrders>(store: &Store) {
    // given orders of three business dates, placed a millisecond around the ends of a range
    store.stock("range", "milk", 50).await;
    let mut placed = Vec::new();
    let (first, last) = (minute(0), minute(24 * 60));
    let millisecond = SignedDuration::from_millis(1);
    for (number, (day, at)) in [
        (0, first - millisecond),
        (-7, first),
        (0, first + millisecond),
        (1, last - millisecond),
        (1, last),
    ]
    .into_iter()
    .enumerate()
    {
        let mut sale = order(&format!("range-{number}"), "range", "pos", &[("milk", 1)]);
        sale.business_date = sale
            .business_date
            .saturating_add(jiff::Span::new().days(day));
        placed.push(place_at(store, sale, at).await);
    }
    let elsewhere = order("range-9", "range-2", "pos", &[("milk", 1)]);
    store.stock("range-2", "milk", 1).await;
    place_at(store, elsewhere, first).await;
    // when the range is searched, then it has its first time and not its last
    let orders = search(store, &everything_at("range")).await;
    assert_eq!(orders, placed[1..4]);
}

async fn search_pages_over_filtered_orders<Store: StockedOrders>(store: &Store) {
    store.stock("filter", "milk", 50).await;
    let mut open = Vec::new();
    for number in 0..6 {
        let channel = if number % 2 == 0 { "online" } else { "pos" };
        let new = order(
            &format!("filter-{number}"),
            "filter",
            channel,
            &[("milk", 1)],
        );
        let new = place_at(store, new, minute(number)).await;
        if number % 2 == 0 {
            open.push(new);
        }
    }
    let canceled = open.remove(1);
    let known = found(store, canceled.order_id).await;
    cancel(store, &known, minute(60)).await.unwrap();
    let mut query = everything_at("filter");
    query.channel = Some(Channel::Online);
    query.status = Some(OrderStatus::Allocated);
    assert_eq!(search(store, &query).await, open);
}

async fn reference_finds_orders_of_its_location<Store: StockedOrders>(store: &Store) {
    // given two orders with the same reference, others with another one, none, or at a location of a similar id
    let mut expected = Vec::new();
    for (location, reference) in [
        ("ref", Some("T1-0001")),
        ("ref", Some("T1-0002")),
        ("ref", None),
        ("ref-2", Some("T1-0001")),
        ("ref", Some("T1-0001")),
    ] {
        store.stock(location, "milk", 9).await;
        let name = format!("ref-{}", expected.len());
        let mut sale = order(
            &format!("{name}-{location}-{reference:?}"),
            location,
            "pos",
            &[("milk", 1)],
        );
        sale.external_reference = reference.map(str::to_owned);
        let at = minute(i64::try_from(expected.len()).unwrap());
        let sale = place_at(store, sale, at).await;
        if (location, reference) == ("ref", Some("T1-0001")) {
            expected.push(sale);
        }
    }
    // when the reference is searched, then the orders of the location are found, at any time
    let mut query = everything_at("ref");
    query.external_reference = Some("T1-0001".to_owned());
    query.placed.from = Timestamp::UNIX_EPOCH;
    assert_eq!(search(store, &query).await, expected);
    query.placed.from = minute(1);
    assert_eq!(search(store, &query).await, expected[1..]);
    query.external_reference = Some("T1".to_owned());
    assert_eq!(search(store, &query).await, []);
}

async fn ids_find_the_orders_that_exist<Store: StockedOrders>(store: &Store) {
    store.stock("ids", "milk", 9).await;
    let one = order("ids-1", "ids", "pos", &[("milk", 1)]);
    let one = placed(store, &one).await.order;
    let two = order("ids-2", "ids", "online", &[("milk", 1)]);
    let two = placed(store, &two).await.order;
    let missing = OrderId::derive("ids", "missing");
    let asked = [two.order_id, missing, one.order_id];
    let mut found = store.find_all(&asked, deadline()).await.unwrap();
    found.sort_by_key(|order| order.order_id != one.order_id);
    assert_eq!(found, [one, two]);
    assert_eq!(store.find_all(&[], deadline()).await.unwrap(), []);
}
