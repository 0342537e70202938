//! A level is read in one moment, whatever it lies in, and with no more reads than that takes.

use std::time::Duration;

use stockline_platform::cursor::{Page, Position};
use stockline_platform::ports::stock::StockStore;
use stockline_platform::ports::whereabouts::Whereabouts;
use stockline_testkit::conformance::orders::{deadline, minute};
use stockline_testkit::conformance::stock::key;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::Fault;

use crate::store::{SEEDS, Store, milk};

#[tokio::test(start_paused = true)]
async fn a_split_level_is_read_in_one_moment_while_its_goods_move() {
    for seed in SEEDS {
        // given orders that take a split level apart, and even it out
        let store = Store::of_split_milk(seed, 400).await;
        let selling = async {
            for number in 0..15 {
                let name = number.to_string();
                let sale = order(&name, "store-1", "online", &[("milk", 1)]);
                store.place(&sale).await;
                let sale = order(&format!("{name}-big"), "store-1", "online", &[("milk", 20)]);
                store.place(&sale).await;
            }
        };
        // when it is looked at all the while
        let looking = async {
            for _ in 0..100 {
                assert_eq!(store.level().await.on_hand, 400, "seed {seed}");
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        };
        // then what is there is always the same
        tokio::join!(selling, looking);
    }
}

#[tokio::test(start_paused = true)]
async fn a_level_is_one_read_and_a_split_one_is_one_more_that_is_remembered() {
    let store = Store::of_split_milk(1, 40).await;
    store.put("bread", 1).await;
    let reads = || ["GetItem", "TransactGetItems", "BatchGetItem"].map(|name| store.sent(name));
    let stock = store.stock_of_a_newcomer();
    let mut before = reads();
    for (level, expected) in [
        (key("store-1", "bread"), [1, 0, 0]),
        (milk(), [1, 1, 0]),
        (milk(), [0, 1, 0]),
    ] {
        stock.find(&level).await.unwrap().unwrap();
        let after = reads();
        let took = [0, 1, 2].map(|place| after[place] - before[place]);
        assert_eq!(took, expected, "{level:?}");
        before = after;
    }
}

#[tokio::test(start_paused = true)]
async fn pages_of_movements_go_on_from_the_first_whatever_is_recorded_since() {
    let store = Store::new(1);
    store.receive(20, minute(0)).await;
    store.split(2, minute(1)).await;
    store.sell("before", minute(2), minute(2)).await;
    let page = |limit: u8, after: Option<Position>| {
        let (milk, stock) = (milk(), &store.stock);
        async move { stock.movements(&milk, Page { after, limit }).await.unwrap() }
    };
    // given the first page
    let all = page(100, None).await.items;
    let mut paged = page(1, None).await;
    let mut shown = std::mem::take(&mut paged.items);
    // when more is sold of either item
    for number in 0..8 {
        store.sell(&number.to_string(), minute(3), minute(3)).await;
    }
    // then the next pages are of what there was
    while let Some(next) = paged.next {
        paged = page(1, Some(next)).await;
        shown.append(&mut paged.items);
    }
    assert_eq!(shown, all);
}

#[tokio::test(start_paused = true)]
async fn the_history_of_a_level_that_sells_ends_with_the_level_as_it_was_read() {
    // given a level in four items
    let (store, milk) = (Store::new(1), milk());
    store.receive(400, minute(0)).await;
    store.split(4, minute(0)).await;
    store.ask_for_too_much().await;
    // when its history is read, the first item's slowly, and some of every item is sold and recorded meanwhile
    let slow = Fault::Delay(Duration::from_secs(5));
    store.database.fail_next("Query", slow);
    let selling = async {
        for number in 0..20 {
            store.sell(&number.to_string(), minute(1), minute(1)).await;
        }
    };
    let (histories, ()) = tokio::join!(store.stock.history(&milk, deadline()), selling);
    // then what was recorded since is left out
    for history in histories.unwrap() {
        let last = history.level.last_change.map(|change| change.movement_id);
        let newest = history.movements.first();
        assert_eq!(newest.map(|movement| movement.change.movement_id), last);
    }
}
