//! Reorder policies.

use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_domain::level::{ReorderPolicy, ReplenishmentMode};

use super::{applied_levels, apply, at, deadline, key, receipt};

fn policy(reorder_point: i64) -> ReorderPolicy {
    ReorderPolicy {
        reorder_point,
        target_level: 50,
        order_multiple: 6,
        safety_stock: 2,
        lead_time_days: 3,
        buckets: 1,
        mode: ReplenishmentMode::MinMax,
    }
}

pub(super) async fn policy_is_set_without_a_movement<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    let (milk, policy_of_five) = (key("policy", "milk"), policy(5));
    let set = |reorder_point: i64| {
        let milk = &milk;
        async move {
            store
                .set_policy(milk, &policy(reorder_point), at(0), deadline())
                .await
                .unwrap()
        }
    };
    assert_eq!(set(5).await, None);
    let create = || store.create_with_policy(&milk, &policy_of_five, at(0), deadline());
    let created = create().await.unwrap().unwrap();
    assert_eq!(
        (created.on_hand, created.version, &created.last_change),
        (0, 1, &None)
    );
    assert_eq!(create().await.unwrap(), None, "the level exists");
    assert_eq!(set(5).await, Some(created));

    let received = applied_levels(apply(store, "policy", 0, &receipt("policy", 8)).await).remove(0);
    let changed = set(6).await.unwrap();
    assert_eq!(changed.policy, Some(policy(6)));
    assert_eq!(
        (changed.version, &changed.last_change),
        (received.version + 1, &received.last_change)
    );
    assert_eq!(changed.movement_since(Some(&received)), None);
    assert_eq!(
        set(6).await,
        Some(changed.clone()),
        "the same policy writes nothing"
    );
    assert_eq!(store.find(&milk).await.unwrap(), Some(changed));
}

pub(super) async fn policy_survives_later_changes<Store: StockStore + StockChangeStore>(
    store: &Store,
) {
    let (milk, policy_of_five) = (key("kept", "milk"), policy(5));
    let created = store.create_with_policy(&milk, &policy_of_five, at(0), deadline());
    created.await.unwrap();
    let levels = applied_levels(apply(store, "kept", 0, &receipt("kept", 8)).await);
    assert_eq!(levels[0].policy, Some(policy(5)));
    assert_eq!(
        store.find(&milk).await.unwrap().unwrap().policy,
        Some(policy(5))
    );
}
