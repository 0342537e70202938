//! Histories of eight concurrent clients of one level through the deployed API are linearizable.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_integration_tests::Deployed;
use stockline_integration_tests::stock_service::DeployedStockService;
use stockline_protocol::history::{
    History, RecordingConfig, RequestMix, RequestOutcome, is_linearizable, record_history,
};

async fn record_deployed(deployed: &Deployed, seed: u64, mix: RequestMix) -> History {
    let location = format!("history-{seed}");
    deployed.open_store(&location, &[("milk", 10)]).await;
    let clients = deployed.api("store_manager", &location, &[&location]);
    let config = RecordingConfig {
        seed,
        clients: 8,
        requests_per_client: 30,
        mix,
    };
    record_history(
        &DeployedStockService::new(clients, &location, "milk"),
        config,
    )
    .await
}

#[tokio::test]
async fn deployed_histories_are_linearizable() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    for (seed, mix) in [
        (1, RequestMix::WithSales),
        (2, RequestMix::WithSales),
        (3, RequestMix::WithCounts),
    ] {
        let history = record_deployed(&deployed, seed, mix).await;
        assert_eq!(history.len(), 1 + 8 * 30);
        assert!(is_linearizable(&history), "seed {seed}");
    }
}

#[tokio::test]
async fn history_without_one_sale_is_not_linearizable() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let mut history = record_deployed(&deployed, 4, RequestMix::WithSales).await;
    let sale = history
        .iter()
        .position(|entry| entry.outcome == RequestOutcome::Placed)
        .unwrap();
    history.remove(sale);
    assert!(!is_linearizable(&history));
}
