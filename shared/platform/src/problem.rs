//! Problem documents (RFC 9457) for requests that are refused or fail. The only module that chooses an HTTP status for them.

pub mod orders;

use lambda_http::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use stockline_domain::caller::Denied;
use stockline_domain::invalid::{FieldError, Invalid};

use stockline_application::error_chain::error_chain;
use stockline_application::store_error::StoreError;

/// The kinds of problem. Each has one stable `type` and one status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The body is not JSON.
    MalformedBody,
    /// Fields or parameters are missing, unknown, of the wrong type or break a rule.
    InvalidRequest,
    /// The required idempotency key is missing.
    MissingIdempotencyKey,
    /// The idempotency key was used for a different request.
    IdempotencyKeyReused,
    /// Less is available than the request needs.
    InsufficientStock,
    /// The location does not stock the SKU of a line.
    UnknownLine,
    /// The caller's role does not allow the operation.
    Forbidden,
    /// The object does not exist, or the caller may not access it.
    NotFound,
    /// The order is completely fulfilled.
    OrderNotCancelable,
    /// The refund exceeds what was fulfilled and not refunded yet.
    OrderNotRefundable,
    /// The fulfilment exceeds what is open.
    OrderNotFulfillable,
    /// The lease of the report was given up or replaced.
    StaleLease,
    /// A report with a higher number was received.
    OutdatedReport,
    /// A report with the same number and different content was received.
    ReportConflict,
    /// The task cannot change from its state to the reported state.
    TransitionRefused,
    /// The level does not allow the change.
    ChangeRefused,
    /// Another change of the object came first.
    OutdatedVersion,
    /// An admin would lose the management of users.
    OwnLockout,
    /// All of the replenishment order has arrived.
    ReplenishmentOrderReceived,
    /// The location has stock, so its time zone cannot change.
    TimeZoneFixed,
    /// The report has too many orders or rows.
    ReportTooLarge,
    /// The `Accept` header names no media type of the response.
    NotAcceptable,
    /// The body is too large.
    PayloadTooLarge,
    /// The content type is not JSON in UTF-8.
    UnsupportedMediaType,
    /// Write conflicts, throttling or a timeout. The request can be repeated.
    Busy,
    /// An error of Stockline.
    Internal,
}

impl ProblemKind {
    fn parts(self) -> (StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Self::MalformedBody => (S::BAD_REQUEST, "malformed-body", "The body is not JSON"),
            Self::InvalidRequest => (
                S::BAD_REQUEST,
                "invalid-request",
                "The request is not valid",
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
            Self::InsufficientStock => conflict("insufficient-stock", "Not enough is available"),
            Self::UnknownLine => (
                S::UNPROCESSABLE_ENTITY,
                "unknown-line",
                "The location does not stock the SKU",
            ),
            Self::Forbidden => (
                S::FORBIDDEN,
                "forbidden",
                "The caller's role does not allow this",
            ),
            Self::NotFound => (S::NOT_FOUND, "not-found", "Not found"),
            Self::OrderNotCancelable => conflict(
                "order-not-cancelable",
                "The order can no longer be canceled",
            ),
            Self::OrderNotRefundable => conflict(
                "order-not-refundable",
                "The order cannot be refunded like this",
            ),
            Self::OrderNotFulfillable => conflict(
                "order-not-fulfillable",
                "The order cannot be fulfilled like this",
            ),
            Self::StaleLease => conflict("stale-lease", "The lease was given up or replaced"),
            Self::OutdatedReport => conflict("outdated-report", "A later report was received"),
            Self::ReportConflict => conflict(
                "report-conflict",
                "The report number was used for a different report",
            ),
            Self::TransitionRefused => {
                conflict("transition-refused", "The task cannot change to this state")
            }
            Self::ChangeRefused => {
                conflict("change-refused", "The level does not allow the change")
            }
            Self::OutdatedVersion => conflict("outdated-version", "Another change came first"),
            Self::OwnLockout => conflict("own-lockout", "Admins cannot end their own access"),
            Self::ReplenishmentOrderReceived => conflict(
                "replenishment-order-received",
                "The replenishment order has been received",
            ),
            Self::TimeZoneFixed => conflict(
                "time-zone-fixed",
                "The time zone of the location cannot change",
            ),
            Self::ReportTooLarge => (
                S::UNPROCESSABLE_ENTITY,
                "report-too-large",
                "The report is too large",
            ),
            Self::NotAcceptable => (
                S::NOT_ACCEPTABLE,
                "not-acceptable",
                "The response has no accepted media type",
            ),
            Self::PayloadTooLarge => (
                S::PAYLOAD_TOO_LARGE,
                "payload-too-large",
                "The body is too large",
            ),
            Self::UnsupportedMediaType => (
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported-media-type",
                "The body must be application/json in UTF-8",
            ),
            Self::Busy => (S::SERVICE_UNAVAILABLE, "busy", "Temporarily unavailable"),
            Self::Internal => (S::INTERNAL_SERVER_ERROR, "internal", "Internal error"),
        }
    }
}

const fn conflict(
    type_name: &'static str,
    title: &'static str,
) -> (StatusCode, &'static str, &'static str) {
    (StatusCode::CONFLICT, type_name, title)
}

/// A problem document.
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
    /// Creates a problem of `kind`. `detail` is a text for people.
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

    /// Returns the last segment of `type`, such as `insufficient-stock`.
    pub fn type_name(&self) -> &str {
        self.type_.rsplit('/').next().unwrap_or_default()
    }

    /// Returns the short title of its kind.
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Returns the text for people.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Returns the field errors.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// Adds the field errors.
    pub fn with_errors(mut self, errors: Vec<FieldError>) -> Self {
        self.errors = errors;
        self
    }

    /// Adds an extension member, such as the short lines of an order.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.extensions.insert(member.to_owned(), value);
        self
    }

    /// Returns the HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Creates the 404 for an object that does not exist and for one that the caller may not access. Both have the same text.
    pub fn not_found() -> Self {
        Self::new(
            ProblemKind::NotFound,
            "It does not exist, or the caller may not access it.",
        )
    }

    /// Creates the 503 for a timeout.
    pub fn unanswered() -> Self {
        Self::new(
            ProblemKind::Busy,
            "The request timed out and the outcome is unknown. Repeat it after the time in Retry-After, with \
             the same Idempotency-Key if it has one: it has its effect at most once.",
        )
    }

    /// Creates the 500. The cause is logged with the request's id and not sent.
    pub fn internal() -> Self {
        Self::new(
            ProblemKind::Internal,
            "The request may or may not have had its effect. It is safe to repeat it, with the same Idempotency-Key if it \
             has one.",
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
            Denied::NoLocations => Self::new(
                ProblemKind::Forbidden,
                "The caller's token names no location, so nothing at any location can be accessed. Ask an admin for access.",
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
                "Too many concurrent requests write the same items. Repeat the request after the time in \
                 Retry-After, with the same Idempotency-Key if it has one.",
            ),
            StoreError::Unanswered { context, source } => {
                tracing::error!(error = %error_chain(source.as_ref()), "{context}: no response");
                Self::unanswered()
            }
            StoreError::Failed { context, source } => {
                tracing::error!(error = %error_chain(source.as_ref()), "{context}");
                Self::internal()
            }
        }
    }
}
