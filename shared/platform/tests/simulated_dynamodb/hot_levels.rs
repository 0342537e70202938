//! What else is done to a level while everybody buys of it.

use std::time::Duration;

use stockline_domain::order::Order;
use stockline_domain::stock_change::StockChange;
use stockline_platform::ports::orders::{OrderStore, Placement};
use stockline_platform::ports::stock::{Applied, Ledger};
use stockline_testkit::conformance::orders::{deadline, minute, request};
use stockline_testkit::conformance::stock::receipt;
use stockline_testkit::orders::order;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::store::{Store, count, over};

/// A store whose milk lies in `buckets` items.
async fn store(buckets: u8) -> Store {
    let store = Store::new(1);
    let opening = store.send("opening", &came_in(10_000), minute(1)).await;
    assert!(matches!(opening, Ok(Applied::Now(_))));
    let set = store.set_policy(&over(buckets), minute(1)).await;
    set.unwrap();
    store
}

fn came_in(quantity: i64) -> StockChange {
    receipt("store-1", quantity)
}

/// Orders of one each, so many a second, and all that comes meanwhile: how many were placed.
async fn while_selling(store: &Store, a_second: u32, meanwhile: impl Future<Output = ()>) -> i64 {
    let mut orders = JoinSet::new();
    let selling = async {
        for number in 0.. {
            let shop = store.shop.clone();
            orders.spawn(async move {
                let name = number.to_string();
                let order = Order {
                    sold_at: minute(3),
                    placed_at: minute(3),
                    ..order(&name, "store-1", "pos", &[("milk", 1)])
                };
                OrderStore::place(&shop, &order, &request(&name), deadline()).await
            });
            sleep(Duration::from_secs(1) / a_second).await;
        }
    };
    tokio::select! {
        () = selling => {}
        () = meanwhile => {}
    }
    let answers = orders.join_all().await.into_iter();
    answers
        .filter(|answer| matches!(answer, Ok(Placement::Placed)))
        .count()
        .try_into()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn goods_come_in_while_a_level_sells_faster_than_it_can_be_read_and_written_whole() {
    for (buckets, a_second) in [(4, 300), (16, 300)] {
        // given a level that sells so many a second
        let store = store(buckets).await;
        let goods = came_in(1_000);
        let sold = while_selling(&store, a_second, async {
            sleep(Duration::from_secs(1)).await;
            // when goods come in, twice
            for name in ["1", "2"] {
                let came_in = store.send(name, &goods, minute(1)).await;
                assert!(matches!(came_in, Ok(Applied::Now(_))), "{came_in:?}");
                let again = store.send(name, &goods, minute(1)).await;
                assert!(matches!(again, Ok(Applied::Before(_))), "{again:?}");
            }
        });
        let sold = sold.await;
        // then each is there once
        assert_eq!(
            store.level().await.on_hand,
            12_000 - sold,
            "{buckets} items"
        );
    }
}

/// The ledger of the milk, which the stream reaches 300 ms late.
async fn follow(store: &Store) {
    let mut seen = 0;
    loop {
        let level = store.level().await;
        if let Some(movement) = level.movement_since(None)
            && movement.version > seen
        {
            seen = movement.version;
            let ledger = store.stock.clone();
            tokio::spawn(async move {
                sleep(Duration::from_millis(300)).await;
                ledger.record(&movement).await.unwrap();
            });
        }
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_sku_that_keeps_selling_is_counted_though_the_ledger_follows_a_moment_later() {
    for a_second in [2, 10, 20] {
        // given a level that sells so many a second
        let store = store(1).await;
        let counting = async {
            sleep(Duration::from_secs(1)).await;
            // when it is told what was counted before the first of them
            let count = count(9_000, minute(2));
            let counted = store.send("count", &count, minute(2)).await;
            // then it is taken, and so is what was sold since
            assert!(matches!(counted, Ok(Applied::Now(_))), "{counted:?}");
        };
        let selling = while_selling(&store, a_second, counting);
        let sold = tokio::select! {
            sold = selling => sold,
            () = follow(&store) => 0,
        };
        assert!(sold > 0);
        assert_eq!(store.level().await.on_hand, 9_000 - sold);
    }
}
