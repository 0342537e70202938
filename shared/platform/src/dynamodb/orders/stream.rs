//! Decodes the stream records of orders.

use stockline_application::sales_tally::SaleChange;
use stockline_application::stream_change::StreamChange;
use stockline_domain::order::{Order, Refund};
use stockline_domain::tally::OrderVersion;

use super::{OrderRecord, RefundRecord};
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

/// The change of an order or a refund. `None` for a record of another item, such as a fulfilment.
///
/// # Errors
/// [`UnreadableRecord`] if an image is not a valid order or refund.
pub fn sale_change(record: &StreamRecord) -> Result<Option<SaleChange>, UnreadableRecord> {
    if record.key.sk == keys::ORDER {
        let change: StreamChange<OrderRecord> = record.decode("order")?;
        let version = |record: OrderRecord| OrderVersion {
            order: record.order(),
            revision: record.revision,
        };
        return Ok(Some(SaleChange::Order(Box::new(StreamChange {
            before: change.before.map(version),
            after: change.after.map(version),
        }))));
    }
    if record.key.sk.starts_with(keys::REFUND_PREFIX) {
        let change: StreamChange<RefundRecord> = record.decode("refund")?;
        let refund = |record: RefundRecord| -> Refund { record.into_parts().0 };
        return Ok(Some(SaleChange::Refund(Box::new(StreamChange {
            before: change.before.map(refund),
            after: change.after.map(refund),
        }))));
    }
    Ok(None)
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
    fn sale_change_has_the_revisions_of_an_order() {
        let placed = order("k1", "store-1", "online", &[("milk", 2)]);
        let request = Fingerprint::of(&"a").unwrap();
        let first = OrderRecord::new(&placed, &request);
        let canceled = placed.cancel(placed.placed_at).unwrap();
        let second = first.next(&canceled, placed.placed_at);
        let key = keys::order(placed.order_id);
        let record = StreamRecord::new(
            key,
            "1".to_owned(),
            Some(image(&first)),
            Some(image(&second)),
        );
        let Some(SaleChange::Order(change)) = sale_change(&record).unwrap() else {
            panic!("no change of an order");
        };
        let revisions = [change.before, change.after].map(|version| version.unwrap().revision);
        assert_eq!(revisions, [1, 2]);
    }

    #[test]
    fn record_of_another_item_has_no_change() {
        let record = |sort_key: String| {
            let mut key = keys::order(order("k1", "store-1", "pos", &[("milk", 2)]).order_id);
            key.sk = sort_key;
            let image = Some(image(&json!({"amount": 1})));
            StreamRecord::new(key, "1".to_owned(), None, image)
        };
        let refund = record(format!("{}1", keys::REFUND_PREFIX));
        assert_eq!(order_change(&refund).unwrap(), None);
        assert!(sale_change(&refund).is_err());
        let fulfilment = record(format!("{}1", keys::FULFILMENT_PREFIX));
        assert_eq!(order_change(&fulfilment).unwrap(), None);
        assert_eq!(sale_change(&fulfilment).unwrap(), None);
    }
}
