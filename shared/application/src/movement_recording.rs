//! Records the movement that a change of a level contains.

use stockline_domain::ids::MovementId;
use stockline_domain::level::Level;

use crate::metrics::{Metric, count};
use crate::ports::stock::{Ledger, RecordMovementOutcome};
use crate::store_error::StoreError;
use crate::stream_change::StreamChange;

/// The outcome of recording a change of a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingOutcome {
    /// The movement is recorded, by this or an earlier call.
    Recorded,
    /// The change is no movement, for example a new policy.
    NoMovement,
    /// The level was deleted, although its movements remain. No part of Stockline deletes a level.
    LevelDeleted,
    /// Another movement is recorded for the same version of the level.
    Conflict {
        /// The version of the level.
        version: u64,
        /// The movement that could not be recorded.
        movement_id: MovementId,
    },
}

/// Records the movement of `change` in the ledger. Repeated calls record it once.
pub async fn record_movement<Movements: Ledger>(
    ledger: &Movements,
    change: &StreamChange<Level>,
) -> Result<RecordingOutcome, StoreError> {
    let Some(after) = &change.after else {
        return Ok(RecordingOutcome::LevelDeleted);
    };
    let Some(movement) = after.movement_since(change.before.as_ref()) else {
        return Ok(RecordingOutcome::NoMovement);
    };
    Ok(match ledger.record(&movement).await? {
        RecordMovementOutcome::Written => {
            count(Metric::MovementsRecorded, 1);
            RecordingOutcome::Recorded
        }
        RecordMovementOutcome::AlreadyRecorded => RecordingOutcome::Recorded,
        RecordMovementOutcome::Conflict => RecordingOutcome::Conflict {
            version: movement.version,
            movement_id: movement.change.movement_id,
        },
    })
}
