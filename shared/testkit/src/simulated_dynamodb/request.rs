//! Parsing and validation of requests. A parameter that is not listed here is rejected, not ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::capacity::ReturnConsumedCapacity;
use super::error::ServiceError;
use super::expression::{Condition, Path, Placeholders, Update};
use super::table::{Key, item_key, key_attributes, parse_key};
use super::value::Item;

type Names = Option<BTreeMap<String, String>>;

/// Which attributes of a written item the response returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReturnValues {
    /// None.
    #[default]
    None,
    /// All attributes before the write.
    AllOld,
    /// All attributes after the write.
    AllNew,
    /// The updated attributes before the write.
    UpdatedOld,
    /// The updated attributes after the write.
    UpdatedNew,
}

/// `GetItem`, and the `Get` of `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct GetRequest {
    pub table_name: String,
    pub key: Item,
    #[serde(default)]
    pub consistent_read: bool,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Names,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchGetRequest {
    pub request_items: BTreeMap<String, TableKeys>,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// The keys of a batch for one table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TableKeys {
    pub keys: Vec<Item>,
    #[serde(default)]
    pub consistent_read: bool,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Names,
}

/// `Query`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct QueryRequest {
    pub table_name: String,
    pub index_name: Option<String>,
    pub key_condition_expression: Option<String>,
    pub filter_expression: Option<String>,
    pub projection_expression: Option<String>,
    pub expression_attribute_names: Names,
    pub expression_attribute_values: Option<Item>,
    pub scan_index_forward: Option<bool>,
    pub limit: Option<i64>,
    pub exclusive_start_key: Option<Item>,
    #[serde(default)]
    pub consistent_read: bool,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TransactGetRequest {
    pub transact_items: Vec<TransactGet>,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// One item of `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TransactGet {
    pub get: GetRequest,
}

/// `TransactWriteItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TransactWriteRequest {
    pub transact_items: Vec<TransactWrite>,
    pub client_request_token: Option<String>,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// One item of `TransactWriteItems`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TransactWrite {
    /// Replaces an item.
    Put(WriteRequest),
    /// Updates attributes of an item.
    Update(WriteRequest),
    /// Deletes an item.
    Delete(WriteRequest),
    /// Checks a condition without writing.
    ConditionCheck(WriteRequest),
}

/// `PutItem`, `UpdateItem`, `DeleteItem`, and their counterparts in a transaction. [`ItemWrite`] checks which parameters are
/// allowed for which of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct WriteRequest {
    pub table_name: String,
    item: Option<Item>,
    key: Option<Item>,
    update_expression: Option<String>,
    condition_expression: Option<String>,
    expression_attribute_names: Names,
    expression_attribute_values: Option<Item>,
    return_values: Option<ReturnValues>,
    #[serde(default)]
    return_values_on_condition_check_failure: ReturnValues,
    #[serde(default)]
    pub return_consumed_capacity: ReturnConsumedCapacity,
}

/// How a write changes an item.
#[derive(Debug)]
pub enum WriteAction {
    /// Replaces it.
    Put(Item),
    /// Updates it, or creates it if it does not exist.
    Update(Option<Update>),
    /// Deletes it.
    Delete,
    /// Leaves it unchanged.
    Check,
}

/// A parsed and validated write of one item.
#[derive(Debug)]
pub struct ItemWrite {
    /// The table.
    pub table: String,
    /// The key of the item.
    pub key: Key,
    /// The change.
    pub action: WriteAction,
    /// The condition of the write.
    pub condition: Option<Condition>,
    /// Whether the error of a failed condition returns the item.
    pub returns_item_on_failure: bool,
    /// Which attributes the response returns.
    pub return_values: ReturnValues,
}

impl ItemWrite {
    /// Parses a `PutItem`.
    pub fn put(request: WriteRequest) -> Result<Self, ServiceError> {
        let item = request.item.clone();
        let item = item.ok_or_else(|| ServiceError::validation("Item is required"))?;
        let key = item_key(&item).map_err(ServiceError::validation)?;
        if request.key.is_some() || request.update_expression.is_some() {
            return Err(unsupported_parameter());
        }
        let allowed = [ReturnValues::None, ReturnValues::AllOld];
        Self::parse(request, key, |_, _| Ok(WriteAction::Put(item)), &allowed)
    }

    /// Parses an `UpdateItem`.
    pub fn update(request: WriteRequest) -> Result<Self, ServiceError> {
        let key = Self::parse_key(&request)?;
        let allowed = [
            ReturnValues::None,
            ReturnValues::AllOld,
            ReturnValues::AllNew,
            ReturnValues::UpdatedOld,
            ReturnValues::UpdatedNew,
        ];
        Self::parse(request, key, Self::parse_update, &allowed)
    }

    /// Parses a `DeleteItem`.
    pub fn delete(request: WriteRequest) -> Result<Self, ServiceError> {
        let key = Self::parse_key(&request)?;
        if request.update_expression.is_some() {
            return Err(unsupported_parameter());
        }
        let allowed = [ReturnValues::None, ReturnValues::AllOld];
        Self::parse(request, key, |_, _| Ok(WriteAction::Delete), &allowed)
    }

    /// Parses one item of a transaction, which may not return attributes.
    pub fn from_transact_item(write: TransactWrite) -> Result<Self, ServiceError> {
        let (TransactWrite::Put(request)
        | TransactWrite::Update(request)
        | TransactWrite::Delete(request)
        | TransactWrite::ConditionCheck(request)) = &write;
        if request.return_values.is_some()
            || request.return_consumed_capacity != ReturnConsumedCapacity::None
        {
            return Err(unsupported_parameter());
        }
        match write {
            TransactWrite::Put(request) => Self::put(request),
            TransactWrite::Update(request) if request.update_expression.is_none() => Err(
                ServiceError::validation("The expression can not be empty: UpdateExpression"),
            ),
            TransactWrite::Update(request) => Self::update(request),
            TransactWrite::Delete(request) => Self::delete(request),
            TransactWrite::ConditionCheck(request) if request.condition_expression.is_none() => {
                Err(ServiceError::validation("ConditionExpression is required"))
            }
            TransactWrite::ConditionCheck(request) => {
                let write = Self::delete(request)?;
                Ok(Self {
                    action: WriteAction::Check,
                    ..write
                })
            }
        }
    }

    fn parse_key(request: &WriteRequest) -> Result<Key, ServiceError> {
        if request.item.is_some() {
            return Err(unsupported_parameter());
        }
        let key = request.key.as_ref();
        let key = key.ok_or_else(|| ServiceError::validation("Key is required"))?;
        parse_key(key).map_err(ServiceError::validation)
    }

    fn parse_update(
        request: &WriteRequest,
        placeholders: &mut Placeholders,
    ) -> Result<WriteAction, String> {
        let update = request.update_expression.as_deref();
        let update = update.map(|text| placeholders.update(text)).transpose()?;
        let attributes = update.iter().flat_map(Update::attributes);
        for attribute in attributes {
            if key_attributes().contains(&attribute) {
                return Err(format!(
                    "One or more parameter values were invalid: Cannot update attribute {attribute}. This attribute is part of the key"
                ));
            }
        }
        Ok(WriteAction::Update(update))
    }

    fn parse(
        request: WriteRequest,
        key: Key,
        parse_action: impl FnOnce(&WriteRequest, &mut Placeholders) -> Result<WriteAction, String>,
        allowed: &[ReturnValues],
    ) -> Result<Self, ServiceError> {
        let return_values = request.return_values.unwrap_or_default();
        let on_failure = request.return_values_on_condition_check_failure;
        if !allowed.contains(&return_values)
            || !matches!(on_failure, ReturnValues::None | ReturnValues::AllOld)
        {
            return Err(ServiceError::validation(
                "Return values set to invalid value",
            ));
        }
        let mut placeholders = Placeholders::new(
            request.expression_attribute_names.clone(),
            request.expression_attribute_values.clone(),
        );
        let (action, condition) = (|| {
            let action = parse_action(&request, &mut placeholders)?;
            let condition = request.condition_expression.as_deref();
            let condition = condition
                .map(|text| placeholders.condition("ConditionExpression", text))
                .transpose()?;
            placeholders.check_all_used()?;
            Ok((action, condition))
        })()
        .map_err(|message: String| ServiceError::validation(message))?;
        Ok(Self {
            table: request.table_name,
            key,
            action,
            condition,
            returns_item_on_failure: on_failure == ReturnValues::AllOld,
            return_values,
        })
    }
}

fn unsupported_parameter() -> ServiceError {
    ServiceError::validation("the request has a parameter that the operation does not support")
}

/// Parses a projection expression, and checks that it uses all `names`.
pub fn parse_projection(
    text: Option<&str>,
    names: Names,
) -> Result<Option<Vec<Path>>, ServiceError> {
    let mut placeholders = Placeholders::new(names, None);
    let paths = text.map(|text| placeholders.projection(text)).transpose();
    paths
        .and_then(|paths| placeholders.check_all_used().map(|()| paths))
        .map_err(ServiceError::validation)
}
