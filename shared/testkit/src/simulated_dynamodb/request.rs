//! Requests as they come over the wire. A parameter that is not here is refused, not ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::capacity::Detail;
use super::error::ServiceError;
use super::expression::{Condition, Path, Placeholders, Update};
use super::table::{Key, exact_key, key_attributes, key_in};
use super::value::Item;

type Names = Option<BTreeMap<String, String>>;

/// What an answer gives back of an item that was written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ReturnValues {
    /// Nothing.
    #[default]
    None,
    /// The item as it was.
    AllOld,
    /// The item as it is.
    AllNew,
    /// What was updated, as it was.
    UpdatedOld,
    /// What was updated, as it is.
    UpdatedNew,
}

/// `GetItem`, and a `Get` of a transaction.
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
    pub return_consumed_capacity: Detail,
}

/// `BatchGetItem`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct BatchGetRequest {
    pub request_items: BTreeMap<String, KeysOfTable>,
    #[serde(default)]
    pub return_consumed_capacity: Detail,
}

/// What a batch asks of one table.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct KeysOfTable {
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
    pub return_consumed_capacity: Detail,
}

/// `TransactGetItems`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TransactGetRequest {
    pub transact_items: Vec<TransactGet>,
    #[serde(default)]
    pub return_consumed_capacity: Detail,
}

/// One read of a transaction.
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
    pub return_consumed_capacity: Detail,
}

/// One write of a transaction: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum TransactWrite {
    /// A whole item.
    Put(WriteRequest),
    /// Some of its attributes.
    Update(WriteRequest),
    /// No item.
    Delete(WriteRequest),
    /// Nothing, if a condition holds.
    ConditionCheck(WriteRequest),
}

/// `PutItem`, `UpdateItem`, `DeleteItem`, and their like in a transaction; which has which parameters, [`Write`] says.
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
    pub return_consumed_capacity: Detail,
}

/// What is to be done to an item.
#[derive(Debug)]
pub enum Action {
    /// It becomes this.
    Put(Item),
    /// It changes so, or is made.
    Update(Option<Update>),
    /// It goes.
    Delete,
    /// It stays.
    Check,
}

/// A write, read in full.
#[derive(Debug)]
pub struct Write {
    /// The table.
    pub table: String,
    /// The item's key.
    pub key: Key,
    /// What is done.
    pub action: Action,
    /// If this holds.
    pub condition: Option<Condition>,
    /// Whether a failed condition gives the item back.
    pub shows_failed: bool,
    /// What the answer gives back.
    pub returns: ReturnValues,
}

impl Write {
    /// `PutItem`.
    pub fn put(request: WriteRequest) -> Result<Self, ServiceError> {
        let item = request.item.clone();
        let item = item.ok_or_else(|| ServiceError::validation("an Item is required"))?;
        let key = key_in(&item).map_err(ServiceError::validation)?;
        if request.key.is_some() || request.update_expression.is_some() {
            return Err(not_a_parameter());
        }
        let may_return = [ReturnValues::None, ReturnValues::AllOld];
        Self::read(request, key, |_, _| Ok(Action::Put(item)), &may_return)
    }

    /// `UpdateItem`.
    pub fn update(request: WriteRequest) -> Result<Self, ServiceError> {
        let key = Self::own_key(&request)?;
        let all = [
            ReturnValues::None,
            ReturnValues::AllOld,
            ReturnValues::AllNew,
            ReturnValues::UpdatedOld,
            ReturnValues::UpdatedNew,
        ];
        Self::read(request, key, Self::update_action, &all)
    }

    /// `DeleteItem`.
    pub fn delete(request: WriteRequest) -> Result<Self, ServiceError> {
        let key = Self::own_key(&request)?;
        if request.update_expression.is_some() {
            return Err(not_a_parameter());
        }
        let may_return = [ReturnValues::None, ReturnValues::AllOld];
        Self::read(request, key, |_, _| Ok(Action::Delete), &may_return)
    }

    /// One write of a transaction, which gives nothing back.
    pub fn of_transaction(write: TransactWrite) -> Result<Self, ServiceError> {
        let (TransactWrite::Put(request)
        | TransactWrite::Update(request)
        | TransactWrite::Delete(request)
        | TransactWrite::ConditionCheck(request)) = &write;
        if request.return_values.is_some() || request.return_consumed_capacity != Detail::None {
            return Err(not_a_parameter());
        }
        match write {
            TransactWrite::Put(request) => Self::put(request),
            TransactWrite::Update(request) if request.update_expression.is_none() => Err(
                ServiceError::validation("The expression can not be empty: UpdateExpression"),
            ),
            TransactWrite::Update(request) => Self::update(request),
            TransactWrite::Delete(request) => Self::delete(request),
            TransactWrite::ConditionCheck(request) if request.condition_expression.is_none() => {
                Err(ServiceError::validation(
                    "a ConditionExpression is required",
                ))
            }
            TransactWrite::ConditionCheck(request) => {
                let write = Self::delete(request)?;
                Ok(Self {
                    action: Action::Check,
                    ..write
                })
            }
        }
    }

    fn own_key(request: &WriteRequest) -> Result<Key, ServiceError> {
        if request.item.is_some() {
            return Err(not_a_parameter());
        }
        let key = request.key.as_ref();
        let key = key.ok_or_else(|| ServiceError::validation("a Key is required"))?;
        exact_key(key).map_err(ServiceError::validation)
    }

    fn update_action(
        request: &WriteRequest,
        placeholders: &mut Placeholders,
    ) -> Result<Action, String> {
        let update = request.update_expression.as_deref();
        let update = update.map(|text| placeholders.update(text)).transpose()?;
        let changed = update.iter().flat_map(Update::attributes);
        for attribute in changed {
            if key_attributes().contains(&attribute) {
                return Err(format!(
                    "One or more parameter values were invalid: Cannot update attribute {attribute}. This attribute is part of the key"
                ));
            }
        }
        Ok(Action::Update(update))
    }

    fn read(
        request: WriteRequest,
        key: Key,
        action: impl FnOnce(&WriteRequest, &mut Placeholders) -> Result<Action, String>,
        may_return: &[ReturnValues],
    ) -> Result<Self, ServiceError> {
        let returns = request.return_values.unwrap_or_default();
        let shows = request.return_values_on_condition_check_failure;
        if !may_return.contains(&returns)
            || !matches!(shows, ReturnValues::None | ReturnValues::AllOld)
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
            let action = action(&request, &mut placeholders)?;
            let condition = request.condition_expression.as_deref();
            let condition = condition
                .map(|text| placeholders.condition("ConditionExpression", text))
                .transpose()?;
            placeholders.all_used()?;
            Ok((action, condition))
        })()
        .map_err(|message: String| ServiceError::validation(message))?;
        Ok(Self {
            table: request.table_name,
            key,
            action,
            condition,
            shows_failed: shows == ReturnValues::AllOld,
            returns,
        })
    }
}

fn not_a_parameter() -> ServiceError {
    ServiceError::validation("the operation has no such parameter")
}

/// The paths of a projection, and that nothing else was named.
pub fn projection(text: Option<&str>, names: Names) -> Result<Option<Vec<Path>>, ServiceError> {
    let mut placeholders = Placeholders::new(names, None);
    let paths = text.map(|text| placeholders.projection(text)).transpose();
    paths
        .and_then(|paths| placeholders.all_used().map(|()| paths))
        .map_err(ServiceError::validation)
}
