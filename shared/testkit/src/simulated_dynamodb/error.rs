//! What the service answers when it refuses: status, code and body as DynamoDB gives them.

use serde_json::{Map, Value as Json, json};

use super::value::{Item, item_json};

const NAMESPACE: &str = "com.amazonaws.dynamodb.v20120810";

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceError {
    /// HTTP status.
    pub status: u16,
    /// The exception's name.
    pub code: &'static str,
    message: String,
    more: Map<String, Json>,
}

/// Which limit a request ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// Whether it is an index's.
    pub of_index: bool,
    /// Whether it is the one of writes.
    pub of_writes: bool,
}

/// Why one item of a transaction was refused, or that it was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// It was not.
    None,
    /// Its condition failed; with the item where it was asked for.
    ConditionalCheckFailed(Option<Item>),
    /// Another transaction is under way for it.
    TransactionConflict,
    /// Its partition has no units left.
    ThrottlingError(Throttle),
    /// The change would make no valid item of it.
    ValidationError(String),
}

impl ServiceError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            more: Map::new(),
        }
    }

    fn with(mut self, name: &str, value: Json) -> Self {
        self.more.insert(name.to_owned(), value);
        self
    }

    /// A request that is wrong in itself.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationException", message)
    }

    /// No such table.
    pub fn no_table() -> Self {
        Self::new(
            400,
            "ResourceNotFoundException",
            "Requested resource not found",
        )
    }

    /// An operation that is not simulated.
    pub fn unknown_operation(name: &str) -> Self {
        Self::new(
            400,
            "UnknownOperationException",
            format!("{name} is not simulated"),
        )
    }

    /// A condition did not hold.
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

    /// A transaction is under way for the item of a single write.
    pub fn transaction_conflict() -> Self {
        Self::new(
            400,
            "TransactionConflictException",
            "Transaction is ongoing for the item",
        )
    }

    /// A partition has no units left. On-demand tables say `ThrottlingException` where provisioned ones say
    /// `ProvisionedThroughputExceededException`.
    pub fn throttled(throttle: Throttle, resource: &str) -> Self {
        Self::new(400, "ThrottlingException", throttle.message()).with(
            "throttlingReasons",
            json!([{"reason": throttle.reason(), "resource": resource}]),
        )
    }

    /// A transaction of which at least one item was refused.
    pub fn canceled(reasons: &[Reason]) -> Self {
        let codes: Vec<&str> = reasons.iter().map(Reason::code).collect();
        let message = format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        );
        let reasons: Vec<Json> = reasons.iter().map(Reason::json).collect();
        Self::new(400, "TransactionCanceledException", message)
            .with("CancellationReasons", json!(reasons))
    }

    /// The same token came before with another content.
    pub fn parameter_mismatch() -> Self {
        Self::new(
            400,
            "IdempotentParameterMismatchException",
            "The request uses the same client token as a previous, but non-identical request. Do not reuse a client token with different requests, unless the requests are identical",
        )
    }

    /// The transaction of the same token is not done.
    pub fn in_progress() -> Self {
        Self::new(
            400,
            "TransactionInProgressException",
            "The transaction with the given request token is already in progress.",
        )
    }

    /// The service failed.
    pub fn internal() -> Self {
        Self::new(500, "InternalServerError", "Internal server error")
    }

    /// The body of the answer.
    pub fn body(&self) -> Json {
        let mut body = self.more.clone();
        body.insert(
            "__type".to_owned(),
            json!(format!("{NAMESPACE}#{}", self.code)),
        );
        // The model of this one error, and of no other, spells its message with a capital.
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
        let resource = if self.of_index { "Index" } else { "Table" };
        let operation = if self.of_writes { "Write" } else { "Read" };
        format!("{resource}{operation}KeyRangeThroughputExceeded")
    }

    fn message(self) -> &'static str {
        if self.of_index {
            "Throughput exceeds the current capacity for one or more global secondary indexes. DynamoDB is automatically scaling your index so please try again shortly."
        } else {
            "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table or index so please try again shortly. If exceptions persist, check if you have a hot key: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html."
        }
    }
}

impl Reason {
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
