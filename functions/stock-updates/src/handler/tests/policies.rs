//! The policy operation.

use super::*;

fn as_manager(call: CallBuilder) -> CallBuilder {
    call.by("ana", "store_manager", "store-1")
}

#[tokio::test]
async fn manager_sets_policy_and_store_app_may_not() {
    let (function, _) = function();
    let policy = json!({"reorder_point": 10, "target_level": 40, "order_multiple": 6, "safety_stock": 2,
        "lead_time_days": 3, "buckets": 1});
    let set = |policy: &Value| of_milk("PUT", POLICY).body(policy);
    assert_eq!(
        refused(&function, set(&policy)).await,
        (403, "forbidden".to_owned())
    );

    ok(&function, changes("k", &[receipt("milk", 5)])).await;
    let level = ok(&function, as_manager(set(&policy))).await;
    assert_eq!(
        (&level["policy"], &level["on_hand"], &level["version"]),
        (&policy, &json!(5), &json!(2))
    );

    let mut inconsistent = policy.clone();
    inconsistent["target_level"] = json!(9);
    let refusal = refused(&function, as_manager(set(&inconsistent))).await;
    assert_eq!(refusal, (400, "invalid-request".to_owned()));
    let movements = ok(&function, of_milk("GET", MOVEMENTS)).await;
    assert_eq!(
        movements["movements"].as_array().unwrap().len(),
        1,
        "a policy is no movement"
    );
}

#[tokio::test]
async fn policy_creates_the_level_of_a_known_product() {
    let (function, _) = function();
    let policy = json!({"reorder_point": 10, "target_level": 40});
    let set = |sku: &str| {
        let call = call("PUT", POLICY)
            .path("location_id", "store-1")
            .path("sku", sku);
        as_manager(call.body(&policy))
    };
    let level = ok(&function, set("milk")).await;
    assert_eq!(
        (&level["on_hand"], &level["policy"]["order_multiple"]),
        (&json!(0), &json!(1))
    );
    assert_eq!(
        refused(&function, set("caviar")).await,
        (404, "not-found".to_owned())
    );
}
