//! A store manager's morning in a real browser: signs in, finds an item, counts it, sees a change that a till makes.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::path::PathBuf;

use serde_json::{Value, json};
use stockline_integration_tests::browser::Browser;
use stockline_integration_tests::{Deployed, eventually, sale};

/// Environment variable with a folder. The test stores a screenshot of each page there.
const SCREENSHOTS: &str = "STOCKLINE_SCREENSHOTS";

const STORE: &str = "browsed-store";
/// The groceries of the store: SKU, name, quantity, reorder point.
const GROCERIES: [(&str, &str, i64, i64); 12] = [
    ("apple-juice-1l", "Apple juice, 1 l", 46, 20),
    ("basmati-rice-1kg", "Basmati rice, 1 kg", 61, 24),
    ("butter-250g", "Butter, 250 g", 18, 20),
    ("coffee-beans-500g", "Coffee beans, 500 g", 33, 12),
    ("cheddar-200g", "Cheddar, 200 g", 9, 15),
    ("dark-chocolate-100g", "Dark chocolate, 100 g", 140, 60),
    ("eggs-10", "Eggs, 10 pieces", 27, 18),
    ("milk-1l", "Fresh milk, 1 l", 52, 40),
    ("olive-oil-500ml", "Olive oil, 500 ml", 21, 8),
    ("rye-bread-750g", "Rye bread, 750 g", 0, 10),
    ("spaghetti-500g", "Spaghetti, 500 g", 88, 30),
    ("tomatoes-400g", "Peeled tomatoes, 400 g", 74, 36),
];

async fn open_store(deployed: &Deployed) {
    let stock = GROCERIES.map(|(sku, _, quantity, _)| (sku, quantity));
    deployed.open_store(STORE, &stock).await;
    let admin = deployed.admin();
    let location = json!({"location_id": STORE, "name": "Berlin Mitte", "kind": "store", "time_zone": "Europe/Berlin",
        "close_out_hour": 4, "zones": []});
    let put = admin
        .put(&format!("/v1/locations/{STORE}"), &location)
        .await
        .unwrap();
    put.expect_status(&[200]).unwrap();
    for (sku, name, _, reorder_point) in GROCERIES {
        let product = json!({"sku": sku, "name": name, "unit_of_measure": "each", "brand": "Stockline Foods",
            "category": "Groceries"});
        let put = admin
            .put(&format!("/v1/products/{sku}"), &product)
            .await
            .unwrap();
        put.expect_status(&[200]).unwrap();
        let policy = json!({"reorder_point": reorder_point, "target_level": 3 * reorder_point, "order_multiple": 6});
        let path = format!("/v1/locations/{STORE}/stock/{sku}/policy");
        admin
            .put(&path, &policy)
            .await
            .unwrap()
            .expect_status(&[200])
            .unwrap();
    }
}

fn store_screenshot(browser: &mut Browser, name: &str) {
    if let Some(folder) = std::env::var_os(SCREENSHOTS) {
        browser.screenshot(&PathBuf::from(folder).join(format!("{name}.png")));
    }
}

/// Asserts that the page has no horizontal scroll bar.
fn assert_fits(browser: &mut Browser) {
    let excess = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
    assert_eq!(
        browser.evaluate(excess),
        0,
        "the page is wider than the window"
    );
}

fn sign_in(browser: &mut Browser, deployed: &Deployed) {
    browser.open(&deployed.cloud.dashboard_url);
    browser.wait_for("document.querySelector('#location_ids') !== null");
    browser.fill("#name", "Mira Lindt");
    browser.fill("#location_ids", STORE);
    browser.click("button.submit");
    browser.wait_for("document.querySelector('h1')?.textContent === 'Stock'");
}

async fn sell(deployed: &Deployed, sku: &str, key: &str) -> Value {
    let till = deployed.api("store_app", "browsed-till", &[STORE]);
    let sold = till
        .post("/v1/orders", &sale(STORE, sku), Some(key))
        .await
        .unwrap();
    sold.expect_status(&[201]).unwrap().body
}

#[tokio::test]
async fn manager_counts_an_item_and_sees_a_sale_without_reload() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let Some(mut browser) = Browser::start() else {
        return;
    };
    open_store(&deployed).await;
    browser.resize(1180, 760);

    // given a manager who signs in
    sign_in(&mut browser, &deployed);
    store_screenshot(&mut browser, "stock");

    // when the manager searches for milk and counts it, by keyboard
    browser.fill("#q", "milk");
    browser.press("Enter");
    browser.wait_for("document.querySelectorAll('tbody tr').length === 1");
    browser.click("tbody th a");
    browser.wait_for("document.querySelector('h1')?.textContent.startsWith('Fresh milk')");
    browser.fill("#count-quantity", "50");
    browser.press("Enter");
    browser.wait_for(
        "document.querySelector('.notice.good')?.textContent === 'The count is recorded.'",
    );
    browser.wait_for("document.querySelector('.main-figure dd').textContent === '50'");
    assert!(
        !browser
            .evaluate("location.search")
            .as_str()
            .unwrap()
            .contains("notice"),
        "a reload repeats no notice"
    );

    // then a sale at the till appears by itself
    let order = sell(&deployed, "milk-1l", "browsed-1").await;
    browser.wait_for("document.querySelector('.main-figure dd').textContent === '49'");
    browser.wait_for("document.querySelector('#movements ~ table')?.textContent.includes('Sale')");
    store_screenshot(&mut browser, "item");

    // and a form that the manager is filling in is left alone
    browser.fill("#adjustment-delta", "-3");
    sell(&deployed, "milk-1l", "browsed-2").await;
    browser.wait_for("document.querySelector('#update') !== null");
    assert_eq!(
        browser.evaluate("document.querySelector('#adjustment-delta').value"),
        "-3"
    );
    browser.press("Enter");
    browser.wait_for("document.querySelector('[role=alert]')?.textContent.includes('someone else changed this item first')");
    store_screenshot(&mut browser, "conflict");

    let base = &deployed.cloud.dashboard_url;
    browser.open(&format!(
        "{base}/stores/{STORE}/orders?date={}",
        order["business_date"].as_str().unwrap()
    ));
    store_screenshot(&mut browser, "orders");
    browser.click("tbody th a");
    browser.wait_for("document.querySelector('#lines') !== null");
    store_screenshot(&mut browser, "order");
    sell(&deployed, "cheddar-200g", "browsed-3").await;
    let manager = deployed.api("store_manager", "browsed-manager", &[STORE]);
    eventually("a replenishment order", || async {
        let path = format!("/v1/replenishment-orders?location_id={STORE}&state=open");
        let page = manager.get(&path).await.unwrap().body;
        (!page["replenishment_orders"].as_array()?.is_empty()).then_some(())
    })
    .await;
    browser.open(&format!("{base}/stores/{STORE}/replenishment"));
    browser.wait_for("document.querySelectorAll('tbody tr').length > 0");
    store_screenshot(&mut browser, "replenishment");

    // and every page fits a window of 320 pixels, which is 1280 pixels at 400 % zoom
    browser.resize(320, 640);
    for path in [
        "stock",
        "stock/milk-1l",
        "orders",
        "replenishment",
        "nothing",
    ] {
        browser.open(&format!("{base}/stores/{STORE}/{path}"));
        assert_fits(&mut browser);
    }
    browser.prefer(&[
        ("prefers-color-scheme", "dark"),
        ("prefers-reduced-motion", "reduce"),
    ]);
    browser.open(&format!("{base}/stores/{STORE}/stock"));
    store_screenshot(&mut browser, "narrow-dark");

    // without an error in the console, but for the page that does not exist and the conflict
    let errors = browser.console_errors().iter();
    let errors: Vec<_> = errors
        .filter(|error| !error.contains("status of 404") && !error.contains("status of 409"))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}
