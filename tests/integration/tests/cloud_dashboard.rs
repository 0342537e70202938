//! The dashboard as it is deployed, with the local identity provider: signing in, reading, forms, and who may not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use serde_json::json;
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::visitor::{Visited, Visitor};

const SESSION: &str = "stockline_session";

async fn manager(deployed: &Deployed, store: &str) -> Visitor {
    let mut visitor = Visitor::new(&deployed.cloud.dashboard_url).unwrap();
    let signed_in = visitor
        .sign_in(&format!("Manager of {store}"), "store_manager", store)
        .await
        .unwrap();
    assert_eq!(signed_in.status, 303, "{}", signed_in.html);
    visitor
}

/// The hidden fields of a form of an item's page, and one that is entered.
fn filled(page: &Visited, form: &str, entered: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut fields = page.hidden(&format!("/{form}\"")).unwrap();
    let entered = entered
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    fields.extend(entered);
    fields
}

#[tokio::test]
async fn manager_signs_in_finds_an_item_and_counts_it() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed
        .open_store("counted-store", &[("cheese", 8), ("wine", 3)])
        .await;
    let mut visitor = manager(&deployed, "counted-store").await;

    // given the list, searched
    let home = visitor.get("/").await.unwrap();
    assert!(
        home.location
            .unwrap()
            .ends_with("/stores/counted-store/stock")
    );
    let found = visitor
        .get("/stores/counted-store/stock?q=CHEE")
        .await
        .unwrap();
    assert_eq!(found.status, 200, "{}", found.html);
    assert!(found.shows("/stores/counted-store/stock/cheese\"") && !found.shows("stock/wine\""));
    let tag = found.tag.clone().unwrap();
    let unchanged = visitor
        .get_changed("/stores/counted-store/stock?q=CHEE", &tag)
        .await
        .unwrap();
    assert_eq!((unchanged.status, unchanged.html.as_str()), (304, ""));

    // when it is counted by a form that is sent twice
    let item = "/stores/counted-store/stock/cheese";
    let page = visitor.get(item).await.unwrap();
    let count = filled(&page, "count", &[("quantity", "6")]);
    for _ in 0..2 {
        let counted = visitor
            .post(&format!("{item}/count"), &count)
            .await
            .unwrap();
        assert_eq!(counted.status, 303, "{}", counted.html);
    }

    // then it is counted once, and the list has changed
    let api = deployed.api("store_manager", "counted-store-manager", &["counted-store"]);
    let level = api
        .get("/v1/locations/counted-store/stock/cheese")
        .await
        .unwrap()
        .body;
    assert_eq!(level["on_hand"], 6, "{level}");
    let changed = visitor
        .get_changed("/stores/counted-store/stock?q=CHEE", &tag)
        .await
        .unwrap();
    assert_eq!(changed.status, 200);
    eventually("the movement on the page", || {
        let mut visitor = visitor.clone();
        async move {
            let page = visitor.get(item).await.unwrap();
            page.shows(">Count</td>").then_some(())
        }
    })
    .await;
}

#[tokio::test]
async fn count_from_an_old_page_is_a_conflict() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed
        .open_store("conflict-store", &[("cheese", 8)])
        .await;
    let mut visitor = manager(&deployed, "conflict-store").await;
    let item = "/stores/conflict-store/stock/cheese";
    let page = visitor.get(item).await.unwrap();

    let till = deployed.api("store_app", "conflict-store-app", &["conflict-store"]);
    let sold = till
        .post(
            "/v1/orders",
            &sale("conflict-store", "cheese"),
            Some("conflict-1"),
        )
        .await
        .unwrap();
    sold.expect_status(&[201]).unwrap();
    let count = filled(&page, "count", &[("quantity", "8")]);
    let conflict = visitor
        .post(&format!("{item}/count"), &count)
        .await
        .unwrap();

    assert_eq!(conflict.status, 409, "{}", conflict.html);
    assert!(conflict.shows("someone else changed this item first"));
    assert!(conflict.shows("value=\"8\""), "what was entered is kept");
    let level = till
        .get("/v1/locations/conflict-store/stock/cheese")
        .await
        .unwrap()
        .body;
    assert_eq!(level["on_hand"], 7);
}

#[tokio::test]
async fn foreign_stores_and_broken_cookies_show_nothing() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed.open_store("own-store", &[("cheese", 8)]).await;
    deployed.open_store("foreign-store", &[("cheese", 8)]).await;
    let mut visitor = manager(&deployed, "own-store").await;

    let foreign = visitor.get("/stores/foreign-store/stock").await.unwrap();
    let unknown = visitor.get("/stores/unknown-store/stock").await.unwrap();
    assert_eq!((foreign.status, unknown.status), (404, 404));
    let page = visitor.get("/stores/own-store/stock/cheese").await.unwrap();
    let count = filled(&page, "count", &[("quantity", "1")]);
    let item = "/stores/foreign-store/stock/cheese/count";
    assert_eq!(visitor.post(item, &count).await.unwrap().status, 404);

    // A form without the token of the session, and one of another session.
    let own = "/stores/own-store/stock/cheese/count";
    let without: Vec<_> = count
        .iter()
        .filter(|(name, _)| name != "form_token")
        .cloned()
        .collect();
    assert_eq!(visitor.post(own, &without).await.unwrap().status, 403);
    let mut other = manager(&deployed, "own-store").await;
    assert_eq!(other.post(own, &count).await.unwrap().status, 403);

    // A changed cookie is no session.
    let cookie = visitor.cookie(SESSION).unwrap().to_owned();
    let (head, tail) = cookie.split_at(20);
    let flipped = if tail.starts_with('A') { "B" } else { "A" };
    visitor.set_cookie(SESSION, &format!("{head}{flipped}{}", &tail[1..]));
    let refused = visitor.get("/stores/own-store/stock").await.unwrap();
    assert_eq!(refused.status, 303);
    assert!(refused.location.unwrap().contains("/sign-in?return_to="));
}

#[tokio::test]
async fn analyst_reads_and_sees_no_forms() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed.open_store("read-store", &[("cheese", 8)]).await;
    let mut visitor = Visitor::new(&deployed.cloud.dashboard_url).unwrap();
    visitor
        .sign_in("Analyst", "analyst", "read-store")
        .await
        .unwrap();
    let page = visitor
        .get("/stores/read-store/stock/cheese")
        .await
        .unwrap();
    assert!(
        page.status == 200 && !page.shows("/count\""),
        "{}",
        page.html
    );
    assert_eq!(
        visitor
            .get("/stores/read-store/orders")
            .await
            .unwrap()
            .status,
        200
    );
    assert_eq!(
        visitor
            .get("/stores/read-store/replenishment")
            .await
            .unwrap()
            .status,
        403
    );
}

#[tokio::test]
async fn order_and_replenishment_are_shown_and_canceled() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let store = "refilled-store";
    deployed.open_store(store, &[("cheese", 6)]).await;
    let mut visitor = manager(&deployed, store).await;
    let item = "/stores/refilled-store/stock/cheese";
    let page = visitor.get(item).await.unwrap();
    let policy = filled(
        &page,
        "policy",
        &[
            ("reorder_point", "5"),
            ("target_level", "20"),
            ("order_multiple", "4"),
            ("safety_stock", "0"),
            ("lead_time_days", "1"),
            ("mode", "min_max"),
        ],
    );
    let set = visitor
        .post(&format!("{item}/policy"), &policy)
        .await
        .unwrap();
    assert_eq!(set.status, 303, "{}", set.html);

    let till = deployed.api("store_app", "refilled-store-app", &[store]);
    let sold = till
        .post("/v1/orders", &sale(store, "cheese"), Some("refilled-1"))
        .await
        .unwrap();
    let order = sold.expect_status(&[201]).unwrap().body;
    let id = order["order_id"].as_str().unwrap();
    let date = order["business_date"].as_str().unwrap();
    let listed = visitor
        .get(&format!("/stores/{store}/orders?date={date}"))
        .await
        .unwrap();
    assert!(listed.shows(&format!("/orders/{id}\"")), "{}", listed.html);
    let page = visitor.get(&format!("/orders/{id}")).await.unwrap();
    assert!(page.status == 200 && page.shows("Fulfilled"));

    let orders = eventually("the replenishment order", || {
        let mut visitor = visitor.clone();
        async move {
            let page = visitor
                .get("/stores/refilled-store/replenishment")
                .await
                .unwrap();
            page.shows("up to 20 takes 15, in multiples of 4: 16")
                .then_some(page)
        }
    })
    .await;
    let action = orders
        .html
        .split("action=\"")
        .find(|action| action.contains("/cancel\""))
        .unwrap();
    let action = action.split('"').next().unwrap().to_owned();
    let canceled = visitor
        .post(&action, &orders.hidden(&action).unwrap())
        .await
        .unwrap();
    assert_eq!(canceled.status, 303, "{}", canceled.html);
    let level = till
        .get(&format!("/v1/locations/{store}/stock/cheese"))
        .await
        .unwrap()
        .body;
    assert_eq!(level["incoming"], json!(0));
}
