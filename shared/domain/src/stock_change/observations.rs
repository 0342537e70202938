//! Movements observed on the items of a level before the ledger has them.

use std::collections::BTreeMap;

use crate::level::Movement;
use crate::split_level::SplitLevel;

/// The movements observed by repeated reads of one level, by bucket and version.
///
/// Each bucket's item carries its last movement. The ledger is written from the stream and lags behind.
#[derive(Debug, Clone, Default)]
pub struct MovementObservations(BTreeMap<u8, BTreeMap<u64, Movement>>);

impl MovementObservations {
    /// Adds the last movement of every bucket of `level`.
    pub fn add(&mut self, level: &SplitLevel) {
        for bucket in level.buckets() {
            let Some(movement) = bucket.movement_since(None) else {
                continue;
            };
            let observed = self.0.entry(bucket.bucket).or_default();
            let newest = observed.values().next_back();
            // A policy change increments the version and leaves the last movement unchanged.
            if newest.is_none_or(|newest| newest.change.movement_id != movement.change.movement_id)
            {
                observed.insert(movement.version, movement);
            }
        }
    }

    /// Returns `recorded`, the ledger's movements of `bucket` with the newest first, preceded by the newer ones that
    /// were observed. An observed movement is used only if no version is missing before it.
    pub fn extend_ledger(&self, bucket: u8, mut recorded: Vec<Movement>) -> Vec<Movement> {
        let newest = recorded.first();
        let mut version = newest.map_or(0, |newest| newest.version);
        let last = newest.map(|newest| newest.change.movement_id);
        let mut movements = Vec::new();
        if let Some(observed) = self.0.get(&bucket) {
            for movement in observed.range(version + 1..).map(|(_, movement)| movement) {
                if movement.version != version + 1 || Some(movement.change.movement_id) == last {
                    break;
                }
                version = movement.version;
                movements.push(movement.clone());
            }
        }
        movements.reverse();
        movements.append(&mut recorded);
        movements
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::ids::MovementId;
    use crate::level::{Level, LevelDelta, LevelKey, MovementKind, StateDeltas};

    /// Returns a level whose last movement made `version`, followed by `policy_changes`.
    fn level(version: u64, policy_changes: u64) -> Level {
        let (location_id, sku) = ("store-1".parse().unwrap(), "milk".parse().unwrap());
        let cause = version.to_string();
        let change = LevelDelta {
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
            version: version + policy_changes,
            last_change: Some(change),
            ..Level::empty(&LevelKey { location_id, sku })
        }
    }

    fn observe(levels: &[Level]) -> MovementObservations {
        let mut observations = MovementObservations::default();
        for level in levels {
            observations.add(&SplitLevel::new(level.clone(), &[]));
        }
        observations
    }

    fn recorded(versions: &[u64]) -> Vec<Movement> {
        let movement = |version: &u64| level(*version, 0).movement_since(None).unwrap();
        versions.iter().map(movement).collect()
    }

    #[test]
    fn newer_observations_precede_the_ledger() {
        let observations = observe(&[level(3, 0), level(4, 0), level(5, 0)]);
        assert_eq!(
            observations.extend_ledger(0, recorded(&[3, 2, 1])),
            recorded(&[5, 4, 3, 2, 1])
        );
        assert_eq!(
            observations.extend_ledger(0, recorded(&[5, 4])),
            recorded(&[5, 4]),
            "no movement appears twice"
        );
    }

    #[test]
    fn observations_after_a_missing_version_are_ignored() {
        let observations = observe(&[level(3, 0), level(5, 0)]);
        assert_eq!(
            observations.extend_ledger(0, recorded(&[2])),
            recorded(&[3, 2])
        );
        assert_eq!(
            observations.extend_ledger(0, recorded(&[1])),
            recorded(&[1])
        );
        assert_eq!(
            observations.extend_ledger(1, recorded(&[2])),
            recorded(&[2])
        );
    }

    #[test]
    fn policy_change_adds_no_observation() {
        let observations = observe(&[level(3, 0), level(3, 1)]);
        assert_eq!(
            observations.extend_ledger(0, recorded(&[2])),
            recorded(&[3, 2])
        );
        let after_policy = observe(&[level(3, 1)]);
        assert_eq!(
            after_policy.extend_ledger(0, recorded(&[3])),
            recorded(&[3])
        );
    }
}
