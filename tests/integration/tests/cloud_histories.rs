//! Histories of eight concurrent clients of one level through the deployed API are linearizable.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_integration_tests::Deployed;
use stockline_integration_tests::shop::DeployedShop;
use stockline_protocol::history::{History, RequestMix, RequestOutcome, RecordingConfig, is_linearizable, record_history};

async fn recorded(deployed: &Deployed, seed: u64, mix: RequestMix) -> History {
    let location = format!("history-{seed}");
    deployed.open_store(&location, &[("milk", 10)]).await;
    let clients = deployed.api("store_app", &location, &[&location]);
    let plan = RecordingConfig {
        seed,
        clients: 8,
        requests: 30,
        mix,
    };
    record_history(&DeployedShop::new(clients, &location, "milk"), plan).await
}

#[tokio::test]
async fn the_histories_of_eight_clients_are_linearizable() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    for (seed, mix) in [(1, RequestMix::WithSales), (2, RequestMix::WithSales), (3, RequestMix::WithCounts)] {
        let history = recorded(&deployed, seed, mix).await;
        assert_eq!(history.len(), 1 + 8 * 30);
        assert!(is_linearizable(&history), "seed {seed}");
    }
}

#[tokio::test]
async fn a_history_of_which_a_sale_is_taken_away_is_refused() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let mut history = recorded(&deployed, 4, RequestMix::WithSales).await;
    let sale = history
        .iter()
        .position(|entry| entry.outcome == RequestOutcome::Placed)
        .unwrap();
    history.remove(sale);
    assert!(!is_linearizable(&history));
}
