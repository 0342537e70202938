//! Records the movement that a stream record of a level contains.

use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome};
use stockline_application::record_outcome::RecordOutcome;
use stockline_domain::level::Level;
use stockline_platform::batch::StreamRecord;

/// Records the movement between the two images of `record`, if there is one.
pub async fn record<Movements: Ledger>(ledger: &Movements, record: StreamRecord) -> RecordOutcome {
    // The event source mapping filters for levels. If its filter is wrong, other items must not fill the failure queue.
    if !record.key.is_level() {
        return RecordOutcome::Done;
    }
    let (before, after) = match (record.old_as::<Level>(), record.new_as::<Level>()) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            return RecordOutcome::Reject(format!(
                "image of {} is not a valid level: {error}",
                record.key.pk
            ));
        }
    };
    let Some(after) = after else {
        return RecordOutcome::Reject(format!(
            "level {} was deleted, but its movements remain",
            record.key.pk
        ));
    };
    let Some(movement) = after.movement_since(before.as_ref()) else {
        return RecordOutcome::Done;
    };
    match ledger.record(&movement).await {
        Ok(RecordMovementOutcome::Written) => {
            count(Metric::MovementsRecorded, 1);
            RecordOutcome::Done
        }
        Ok(RecordMovementOutcome::AlreadyRecorded) => RecordOutcome::Done,
        Ok(RecordMovementOutcome::Conflict) => RecordOutcome::Reject(format!(
            "version {} of {} is already recorded with another movement than {}",
            movement.version, record.key.pk, movement.change.movement_id
        )),
        Err(error) => RecordOutcome::Retry(error_chain(&error)),
    }
}

#[cfg(test)]
mod tests;
