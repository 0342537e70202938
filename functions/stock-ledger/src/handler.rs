//! A stream record becomes a movement.

use stockline_domain::level::Level;
use stockline_platform::batch::{Outcome, StreamRecord};
use stockline_platform::metrics::{Metric, count};
use stockline_platform::ports::stock::{Ledger, Recorded};
use stockline_platform::problem::chain;

/// Records the movement that `record` tells of, from its two images alone.
pub async fn record<L: Ledger>(ledger: &L, record: StreamRecord) -> Outcome {
    // The mapping's filter lets only levels through; one that is set wrongly fills no dead-letter queue.
    if !record.key.is_level() {
        return Outcome::Done;
    }
    let (before, after) = match (record.old_as::<Level>(), record.new_as::<Level>()) {
        (Ok(before), Ok(after)) => (before, after),
        (Err(error), _) | (_, Err(error)) => {
            return Outcome::Reject(format!(
                "an image of {} is no level: {error}",
                record.key.pk
            ));
        }
    };
    let Some(after) = after else {
        return Outcome::Reject(format!(
            "the level {} was deleted, which leaves its movements without it",
            record.key.pk
        ));
    };
    let Some(movement) = after.movement_since(before.as_ref()) else {
        return Outcome::Done;
    };
    match ledger.record(&movement).await {
        Ok(Recorded::Now) => {
            count(Metric::MovementsRecorded, 1);
            Outcome::Done
        }
        Ok(Recorded::Before) => Outcome::Done,
        Ok(Recorded::Conflict) => Outcome::Reject(format!(
            "another movement than {} is recorded for version {} of {}",
            movement.change.movement_id, movement.version, record.key.pk
        )),
        Err(error) => Outcome::Retry(chain(&error)),
    }
}

#[cfg(test)]
mod tests;
