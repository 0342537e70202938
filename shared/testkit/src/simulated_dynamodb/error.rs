//! Error responses: status, code and body in DynamoDB's format.

use serde_json::{Map, Value as Json, json};

use super::value::{Item, item_json};

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810";

/// The error response to a request.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// The name of the exception.
    pub code: &'static str,
    message: String,
    fields: Map<String, Json>,
}

/// Which throughput limit a request exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Whether it is the limit of an index.
    pub is_index: bool,
    /// Whether it is the write limit.
    pub is_write: bool,
}

/// The cancellation reason of one item of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CancellationReason {
    /// The item did not cause the cancellation.
    None,
    /// The condition failed. Carries the item if the request asked for it.
    ConditionalCheckFailed(Option<Item>),
    /// Another transaction holds the item.
    TransactionConflict,
    /// The partition has no capacity left.
    ThrottlingError(Throttle),
    /// The write would leave an invalid item.
    ValidationError(String),
}

impl ServiceError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            fields: Map::new(),
        }
    }

    fn with(mut self, name: &str, value: Json) -> Self {
        self.fields.insert(name.to_owned(), value);
        self
    }

    /// The request is invalid.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// The table does not exist.
    pub fn table_not_found() -> Self {
        Self::new(
            400,
            "ResourceNotFoundException",
            "Requested resource not found",
        )
    }

    /// The operation is not simulated.
    pub fn unknown_operation(name: &str) -> Self {
        Self::new(
            400,
            "UnknownOperationException",
            format!("{name} is not simulated"),
        )
    }

    /// The condition of a single-item write failed.
    pub fn condition_failed(existing: Option<&Item>) -> Self {
        let error = Self::new(
            400,
            "ConditionalCheckFailedException",
            "The conditional request failed",
        );
        match existing {
            Some(item) => error.with("Item", item_json(item)),
            None => error,
        }
    }

    /// A transaction holds the item of a single-item write.
    pub fn transaction_conflict() -> Self {
        Self::new(
            400,
            "TransactionConflictException",
            "Transaction is ongoing for the item",
        )
    }

    /// The partition has no capacity left. On-demand tables return `ThrottlingException`, provisioned tables
    /// `ProvisionedThroughputExceededException`.
    pub fn throttled(throttle: Throttle, resource: &str) -> Self {
        Self::new(400, "ThrottlingException", throttle.message()).with(
            "throttlingReasons",
            json!([{"reason": throttle.reason(), "resource": resource}]),
        )
    }

    /// The transaction was canceled because of at least one item.
    pub fn canceled(reasons: &[CancellationReason]) -> Self {
        let codes: Vec<&str> = reasons.iter().map(CancellationReason::code).collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons: Vec<Json> = reasons.iter().map(CancellationReason::json).collect();
        Self::new(400, "TransactionCanceledException", message)
            .with("CancellationReasons", json!(reasons))
    }

    /// The client request token was used before with other parameters.
    pub fn parameter_mismatch() -> Self {
        Self::new(
            400,
            "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical",
        )
    }

    /// The transaction with the same client request token is in progress.
    pub fn in_progress() -> Self {
        Self::new(
            400,
            "TransactionInProgressException",
            "The transaction with the given request token is already in progress.",
        )
    }

    /// The service failed internally.
    pub fn internal() -> Self {
        Self::new(500, "InternalServerError", "Internal server error")
    }

    /// Returns the response body.
    pub fn body(&self) -> Json {
        let mut body = self.fields.clone();
        body.insert(
            "__type".to_owned(),
            json!(format!("{NAMESPACE}#{}", self.code)),
        );
        // TransactionCanceledException is the only error whose message field is capitalised in the service model.
        let name = if self.code == "TransactionCanceledException" {
            "Message"
        } else {
            "message"
        };
        body.insert(name.to_owned(), json!(self.message));
        Json::Object(body)
    }
}

impl Throttle {
    fn reason(self) -> String {
        let resource = if self.is_index { "Index" } else { "Table" };
        let operation = if self.is_write { "Write" } else { "Read" };
        format!("{resource}{operation}KeyRangeThroughputExceeded")
    }

    fn message(self) -> &'static str {
        if self.is_index {
            "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is automatically scaling your index so please try again shortly."
        } else {
            "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html."
        }
    }
}

impl CancellationReason {
    fn code(&self) -> &'static str {
        match self {
            Self::None => "None",
            Self::ConditionalCheckFailed(_) => "ConditionalCheckFailed",
            Self::TransactionConflict => "TransactionConflict",
            Self::ThrottlingError(_) => "ThrottlingError",
            Self::ValidationError(_) => "ValidationError",
        }
    }

    fn json(&self) -> Json {
        let code = self.code();
        match self {
            Self::None => json!({"Code": code}),
            Self::ConditionalCheckFailed(None) => {
                json!({"Code": code, "Message": "The conditional request failed"})
            }
            Self::ConditionalCheckFailed(Some(item)) => {
                json!({"Code": code, "Message": "The conditional request failed", "Item": item_json(item)})
            }
            Self::TransactionConflict => {
                json!({"Code": code, "Message": "Transaction is ongoing for the item"})
            }
            Self::ThrottlingError(throttle) => {
                json!({"Code": code, "Message": throttle.message()})
            }
            Self::ValidationError(message) => json!({"Code": code, "Message": message}),
        }
    }
}
