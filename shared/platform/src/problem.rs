//! What a caller is told when a request is not done: RFC 9457 problem details. The one place that picks a status.

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use stockline_domain::caller::Denied;
use stockline_domain::invalid::{FieldError, Invalid};

use stockline_application::error_chain::error_chain;
use stockline_application::store_error::StoreError;

/// The kinds of problem: each has one stable `type` and one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The body cannot be read as what the operation takes.
    MalformedBody,
    /// Fields break a rule.
    InvalidRequest,
    /// A request that must carry an idempotency key does not.
    MissingIdempotencyKey,
    /// The key was used for another request.
    IdempotencyKeyReused,
    /// Less is available than was asked for.
    InsufficientStock,
    /// A line names what the location does not stock.
    UnknownLine,
    /// The caller's role may not do this.
    Forbidden,
    /// There is no such thing, or none that the caller may see.
    NotFound,
    /// All of the order has left.
    OrderNotCancelable,
    /// More is to be paid back than has left and not come back.
    OrderNotRefundable,
    /// More is to leave than is open.
    OrderNotFulfillable,
    /// The report is of a lease that another has replaced.
    StaleLease,
    /// A later report is known.
    OutdatedReport,
    /// The same report number came with other content.
    ReportConflict,
    /// The task cannot go from where it is to there.
    TransitionRefused,
    /// A change of stock breaks a rule of the level.
    ChangeRefused,
    /// All of the replenishment order has arrived.
    ReplenishmentOrderReceived,
    /// The body is too large.
    PayloadTooLarge,
    /// The body is not JSON by its content type.
    UnsupportedMediaType,
    /// Too busy; try again.
    Busy,
    /// Our fault.
    Internal,
}

impl ProblemKind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedBody => (S::BAD_REQUEST, "malformed-body", "The body cannot be read"),
            Self::InvalidRequest => (
                S::BAD_REQUEST,
                "invalid-request",
                "The request breaks a rule",
            ),
            Self::MissingIdempotencyKey => (
                S::BAD_REQUEST,
                "missing-idempotency-key",
                "An Idempotency-Key is required",
            ),
            Self::IdempotencyKeyReused => (
                S::UNPROCESSABLE_ENTITY,
                "idempotency-key-reused",
                "The Idempotency-Key was used for another request",
            ),
            Self::InsufficientStock => {
                (S::CONFLICT, "insufficient-stock", "Not enough is available")
            }
            Self::UnknownLine => (
                S::UNPROCESSABLE_ENTITY,
                "unknown-line",
                "The location does not stock this",
            ),
            Self::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "The caller's role does not allow this",
            ),
            Self::NotFound => (S::NOT_FOUND, "not-found", "There is no such thing"),
            Self::OrderNotCancelable => (
                S::CONFLICT,
                "order-not-cancelable",
                "The order cannot be canceled any more",
            ),
            Self::OrderNotRefundable => (
                S::CONFLICT,
                "order-not-refundable",
                "The order cannot be refunded so",
            ),
            Self::OrderNotFulfillable => (
                S::CONFLICT,
                "order-not-fulfillable",
                "The order cannot be fulfilled so",
            ),
            Self::StaleLease => (S::CONFLICT, "stale-lease", "The lease has been replaced"),
            Self::OutdatedReport => (S::CONFLICT, "outdated-report", "A later report is known"),
            Self::ReportConflict => (
                S::CONFLICT,
                "report-conflict",
                "The report number was used for another report",
            ),
            Self::TransitionRefused => (
                S::CONFLICT,
                "transition-refused",
                "The task cannot change so",
            ),
            Self::ChangeRefused => (
                S::CONFLICT,
                "change-refused",
                "The level cannot be changed so",
            ),
            Self::ReplenishmentOrderReceived => (
                S::CONFLICT,
                "replenishment-order-received",
                "The replenishment order has been received",
            ),
            Self::PayloadTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "payload-too-large",
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be application/json",
            ),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Busy; try again"),
            Self::Internal => (
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Something went wrong on our side",
            ),
        }
    }
}

/// A problem, as the caller is told it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    type_: String,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<FieldError>,
    #[serde(flatten)]
    extensions: Map<String, Value>,
}

impl Problem {
    /// A problem of `kind` with a detail for the reader.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (status, name, title) = kind.parts();
        Self {
            type_: format!("https://stockline.dev/problems/{name}"),
            title,
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            extensions: Map::new(),
        }
    }

    /// The last segment of its `type`, such as `insufficient-stock`.
    pub fn type_name(&self) -> &str {
        self.type_.rsplit('/').next().unwrap_or_default()
    }

    /// With the fields that break a rule.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// With one more member, such as the short lines of an order.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.extensions.insert(member.to_owned(), value);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// There is no such thing, or none that the caller may see: both read the same.
    pub fn not_found() -> Self {
        Self::new(
            ProblemKind::NotFound,
            "There is no such thing among the caller's.",
        )
    }

    /// A service that was asked did not answer in time.
    pub fn unanswered() -> Self {
        Self::new(
            ProblemKind::Busy,
            "No answer came in time, so the outcome is unknown. Send the request again, with the same Idempotency-Key, \
             after the time in Retry-After: what was done is not done twice.",
        )
    }

    /// Our fault; what went wrong is in the log, under the request's id.
    pub fn internal() -> Self {
        Self::new(
            ProblemKind::Internal,
            "The request may or may not have been done; it is safe to send it again.",
        )
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::new(ProblemKind::InvalidRequest, format!("{invalid}.")).with_errors(invalid.errors)
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Role => Self::new(
                ProblemKind::Forbidden,
                "The caller's role does not allow this.",
            ),
            Denied::Hidden => Self::not_found(),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::new(
                ProblemKind::Busy,
                "Too much is asked of the same items at once; send the request again, with the same Idempotency-Key, \
                 after the time in Retry-After.",
            ),
            StoreError::Unanswered { context, source } => {
                tracing::error!(error = %error_chain(source.as_ref()), "{context}: no answer came");
                Self::unanswered()
            }
            StoreError::Failed { context, source } => {
                tracing::error!(error = %error_chain(source.as_ref()), "{context}");
                Self::internal()
            }
        }
    }
}
