//! Decodes the stream records of levels.

use stockline_application::stream_change::StreamChange;
use stockline_domain::level::Level;

use crate::batch::{StreamRecord, UnreadableRecord};
use crate::keys;

/// The change of a level, or of one bucket of a split level. `None` for a record of another item.
///
/// # Errors
/// [`UnreadableRecord`] if an image is not a valid level, or belongs to another key than the record's.
pub fn level_change(
    record: &StreamRecord,
) -> Result<Option<StreamChange<Level>>, UnreadableRecord> {
    if !record.key.is_level() {
        return Ok(None);
    }
    let change: StreamChange<Level> = record.decode("level")?;
    for level in change.before.iter().chain(&change.after) {
        if record.key != keys::level_bucket(&level.key(), level.bucket) {
            let reason = format!("the level image of {} has another key", record.key.pk);
            return Err(UnreadableRecord(reason));
        }
    }
    Ok(Some(change))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use stockline_domain::level::LevelKey;

    use super::*;

    fn key(sku: &str) -> LevelKey {
        LevelKey {
            location_id: "store-1".parse().unwrap(),
            sku: sku.parse().unwrap(),
        }
    }

    fn image<T: serde::Serialize>(item: &T) -> serde_dynamo::Item {
        serde_dynamo::to_item(item).unwrap()
    }

    #[test]
    fn created_and_deleted_levels_have_one_image() {
        let (milk, level) = (keys::level(&key("milk")), Level::empty(&key("milk")));
        let created = StreamRecord::new(milk.clone(), "1".to_owned(), None, Some(image(&level)));
        let change = level_change(&created).unwrap().unwrap();
        assert_eq!((change.before, change.after), (None, Some(level.clone())));
        let deleted = StreamRecord::new(milk, "2".to_owned(), Some(image(&level)), None);
        let change = level_change(&deleted).unwrap().unwrap();
        assert_eq!((change.before, change.after), (Some(level), None));
    }

    #[test]
    fn record_of_another_item_has_no_change() {
        let image = Some(image(&json!({"state": "low"})));
        let alert = StreamRecord::new(keys::alert(&key("milk")), "1".to_owned(), None, image);
        assert_eq!(level_change(&alert).unwrap(), None);
    }

    #[test]
    fn unreadable_image_names_its_item() {
        let milk = keys::level(&key("milk"));
        let broken = Some(image(&json!({"on_hand": "five"})));
        let broken = StreamRecord::new(milk.clone(), "1".to_owned(), None, broken);
        let reason = level_change(&broken).unwrap_err().to_string();
        assert!(
            reason.starts_with("the level image of LEVEL#store-1#milk#0 cannot be read: "),
            "{reason}"
        );
        let bread = Some(image(&Level::empty(&key("bread"))));
        let mismatched = StreamRecord::new(milk, "2".to_owned(), None, bread);
        let reason = level_change(&mismatched).unwrap_err().to_string();
        assert_eq!(
            reason,
            "the level image of LEVEL#store-1#milk#0 has another key"
        );
    }
}
