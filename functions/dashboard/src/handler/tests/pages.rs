//! What the pages show, and to whom.

use jiff::SignedDuration;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::orders::OrderStore;
use stockline_testkit::orders::order;

use super::*;

#[tokio::test]
async fn sample_event_leads_to_the_sign_in() {
    let fixture = fixture();
    let event = include_str!("../../../../../events/dashboard.stock.json");
    let request = lambda_http::request::from_str(event).unwrap();
    let handler = |request| fixture.dashboard.handle(request);
    let on_problem = |problem: &Problem, id: &str| fixture.dashboard.failure(problem, id);

    let answer = answer_of(&answer_page(&request, &handler, &on_problem).await);

    assert_eq!(answer.status, 303);
    let expected =
        "https://pages.test/live/sign-in?return_to=%2Fstores%2Fstore-1%2Fstock%3Ffilter%3Dlow";
    assert_eq!(answer.header("location"), Some(expected));
}

#[tokio::test]
async fn person_with_one_store_sees_its_stock() {
    let fixture = fixture();
    let home = fixture.get(&fixture.manager(), "/").await;
    assert_eq!(
        (home.status, home.header("location")),
        (303, Some("/live/stores/store-1/stock"))
    );
    let two = fixture.session("kim", Role::Analyst, &["store-1", "store-2"]);
    let home = fixture.get(&fixture.cookie(&two), "/").await;
    assert_eq!(home.status, 200);
    assert!(home.shows("Store store-1") && home.shows("Store store-2"));
}

#[tokio::test]
async fn script_in_a_product_name_is_inert() {
    let fixture = fixture();
    for path in ["/stores/store-1/stock", "/stores/store-1/stock/milk"] {
        let page = fixture.get(&fixture.manager(), path).await;
        assert_eq!(page.status, 200);
        assert!(page.shows("Fresh &lt;script&gt;alert(1)&lt;/script&gt; milk"));
        assert!(!page.shows("<script>alert"));
        assert!(page.body.len() < 100 * 1024);
    }
    let searched = "/stores/store-1/stock?q=%22%3E%3Cscript%3Ealert(2)%3C/script%3E";
    assert!(
        !fixture
            .get(&fixture.manager(), searched)
            .await
            .shows("<script>alert")
    );
}

#[tokio::test]
async fn every_response_forbids_foreign_content() {
    let fixture = fixture();
    let cookie = fixture.manager();
    for path in [
        "/stores/store-1/stock",
        "/stores/nowhere/stock",
        "/nothing",
        "/signed-out",
        "/sign-in",
    ] {
        let answer = fixture.get(&cookie, path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self';"),
            "{path}"
        );
        assert!(policy.contains("form-action 'self' https://identity.test;"));
        assert!(policy.contains("frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.header("x-request-id").is_some());
        // Styles and handlers in attributes would be blocked.
        assert!(
            !answer.shows(" style=") && !answer.shows(" onclick="),
            "{path}"
        );
    }
}

#[tokio::test]
async fn foreign_and_unknown_store_are_the_same_page() {
    let fixture = fixture();
    let cookie = fixture.manager();
    for rest in ["stock", "stock/wine", "orders", "replenishment"] {
        let foreign = fixture
            .get(&cookie, &format!("/stores/store-2/{rest}"))
            .await;
        let unknown = fixture
            .get(&cookie, &format!("/stores/store-9/{rest}"))
            .await;
        assert_eq!((foreign.status, unknown.status), (404, 404), "{rest}");
        assert_eq!(foreign.body, unknown.body, "{rest}");
    }
    let unknown_item = fixture.get(&cookie, "/stores/store-1/stock/nothing").await;
    assert_eq!(unknown_item.status, 404);
}

#[tokio::test]
async fn stock_is_filtered_and_searched() {
    let fixture = fixture();
    let cookie = fixture.manager();
    for (query, has_milk, has_bread) in [
        ("", true, true),
        ("?filter=low", true, true),
        ("?filter=out", false, true),
        ("?filter=short", false, false),
        ("?q=RYE", false, true),
        ("?q=milk", true, false),
        ("?q=milk&filter=out", false, false),
        ("?filter=unknown", true, true),
    ] {
        let page = fixture
            .get(&cookie, &format!("/stores/store-1/stock{query}"))
            .await;
        assert_eq!(page.status, 200);
        let found = (page.shows("/stock/milk\""), page.shows("/stock/bread\""));
        assert_eq!(found, (has_milk, has_bread), "{query}");
    }
    let long = format!("/stores/store-1/stock?q={}", "x".repeat(101));
    assert_eq!(fixture.get(&cookie, &long).await.status, 400);
}

#[tokio::test]
async fn long_list_is_paged_by_a_signed_cursor() {
    let fixture = fixture();
    let stock: Vec<String> = (0..120).map(|number| format!("sku-{number:03}")).collect();
    let stock: Vec<(&str, i64)> = stock.iter().map(|sku| (sku.as_str(), 1)).collect();
    let many = MemoryShop::stocked("store-1", &stock);
    fixture.shop.lock().levels.append(&mut many.lock().levels);
    let cookie = fixture.manager();
    let mut path = "/stores/store-1/stock".to_owned();
    let mut seen = 0;
    for _ in 0..3 {
        let page = fixture.get(&cookie, &path).await;
        seen += page.body.matches("role=\"rowheader\"").count();
        assert!(page.body.len() < 100 * 1024, "{}", page.body.len());
        let Some(next) = page
            .body
            .split("rel=\"next\"")
            .next()
            .filter(|_| page.shows("rel=\"next\""))
        else {
            break;
        };
        let next = next.rsplit("href=\"").next().unwrap();
        path = next
            .split('"')
            .next()
            .unwrap()
            .replace("&amp;", "&")
            .replace("/live", "");
    }
    assert_eq!(seen, 122);
}

#[tokio::test]
async fn unchanged_page_is_not_sent_again() {
    let fixture = fixture();
    let cookie = fixture.manager();
    for path in [
        "/stores/store-1/stock",
        "/stores/store-1/stock/milk",
        "/stores/store-1/orders",
    ] {
        let tag = fixture
            .get(&cookie, path)
            .await
            .header("etag")
            .unwrap()
            .to_owned();
        fixture.clock.advance(SignedDuration::from_secs(5));
        let again = visit("GET", path)
            .header("cookie", &cookie)
            .header("if-none-match", &tag);
        let again = fixture.send(again).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
    }
    let path = "/stores/store-1/stock/milk";
    let tag = fixture
        .get(&cookie, path)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    fixture.shop.lock().levels.get_mut(&milk()).unwrap().on_hand = 9;
    let changed = visit("GET", path)
        .header("cookie", &cookie)
        .header("if-none-match", &tag);
    assert_eq!(fixture.send(changed).await.status, 200);
}

#[tokio::test]
async fn forms_are_shown_to_roles_that_may_send_them() {
    let fixture = fixture();
    for (role, forms, policy) in [
        (Role::StoreManager, true, true),
        (Role::StoreApp, true, false),
        (Role::Analyst, false, false),
    ] {
        let session = fixture.session("kim", role, &["store-1"]);
        let page = fixture
            .get(&fixture.cookie(&session), "/stores/store-1/stock/milk")
            .await;
        assert_eq!(page.status, 200);
        let shown = (page.shows("/milk/count\""), page.shows("/milk/policy\""));
        assert_eq!(shown, (forms, policy), "{role:?}");
        let replenishment = fixture
            .get(&fixture.cookie(&session), "/stores/store-1/replenishment")
            .await;
        assert_eq!(
            replenishment.status,
            if role == Role::StoreManager { 200 } else { 403 }
        );
    }
}

#[tokio::test]
async fn orders_of_a_day_lead_to_their_pages() {
    let fixture = fixture();
    let cookie = fixture.manager();
    let sold = order("k-1", "store-1", "pos", &[("milk", 2)]);
    let request = Fingerprint::of(&"k-1").unwrap();
    let deadline = Deadline::within(std::time::Duration::from_secs(5));
    fixture.shop.place(&sold, &request, deadline).await.unwrap();

    let today = fixture.get(&cookie, "/stores/store-1/orders").await;
    let id = sold.order_id.to_string();
    assert!(today.shows(&format!("/live/orders/{id}")), "{}", today.body);
    assert!(
        fixture
            .get(&cookie, "/stores/store-1/orders?date=2026-02-28")
            .await
            .shows("No orders")
    );
    assert_eq!(
        fixture
            .get(&cookie, "/stores/store-1/orders?date=yesterday")
            .await
            .status,
        400
    );
    let page = fixture.get(&cookie, &format!("/orders/{id}")).await;
    assert!(page.status == 200 && page.shows("2.00 EUR") && page.shows("Fulfilled"));

    let other = fixture.session("kim", Role::StoreManager, &["store-2"]);
    let hidden = fixture
        .get(&fixture.cookie(&other), &format!("/orders/{id}"))
        .await;
    assert_eq!(hidden.status, 404);
    assert_eq!(fixture.get(&cookie, "/orders/not-an-id").await.status, 404);
}

#[tokio::test]
async fn store_failure_is_a_page_with_the_request_id() {
    let fixture = fixture();
    fixture.catalog.lock().busy = true;
    let page = fixture
        .get(&fixture.manager(), "/stores/store-1/stock")
        .await;
    assert_eq!(page.status, 503);
    assert_eq!(page.header("retry-after"), Some("2"));
    assert!(page.shows("request-1"));
}

#[tokio::test]
async fn assets_are_kept_by_their_digest() {
    let fixture = fixture();
    let page = fixture.get("", "/signed-out").await;
    let name = page.body.split("/live/assets/").nth(1).unwrap();
    let name = name.split('"').next().unwrap();
    let asset = fixture.get("", &format!("/assets/{name}")).await;
    assert_eq!(asset.status, 200);
    assert_eq!(
        asset.header("cache-control"),
        Some("public, max-age=31536000, immutable")
    );
    assert_eq!(
        asset.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let older = fixture.get("", "/assets/0123456789abcdef.js").await;
    assert_eq!(
        (older.status, older.header("cache-control")),
        (200, Some("no-store"))
    );
    assert_eq!(fixture.get("", "/assets/other.txt").await.status, 404);
}
