//! Nothing is refused on what was not seen in one moment.

use stockline_domain::level::LevelError;
use stockline_domain::stock_change::ChangeRefused;
use stockline_platform::ports::stock::Applied;
use stockline_testkit::conformance::stock::{apply, change};

use super::*;

#[tokio::test(start_paused = true)]
async fn a_change_is_refused_only_once_the_level_was_seen_in_one_moment() {
    // given a split level of which one item or another is written all the time
    let database = SimulatedDynamoDb::new(1);
    let shop = shop(&database);
    let stock = split_milk(&database, &shop, 40).await;
    let seen = || {
        let seen = ("TransactGetItems".to_owned(), "OK".to_owned());
        database.tally().get(&seen).copied().unwrap_or_default()
    };
    let before = seen();
    let begun = Instant::now();
    let writing = join_all((0..4).map(async |bucket| {
        while begun.elapsed() < Duration::from_secs(10) {
            write_again(&shop, keys::level_bucket(&milk(), bucket)).await;
        }
    }));
    // when more than there is is told to be broken
    let broken = change(
        json!({"kind": "adjustment", "location_id": "store-1", "sku": "milk", "delta": -41,
        "reason": "damage"}),
    );
    let telling = async {
        let told = apply(&stock, "broken", 0, &broken).await;
        (told, seen() - before, begun.elapsed())
    };
    let ((told, seen, waited), _) = tokio::join!(telling, writing);
    // then that is refused, and not before it was seen
    let short = ChangeRefused::Level(LevelError::NotOnHand { on_hand: 40 });
    assert_eq!(told, Applied::Refused(short));
    assert_eq!(seen, 1, "{waited:?}");
}
