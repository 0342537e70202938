//! A sale that crosses the reorder point sends one alert to Slack.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use std::time::Duration;

use serde_json::json;
use stockline_integration_tests::{Deployed, eventually, sale};
use stockline_simulators::slack::Slack;

#[tokio::test]
async fn sale_crossing_the_reorder_point_alerts_slack_once() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let url = reqwest::Url::parse(&deployed.cloud.slack_url).unwrap();
    let address = format!("127.0.0.1:{}", url.port().unwrap())
        .parse()
        .unwrap();
    let slack = Slack::listen(address, url.path(), Duration::from_millis(10))
        .await
        .unwrap();
    deployed.open_store("alerts", &[("butter", 6)]).await;
    let manager = deployed.api("store_manager", "alerts-manager", &["alerts"]);
    let policy = json!({"reorder_point": 5, "target_level": 20});
    manager
        .put("/v1/locations/alerts/stock/butter/policy", &policy)
        .await
        .unwrap()
        .expect_status(&[200])
        .unwrap();

    let store_app = deployed.api("store_app", "alerts-store-app", &["alerts"]);
    for number in 0..3 {
        let key = format!("alerts-{number}");
        let sold = store_app
            .post("/v1/orders", &sale("alerts", "butter"), Some(&key))
            .await
            .unwrap();
        sold.expect_status(&[201]).unwrap();
    }

    let butter_mentions = || {
        let received = slack.received();
        let texts: Vec<String> = received.messages.iter().map(ToString::to_string).collect();
        texts
            .iter()
            .map(|text| text.matches("butter").count())
            .sum::<usize>()
    };
    eventually("the alert in Slack", || async {
        (butter_mentions() > 0).then_some(())
    })
    .await;
    let movements = || async {
        let path = "/v1/locations/alerts/stock/butter/movements";
        let page = store_app.get(path).await.unwrap();
        (page.body["movements"].as_array()?.len() == 4).then_some(())
    };
    eventually("the ledger of butter", movements).await;
    let received = slack.received();
    assert!(received.refused.is_empty(), "{:?}", received.refused);
    let alerts = received
        .messages
        .iter()
        .filter(|payload| payload.to_string().contains("butter"))
        .count();
    assert_eq!(alerts, 1, "{:?}", received.messages);
}
