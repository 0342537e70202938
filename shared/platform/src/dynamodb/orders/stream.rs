//! Decodes the stream records of orders.

use stockline_application::stream_change::StreamChange;
use stockline_domain::order::Order;

use super::OrderRecord;
use crate::batch::{StreamRecord, UnreadableRecord};
use crate::keys;

/// The change of an order. `None` for a record of another item, such as a refund.
///
/// # Errors
/// [`UnreadableRecord`] if an image is not a valid order.
pub fn order_change(
    record: &StreamRecord,
) -> Result<Option<StreamChange<Order>>, UnreadableRecord> {
    if record.key.sk != keys::ORDER {
        return Ok(None);
    }
    let change: StreamChange<OrderRecord> = record.decode("order")?;
    Ok(Some(StreamChange {
        before: change.before.map(|record| record.order()),
        after: change.after.map(|record| record.order()),
    }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stockline_application::fingerprint::Fingerprint;
    use stockline_testkit::orders::order;

    use super::*;

    fn image<T: serde::Serialize>(item: &T) -> serde_dynamo::Item {
        serde_dynamo::to_item(item).unwrap()
    }

    #[test]
    fn both_images_are_decoded() {
        let placed = order("k1", "store-1", "online", &[("milk", 2)]);
        let canceled = placed.cancel(placed.placed_at).unwrap();
        let request = Fingerprint::of(&"a").unwrap();
        let record = |order| Some(image(&OrderRecord::new(order, &request)));
        let key = keys::order(placed.order_id);
        let update = StreamRecord::new(key, "1".to_owned(), record(&placed), record(&canceled));
        let change = order_change(&update).unwrap().unwrap();
        assert_eq!(
            (change.before, change.after),
            (Some(placed), Some(canceled))
        );
    }

    #[test]
    fn unreadable_image_names_its_item() {
        let placed = order("k1", "store-1", "online", &[("milk", 2)]);
        let key = keys::order(placed.order_id);
        let broken = Some(image(&json!({"order_id": "nonsense"})));
        let record = StreamRecord::new(key.clone(), "1".to_owned(), None, broken);
        let reason = order_change(&record).unwrap_err().to_string();
        let expected = format!("the order image of {} cannot be read: ", key.pk);
        assert!(reason.starts_with(&expected), "{reason}");
    }

    #[test]
    fn record_of_another_item_has_no_change() {
        let mut key = keys::order(order("k1", "store-1", "pos", &[("milk", 2)]).order_id);
        key.sk = format!("{}1", keys::REFUND_PREFIX);
        let refund = StreamRecord::new(
            key,
            "1".to_owned(),
            None,
            Some(image(&json!({"amount": 1}))),
        );
        assert_eq!(order_change(&refund).unwrap(), None);
    }
}
