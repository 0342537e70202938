mod costs;
mod faults;

use aws_lambda_events::sqs::SqsEvent;
use serde_json::json;
use stockline_application::paging::Page;
use stockline_application::ports::alerts::alert_message;
use stockline_application::ports::stock::StockStore;
use stockline_application::reorder_messages::reorder_message;
use stockline_domain::alert::StockAlert;
use stockline_domain::level::Level;
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_platform::batch::{process_queue_records, queue_records};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::replenishment::{alert, stock_milk};
use stockline_testkit::conformance::stock::{deadline, key};
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

fn handler(shop: &MemoryShop) -> Replenishment<MemoryShop, FakeClock> {
    Replenishment::new(shop.clone(), FakeClock::at("2026-03-01T12:00:00Z"))
}

/// Four units of milk in `store-1`: below the reorder point of 10, with a target level of 40 and a multiple of 6.
async fn shop_with_low_milk() -> MemoryShop {
    let shop = MemoryShop::default();
    stock_milk(&shop, "store-1", 4).await;
    shop
}

fn record(alert: StockAlert) -> QueueRecord {
    let message = alert_message(alert, minute(0), "cause".to_owned());
    text_record(&serde_json::to_string(&message).unwrap())
}

fn text_record(body: &str) -> QueueRecord {
    QueueRecord {
        message_id: "1".to_owned(),
        group: None,
        receipt: "receipt-1".to_owned(),
        body: body.to_owned(),
        receive_count: 1,
    }
}

async fn milk(shop: &MemoryShop) -> Level {
    shop.find(&key("store-1", "milk")).await.unwrap().unwrap()
}

async fn orders(shop: &MemoryShop) -> Vec<ReplenishmentOrder> {
    let page = Page {
        limit: 100,
        after: None,
    };
    let location = "store-1".parse().unwrap();
    let listed = shop.list_orders(&location, None, page).await;
    listed.unwrap().items
}

#[tokio::test]
async fn sample_alerts_place_one_order() {
    let shop = shop_with_low_milk().await;
    let text = include_str!("../../../../events/replenishment.json");
    let event: SqsEvent = serde_json::from_str(text).unwrap();
    let records = queue_records(event);
    assert_eq!(records.len(), 2, "the first alert and its duplicate");
    let replenishment = &handler(&shop);
    let failures = process_queue_records(records, |record| async move {
        replenishment.record(record).await
    })
    .await;
    assert!(failures.failures().is_empty());
    let orders = orders(&shop).await;
    assert_eq!(orders.len(), 1);
    assert_eq!(
        serde_json::to_value(orders[0].reasons).unwrap(),
        json!({"available": 4, "incoming": 0, "reorder_point": 10, "target_level": 40,
            "order_multiple": 6, "rounded_from": 36})
    );
    assert_eq!(orders[0].quantity, 36);
    assert_eq!(milk(&shop).await.incoming, 36);
}

#[tokio::test]
async fn sample_request_places_one_order() {
    let shop = shop_with_low_milk().await;
    let text = include_str!("../../../../events/replenishment.due.json");
    let event: SqsEvent = serde_json::from_str(text).unwrap();
    let request = queue_records(event).remove(0);
    for _ in 0..2 {
        let outcome = handler(&shop).record(request.clone()).await;
        assert_eq!(outcome, RecordOutcome::Done);
    }
    assert_eq!(orders(&shop).await.len(), 1);
}

#[tokio::test]
async fn redelivered_alert_changes_nothing() {
    let shop = shop_with_low_milk().await;
    let replenishment = handler(&shop);
    let low = record(alert("store-1", 2));
    assert_eq!(replenishment.record(low.clone()).await, RecordOutcome::Done);
    let (level, placed) = (milk(&shop).await, orders(&shop).await);
    for _ in 0..3 {
        assert_eq!(replenishment.record(low.clone()).await, RecordOutcome::Done);
    }
    assert_eq!(milk(&shop).await, level);
    assert_eq!(orders(&shop).await, placed);
}

#[tokio::test]
async fn concurrent_deliveries_place_one_order() {
    let shop = shop_with_low_milk().await;
    let replenishment = handler(&shop);
    let deliver = || replenishment.record(record(alert("store-1", 2)));
    let outcomes = tokio::join!(deliver(), deliver(), deliver());
    let done = RecordOutcome::Done;
    assert_eq!(outcomes, (done.clone(), done.clone(), done));
    assert_eq!(orders(&shop).await.len(), 1);
    assert_eq!(milk(&shop).await.incoming, 36);
}

#[tokio::test]
async fn late_alert_of_a_full_level_orders_nothing() {
    let shop = MemoryShop::default();
    stock_milk(&shop, "store-1", 11).await;
    let outcome = handler(&shop).record(record(alert("store-1", 2))).await;
    assert_eq!(outcome, RecordOutcome::Done);
    assert!(orders(&shop).await.is_empty());
}

#[tokio::test]
async fn alert_of_an_unknown_level_is_done() {
    let shop = MemoryShop::default();
    let outcome = handler(&shop).record(record(alert("store-1", 2))).await;
    assert_eq!(outcome, RecordOutcome::Done);
}

#[tokio::test]
async fn message_that_is_no_alert_is_rejected() {
    let shop = MemoryShop::default();
    let replenishment = handler(&shop);
    for text in ["not JSON", r#"{"type":"task.queued","version":1}"#] {
        let outcome = replenishment.record(text_record(text)).await;
        assert!(matches!(outcome, RecordOutcome::Reject(_)), "{outcome:?}");
    }
}

#[tokio::test]
async fn due_level_is_ordered_until_a_person_cancels() {
    let shop = shop_with_low_milk().await;
    let replenishment = handler(&shop);
    let due = || async {
        let message = reorder_message(&milk(&shop).await, minute(0), "cause".to_owned());
        text_record(&serde_json::to_string(&message).unwrap())
    };
    // given an order that a request placed, and that a person canceled
    assert_eq!(replenishment.record(due().await).await, RecordOutcome::Done);
    let placed = orders(&shop).await.remove(0);
    let canceled = placed.cancel("ana", minute(1)).unwrap().unwrap();
    shop.close(&placed, &canceled, placed.expected(), deadline())
        .await
        .unwrap();
    // then a request for the same level places none, and an alert does
    assert_eq!(replenishment.record(due().await).await, RecordOutcome::Done);
    assert_eq!(orders(&shop).await.len(), 1);
    let later = record(alert("store-1", milk(&shop).await.version));
    assert_eq!(replenishment.record(later).await, RecordOutcome::Done);
    assert_eq!(orders(&shop).await.len(), 2);
}
