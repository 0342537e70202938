//! Handles one change of an order or a refund.

use stockline_application::error_chain::error_chain;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::export::SalesReader;
use stockline_application::ports::sales_tally::TallyStore;
use stockline_application::record_outcome::RecordOutcome;
use stockline_application::sales_tally::{SaleChange, SalesTally, TallyError};

/// Adds what changed to the tally. A change that can never be added is rejected.
pub async fn handle<Tally, Sales, Catalog, Time>(
    tally: &SalesTally<Tally, Sales, Catalog, Time>,
    change: SaleChange,
) -> RecordOutcome
where
    Tally: TallyStore,
    Sales: SalesReader,
    Catalog: CatalogStore,
    Time: Clock,
{
    match tally.follow(change).await {
        Ok(()) => RecordOutcome::Done,
        Err(error @ (TallyError::Store(_) | TallyError::UnknownOrder(_))) => {
            RecordOutcome::Retry(error_chain(&error))
        }
        Err(
            error @ (TallyError::UnknownLocation(_)
            | TallyError::TooLarge(_)
            | TallyError::Deleted(_)),
        ) => RecordOutcome::Reject(error_chain(&error)),
    }
}

#[cfg(test)]
mod tests;
