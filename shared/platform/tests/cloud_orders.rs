//! The order store on DynamoDB does what every order store must, also when responses are lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;
use stockline_application::order_lifecycle::StepRequest;

use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::{
    CancelOutcome, FulfilOutcome, RefundOutcome, fulfil, refund,
};
use stockline_application::ports::orders::{OrderStore, PlaceOutcome, StoredOrder};
use stockline_application::store_error::StoreError;
use stockline_domain::order::{FulfilOrder, Order, RefundContext, RefundLine, RefundOrder};
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::{Table, TestCloud};
use stockline_testkit::conformance::orders::{
    StockedOrders, all, cancel, found, minute, placed, request, wide,
};
use stockline_testkit::conformance::split_levels;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::lost_response::LosesResponses;
use stockline_testkit::orders::{fulfilment_id, order, refund_id};

async fn shop(cloud: &TestCloud, test: &str) -> DynamoShop {
    shop_over(cloud, test, &LosesResponses::new()).await
}

async fn shop_over(cloud: &TestCloud, test: &str, connection: &LosesResponses) -> DynamoShop {
    let orders_table = cloud.table(test, Table::Orders).await;
    let stock_table = cloud.table(test, Table::Stock).await;
    let under_test = cloud.aws_over(connection).dynamodb();
    DynamoShop::new(
        cloud.aws().dynamodb(),
        under_test,
        orders_table,
        stock_table,
    )
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

#[tokio::test]
async fn orders_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    Box::pin(all(&shop(&cloud, "conform").await)).await;
}

#[tokio::test]
async fn an_order_whose_response_is_lost_after_the_commit_takes_its_goods_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "lost", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let request = Fingerprint::of(&"a").unwrap();
    let sale = order("lost-1", "store-1", "pos", &[("milk", 3)]);

    // The client's own retry meets its earlier try.
    connection.lose_next(1);
    let placed = shop.place(&sale, &request, deadline()).await.unwrap();
    assert_eq!(placed, PlaceOutcome::Placed);
    assert_eq!(shop.level_of("store-1", "milk").await, (7, 0));

    // Every try of one invocation is lost; the till asks again with the same key, a moment later.
    let other = order("lost-2", "store-1", "pos", &[("milk", 3)]);
    connection.lose_next(3);
    shop.place(&other, &request, deadline()).await.unwrap_err();
    let mut later = other.clone();
    later.placed_at = "2026-03-01T12:00:09Z".parse().unwrap();
    let replayed = shop.place(&later, &request, deadline()).await.unwrap();
    assert_eq!(replayed, PlaceOutcome::Replayed(Box::new(other)));
    assert_eq!(shop.level_of("store-1", "milk").await, (4, 0));
    assert_eq!(connection.lost(), 4);
}

/// Everything that may be done to an order, as one request each.
struct Steps {
    refund: RefundOrder,
    place: RefundContext,
}

impl Steps {
    /// All of the first line, back to stock.
    fn on(order: &Order) -> Self {
        let refund = RefundOrder {
            reason: "broken".to_owned(),
            occurred_at: None,
            location_id: None,
            lines: vec![RefundLine {
                line: 1,
                quantity: order.lines[0].quantity,
                restock: true,
            }],
        };
        let place = RefundContext {
            refund_id: refund_id(order, "r1"),
            location_id: order.location_id.clone(),
            business_date: order.business_date,
            at: minute(5),
        };
        Self { refund, place }
    }

    async fn refund(
        &self,
        shop: &DynamoShop,
        known: &StoredOrder,
    ) -> Result<RefundOutcome, StoreError> {
        let same = request("r");
        refund(
            shop,
            StepRequest {
                order: known,
                fingerprint: &same,
                at: self.place.at,
                deadline: deadline(),
            },
            &self.refund,
            &self.place,
        )
        .await
    }
}

async fn fulfil_all(shop: &DynamoShop, known: &StoredOrder) -> Result<FulfilOutcome, StoreError> {
    let all = FulfilOrder::default();
    let (id, same) = (fulfilment_id(&known.order, "f1"), request("f"));
    fulfil(
        shop,
        StepRequest {
            order: known,
            fingerprint: &same,
            at: minute(5),
            deadline: deadline(),
        },
        &all,
        id,
    )
    .await
}

/// How many tries the client makes of one request.
const TRIES: usize = 3;

#[tokio::test]
async fn a_cancellation_whose_response_is_lost_after_the_commit_releases_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "lostcancel", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost) in [("held", TRIES), ("other", 1)] {
        let known = placed(&shop, &order(name, "store-1", "online", &[("milk", 4)])).await;
        connection.lose_next_of("TransactWriteItems", lost);
        let first = cancel(&shop, &known, minute(1)).await;
        assert_eq!(first.is_err(), lost == TRIES, "{first:?}");
        let now = found(&shop, known.order.order_id).await;
        for known in [&known, &now] {
            let again = cancel(&shop, known, minute(2)).await;
            let Ok(CancelOutcome::Replayed(order)) = again else {
                panic!("{again:?}");
            };
            assert_eq!(order.canceled_at, Some(minute(1)));
        }
        assert_eq!(shop.level_of("store-1", "milk").await, (10, 0));
    }
    assert_eq!(connection.lost(), TRIES + 1);
}

#[tokio::test]
async fn a_refund_whose_response_is_lost_after_the_commit_pays_back_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "lostrefund", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost) in [("all", TRIES), ("one", 1)] {
        let known = placed(&shop, &order(name, "store-1", "pos", &[("milk", 4)])).await;
        let steps = Steps::on(&known.order);
        connection.lose_next_of("TransactWriteItems", lost);
        let first = steps.refund(&shop, &known).await;
        assert_eq!(first.is_err(), lost == TRIES, "{first:?}");
        let now = found(&shop, known.order.order_id).await;
        for known in [&known, &now] {
            let again = steps.refund(&shop, known).await.unwrap();
            let RefundOutcome::Replayed(refund) = again else {
                panic!("{again:?}");
            };
            assert_eq!(*refund, now.refunds[0].0);
        }
        assert_eq!(now.refunds.len(), 1);
        assert_eq!(shop.level_of("store-1", "milk").await, (10, 0));
    }
    assert_eq!(connection.lost(), TRIES + 1);
}

#[tokio::test]
async fn a_fulfilment_whose_response_is_lost_after_the_commit_lets_goods_leave_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "lostfulfil", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost, left) in [("all", TRIES, 6), ("one", 1, 2)] {
        let known = placed(&shop, &order(name, "store-1", "online", &[("milk", 4)])).await;
        connection.lose_next_of("TransactWriteItems", lost);
        let first = fulfil_all(&shop, &known).await;
        assert_eq!(first.is_err(), lost == TRIES, "{first:?}");
        let now = found(&shop, known.order.order_id).await;
        for known in [&known, &now] {
            let again = fulfil_all(&shop, known).await.unwrap();
            let FulfilOutcome::Replayed(fulfilment) = again else {
                panic!("{again:?}");
            };
            assert_eq!(*fulfilment, now.fulfilments[0].0);
        }
        assert_eq!(now.fulfilments.len(), 1);
        assert_eq!(shop.level_of("store-1", "milk").await, (left, 0));
    }
    assert_eq!(connection.lost(), TRIES + 1);
}

#[tokio::test]
async fn an_order_found_by_a_lost_response_is_found_by_the_next_try() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "lostread", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let known = placed(&shop, &order("read", "store-1", "pos", &[("milk", 4)])).await;
    connection.lose_next_of("Query", 1);
    assert_eq!(found(&shop, known.order.order_id).await, known);
    connection.lose_next_of("Query", TRIES);
    shop.find(known.order.order_id).await.unwrap_err();
    assert_eq!(connection.lost(), TRIES + 1);
}

#[tokio::test]
async fn an_order_is_placed_in_one_round_trip_and_goes_on_in_two() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LosesResponses::new();
    let shop = shop_over(&cloud, "trips", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let read_and_write = ["Query", "TransactWriteItems"];
    for (name, canceled) in [("kept", false), ("canceled", true)] {
        let order = order(name, "store-1", "online", &[("milk", 2)]);
        connection.sent();
        let placement = shop.place(&order, &request("a"), deadline()).await;
        assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
        assert_eq!(connection.sent(), ["TransactWriteItems"]);
        let known = found(&shop, order.order_id).await;
        if canceled {
            let done = cancel(&shop, &known, minute(1)).await;
            done.unwrap();
            assert_eq!(connection.sent(), read_and_write);
        } else {
            fulfil_all(&shop, &known).await.unwrap();
            assert_eq!(connection.sent(), read_and_write);
            let known = found(&shop, order.order_id).await;
            Steps::on(&order).refund(&shop, &known).await.unwrap();
            assert_eq!(connection.sent(), read_and_write);
        }
    }
}

#[tokio::test]
async fn split_levels_on_dynamodb_conform() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let orders = shop(&cloud, "splitlevels").await;
    let stock = DynamoStock::new(orders.client.clone(), orders.stock_table.clone());
    split_levels::all(&orders, &stock).await;
}

#[tokio::test]
async fn orders_of_as_many_skus_as_may_be_conform_on_dynamodb() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    wide::all(&shop(&cloud, "wide").await).await;
    let orders = shop(&cloud, "widesplit").await;
    let stock = DynamoStock::new(orders.client.clone(), orders.stock_table.clone());
    split_levels::wide(&orders, &stock).await;
}
