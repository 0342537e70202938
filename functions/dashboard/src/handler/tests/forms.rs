//! Forms: who may send them, what they change, and that they change it once.

use jiff::SignedDuration;
use stockline_application::deadline::Deadline;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_domain::replenishment::{OrderTrigger, ReplenishmentCycle, ReplenishmentOrder};

use super::*;

const MILK: &str = "/stores/store-1/stock/milk";

/// The fields of a form of the page of milk, as it is rendered now, and `entered`.
async fn form(fixture: &Fixture, kind: &str, entered: &str) -> String {
    let page = fixture.get(&fixture.manager(), MILK).await;
    let action = format!("/milk/{kind}\"");
    let token = page.field(&action, "form_token");
    let hidden = if kind == "policy" {
        let seen = page.field(&action, "seen_policy");
        format!("buckets=1&seen_policy={seen}")
    } else {
        let (key, version) = (
            page.field(&action, "key"),
            page.field(&action, "expected_version"),
        );
        format!("key={key}&expected_version={version}")
    };
    format!("form_token={token}&{hidden}&{entered}")
}

#[tokio::test]
async fn count_sent_twice_is_recorded_once() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let form = form(&fixture, "count", "quantity=7").await;
    for _ in 0..2 {
        let sent = fixture.post(&cookie, &format!("{MILK}/count"), &form).await;
        assert_eq!(sent.status, 303, "{}", sent.body);
        assert_eq!(
            sent.header("location"),
            Some("/live/stores/store-1/stock/milk?notice=count")
        );
        fixture.clock.advance(SignedDuration::from_secs(1));
    }
    assert_eq!(fixture.on_hand(), 7);
    assert_eq!(fixture.shop.lock().levels[&milk()].version, 2);
    let page = fixture.get(&cookie, &format!("{MILK}?notice=count")).await;
    assert!(page.shows("The count is recorded."));
}

#[tokio::test]
async fn count_after_another_change_is_a_conflict() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let form = form(&fixture, "count", "quantity=7").await;
    let mut level = fixture.shop.lock().levels[&milk()].clone();
    (level.on_hand, level.version) = (9, 2);
    fixture.shop.lock().levels.insert(milk(), level);

    let conflict = fixture.post(&cookie, &format!("{MILK}/count"), &form).await;

    assert_eq!(conflict.status, 409);
    assert!(conflict.shows("someone else changed this item first"));
    assert!(
        conflict.shows("name=\"quantity\" value=\"7\""),
        "what was entered is kept"
    );
    assert!(
        !conflict.shows("data-live"),
        "the page waits for the person"
    );
    assert_eq!(fixture.on_hand(), 9);
    // Sent again from the new page, it is recorded.
    let action = "/milk/count\"";
    let again = format!(
        "form_token={}&key={}&expected_version={}&quantity=7",
        conflict.field(action, "form_token"),
        conflict.field(action, "key"),
        conflict.field(action, "expected_version"),
    );
    assert_eq!(
        fixture
            .post(&cookie, &format!("{MILK}/count"), &again)
            .await
            .status,
        303
    );
    assert_eq!(fixture.on_hand(), 7);
}

#[tokio::test]
async fn invalid_fields_are_marked() {
    let fixture = fixture();
    let cookie = fixture.manager();
    for (kind, entered, message) in [
        ("count", "quantity=", "must be a whole number"),
        ("count", "quantity=1.5", "must be a whole number"),
        ("count", "quantity=-1", "must be 0 to 1000000, got -1"),
        ("adjustment", "delta=0&reason=theft", "must not be 0"),
        (
            "policy",
            "reorder_point=9&target_level=8&order_multiple=0&safety_stock=0&lead_time_days=1&mode=min_max",
            "must be 9 to 1000000, got 8",
        ),
    ] {
        let form = form(&fixture, kind, entered).await;
        let page = fixture
            .post(&cookie, &format!("{MILK}/{kind}"), &form)
            .await;
        assert_eq!(page.status, 400, "{entered}");
        assert!(page.shows(message), "{entered}: {}", page.body);
        assert!(page.shows("aria-invalid=\"true\""));
    }
    assert_eq!(fixture.on_hand(), 10);
}

#[tokio::test]
async fn adjustment_that_the_level_refuses_says_why() {
    let fixture = fixture();
    let form = form(&fixture, "adjustment", "delta=-11&reason=theft").await;
    let page = fixture
        .post(&fixture.manager(), &format!("{MILK}/adjustment"), &form)
        .await;
    assert_eq!(page.status, 409);
    assert!(
        page.shows("Nothing was changed: only 10 on hand."),
        "{}",
        page.body
    );
    assert_eq!(fixture.on_hand(), 10);
}

#[tokio::test]
async fn policy_is_set_unless_another_came_first() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let entered = "reorder_point=20&target_level=60&order_multiple=6&safety_stock=4&lead_time_days=3&mode=manual";
    let stale = form(&fixture, "policy", "reorder_point=1&target_level=2&order_multiple=1&safety_stock=0&lead_time_days=0&mode=manual").await;
    let fresh = form(&fixture, "policy", entered).await;
    for _ in 0..2 {
        let set = fixture
            .post(&cookie, &format!("{MILK}/policy"), &fresh)
            .await;
        assert_eq!(set.status, 303, "{}", set.body);
    }
    let conflict = fixture
        .post(&cookie, &format!("{MILK}/policy"), &stale)
        .await;
    assert_eq!(conflict.status, 409);
    let policy = fixture.shop.lock().levels[&milk()].policy.clone().unwrap();
    assert_eq!((policy.reorder_point, policy.order_multiple), (20, 6));
}

#[tokio::test]
async fn form_of_another_site_or_session_changes_nothing() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let good = form(&fixture, "count", "quantity=7").await;
    let other = fixture.session("mallory", Role::StoreManager, &["store-1"]);
    let stolen = fixture.dashboard.cookies.form_token(&other);
    let path = format!("{MILK}/count");
    let send = |form: &str, header: (&str, &str)| {
        visit("POST", &path)
            .header("cookie", &cookie)
            .header("content-type", "application/x-www-form-urlencoded")
            .header(header.0, header.1)
            .text(form)
    };
    let without_token = good.split_once('&').unwrap().1.to_owned();
    let own_origin = ("origin", "https://pages.test");
    for refused in [
        send(&without_token, own_origin),
        send(&format!("form_token={stolen}&{without_token}"), own_origin),
        send(&good, ("origin", "https://evil.test")),
        send(&good, ("origin", "null")),
        send(&good, ("sec-fetch-site", "cross-site")),
        send(&good, ("sec-fetch-site", "same-site")),
    ] {
        assert_eq!(fixture.send(refused).await.status, 403);
    }
    assert_eq!(fixture.on_hand(), 10);
    assert_eq!(
        fixture
            .send(send(&good, ("sec-fetch-site", "same-origin")))
            .await
            .status,
        303
    );
}

#[tokio::test]
async fn role_and_store_are_checked_for_every_form() {
    let fixture = fixture();
    for (role, stores, path, status) in [
        (
            Role::Analyst,
            ["store-1"],
            "/stores/store-1/stock/milk/count",
            403,
        ),
        (
            Role::StoreApp,
            ["store-1"],
            "/stores/store-1/stock/milk/policy",
            403,
        ),
        (
            Role::StoreManager,
            ["store-2"],
            "/stores/store-1/stock/milk/count",
            404,
        ),
        (
            Role::StoreManager,
            ["store-2"],
            "/stores/store-1/stock/milk/policy",
            404,
        ),
        (
            Role::StoreApp,
            ["store-1"],
            "/stores/store-1/replenishment/x/cancel",
            403,
        ),
    ] {
        let session = fixture.session("kim", role, &stores);
        let token = fixture.dashboard.cookies.form_token(&session);
        let form = format!("form_token={token}&key=k&expected_version=1&quantity=0");
        let refused = fixture.post(&fixture.cookie(&session), path, &form).await;
        assert_eq!(refused.status, status, "{role:?} {path}");
    }
    assert_eq!(fixture.on_hand(), 10);
}

#[tokio::test]
async fn replenishment_order_is_canceled_once() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let level = fixture.shop.lock().levels[&milk()].clone();
    let now = fixture.clock.now();
    let order = ReplenishmentOrder::place(
        &level,
        &ReplenishmentCycle::default(),
        OrderTrigger::Alert(level.version),
        now,
    )
    .unwrap();
    let deadline = Deadline::within(std::time::Duration::from_secs(5));
    ReplenishmentStore::place(&fixture.shop, &order, deadline)
        .await
        .unwrap();
    let page = fixture.get(&cookie, "/stores/store-1/replenishment").await;
    assert!(
        page.shows("10 available + 0 incoming ≤ reorder point 12; up to 40 takes 30"),
        "{}",
        page.body
    );

    let path = format!(
        "/stores/store-1/replenishment/{}/cancel",
        order.replenishment_order_id
    );
    let token = page.field("/cancel\"", "form_token");
    for _ in 0..2 {
        let canceled = fixture
            .post(&cookie, &path, &format!("form_token={token}"))
            .await;
        assert_eq!(canceled.status, 303);
    }
    assert_eq!(fixture.shop.lock().levels[&milk()].incoming, 0);
    assert!(
        fixture
            .get(&cookie, "/stores/store-1/replenishment")
            .await
            .shows("No orders.")
    );
    let canceled = fixture
        .get(&cookie, "/stores/store-1/replenishment?state=canceled")
        .await;
    assert!(canceled.shows("/stock/milk\""));
    let unknown = "/stores/store-1/replenishment/00000000-0000-0000-0000-000000000000/cancel";
    assert_eq!(
        fixture
            .post(&cookie, unknown, &format!("form_token={token}"))
            .await
            .status,
        404
    );
}

#[tokio::test]
async fn address_of_a_form_leads_to_its_page() {
    let fixture = fixture();
    let page = fixture
        .get(&fixture.manager(), &format!("{MILK}/count"))
        .await;
    assert_eq!(
        (page.status, page.header("location")),
        (303, Some("/live/stores/store-1/stock/milk"))
    );
    let form = fixture.post(&fixture.manager(), MILK, "").await;
    assert_eq!(form.status, 404, "pages take no forms");
}
