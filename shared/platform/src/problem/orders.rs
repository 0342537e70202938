//! The problems that requests on orders are refused with.

use serde_json::{Value, json};
use stockline_application::ports::orders::ShortSku;
use stockline_domain::ids::Sku;
use stockline_domain::invalid::FieldError;
use stockline_domain::order::{Line, LineExcess, OrderRequestRefused};

use super::{Problem, ProblemKind};

/// 422: the idempotency key was used for a different request.
pub fn key_reused() -> Problem {
    Problem::new(
        ProblemKind::IdempotencyKeyReused,
        "This Idempotency-Key was used for a different request. Use a new key for a new request.",
    )
}

/// 409: `lines` lists every short SKU with its requested and available quantity.
pub fn insufficient_stock(short: &[ShortSku]) -> Problem {
    let lines: Vec<Value> = short
        .iter()
        .map(|short| json!({"sku": short.sku, "requested": short.requested, "available": short.available}))
        .collect();
    let noun = if short.len() == 1 { "SKU" } else { "SKUs" };
    Problem::new(
        ProblemKind::InsufficientStock,
        format!(
            "Not enough stock for {} {noun}, see lines. Nothing was changed.",
            short.len()
        ),
    )
    .with("lines", lines.into())
}

/// 422: a pointer to each of `lines` whose SKU is in `missing`.
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
        "The location does not stock every SKU of the request, see errors. Nothing was changed.",
    )
    .with_errors(errors)
}

/// 409: `lines` lists every line whose refundable quantity is exceeded; 400 for an invalid request.
pub fn not_refundable(error: OrderRequestRefused) -> Problem {
    quantity_exceeded(
        error,
        ProblemKind::OrderNotRefundable,
        "refundable",
        "Only fulfilled quantities that are not refunded yet can be refunded, see lines. Nothing was refunded.",
    )
}

/// 409: `lines` lists every line whose open quantity is exceeded, none if nothing of the order is open; 400 for an invalid
/// request.
pub fn not_fulfillable(error: OrderRequestRefused) -> Problem {
    quantity_exceeded(
        error,
        ProblemKind::OrderNotFulfillable,
        "open",
        "Only open quantities can be fulfilled, see lines. Nothing was fulfilled.",
    )
}

/// `limit_name` is the JSON name of the quantity that a line of the request exceeds.
fn quantity_exceeded(
    error: OrderRequestRefused,
    kind: ProblemKind,
    limit_name: &str,
    detail: &str,
) -> Problem {
    let (detail, lines) = match error {
        OrderRequestRefused::Invalid(invalid) => return invalid.into(),
        OrderRequestRefused::TooMuch(lines) => (detail, lines),
        OrderRequestRefused::Canceled => (
            "The order was canceled, so nothing of it is open. Nothing was changed.",
            Vec::new(),
        ),
        OrderRequestRefused::NothingOpen => (
            "Nothing of the order is open: all of it was fulfilled or canceled before. Nothing was changed.",
            Vec::new(),
        ),
    };
    let line = |line: &LineExcess| json!({"line": line.line, "requested": line.requested, limit_name: line.possible});
    let lines: Vec<Value> = lines.iter().map(line).collect();
    Problem::new(kind, detail).with("lines", lines.into())
}
