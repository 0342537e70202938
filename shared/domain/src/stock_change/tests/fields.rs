//! Validation of requested changes, and resolution of their times.

use super::*;

#[test]
fn request_reports_all_invalid_fields() {
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
    let invalid = changes.check(NOW.parse().unwrap()).unwrap_err();
    let pointers: Vec<_> = invalid
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
fn occurred_at_is_at_most_7_days_back() {
    let pointers = |occurred_at: &str| {
        let receipt = json!({"kind": "receipt", "quantity": 1, "occurred_at": occurred_at});
        let changes = StockChanges {
            changes: vec![change(receipt)],
        };
        let errors = changes.check(NOW.parse().unwrap()).err().into_iter();
        let field_errors = errors.flat_map(|invalid| invalid.errors);
        field_errors.map(|error| error.pointer).collect::<Vec<_>>()
    };
    assert!(pointers("2026-02-22T12:00:00Z").is_empty());
    assert_eq!(pointers("2026-02-22T11:59:59Z"), ["/changes/0/occurred_at"]);
}

#[test]
fn request_has_1_to_100_changes() {
    let now = NOW.parse().unwrap();
    let receipt = change(json!({"kind": "receipt", "quantity": 1}));
    for (count, is_accepted) in [
        (0, false),
        (1, true),
        (MAX_CHANGES, true),
        (MAX_CHANGES + 1, false),
    ] {
        let changes = StockChanges {
            changes: vec![receipt.clone(); count],
        };
        assert_eq!(changes.check(now).is_ok(), is_accepted, "{count} changes");
    }
}

#[test]
fn times_resolve_against_the_time_of_first_receipt() {
    let received_at: Timestamp = NOW.parse().unwrap();
    let resolve = |body: Value| {
        let changes = StockChanges {
            changes: vec![change(body)],
        };
        changes.resolve_times(received_at).remove(0)
    };
    for (reported, resolved) in [
        (None, NOW),
        (Some("2026-03-01T11:00:00Z"), "2026-03-01T11:00:00Z"),
        (Some("2026-03-01T12:03:00Z"), NOW),
    ] {
        let with_time = |mut body: Value, field: &str| {
            if let Some(reported) = reported {
                body[field] = json!(reported);
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
            let change = resolve(with_time(body, "occurred_at"));
            assert_eq!(
                change.occurred_at(),
                Some(resolved.parse().unwrap()),
                "{change:?}"
            );
        }
        if reported.is_some() {
            let count = resolve(with_time(
                json!({"kind": "count", "quantity": 1}),
                "counted_at",
            ));
            assert_eq!(count.counted_at(), Some(resolved.parse().unwrap()));
        }
    }
    let state_change =
        json!({"kind": "state_change", "quantity": 1, "from": "sellable", "to": "damaged"});
    assert_eq!(resolve(state_change.clone()), change(state_change));
}
