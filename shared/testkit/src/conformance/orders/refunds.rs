//! What every order store must do when fulfilled lines are refunded.

use futures::future::join_all;
use stockline_application::order_lifecycle::StepRequest;
use stockline_application::order_lifecycle::{RefundOutcome, refund};
use stockline_application::ports::orders::{OrderStore, StoredOrder};
use stockline_domain::order::{
    Order, OrderRequestRefused, Refund, RefundContext, RefundLine, RefundOrder,
};

use super::{StockedOrders, deadline, found, minute, placed, request};
use crate::conformance::story_functions;
use crate::orders::{order, refund_id};

story_functions!(refunds, [Store: StockedOrders], [super], Store);

/// Refunds `lines` at `location` under the idempotency key `key`. A line is its number, the quantity, and whether it is
/// restocked.
pub(super) async fn make_refund<Store: OrderStore>(
    store: &Store,
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

fn expect_refund(result: RefundOutcome) -> Refund {
    match result {
        RefundOutcome::Refunded(refund) => *refund,
        other => panic!("there is no refund: {other:?}"),
    }
}

async fn sold_order<Store: StockedOrders>(
    store: &Store,
    at: &str,
    lines: &[(&str, i64)],
) -> StoredOrder {
    for (sku, _) in lines {
        store.stock(at, sku, 10).await;
    }
    placed(store, &sale(at, lines)).await
}

fn sale(at: &str, lines: &[(&str, i64)]) -> Order {
    order(&format!("{at}-1"), at, "pos", lines)
}

async fn refund_restocks_at_the_return_location<Store: StockedOrders>(store: &Store) {
    store.stock("elsewhere", "milk", 0).await;
    let known = sold_order(store, "back", &[("milk", 3), ("bread", 2)]).await;
    let lines = [(1, 2, true), (1, 1, false), (2, 1, false)];
    let refund = expect_refund(make_refund(store, &known, "r1", "elsewhere", &lines).await);
    assert_eq!(refund.total.amount, 400);
    assert_eq!(store.level_of("back", "milk").await, (7, 0));
    assert_eq!(store.level_of("back", "bread").await, (8, 0));
    assert_eq!(store.level_of("elsewhere", "milk").await, (2, 0));
    let refunded = found(store, known.order.order_id).await;
    let returned: Vec<i64> = refunded
        .order
        .lines
        .iter()
        .map(|line| line.returned_quantity)
        .collect();
    assert_eq!(returned, [3, 1]);
    let refunds: Vec<&Refund> = refunded.refunds.iter().map(|(refund, _)| refund).collect();
    assert_eq!(refunds, [&refund]);
    let again = expect_refund(make_refund(store, &refunded, "r2", "back", &[(2, 1, true)]).await);
    assert_eq!(store.level_of("back", "bread").await, (9, 0));
    let both = found(store, known.order.order_id).await.refunds;
    assert_eq!(both.len(), 2);
    assert!(both.iter().any(|(refund, _)| *refund == again));
}

async fn refund_is_read_back_with_its_own_time<Store: StockedOrders>(store: &Store) {
    store.stock("returned", "milk", 5).await;
    let sale = order("returned-1", "returned", "pos", &[("milk", 2)]);
    let known = placed(store, &sale).await;
    let body = RefundOrder {
        reason: "broken".to_owned(),
        occurred_at: Some(minute(3)),
        location_id: None,
        lines: vec![RefundLine {
            line: 1,
            quantity: 1,
            restock: true,
        }],
    };
    let place = RefundContext {
        refund_id: refund_id(&sale, "r1"),
        location_id: sale.location_id.clone(),
        business_date: sale.business_date,
        at: minute(5),
    };
    let same = request("r");
    let step = StepRequest {
        order: &known,
        fingerprint: &same,
        at: place.at,
        deadline: deadline(),
    };
    let refunded = expect_refund(refund(store, step, &body, &place).await.unwrap());
    assert_eq!(refunded.occurred_at, minute(3));
    let known = found(store, sale.order_id).await;
    assert_eq!(known.refunds, [(refunded, same)]);
}

async fn replayed_refund_returns_first_refund<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "again", &[("milk", 3)]).await;
    let first = expect_refund(make_refund(store, &known, "r1", "again", &[(1, 3, true)]).await);
    let refunded = found(store, known.order.order_id).await;
    // The replay is found both from a read before the refund and from one after it, when nothing is left to refund.
    for known in [&known, &refunded] {
        let again = make_refund(store, known, "r1", "again", &[(1, 3, true)]).await;
        assert_eq!(again, RefundOutcome::Replayed(Box::new(first.clone())));
    }
    assert_eq!(store.level_of("again", "milk").await, (10, 0));
}

async fn reused_key_with_other_refund_is_rejected<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "other", &[("milk", 3)]).await;
    expect_refund(make_refund(store, &known, "r1", "other", &[(1, 1, true)]).await);
    let other = make_refund(store, &known, "r1", "other", &[(1, 2, true)]).await;
    assert_eq!(other, RefundOutcome::KeyReused);
    assert_eq!(store.level_of("other", "milk").await, (8, 0));
}

async fn concurrent_duplicates_make_one_refund<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "flood", &[("milk", 5)]).await;
    let lines = [(1, 1, true)];
    let results = join_all((0..8).map(|_| make_refund(store, &known, "r1", "flood", &lines))).await;
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

async fn concurrent_refunds_never_exceed_fulfilled_quantity<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "greed", &[("milk", 3)]).await;
    let keys: Vec<String> = (0..8).map(|number| format!("r{number}")).collect();
    let lines = [(1, 1, true)];
    let requests = keys
        .iter()
        .map(|key| make_refund(store, &known, key, "greed", &lines));
    let results = join_all(requests).await;
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

async fn restock_creates_a_missing_level<Store: StockedOrders>(store: &Store) {
    store.stock("bakery", "bread", 0).await;
    let known = sold_order(store, "dairy", &[("milk", 2), ("bread", 1)]).await;
    let lines = [(1, 1, true), (2, 1, true)];
    let refund = expect_refund(make_refund(store, &known, "r1", "bakery", &lines).await);
    assert_eq!(store.level_of("bakery", "bread").await, (1, 0));
    assert_eq!(store.level_of("bakery", "milk").await, (1, 0));
    let again = make_refund(store, &known, "r1", "bakery", &lines).await;
    assert_eq!(again, RefundOutcome::Replayed(Box::new(refund)));
    assert_eq!(store.level_of("bakery", "milk").await, (1, 0));
    let known = found(store, known.order.order_id).await;
    expect_refund(make_refund(store, &known, "r2", "bakery", &[(1, 1, true)]).await);
    assert_eq!(store.level_of("bakery", "milk").await, (2, 0));
}

async fn concurrent_restocks_create_one_level<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "creamery", &[("milk", 8)]).await;
    let keys: Vec<String> = (0..8).map(|number| format!("r{number}")).collect();
    let lines = [(1, 1, true)];
    let requests = keys
        .iter()
        .map(|key| make_refund(store, &known, key, "kiosk", &lines));
    for refunded in join_all(requests).await {
        expect_refund(refunded);
    }
    assert_eq!(store.level_of("kiosk", "milk").await, (8, 0));
}

async fn two_lines_of_one_sku_restock_together<Store: StockedOrders>(store: &Store) {
    let known = sold_order(store, "merged", &[("milk", 2), ("milk", 1)]).await;
    let lines = [(1, 2, true), (2, 1, true)];
    expect_refund(make_refund(store, &known, "r1", "merged", &lines).await);
    assert_eq!(store.level_of("merged", "milk").await, (10, 0));
}
