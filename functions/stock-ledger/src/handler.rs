//! Handles one change of a level.

use stockline_application::error_chain::error_chain;
use stockline_application::movement_recording::{RecordingOutcome, record_movement};
use stockline_application::ports::stock::Ledger;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::stream_change::StreamChange;
use stockline_domain::level::Level;

/// Records the movement of the change, if there is one.
pub async fn handle<Movements: Ledger>(
    ledger: &Movements,
    change: StreamChange<Level>,
) -> RecordOutcome {
    match record_movement(ledger, &change).await {
        Ok(RecordingOutcome::Recorded | RecordingOutcome::NoMovement) => RecordOutcome::Done,
        Ok(RecordingOutcome::LevelDeleted) => RecordOutcome::Reject(format!(
            "{} was deleted, but its movements remain",
            describe(&change)
        )),
        Ok(RecordingOutcome::Conflict {
            version,
            movement_id,
        }) => RecordOutcome::Reject(format!(
            "version {version} of {} is already recorded with another movement than {movement_id}",
            describe(&change)
        )),
        Err(error) => RecordOutcome::Retry(error_chain(&error)),
    }
}

/// Names the level for a reader of the log.
fn describe(change: &StreamChange<Level>) -> String {
    match change.after.as_ref().or(change.before.as_ref()) {
        Some(level) => format!(
            "the level of {} at {} (bucket {})",
            level.sku, level.location_id, level.bucket
        ),
        None => "a level".to_owned(),
    }
}

#[cfg(test)]
mod tests;
