//! What a caller may write in a change, and what is wrong with it.

use super::*;

#[test]
fn every_broken_field_is_named_at_once() {
    let changes = StockChanges {
        changes: vec![
            change(json!({"kind": "count", "quantity": -1, "counted_at": "2026-03-01T12:06:00Z"})),
            change(json!({"kind": "adjustment", "delta": 0, "reason": "other"})),
            change(json!({"kind": "receipt", "quantity": 0, "reference": "two words"})),
            change(
                json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-1",
                "quantity": 1_000_001}),
            ),
            change(
                json!({"kind": "state_change", "quantity": 1, "from": "in_transit", "to": "in_transit"}),
            ),
        ],
    };
    let broken = changes.check(NOW.parse().unwrap()).unwrap_err();
    let pointers: Vec<_> = broken
        .errors
        .into_iter()
        .map(|error| error.pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/changes/0/quantity",
            "/changes/0/counted_at",
            "/changes/1/delta",
            "/changes/2/quantity",
            "/changes/2/reference",
            "/changes/3/quantity",
            "/changes/3/to_location_id",
            "/changes/4/from",
            "/changes/4/to",
            "/changes/4/to",
        ]
    );
}

#[test]
fn a_change_is_told_up_to_seven_days_late() {
    let pointers = |occurred_at: &str| {
        let receipt = json!({"kind": "receipt", "quantity": 1, "occurred_at": occurred_at});
        let changes = StockChanges {
            changes: vec![change(receipt)],
        };
        let errors = changes.check(NOW.parse().unwrap()).err().into_iter();
        let broken = errors.flat_map(|invalid| invalid.errors);
        broken.map(|error| error.pointer).collect::<Vec<_>>()
    };
    assert!(pointers("2026-02-22T12:00:00Z").is_empty());
    assert_eq!(pointers("2026-02-22T11:59:59Z"), ["/changes/0/occurred_at"]);
}

#[test]
fn a_request_holds_one_to_a_hundred_changes() {
    let now = NOW.parse().unwrap();
    let receipt = change(json!({"kind": "receipt", "quantity": 1}));
    for (count, taken) in [
        (0, false),
        (1, true),
        (MAX_CHANGES, true),
        (MAX_CHANGES + 1, false),
    ] {
        let changes = StockChanges {
            changes: vec![receipt.clone(); count],
        };
        assert_eq!(changes.check(now).is_ok(), taken, "{count} changes");
    }
}

#[test]
fn a_request_speaks_of_the_time_at_which_it_first_came() {
    let came_at: Timestamp = NOW.parse().unwrap();
    let as_of = |told: Value| {
        let changes = StockChanges {
            changes: vec![change(told)],
        };
        changes.as_of(came_at).remove(0)
    };
    for (told, meant) in [
        (None, NOW),
        (Some("2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z"),
        (Some("2026-03-01T12:03:00Z"), NOW),
    ] {
        let of = |mut body: Value, field: &str| {
            if let Some(told) = told {
                body[field] = json!(told);
            }
            body
        };
        for body in [
            json!({"kind": "receipt", "quantity": 1}),
            json!({"kind": "arrival", "quantity": 1}),
            json!({"kind": "adjustment", "delta": 1, "reason": "found"}),
            json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2",
                   "quantity": 1}),
        ] {
            let taken = as_of(of(body, "occurred_at"));
            assert_eq!(
                taken.occurred_at(),
                Some(meant.parse().unwrap()),
                "{taken:?}"
            );
        }
        if told.is_some() {
            let count = as_of(of(json!({"kind": "count", "quantity": 1}), "counted_at"));
            assert_eq!(count.counted_at(), Some(meant.parse().unwrap()));
        }
    }
    let broken =
        json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"});
    assert_eq!(as_of(broken.clone()), change(broken));
}
