//! A level that is split and merged while many buyers order from it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use futures::StreamExt;
use futures::stream::iter;
use serde_json::{Value, json};
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::api::ApiClient;

const STOCK: i64 = 60;
const BUYERS: usize = 90;

const LEVEL: &str = "/v1/locations/hot-store/stock/console";

#[tokio::test]
async fn level_split_while_selling_sells_exactly_its_stock() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    deployed
        .open_store("hot-store", &[("console", STOCK)])
        .await;
    let store_app = deployed.api("store_app", "hot-store-app", &["hot-store"]);
    let manager = deployed.api("store_manager", "hot-manager", &["hot-store"]);

    let buy = |buyer: usize| {
        let store_app = store_app.clone();
        async move {
            let body = sale("hot-store", "console");
            let key = format!("hot-{buyer}");
            store_app
                .post("/v1/orders", &body, Some(&key))
                .await
                .unwrap()
        }
    };
    let buyers = iter(0..BUYERS).map(buy).buffer_unordered(16).collect();
    let splits = async {
        for buckets in [4, 8, 3] {
            let policy = json!({"reorder_point": 0, "target_level": 100, "order_multiple": 1, "safety_stock": 0,
                "lead_time_days": 1, "buckets": buckets});
            let set = manager.put(&format!("{LEVEL}/policy"), &policy).await;
            set.unwrap().expect_status(&[200]).unwrap();
        }
    };
    let (responses, ()): (Vec<_>, ()) = futures::join!(buyers, splits);

    let sold = responses
        .iter()
        .filter(|response| response.status == 201)
        .count();
    let short = responses
        .iter()
        .filter(|response| response.status == 409)
        .count();
    assert_eq!((sold, short), (60, 30));
    let level = store_app.get(LEVEL).await.unwrap().body;
    assert_eq!(
        (&level["on_hand"], &level["available"]),
        (&json!(0), &json!(0))
    );

    // The movements of all buckets add up to the level once the stream is drained.
    let (on_hand, sales) = eventually("the ledger of the console", || async {
        let movements = movements(&store_app).await;
        let sum = |kind: Option<&str>| -> i64 {
            movements
                .iter()
                .filter(|movement| kind.is_none_or(|kind| movement["kind"] == kind))
                .map(|movement| movement["on_hand_delta"].as_i64().unwrap())
                .sum()
        };
        let (on_hand, sales) = (sum(None), sum(Some("sale")));
        (sales == -STOCK && on_hand == 0).then_some((on_hand, sales))
    })
    .await;
    assert_eq!((on_hand, sales), (0, -STOCK));
}

async fn movements(store_app: &ApiClient) -> Vec<Value> {
    let (mut movements, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("{LEVEL}/movements?limit=20{cursor}");
        let page = store_app.get(&path).await.unwrap();
        let page = page.expect_status(&[200]).unwrap();
        movements.extend(page.body["movements"].as_array().unwrap().iter().cloned());
        match page.body["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return movements,
        }
    }
}
