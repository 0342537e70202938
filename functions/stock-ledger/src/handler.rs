//! A stream record becomes a movement.

use stockline_application::error_chain::error_chain;
use stockline_application::metrics::{Metric, count};
use stockline_application::ports::stock::{Ledger, RecordMovementOutcome};
use stockline_application::record_outcome::RecordOutcome;
use stockline_domain::level::Level;
use stockline_platform::batch::StreamRecord;

/// Records the movement that `record` tells of, from its two images alone.
pub async fn record<L: Ledger>(ledger: &L, record: StreamRecord) -> RecordOutcome {
    // The mapping's filter lets only levels through; one that is set wrongly fills no dead-letter queue.
    if !record.key.is_level() {
        return RecordOutcome::Done;
    }
    let (before, after) = match (record.old_as::<Level>(), record.new_as::<Level>()) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            return RecordOutcome::Reject(format!(
                "an image of {} is no level: {error}",
                record.key.pk
            ));
        }
    };
    let Some(after) = after else {
        return RecordOutcome::Reject(format!(
            "the level {} was deleted, which leaves its movements without it",
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
            "another movement than {} is recorded for version {} of {}",
            movement.change.movement_id, movement.version, record.key.pk
        )),
        Err(error) => RecordOutcome::Retry(error_chain(&error)),
    }
}

#[cfg(test)]
mod tests;
