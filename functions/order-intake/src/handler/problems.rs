//! Why an order cannot be placed or go on, as the caller is told it.

use serde_json::{Value, json};
use stockline_application::ports::orders::ShortSku;
use stockline_domain::ids::Sku;
use stockline_domain::invalid::FieldError;
use stockline_domain::order::{Line, LineExcess, NotPossible};
use stockline_platform::problem::{Problem, ProblemKind};

/// The key stands for another request.
pub fn key_reused() -> Problem {
    Problem::new(
        ProblemKind::IdempotencyKeyReused,
        "Another request was sent under this Idempotency-Key; use a new key for a new request.",
    )
}

/// Each short SKU.
pub fn insufficient_stock(short: &[ShortSku]) -> Problem {
    let lines: Vec<Value> = short
        .iter()
        .map(|short| json!({"sku": short.sku, "requested": short.requested, "available": short.available}))
        .collect();
    Problem::new(
        ProblemKind::InsufficientStock,
        format!(
            "{} SKU(s) of the order are short; nothing was taken.",
            short.len()
        ),
    )
    .with("lines", lines.into())
}

/// Each of `lines` whose SKU is among the `missing`.
pub fn not_stocked(lines: &[Line], missing: &[Sku]) -> Problem {
    let errors = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| missing.contains(&line.sku))
        .map(|(index, line)| FieldError {
            pointer: format!("/lines/{index}/sku"),
            detail: format!("{} is not stocked at this location", line.sku),
        })
        .collect();
    Problem::new(
        ProblemKind::UnknownLine,
        "The request names what the location does not stock; nothing was changed.",
    )
    .with_errors(errors)
}

/// Each line of which more is to be paid back than can be.
pub fn not_refundable(error: NotPossible) -> Problem {
    refused(
        error,
        ProblemKind::OrderNotRefundable,
        "refundable",
        "More is to be paid back than has left and not come back; nothing was paid back.",
    )
}

/// Each line of which more is to leave than is open.
pub fn not_fulfillable(error: NotPossible) -> Problem {
    refused(
        error,
        ProblemKind::OrderNotFulfillable,
        "open",
        "More is to leave than is open; nothing has left.",
    )
}

fn refused(error: NotPossible, kind: ProblemKind, possible: &str, detail: &str) -> Problem {
    match error {
        NotPossible::Invalid(invalid) => invalid.into(),
        NotPossible::TooMuch(lines) => {
            let line = |line: &LineExcess| json!({"line": line.line, "requested": line.requested, possible: line.possible});
            let lines: Vec<Value> = lines.iter().map(line).collect();
            Problem::new(kind, detail).with("lines", lines.into())
        }
    }
}
