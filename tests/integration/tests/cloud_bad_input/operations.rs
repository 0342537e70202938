//! One valid request for each operation of the contract.

use serde_json::{Value, json};

/// An operation of the contract, with a valid request.
pub struct Operation {
    pub method: &'static str,
    pub path: String,
    /// A valid body, for operations that have one.
    pub body: Option<Value>,
    /// A role that may call it.
    pub role: &'static str,
    /// A role that may not call it; empty if every role may.
    pub wrong_role: &'static str,
}

/// An id that nothing has.
pub const UNKNOWN_ID: &str = "00000000-0000-0000-0000-000000000000";

/// Ids of orders, each changed by an operation of its own.
pub struct Orders {
    /// Will be canceled.
    pub open: String,
    /// Will be fulfilled.
    pub ready: String,
    /// Will be shipped.
    pub packed: String,
    /// Will be refunded.
    pub sold: String,
}

/// One valid request per operation.
#[allow(clippy::too_many_lines, reason = "a row an operation")]
pub fn operations(orders: &Orders) -> Vec<Operation> {
    let order = json!({
        "location_id": "bad-input", "channel": "pos", "currency": "EUR",
        "lines": [{"sku": "milk", "quantity": 1, "unit_price": {"amount": 100, "currency": "EUR"}}],
        "total": {"amount": 100, "currency": "EUR"},
    });
    let refund = json!({"reason": "broken", "location_id": "bad-input",
                        "lines": [{"line": 1, "quantity": 1, "restock": true}]});
    let receipt = json!({"changes": [{"kind": "receipt", "location_id": "bad-input", "sku": "milk", "quantity": 1}]});
    let policy = json!({"reorder_point": 1, "target_level": 5});
    let product = json!({"sku": "milk", "name": "Milk", "unit_of_measure": "each", "gtin": "4006381333931",
                         "unit_weight_grams": 1040, "dimensions_mm": {"length": 70, "width": 70, "height": 200}});
    let location = json!({"location_id": "bad-input", "name": "Bad input", "kind": "warehouse",
                          "time_zone": "Europe/Berlin", "close_out_hour": 4,
                          "zones": [{"zone_id": "zone-a", "aisles": 1}]});
    let batch = json!({"products": [product], "locations": []});
    let completion = json!({"carrier": "Post", "tracking_number": "1Z999", "parcels": [{"weight_grams": 1200}],
                            "lines": [{"line": 1, "quantity": 1}]});
    let user = json!({"role": "controller", "location_ids": ["bad-input"], "controller_id": "controller-1"});
    let heartbeat = json!({"location_id": "bad-input", "zone_id": "zone-a", "free_capacity": 1});
    let report = json!({"lease_id": 1, "report_seq": 1, "state": "accepted", "occurred_at": "2026-03-01T12:00:00.000Z"});
    let operation = |method, path: &str, body, role, wrong_role| Operation {
        method,
        path: path
            .replace("OPEN", &orders.open)
            .replace("READY", &orders.ready)
            .replace("PACKED", &orders.packed)
            .replace("SOLD", &orders.sold)
            .replace("UNKNOWN", UNKNOWN_ID),
        body,
        role,
        wrong_role,
    };
    let (store, packer) = ("store_manager", "logistics");
    vec![
        operation("POST", "/v1/orders", Some(order), store, "analyst"),
        operation(
            "GET",
            "/v1/orders?location_id=bad-input&external_reference=T-1",
            None,
            store,
            "controller",
        ),
        operation("GET", "/v1/orders/OPEN", None, store, "controller"),
        operation(
            "POST",
            "/v1/orders/OPEN/cancel",
            Some(json!({"reason": "the customer left"})),
            store,
            "analyst",
        ),
        operation("GET", "/v1/orders/SOLD/refunds", None, store, "controller"),
        operation(
            "GET",
            "/v1/orders/READY/fulfilments",
            None,
            store,
            "controller",
        ),
        operation(
            "POST",
            "/v1/orders/SOLD/refunds",
            Some(refund),
            store,
            "analyst",
        ),
        operation(
            "POST",
            "/v1/orders/READY/fulfilments",
            Some(json!({"lines": [{"line": 1, "quantity": 1}]})),
            store,
            "analyst",
        ),
        operation(
            "GET",
            "/v1/shipments?location_id=bad-input",
            None,
            packer,
            "controller",
        ),
        operation(
            "GET",
            "/v1/orders/PACKED/weight",
            None,
            packer,
            "controller",
        ),
        operation(
            "POST",
            "/v1/orders/PACKED/completion",
            Some(completion),
            packer,
            "analyst",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/orders?business_date=2026-03-01",
            None,
            store,
            "controller",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/reports/sales?from=2026-03-01&to=2026-03-02&by=hour",
            None,
            store,
            "store_app",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/stock",
            None,
            store,
            "controller",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/stock/milk",
            None,
            store,
            "controller",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/stock/milk/movements",
            None,
            store,
            "controller",
        ),
        operation(
            "GET",
            "/v1/locations/bad-input/stock/milk/explain",
            None,
            store,
            "controller",
        ),
        operation("GET", "/v1/products/milk/stock", None, store, "controller"),
        operation("POST", "/v1/stock/changes", Some(receipt), store, "analyst"),
        operation(
            "PUT",
            "/v1/locations/bad-input/stock/milk/policy",
            Some(policy),
            store,
            "analyst",
        ),
        operation(
            "GET",
            "/v1/replenishment-orders?location_id=bad-input",
            None,
            store,
            "analyst",
        ),
        operation(
            "POST",
            "/v1/replenishment-orders/UNKNOWN/cancel",
            None,
            store,
            "analyst",
        ),
        operation(
            "PUT",
            "/v1/products/milk",
            Some(product.clone()),
            "admin",
            "store_app",
        ),
        operation("GET", "/v1/products/milk", None, store, ""),
        operation(
            "PUT",
            "/v1/locations/bad-input",
            Some(location),
            "admin",
            "store_app",
        ),
        operation("GET", "/v1/locations/bad-input", None, store, ""),
        operation(
            "POST",
            "/v1/catalog/batch",
            Some(batch),
            "admin",
            "store_app",
        ),
        operation("PUT", "/v1/users/bad-input", Some(user), "admin", "analyst"),
        operation("GET", "/v1/users/bad-input", None, "admin", "analyst"),
        operation("GET", "/v1/users", None, "admin", "analyst"),
        operation("DELETE", "/v1/users/bad-input", None, "admin", "analyst"),
        operation(
            "POST",
            "/v1/controllers/controller-1/heartbeat",
            Some(heartbeat),
            "controller",
            "store_app",
        ),
        operation(
            "POST",
            "/v1/tasks/UNKNOWN/reports",
            Some(report),
            "controller",
            "store_app",
        ),
        operation("GET", "/v1/tasks/UNKNOWN", None, "controller", "store_app"),
    ]
}
