use serde_json::{Value, json};
use stockline_application::deadline::Deadline;
use stockline_application::ports::stock::StockStore;
use stockline_application::replenishment::{ReplenishOutcome, replenish};
use stockline_domain::replenishment::ReplenishmentOrder;
use stockline_platform::edge::answer;
use stockline_testkit::calls::{CallBuilder, call};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::minute;
use stockline_testkit::conformance::replenishment::{alert, stock_milk};
use stockline_testkit::conformance::stock::{apply, change, key};
use stockline_testkit::memory::shop::MemoryShop;

use super::*;

const LIST: &str = "/v1/replenishment-orders";
const CANCEL: &str = "/v1/replenishment-orders/{replenishment_order_id}/cancel";

struct Fixture {
    shop: MemoryShop,
    api: ReplenishmentApi<MemoryShop, FakeClock>,
    order: ReplenishmentOrder,
}

/// An order of 36 milk for `store-1`, which has 4.
async fn fixture() -> Fixture {
    let shop = MemoryShop::default();
    let order = order_milk(&shop, "store-1").await;
    let clock = FakeClock::at("2026-03-01T12:05:00Z");
    Fixture {
        api: ReplenishmentApi::new(shop.clone(), clock, CursorKey::new("secret")),
        shop,
        order,
    }
}

async fn order_milk(shop: &MemoryShop, location: &str) -> ReplenishmentOrder {
    stock_milk(shop, location, 4).await;
    let deadline = Deadline::within(std::time::Duration::from_secs(1));
    let placed = replenish(shop, &alert(location, 2), minute(0), deadline).await;
    let Ok(ReplenishOutcome::Placed(order)) = placed else {
        panic!("no order is placed: {placed:?}")
    };
    *order
}

fn list(location: &str) -> CallBuilder {
    call("GET", LIST)
        .query("location_id", location)
        .by("ana", "store_manager", "store-1")
}

impl Fixture {
    fn cancel(&self) -> CallBuilder {
        let id = self.order.replenishment_order_id.to_string();
        call("POST", CANCEL).path("replenishment_order_id", &id).by(
            "ana",
            "store_manager",
            "store-1",
        )
    }

    async fn ok(&self, call: CallBuilder) -> Value {
        self.api.handle(call.build()).await.unwrap().body().clone()
    }

    async fn refused(&self, call: CallBuilder) -> (u16, String) {
        let problem = self.api.handle(call.build()).await.unwrap_err();
        (problem.status(), problem.type_name().to_owned())
    }

    async fn receive(&self, index: usize, quantity: i64) {
        let body = json!({"kind": "receipt", "location_id": "store-1", "sku": "milk",
            "quantity": quantity, "replenishment_order_id": self.order.replenishment_order_id});
        apply(&self.shop, "receipt", index, &change(body)).await;
    }

    async fn incoming(&self) -> i64 {
        let found = self.shop.find(&key("store-1", "milk")).await;
        found.unwrap().unwrap().incoming
    }
}

fn problem(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

#[tokio::test]
async fn list_shows_orders_with_their_reasons() {
    let fixture = fixture().await;
    fixture.receive(0, 10).await;
    let body = fixture.ok(list("store-1")).await;
    assert_eq!(
        body,
        json!({"replenishment_orders": [{
            "replenishment_order_id": fixture.order.replenishment_order_id,
            "location_id": "store-1", "sku": "milk", "cycle": 1, "state": "partly_received",
            "quantity": 36, "received_quantity": 10, "expected_quantity": 26,
            "reasons": {"available": 4, "incoming": 0, "reorder_point": 10, "target_level": 40,
                "order_multiple": 6, "rounded_from": 36},
            "placed_at": "2026-03-01T12:00:00.000Z",
        }]})
    );
    let open = fixture.ok(list("store-1").query("state", "open")).await;
    assert_eq!(open, json!({"replenishment_orders": []}));
}

#[tokio::test]
async fn list_pages_are_bound_to_their_filter() {
    let fixture = fixture().await;
    fixture.ok(fixture.cancel()).await;
    let level = fixture.shop.find(&key("store-1", "milk")).await.unwrap();
    let next = alert("store-1", level.unwrap().version);
    let deadline = Deadline::within(std::time::Duration::from_secs(1));
    replenish(&fixture.shop, &next, minute(1), deadline)
        .await
        .unwrap();
    let first = fixture.ok(list("store-1").query("limit", "1")).await;
    assert_eq!(first["replenishment_orders"][0]["cycle"], 2);
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = list("store-1").query("cursor", cursor);
    let second = fixture.ok(second).await;
    assert_eq!(second["replenishment_orders"][0]["cycle"], 1);
    assert_eq!(second.get("next_cursor"), None);
    let other = list("store-1")
        .query("state", "open")
        .query("cursor", cursor);
    assert_eq!(
        fixture.refused(other).await,
        problem(400, "invalid-request")
    );
}

#[tokio::test]
async fn list_rejects_bad_parameters() {
    let fixture = fixture().await;
    let without = call("GET", LIST).by("ana", "store_manager", "store-1");
    for call in [
        without,
        list("store 1"),
        list("store-1").query("state", "closed"),
        list("store-1").query("limit", "101"),
    ] {
        assert_eq!(fixture.refused(call).await, problem(400, "invalid-request"));
    }
}

#[tokio::test]
async fn cancel_releases_what_is_incoming_once() {
    let fixture = fixture().await;
    fixture.receive(0, 10).await;
    assert_eq!(fixture.incoming().await, 26);
    let first = fixture.ok(fixture.cancel()).await;
    assert_eq!(first["state"], "canceled");
    assert_eq!(first["canceled_by"], "ana");
    assert_eq!(first["closed_at"], "2026-03-01T12:05:00.000Z");
    assert_eq!(
        (&first["received_quantity"], &first["expected_quantity"]),
        (&json!(10), &json!(0))
    );
    assert_eq!(fixture.incoming().await, 0);
    let again = fixture.cancel().by("ben", "admin", "*");
    assert_eq!(fixture.ok(again).await, first);
    assert_eq!(fixture.incoming().await, 0);
}

#[tokio::test]
async fn received_order_cannot_be_canceled() {
    let fixture = fixture().await;
    fixture.receive(0, 36).await;
    let refused = fixture.refused(fixture.cancel()).await;
    assert_eq!(refused, problem(409, "replenishment-order-received"));
}

#[tokio::test]
async fn only_managers_of_the_store_and_admins_are_allowed() {
    let fixture = fixture().await;
    order_milk(&fixture.shop, "store-2").await;
    for role in ["store_app", "analyst", "logistics", "controller"] {
        for call in [list("store-1"), fixture.cancel()] {
            let refused = fixture.refused(call.by("eve", role, "store-1")).await;
            assert_eq!(refused, problem(403, "forbidden"));
        }
    }
    let not_found = problem(404, "not-found");
    assert_eq!(fixture.refused(list("store-2")).await, not_found);
    let foreign = fixture.cancel().by("eve", "store_manager", "store-2");
    assert_eq!(fixture.refused(foreign).await, not_found);
    let unknown = call("POST", CANCEL)
        .path(
            "replenishment_order_id",
            "00000000-0000-0000-0000-000000000000",
        )
        .by("root", "admin", "*");
    assert_eq!(fixture.refused(unknown).await, not_found);
    let admin = fixture.ok(list("store-2").by("root", "admin", "*")).await;
    assert_eq!(admin["replenishment_orders"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn sample_events_are_answered() {
    let fixture = fixture().await;
    for (text, status) in [
        (
            include_str!("../../../../events/replenishment-api.list.json"),
            200,
        ),
        (
            include_str!("../../../../events/replenishment-api.cancel.json"),
            200,
        ),
    ] {
        let request = lambda_http::request::from_str(text).unwrap();
        let response = answer(&request, &|call| fixture.api.handle(call)).await;
        assert_eq!(response.status(), status);
    }
    assert_eq!(fixture.incoming().await, 0);
}
