//! A bad day, as small as shows something: `cargo xtask chaos` has larger ones.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use stockline_chaos::{BadNetwork, Size, day, history, table};
use stockline_integration_tests::Deployed;

const SMALL: Size = Size {
    buyers: 150,
    units: 30,
    at_once: 16,
};

#[tokio::test]
async fn in_a_bad_network_every_unit_is_sold_once_and_every_outcome_settles() {
    let Some(deployed) = Deployed::find() else {
        return;
    };
    let network = BadNetwork::put_into(&deployed).await;
    let mut figures = day(&deployed, &network, SMALL, 7).await;
    figures.add(history(&deployed, &network, 15, 8).await);
    let broken = figures.broken.clone();
    let faults = figures.faults();
    println!("{}", table(figures));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(faults > 20, "{faults} faults show little");
}
