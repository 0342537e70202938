//! What has left is paid back.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{RefundOutcome, refund};
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_domain::order::{
    Order, OrderRequestRefused, Refund, RefundContext, RefundLine, RefundOrder,
};

use super::{StockedOrders, deadline, found, minute, placed, request};
use crate::orders::{order, refund_id};

/// Runs every story.
pub async fn all<S: StockedOrders>(store: &S) {
    what_comes_back_is_paid_back_and_stands_where_it_came_back(store).await;
    the_same_refund_sent_again_is_the_first_one(store).await;
    another_refund_under_the_same_key_is_refused(store).await;
    the_same_refund_sent_many_times_at_once_is_one_refund(store).await;
    no_more_is_paid_back_than_has_left_however_many_ask_at_once(store).await;
    goods_that_come_back_may_be_the_first_of_their_kind_there(store).await;
    goods_that_come_back_twice_at_once_make_one_level(store).await;
    two_lines_of_one_sku_come_back_in_one_movement(store).await;
}

/// A refund of the order, to `location`: (line, quantity, restock).
pub(super) async fn pay_back<S: OrderStore>(
    store: &S,
    known: &StoredOrder,
    key: &str,
    location: &str,
    lines: &[(u16, i64, bool)],
) -> RefundOutcome {
    let body = RefundOrder {
        reason: "broken".to_owned(),
        occurred_at: None,
        location_id: Some(location.parse().unwrap()),
        lines: lines
            .iter()
            .map(|(line, quantity, restock)| RefundLine {
                line: *line,
                quantity: *quantity,
                restock: *restock,
            })
            .collect(),
    };
    let place = RefundContext {
        refund_id: refund_id(&known.order, key),
        location_id: location.parse().unwrap(),
        business_date: known.order.business_date,
        at: minute(5),
    };
    let same = request(&serde_json::to_string(&body).unwrap());
    refund(
        store,
        StepRequest {
            order: known,
            fingerprint: &same,
            at: place.at,
            deadline: deadline(),
        },
        &body,
        &place,
    )
    .await
    .unwrap()
}

fn made(refunding: RefundOutcome) -> Refund {
    match refunding {
        RefundOutcome::Refunded(refund) => *refund,
        other => panic!("no refund was made: {other:?}"),
    }
}

async fn sold<S: StockedOrders>(store: &S, at: &str, lines: &[(&str, i64)]) -> StoredOrder {
    for (sku, _) in lines {
        store.stock(at, sku, 10).await;
    }
    placed(store, &sale(at, lines)).await
}

fn sale(at: &str, lines: &[(&str, i64)]) -> Order {
    order(&format!("{at}-1"), at, "pos", lines)
}

async fn what_comes_back_is_paid_back_and_stands_where_it_came_back<S: StockedOrders>(store: &S) {
    store.stock("elsewhere", "milk", 0).await;
    let known = sold(store, "back", &[("milk", 3), ("bread", 2)]).await;
    let lines = [(1, 2, true), (1, 1, false), (2, 1, false)];
    let refund = made(pay_back(store, &known, "r1", "elsewhere", &lines).await);
    assert_eq!(refund.total.amount, 400);
    assert_eq!(store.level_of("back", "milk").await, (7, 0));
    assert_eq!(store.level_of("back", "bread").await, (8, 0));
    assert_eq!(store.level_of("elsewhere", "milk").await, (2, 0));
    let now = found(store, known.order.order_id).await;
    let returned: Vec<i64> = now
        .order
        .lines
        .iter()
        .map(|line| line.returned_quantity)
        .collect();
    assert_eq!(returned, [3, 1]);
    let refunds: Vec<&Refund> = now.refunds.iter().map(|(refund, _)| refund).collect();
    assert_eq!(refunds, [&refund]);
    let again = made(pay_back(store, &now, "r2", "back", &[(2, 1, true)]).await);
    assert_eq!(store.level_of("back", "bread").await, (9, 0));
    let both = found(store, known.order.order_id).await.refunds;
    assert_eq!(both.len(), 2);
    assert!(both.iter().any(|(refund, _)| *refund == again));
}

async fn the_same_refund_sent_again_is_the_first_one<S: StockedOrders>(store: &S) {
    let known = sold(store, "again", &[("milk", 3)]).await;
    let first = made(pay_back(store, &known, "r1", "again", &[(1, 3, true)]).await);
    let now = found(store, known.order.order_id).await;
    // Sent by someone who read the order before, and by someone who reads it now, when nothing is left to pay back.
    for known in [&known, &now] {
        let again = pay_back(store, known, "r1", "again", &[(1, 3, true)]).await;
        assert_eq!(again, RefundOutcome::Replayed(Box::new(first.clone())));
    }
    assert_eq!(store.level_of("again", "milk").await, (10, 0));
}

async fn another_refund_under_the_same_key_is_refused<S: StockedOrders>(store: &S) {
    let known = sold(store, "other", &[("milk", 3)]).await;
    made(pay_back(store, &known, "r1", "other", &[(1, 1, true)]).await);
    let other = pay_back(store, &known, "r1", "other", &[(1, 2, true)]).await;
    assert_eq!(other, RefundOutcome::KeyReused);
    assert_eq!(store.level_of("other", "milk").await, (8, 0));
}

async fn the_same_refund_sent_many_times_at_once_is_one_refund<S: StockedOrders>(store: &S) {
    let known = sold(store, "flood", &[("milk", 5)]).await;
    let lines = [(1, 1, true)];
    let results = join_all((0..8).map(|_| pay_back(store, &known, "r1", "flood", &lines))).await;
    let (mut refunded, mut replayed) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            RefundOutcome::Refunded(refund) => refunded.push(refund),
            RefundOutcome::Replayed(refund) => replayed.push(refund),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((refunded.len(), replayed.len()), (1, 7));
    assert!(replayed.iter().all(|refund| *refund == refunded[0]));
    assert_eq!(store.level_of("flood", "milk").await, (6, 0));
}

async fn no_more_is_paid_back_than_has_left_however_many_ask_at_once<S: StockedOrders>(store: &S) {
    let known = sold(store, "greed", &[("milk", 3)]).await;
    let keys: Vec<String> = (0..8).map(|number| format!("r{number}")).collect();
    let lines = [(1, 1, true)];
    let asked = keys
        .iter()
        .map(|key| pay_back(store, &known, key, "greed", &lines));
    let results = join_all(asked).await;
    let refunded = results
        .iter()
        .filter(|result| matches!(result, RefundOutcome::Refunded(_)))
        .count();
    let refused = results
        .iter()
        .filter(|result| matches!(result, RefundOutcome::NotPossible(OrderRequestRefused::TooMuch(lines)) if lines[0].possible == 0))
        .count();
    assert_eq!((refunded, refused), (3, 5), "{results:?}");
    assert_eq!(store.level_of("greed", "milk").await, (10, 0));
}

async fn goods_that_come_back_may_be_the_first_of_their_kind_there<S: StockedOrders>(store: &S) {
    store.stock("bakery", "bread", 0).await;
    let known = sold(store, "dairy", &[("milk", 2), ("bread", 1)]).await;
    let lines = [(1, 1, true), (2, 1, true)];
    let refund = made(pay_back(store, &known, "r1", "bakery", &lines).await);
    assert_eq!(store.level_of("bakery", "bread").await, (1, 0));
    assert_eq!(store.level_of("bakery", "milk").await, (1, 0));
    let again = pay_back(store, &known, "r1", "bakery", &lines).await;
    assert_eq!(again, RefundOutcome::Replayed(Box::new(refund)));
    assert_eq!(store.level_of("bakery", "milk").await, (1, 0));
    let known = found(store, known.order.order_id).await;
    made(pay_back(store, &known, "r2", "bakery", &[(1, 1, true)]).await);
    assert_eq!(store.level_of("bakery", "milk").await, (2, 0));
}

async fn goods_that_come_back_twice_at_once_make_one_level<S: StockedOrders>(store: &S) {
    let known = sold(store, "creamery", &[("milk", 8)]).await;
    let keys: Vec<String> = (0..8).map(|number| format!("r{number}")).collect();
    let lines = [(1, 1, true)];
    let asked = keys
        .iter()
        .map(|key| pay_back(store, &known, key, "kiosk", &lines));
    for refunded in join_all(asked).await {
        made(refunded);
    }
    assert_eq!(store.level_of("kiosk", "milk").await, (8, 0));
}

async fn two_lines_of_one_sku_come_back_in_one_movement<S: StockedOrders>(store: &S) {
    let known = sold(store, "merged", &[("milk", 2), ("milk", 1)]).await;
    let lines = [(1, 2, true), (2, 1, true)];
    made(pay_back(store, &known, "r1", "merged", &lines).await);
    assert_eq!(store.level_of("merged", "milk").await, (10, 0));
}
