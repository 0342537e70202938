//! The problems that refused changes and failed requests are answered with.

use stockline_application::error_chain::error_chain;
use stockline_application::level_creation::NotStockable;
use stockline_application::store_error::StoreError;
use stockline_domain::level::LevelError;
use stockline_domain::stock_change::ChangeRefused;
use stockline_platform::problem::{Problem, ProblemKind};

/// The problem of a level that must not be created. The same text for a location that does not exist and one that the caller
/// cannot access.
pub fn not_stockable(reason: &NotStockable) -> Problem {
    let detail = match reason {
        NotStockable::UnknownLocation(id) => {
            format!("Location {id} does not exist or is not one of the caller's locations.")
        }
        NotStockable::UnknownProduct(sku) => format!("Product {sku} is not in the catalog."),
    };
    Problem::new(ProblemKind::NotFound, detail)
}

/// The problem of a change that a rule of the level forbids.
pub fn change_refused(refused: &ChangeRefused) -> Problem {
    let kind = match refused {
        ChangeRefused::Level(
            LevelError::NotOnHand { .. }
            | LevelError::NotFitForSale { .. }
            | LevelError::NotAvailable { .. },
        ) => ProblemKind::InsufficientStock,
        _ => ProblemKind::ChangeRefused,
    };
    Problem::new(kind, format!("Nothing was changed: {refused}."))
}

/// The problem of a write-off by a caller who may change stock otherwise.
pub fn write_off_denied() -> Problem {
    Problem::new(
        ProblemKind::Forbidden,
        "Nothing was changed: an adjustment with a negative delta or the reason damage writes stock off, which needs the role \
         store_manager or admin.",
    )
}

/// The problem of another request under the same idempotency key.
pub fn key_reused() -> Problem {
    Problem::new(
        ProblemKind::IdempotencyKeyReused,
        "This Idempotency-Key was used for different changes. Use a new key for new changes.",
    )
}

/// The problem of a request whose store failed. Some of its changes may be applied, so the 503 says how to retry.
pub fn partly_applied(error: StoreError) -> Problem {
    match error {
        StoreError::Failed { .. } => return error.into(),
        StoreError::Unanswered { .. } => {
            tracing::error!(error = %error_chain(&error), "the outcome of a change is unknown");
        }
        StoreError::Busy => {}
    }
    Problem::new(
        ProblemKind::Busy,
        "Some changes may be settled. Retry with the same Idempotency-Key after the time in Retry-After: each change is \
         applied at most once.",
    )
}
