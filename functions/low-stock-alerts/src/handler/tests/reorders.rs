//! Requests to order for levels that become due without a new alert.

use super::*;

fn level_image(version: u64, on_hand: i64, incoming: i64) -> Value {
    let mut image = image("milk", version, on_hand, 0, true);
    image["incoming"] = json!({"N": incoming.to_string()});
    image
}

/// A record of milk, with the reorder point 10, from one (on hand, incoming) to another.
fn change(version: u64, before: (i64, i64), after: (i64, i64)) -> StreamRecord {
    stream_record(
        Some(level_image(version - 1, before.0, before.1)),
        level_image(version, after.0, after.1),
    )
}

impl Fixture {
    /// The versions of the levels for which an order was requested.
    fn requested(&self) -> Vec<u64> {
        let requests = self.reorders.requested();
        requests
            .iter()
            .map(|request| request.data.level_version)
            .collect()
    }
}

#[tokio::test]
async fn receipt_that_leaves_the_level_low_asks_for_an_order() {
    let fixture = Fixture::new();
    // given a low level whose order arrives late: more was sold meanwhile than the order brings
    fixture.process(vec![change(2, (11, 0), (10, 0))]).await;
    fixture.process(vec![change(3, (10, 0), (10, 5))]).await;
    fixture.process(vec![change(4, (10, 5), (3, 5))]).await;
    assert_eq!(fixture.requested(), Vec::<u64>::new(), "the alert orders");
    // when the order is received
    fixture.process(vec![change(5, (3, 5), (8, 0))]).await;
    // then another one is requested, once for all later sales
    fixture.process(vec![change(6, (8, 0), (7, 0))]).await;
    assert_eq!(fixture.requested(), [5]);
    assert_eq!(fixture.published_alerts(), [(Low, 2)]);
}

#[tokio::test]
async fn second_fall_within_the_band_asks_for_an_order() {
    let fixture = Fixture::new();
    // given an alert that was handled after a return had raised the level
    fixture.process(vec![change(2, (11, 0), (10, 0))]).await;
    fixture.process(vec![change(3, (10, 0), (11, 0))]).await;
    // when the level falls again, which raises no alert
    fixture.process(vec![change(4, (11, 0), (10, 0))]).await;
    assert_eq!(fixture.published_alerts(), [(Low, 2)]);
    assert_eq!(fixture.requested(), [4]);
}

#[tokio::test]
async fn policy_of_a_low_level_asks_for_an_order() {
    let fixture = Fixture::new();
    // given a level that is out of stock and has no policy
    let mut without = level_image(2, 0, 0);
    without.as_object_mut().unwrap().remove("policy");
    fixture
        .process(vec![stream_record(None, without.clone())])
        .await;
    // when a policy is set
    fixture
        .process(vec![stream_record(Some(without), level_image(3, 0, 0))])
        .await;
    assert_eq!(fixture.published_alerts(), [(OutOfStock, 2)]);
    assert_eq!(fixture.requested(), [3]);
}

#[tokio::test]
async fn request_matches_its_schema() {
    let fixture = Fixture::new();
    fixture.process(vec![change(2, (11, 0), (10, 0))]).await;
    fixture.process(vec![change(5, (3, 5), (8, 0))]).await;
    let text = include_str!("../../../../../events/schemas/stock.reorder_due.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(text).unwrap()).unwrap();
    let message = serde_json::to_value(&fixture.reorders.requested()[0]).unwrap();
    assert!(schema.is_valid(&message), "{message}");
}
