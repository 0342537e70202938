//! Who sets when to reorder, and of what.

use super::*;

fn as_manager(call: CallBuilder) -> CallBuilder {
    call.by("ana", "store_manager", "store-1")
}

#[tokio::test]
async fn a_manager_sets_when_to_reorder_and_a_till_may_not() {
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

    let mut upside_down = policy.clone();
    upside_down["target_level"] = json!(9);
    let refusal = refused(&function, as_manager(set(&upside_down))).await;
    assert_eq!(refusal, (400, "invalid-request".to_owned()));
    let movements = ok(&function, of_milk("GET", MOVEMENTS)).await;
    assert_eq!(
        movements["movements"].as_array().unwrap().len(),
        1,
        "a policy is no movement"
    );
}

#[tokio::test]
async fn a_policy_may_come_before_the_first_delivery_of_a_known_product() {
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
