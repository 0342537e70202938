//! The order store on DynamoDB conforms, also when responses are lost.
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
    StockedOrders, cancel, found, minute, placed, request,
};
use stockline_testkit::conformance::split_levels::Shop;
use stockline_testkit::conformance_tests;
use stockline_testkit::dynamo_shop::DynamoShop;
use stockline_testkit::lossy_connection::LossyConnection;
use stockline_testkit::orders::{fulfilment_id, order, refund_id};

/// The number of attempts that the SDK makes of one request.
const ATTEMPTS: usize = 3;

conformance_tests!(orders, dynamodb, shop().await);
conformance_tests!(cancellations, dynamodb, shop().await);
conformance_tests!(refunds, dynamodb, shop().await);
conformance_tests!(order_search, dynamodb, shop().await);
conformance_tests!(fulfilments, dynamodb, shop().await);
conformance_tests!(max_skus, dynamodb, shop().await);
conformance_tests!(split_levels, dynamodb, order_and_stock_store().await);
conformance_tests!(
    max_skus_split_levels,
    dynamodb,
    order_and_stock_store().await
);

async fn shop() -> Option<DynamoShop> {
    let cloud = TestCloud::find()?;
    Some(shop_over(&cloud, "orders", &LossyConnection::new()).await)
}

async fn order_and_stock_store() -> Option<Shop<DynamoShop, DynamoStock>> {
    let orders = shop().await?;
    let stock = DynamoStock::new(orders.client.clone(), orders.stock_table.clone());
    Some(Shop { orders, stock })
}

/// An empty shop. The order store uses `connection`, the direct access does not.
async fn shop_over(cloud: &TestCloud, test: &str, connection: &LossyConnection) -> DynamoShop {
    let orders_table = cloud.table(test, Table::Orders).await;
    let stock_table = cloud.table(test, Table::Stock).await;
    let store_client = cloud.aws_over(connection).dynamodb();
    DynamoShop::new(
        cloud.aws().dynamodb(),
        store_client,
        orders_table,
        stock_table,
    )
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

#[tokio::test]
async fn order_with_lost_responses_takes_stock_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "lost", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let request = Fingerprint::of(&"a").unwrap();
    let sale = order("lost-1", "store-1", "pos", &[("milk", 3)]);

    // The SDK retries after the commit.
    connection.lose_next(1);
    let placed = shop.place(&sale, &request, deadline()).await.unwrap();
    assert_eq!(placed, PlaceOutcome::Placed);
    assert_eq!(shop.level_of("store-1", "milk").await, (7, 0));

    // Every attempt of one invocation loses its response. The till repeats the request later, with the same key.
    let other = order("lost-2", "store-1", "pos", &[("milk", 3)]);
    connection.lose_next(ATTEMPTS);
    shop.place(&other, &request, deadline()).await.unwrap_err();
    let mut later = other.clone();
    later.placed_at = "2026-03-01T12:00:09Z".parse().unwrap();
    let replayed = shop.place(&later, &request, deadline()).await.unwrap();
    assert_eq!(replayed, PlaceOutcome::Replayed(Box::new(other)));
    assert_eq!(shop.level_of("store-1", "milk").await, (4, 0));
    assert_eq!(connection.lost_count(), 4);
}

/// A refund request.
struct RefundRequest {
    body: RefundOrder,
    place: RefundContext,
}

impl RefundRequest {
    /// Refunds and restocks all of the first line.
    fn of_first_line(order: &Order) -> Self {
        let body = RefundOrder {
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
        Self { body, place }
    }

    async fn send(
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
            &self.body,
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

#[tokio::test]
async fn cancellation_with_lost_responses_releases_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "lostcancel", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost) in [("all", ATTEMPTS), ("one", 1)] {
        let known = placed(&shop, &order(name, "store-1", "online", &[("milk", 4)])).await;
        connection.lose_next_of("TransactWriteItems", lost);
        let first = cancel(&shop, &known, minute(1)).await;
        assert_eq!(first.is_err(), lost == ATTEMPTS, "{first:?}");
        let current = found(&shop, known.order.order_id).await;
        for known in [&known, &current] {
            let again = cancel(&shop, known, minute(2)).await;
            let Ok(CancelOutcome::Replayed(order)) = again else {
                panic!("{again:?}");
            };
            assert_eq!(order.canceled_at, Some(minute(1)));
        }
        assert_eq!(shop.level_of("store-1", "milk").await, (10, 0));
    }
    assert_eq!(connection.lost_count(), ATTEMPTS + 1);
}

#[tokio::test]
async fn refund_with_lost_responses_pays_back_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "lostrefund", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost) in [("all", ATTEMPTS), ("one", 1)] {
        let known = placed(&shop, &order(name, "store-1", "pos", &[("milk", 4)])).await;
        let request = RefundRequest::of_first_line(&known.order);
        connection.lose_next_of("TransactWriteItems", lost);
        let first = request.send(&shop, &known).await;
        assert_eq!(first.is_err(), lost == ATTEMPTS, "{first:?}");
        let current = found(&shop, known.order.order_id).await;
        for known in [&known, &current] {
            let again = request.send(&shop, known).await.unwrap();
            let RefundOutcome::Replayed(refund) = again else {
                panic!("{again:?}");
            };
            assert_eq!(*refund, current.refunds[0].0);
        }
        assert_eq!(current.refunds.len(), 1);
        assert_eq!(shop.level_of("store-1", "milk").await, (10, 0));
    }
    assert_eq!(connection.lost_count(), ATTEMPTS + 1);
}

#[tokio::test]
async fn fulfilment_with_lost_responses_takes_stock_once() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "lostfulfil", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    for (name, lost, on_hand) in [("all", ATTEMPTS, 6), ("one", 1, 2)] {
        let known = placed(&shop, &order(name, "store-1", "online", &[("milk", 4)])).await;
        connection.lose_next_of("TransactWriteItems", lost);
        let first = fulfil_all(&shop, &known).await;
        assert_eq!(first.is_err(), lost == ATTEMPTS, "{first:?}");
        let current = found(&shop, known.order.order_id).await;
        for known in [&known, &current] {
            let again = fulfil_all(&shop, known).await.unwrap();
            let FulfilOutcome::Replayed(fulfilment) = again else {
                panic!("{again:?}");
            };
            assert_eq!(*fulfilment, current.fulfilments[0].0);
        }
        assert_eq!(current.fulfilments.len(), 1);
        assert_eq!(shop.level_of("store-1", "milk").await, (on_hand, 0));
    }
    assert_eq!(connection.lost_count(), ATTEMPTS + 1);
}

#[tokio::test]
async fn read_with_a_lost_response_succeeds_by_retry() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "lostread", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let known = placed(&shop, &order("read", "store-1", "pos", &[("milk", 4)])).await;
    connection.lose_next_of("Query", 1);
    assert_eq!(found(&shop, known.order.order_id).await, known);
    connection.lose_next_of("Query", ATTEMPTS);
    shop.find(known.order.order_id).await.unwrap_err();
    assert_eq!(connection.lost_count(), ATTEMPTS + 1);
}

#[tokio::test]
async fn place_takes_one_round_trip_and_later_operations_two() {
    let Some(cloud) = TestCloud::find() else {
        return;
    };
    let connection = LossyConnection::new();
    let shop = shop_over(&cloud, "trips", &connection).await;
    shop.stock("store-1", "milk", 10).await;
    let read_and_write = ["Query", "TransactWriteItems"];
    for (name, canceled) in [("kept", false), ("canceled", true)] {
        let order = order(name, "store-1", "online", &[("milk", 2)]);
        connection.take_sent();
        let placement = shop.place(&order, &request("a"), deadline()).await;
        assert_eq!(placement.unwrap(), PlaceOutcome::Placed);
        assert_eq!(connection.take_sent(), ["TransactWriteItems"]);
        let known = found(&shop, order.order_id).await;
        if canceled {
            let done = cancel(&shop, &known, minute(1)).await;
            done.unwrap();
            assert_eq!(connection.take_sent(), read_and_write);
        } else {
            fulfil_all(&shop, &known).await.unwrap();
            assert_eq!(connection.take_sent(), read_and_write);
            let known = found(&shop, order.order_id).await;
            RefundRequest::of_first_line(&order)
                .send(&shop, &known)
                .await
                .unwrap();
            assert_eq!(connection.take_sent(), read_and_write);
        }
    }
}
