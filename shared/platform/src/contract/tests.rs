//! Bodies that break the contract, and what is reported.

use serde_json::json;

use super::*;

/// The pointers and details that are reported for `body`.
fn errors(method: &str, resource: &str, body: &Value) -> Vec<(String, String)> {
    let mut checks = Checks::new();
    let schema = request_schema(method, resource).unwrap();
    schema.check(body, "", &mut checks);
    let errors = checks.finish(()).err().map(|invalid| invalid.errors);
    let errors = errors.into_iter().flatten();
    errors.map(|error| (error.pointer, error.detail)).collect()
}

fn pointers(method: &str, resource: &str, body: &Value) -> Vec<String> {
    let errors = errors(method, resource, body);
    errors.into_iter().map(|(pointer, _)| pointer).collect()
}

fn order() -> Value {
    json!({
        "location_id": "store-1", "channel": "pos", "currency": "EUR",
        "lines": [{"sku": "milk", "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}}],
        "total": {"amount": 100, "currency": "EUR"},
    })
}

/// A valid body for each operation that has one.
fn valid_bodies() -> Vec<(&'static str, &'static str, Value)> {
    let location = json!({
        "location_id": "hub-1", "name": "Hub", "kind": "warehouse", "time_zone": "Europe/Berlin", "close_out_hour": 4,
        "zones": [{"zone_id": "hub-1-a", "aisles": 12}],
    });
    let product = json!({
        "sku": "milk", "name": "Milk", "category": "Dairy", "unit_of_measure": "each",
        "list_price": {"amount": 129, "currency": "EUR"}, "gtin": "4006381333931", "unit_weight_grams": 1030,
        "dimensions_mm": {"length": 70, "width": 70, "height": 200},
    });
    let at = "2026-03-01T12:00:00Z";
    vec![
        ("POST", "/v1/orders", order()),
        (
            "POST",
            "/v1/orders/{order_id}/cancel",
            json!({"reason": "the customer left"}),
        ),
        (
            "POST",
            "/v1/orders/{order_id}/refunds",
            json!({"reason": "broken", "occurred_at": at, "lines": [{"line": 1, "quantity": 1, "restock": true}]}),
        ),
        (
            "POST",
            "/v1/orders/{order_id}/fulfilments",
            json!({"lines": [{"line": 1, "quantity": 1}]}),
        ),
        (
            "POST",
            "/v1/orders/{order_id}/completion",
            json!({"carrier": "DHL", "tracking_number": "1Z999", "parcels": [{"weight_grams": 1200}],
                   "lines": [{"line": 1, "quantity": 1}], "occurred_at": at}),
        ),
        (
            "POST",
            "/v1/stock/changes",
            json!({"changes": [
                {"kind": "count", "location_id": "hub-1", "sku": "milk", "quantity": 0, "counted_at": at},
                {"kind": "adjustment", "location_id": "hub-1", "sku": "milk", "delta": -1, "reason": "damage", "expected_version": 4},
                {"kind": "transfer", "from_location_id": "a", "to_location_id": "b", "sku": "milk", "quantity": 1, "reference": "t-1"},
            ]}),
        ),
        (
            "PUT",
            "/v1/locations/{location_id}/stock/{sku}/policy",
            json!({"reorder_point": 1, "target_level": 5, "buckets": 16}),
        ),
        ("PUT", "/v1/products/{sku}", product.clone()),
        ("PUT", "/v1/locations/{location_id}", location.clone()),
        (
            "POST",
            "/v1/catalog/batch",
            json!({"products": [product], "locations": [location]}),
        ),
        (
            "PUT",
            "/v1/users/{subject}",
            json!({"role": "controller", "location_ids": ["hub-1"], "controller_id": "controller-1", "disabled": false,
                   "expected_version": 4}),
        ),
        (
            "POST",
            "/v1/controllers/{controller_id}/heartbeat",
            json!({"location_id": "hub-1", "zone_id": "hub-1-a", "free_capacity": 0}),
        ),
        (
            "POST",
            "/v1/tasks/{task_id}/reports",
            json!({"lease_id": 1, "report_seq": 1, "state": "failed", "occurred_at": "2026-03-01T14:00:00.5+02:00",
                   "error": {"code": "jammed", "retriable": true}}),
        ),
    ]
}

/// Calls `visit` with the pointer of every object and array entry or field in `value`.
fn for_each_part(value: &Value, at: &str, visit: &mut impl FnMut(&str)) {
    let mut part = |segment: &str, value: &Value| {
        let pointer = format!("{at}/{segment}");
        visit(&pointer);
        for_each_part(value, &pointer, visit);
    };
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| part(name, value)),
        Value::Array(entries) => (0..)
            .zip(entries)
            .for_each(|(index, value): (usize, _)| part(&index.to_string(), value)),
        _ => {}
    }
}

#[test]
fn valid_bodies_are_accepted() {
    for (method, resource, body) in valid_bodies() {
        let errors = errors(method, resource, &body);
        assert!(errors.is_empty(), "{method} {resource}: {errors:?}");
    }
    let unknown = request_schema("GET", "/v1/orders");
    assert!(unknown.is_none());
}

#[test]
fn every_operation_with_a_body_has_a_valid_example() {
    let tested = valid_bodies();
    for (method, resource, _) in REQUESTS {
        let is_tested = tested.iter().any(|(m, r, _)| (m, r) == (method, resource));
        assert!(is_tested, "{method} {resource}");
    }
}

#[test]
fn null_is_rejected_in_place_of_every_value() {
    for (method, resource, valid) in valid_bodies() {
        for_each_part(&valid, "", &mut |pointer| {
            // Entries of a batch are checked one by one.
            if resource == "/v1/catalog/batch" && pointer.matches('/').count() > 1 {
                return;
            }
            let mut body = valid.clone();
            *body.pointer_mut(pointer).unwrap() = Value::Null;
            assert_eq!(pointers(method, resource, &body), [pointer], "{body}");
        });
        assert_eq!(pointers(method, resource, &Value::Null), [""]);
    }
}

#[test]
fn array_in_place_of_an_object_is_rejected() {
    let mut body = order();
    body["total"] = json!([100, "EUR"]);
    body["lines"][0]["unit_price"] = json!([100, "EUR"]);
    body["lines"][0]["tax"] = json!([7, "EUR"]);
    assert_eq!(
        pointers("POST", "/v1/orders", &body),
        ["/lines/0/tax", "/lines/0/unit_price", "/total"]
    );
    assert_eq!(pointers("POST", "/v1/orders", &json!(["store-1"])), [""]);
}

#[test]
fn all_wrong_fields_are_reported_at_once() {
    let body = json!({"changes": [
        {"kind": "receipt", "location_id": "store 1", "sku": "..", "quantity": 0, "reference": ""},
        {"kind": "count", "location_id": "store-1", "sku": 7, "quantity": "3", "counted_at": "2026-03-01 12:00:00Z", "x/y": 1},
        {"kind": "gift", "sku": null},
        {"sku": "milk"},
        {"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": 0, "reason": "rust"},
        ["receipt"],
    ], "currency": "EUR"});
    let found = errors("POST", "/v1/stock/changes", &body);
    let lines: Vec<String> = found
        .into_iter()
        .map(|(pointer, detail)| format!("{pointer} {detail}"))
        .collect();
    assert_eq!(
        lines,
        [
            "/changes/0/location_id must be 1 to 64 characters of A-Z a-z 0-9 _ -, got \"store 1\"",
            "/changes/0/quantity must be an integer from 1 to 1000000, got 0",
            "/changes/0/reference must be 1 to 64 visible ASCII characters, got \"\"",
            "/changes/0/sku must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not only dots, got \"..\"",
            "/changes/1/counted_at must be an RFC 3339 time, such as 2026-03-01T12:00:00Z or \
             2026-03-01T14:00:00.500+02:00, got \"2026-03-01 12:00:00Z\"",
            "/changes/1/quantity must be an integer from 0 to 1000000, got \"3\"",
            "/changes/1/sku must be a string, got 7",
            "/changes/1/x~1y is not a field of this object, which has counted_at, expected_version, kind, location_id, \
             quantity, sku",
            "/changes/2/kind must be one of count, adjustment, receipt, transfer, arrival, state_change, got \"gift\"",
            "/changes/3/kind is required",
            "/changes/4/delta must not be 0, got 0",
            "/changes/4/reason must be one of correction, damage, found, other, theft, got \"rust\"",
            "/changes/5 must be an object, got an array",
            "/currency is not a field of this object, which has changes",
        ]
    );
}

#[test]
fn missing_fields_are_reported_and_optional_ones_are_not() {
    assert_eq!(
        pointers("POST", "/v1/orders", &json!({"lines": [{}]})),
        [
            "/channel",
            "/currency",
            "/lines/0/quantity",
            "/lines/0/sku",
            "/lines/0/unit_price",
            "/location_id",
            "/total"
        ]
    );
    assert!(pointers("POST", "/v1/orders/{order_id}/cancel", &json!({})).is_empty());
}

#[test]
fn number_out_of_range_is_one_kind_of_mistake() {
    let details = |buckets: Value| {
        let body = json!({"reorder_point": 1, "target_level": 5, "buckets": buckets});
        errors(
            "PUT",
            "/v1/locations/{location_id}/stock/{sku}/policy",
            &body,
        )
    };
    for buckets in [
        json!(17),
        json!(256),
        json!(-1),
        json!(0),
        json!(1.5),
        json!(u64::MAX),
        json!(1e300),
    ] {
        let rule = format!("must be an integer from 1 to 16, got {buckets}");
        assert_eq!(details(buckets), [("/buckets".to_owned(), rule)]);
    }
    assert!(details(json!(16)).is_empty());
}

#[test]
fn texts_follow_their_format() {
    let with = |field: &str, value: &str| {
        let mut body = order();
        body[field] = value.into();
        pointers("POST", "/v1/orders", &body)
    };
    for time in ["2026-03-01T12:00:00,5Z", "20260301T120000Z", "2026-03-01"] {
        assert_eq!(with("sold_at", time), ["/sold_at"]);
    }
    assert!(with("sold_at", "2026-03-01T14:00:00+02:00").is_empty());
    for currency in ["QQQ", "eur", "EURO", "XAU"] {
        assert_eq!(with("currency", currency), ["/currency"]);
    }
    let named = |name: &str, time_zone: &str| {
        let body = json!({"location_id": "a", "name": name, "kind": "store", "time_zone": time_zone, "close_out_hour": 0});
        pointers("PUT", "/v1/locations/{location_id}", &body)
    };
    assert!(named("Mitte", "Europe/Berlin").is_empty());
    for name in ["", "  ", "\u{200b}\u{2067}", "a\u{7}", &"x".repeat(201)] {
        assert_eq!(named(name, "Mars/Olympus"), ["/name", "/time_zone"]);
    }
}

#[test]
fn gtin_error_names_the_right_check_digit() {
    let with = |gtin: &str| {
        let body = json!({"sku": "a", "name": "A", "unit_of_measure": "each", "gtin": gtin});
        errors("PUT", "/v1/products/{sku}", &body)
    };
    assert!(with("4006381333931").is_empty());
    let error = |detail: &str| [("/gtin".to_owned(), detail.to_owned())];
    let wrong = error("must end with the check digit 1, got \"4006381333935\"");
    assert_eq!(with("4006381333935"), wrong);
    let wrong = error("must be 8, 12, 13 or 14 digits, got \"40063813339\"");
    assert_eq!(with("40063813339"), wrong);
}

#[test]
fn dates_and_uuids_have_one_form() {
    let is_kept = |format: Format, text: &str| format.broken_rule(text, 64).is_none();
    assert!(is_kept(Format::Date, "2026-03-01"));
    assert!(!is_kept(Format::Date, "2026-03-01T12:00:00Z"));
    assert!(!is_kept(Format::Date, "20260301"));
    let uuid = "9d2ad7a4-2b4c-5e2c-8d7c-0c8d7b6f4a11";
    assert!(is_kept(Format::Uuid, uuid));
    assert!(!is_kept(Format::Uuid, &uuid.replace('-', "")));
    assert!(!is_kept(Format::Uuid, &uuid.to_uppercase()));
}

#[test]
fn entries_of_a_batch_are_checked_one_by_one() {
    let body = json!({"products": [7, null], "locations": {}});
    assert_eq!(pointers("POST", "/v1/catalog/batch", &body), ["/locations"]);
    let batch = request_schema("POST", "/v1/catalog/batch").unwrap();
    let mut checks = Checks::new();
    let product = batch.part("/products/1").unwrap();
    product.check(&json!({"sku": "."}), "/products/1", &mut checks);
    let errors = checks.finish(()).unwrap_err().errors;
    let found: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(
        found,
        [
            "/products/1/name",
            "/products/1/sku",
            "/products/1/unit_of_measure"
        ]
    );
    assert!(batch.part("/nowhere/0").is_none());
}

#[test]
fn long_text_is_quoted_in_part() {
    let mut body = order();
    body["location_id"] = "x".repeat(5000).into();
    let found = errors("POST", "/v1/orders", &body);
    assert!(found[0].1.ends_with("xxx\".."), "{found:?}");
    assert!(found[0].1.chars().count() < 150);
}
