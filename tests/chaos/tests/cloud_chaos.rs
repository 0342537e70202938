//! A small chaos run. `cargo xtask chaos` has larger ones.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_chaos::{FaultyNetwork, SaleSize, render_table, run_history, run_sale};
use stockline_integration_tests::Deployed;

const SMALL: SaleSize = SaleSize {
    buyers: 150,
    units: 30,
    concurrency: 16,
};

#[tokio::test]
async fn faults_do_not_oversell_or_lose_outcomes() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let network = FaultyNetwork::install(&deployed).await;
    let mut report = run_sale(&deployed, &network, SMALL, 7).await;
    report.merge(run_history(&deployed, &network, 15, 8).await);
    let violations = report.violations.clone();
    let faults = report.fault_count();
    println!("{}", render_table(report));
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    assert!(faults > 20, "only {faults} faults were injected");
}
