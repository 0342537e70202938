//! Movements that a level told of itself, before the ledger did.

use std::collections::BTreeMap;

use crate::level::Movement;
use crate::split_level::SplitLevel;

/// What was seen of one level, at one reading after another: each bucket carries its last movement, and the ledger follows
/// a moment later.
#[derive(Debug, Clone, Default)]
pub struct Sightings(BTreeMap<u8, BTreeMap<u64, Movement>>);

impl Sightings {
    /// Remembers the last movement of every bucket of `level`.
    pub fn add(&mut self, level: &SplitLevel) {
        for bucket in level.buckets() {
            let Some(movement) = bucket.movement_since(None) else {
                continue;
            };
            let seen = self.0.entry(bucket.bucket).or_default();
            let newest = seen.values().next_back();
            // A policy raises the version of a level, and leaves its last movement as it is.
            if newest.is_none_or(|newest| newest.change.movement_id != movement.change.movement_id)
            {
                seen.insert(movement.version, movement);
            }
        }
    }

    /// `recorded`, which are movements of `bucket`, newest first, and before them those that were seen since: as far as none
    /// is missing between, which the versions tell.
    pub fn complete(&self, bucket: u8, mut recorded: Vec<Movement>) -> Vec<Movement> {
        let newest = recorded.first();
        let mut version = newest.map_or(0, |newest| newest.version);
        let last = newest.map(|newest| newest.change.movement_id);
        let mut since = Vec::new();
        if let Some(seen) = self.0.get(&bucket) {
            for movement in seen.range(version + 1..).map(|(_, movement)| movement) {
                if movement.version != version + 1 || Some(movement.change.movement_id) == last {
                    break;
                }
                version = movement.version;
                since.push(movement.clone());
            }
        }
        since.reverse();
        since.append(&mut recorded);
        since
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ids::MovementId;
    use crate::level::{LastChange, Level, LevelKey, MovementKind, StateDeltas};

    /// Milk whose last movement made version `version` of it, and a policy what is beyond that.
    fn milk(version: u64, beyond: u64) -> Level {
        let (location_id, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
        let cause = version.to_string();
        let change = LastChange {
            movement_id: MovementId::derive(&cause, "sale", &location_id, &sku),
            kind: MovementKind::Sale,
            on_hand_delta: -1,
            allocated_delta: 0,
            states: StateDeltas::default(),
            reason: None,
            reference: None,
            occurred_at: Timestamp::UNIX_EPOCH,
            recorded_at: Timestamp::UNIX_EPOCH,
        };
        Level {
            version: version + beyond,
            last_change: Some(change),
            ..Level::empty(&LevelKey { location_id, sku })
        }
    }

    fn seen(levels: &[Level]) -> Sightings {
        let mut sightings = Sightings::default();
        for level in levels {
            sightings.add(&SplitLevel::new(level.clone(), &[]));
        }
        sightings
    }

    fn recorded(versions: &[u64]) -> Vec<Movement> {
        let movement = |version: &u64| milk(*version, 0).movement_since(None).unwrap();
        versions.iter().map(movement).collect()
    }

    #[test]
    fn what_was_seen_since_comes_before_what_is_recorded() {
        let sightings = seen(&[milk(3, 0), milk(4, 0), milk(5, 0)]);
        assert_eq!(
            sightings.complete(0, recorded(&[3, 2, 1])),
            recorded(&[5, 4, 3, 2, 1])
        );
        assert_eq!(
            sightings.complete(0, recorded(&[5, 4])),
            recorded(&[5, 4]),
            "nothing twice"
        );
    }

    #[test]
    fn nothing_is_told_across_a_gap() {
        let sightings = seen(&[milk(3, 0), milk(5, 0)]);
        assert_eq!(sightings.complete(0, recorded(&[2])), recorded(&[3, 2]));
        assert_eq!(sightings.complete(0, recorded(&[1])), recorded(&[1]));
        assert_eq!(sightings.complete(1, recorded(&[2])), recorded(&[2]));
    }

    #[test]
    fn a_policy_makes_no_movement() {
        let sightings = seen(&[milk(3, 0), milk(3, 1)]);
        assert_eq!(sightings.complete(0, recorded(&[2])), recorded(&[3, 2]));
        let after_it = seen(&[milk(3, 1)]);
        assert_eq!(after_it.complete(0, recorded(&[3])), recorded(&[3]));
    }
}
