//! Sends requests and formats their responses for comparison.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, ConsumedCapacity, Delete, KeysAndAttributes, Put,
    ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update,
};

use crate::random_request::{Expression, Query, Request, TransactItem};
use crate::{Item, Service};

impl Request {
    /// Sends the request and returns its formatted response.
    pub async fn send(&self, service: &Service) -> String {
        match self {
            Self::Get(key) => get(service, key).await,
            Self::Put(item, condition) => put(service, item, condition.clone()).await,
            Self::Delete(key, condition) => delete(service, key, condition.clone()).await,
            Self::Update(key, update, condition, return_value) => {
                let values = merged_values(update.1.clone(), condition.as_ref());
                let result = service
                    .client
                    .update_item()
                    .table_name(&service.table)
                    .set_key(Some(key.clone()))
                    .update_expression(update.0)
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(values)
                    .return_values(return_value.clone())
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await;
                format_result(result, |updated| {
                    let units = units(updated.consumed_capacity.as_slice());
                    (updated.attributes.as_ref().map(format_item), units)
                })
            }
            Self::Query(query) => query.send(service).await,
            Self::Batch(keys) => batch(service, keys).await,
            Self::TransactWrite(items, token) => transact(service, items, token).await,
        }
    }
}

async fn get(service: &Service, key: &Item) -> String {
    let get = service.client.get_item().table_name(&service.table);
    let result = get
        .set_key(Some(key.clone()))
        .consistent_read(true)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    format_result(result, |found| {
        let units = units(found.consumed_capacity.as_slice());
        (found.item.as_ref().map(format_item), units)
    })
}

async fn put(service: &Service, item: &Item, condition: Option<Expression>) -> String {
    let put = service.client.put_item().table_name(&service.table);
    let result = put
        .set_item(Some(item.clone()))
        .set_condition_expression(text(condition.as_ref()))
        .set_expression_attribute_values(merged_values(HashMap::new(), condition.as_ref()))
        .return_values(ReturnValue::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    format_result(result, |put| {
        let units = units(put.consumed_capacity.as_slice());
        (put.attributes.as_ref().map(format_item), units)
    })
}

async fn delete(service: &Service, key: &Item, condition: Option<Expression>) -> String {
    let delete = service.client.delete_item().table_name(&service.table);
    let result = delete
        .set_key(Some(key.clone()))
        .set_condition_expression(text(condition.as_ref()))
        .set_expression_attribute_values(merged_values(HashMap::new(), condition.as_ref()))
        .return_values(ReturnValue::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    format_result(result, |deleted| {
        let units = units(deleted.consumed_capacity.as_slice());
        (deleted.attributes.as_ref().map(format_item), units)
    })
}

async fn batch(service: &Service, keys: &[Item]) -> String {
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys.to_vec()))
        .consistent_read(true)
        .build()
        .unwrap();
    let batch = service
        .client
        .batch_get_item()
        .request_items(&service.table, wanted);
    format_result(batch.send().await, |read| {
        let tables = read.responses.iter().flat_map(HashMap::values);
        let mut found: Vec<_> = tables.flatten().map(format_item).collect();
        found.sort();
        found
    })
}

async fn transact(service: &Service, items: &[TransactItem], token: &str) -> String {
    let result = service
        .client
        .transact_write_items()
        .set_transact_items(Some(
            items
                .iter()
                .map(|item| item.build(&service.table))
                .collect(),
        ))
        // The prefix is unique to the run, because the local cloud remembers tokens after their table is deleted.
        .client_request_token(format!("{}-{token}", service.token_prefix))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    if let Err(SdkError::ServiceError(error)) = &result
        && let TransactWriteItemsError::TransactionCanceledException(canceled) = error.err()
    {
        let reasons = canceled.cancellation_reasons().iter();
        let reasons: Vec<_> = reasons
            .map(|reason| (reason.code(), reason.item.as_ref().map(format_item)))
            .collect();
        return format!("canceled: {reasons:?}");
    }
    format_result(result, |done| units(done.consumed_capacity()))
}

fn text(condition: Option<&Expression>) -> Option<String> {
    condition.map(|(text, _)| (*text).to_owned())
}

/// Adds the values of `condition` to `values`. A value that both have is kept from `values`.
fn merged_values(mut values: Item, condition: Option<&Expression>) -> Option<Item> {
    for (name, value) in condition.into_iter().flat_map(|(_, values)| values) {
        let entry = values.entry(name.clone());
        entry.or_insert_with(|| value.clone());
    }
    (!values.is_empty()).then_some(values)
}

impl TransactItem {
    fn build(&self, table: &str) -> TransactWriteItem {
        let item = TransactWriteItem::builder();
        match self {
            Self::Put(attributes, condition) => {
                let put = Put::builder().table_name(table);
                let put = put
                    .set_item(Some(attributes.clone()))
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(merged_values(
                        HashMap::new(),
                        condition.as_ref(),
                    ))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                item.put(put.build().unwrap())
            }
            Self::Update(key, (update, values), condition) => {
                let built = Update::builder().table_name(table);
                let built = built
                    .set_key(Some(key.clone()))
                    .update_expression(*update)
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(merged_values(
                        values.clone(),
                        condition.as_ref(),
                    ))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                item.update(built.build().unwrap())
            }
            Self::Delete(key, condition) => {
                let delete = Delete::builder().table_name(table);
                let delete = delete
                    .set_key(Some(key.clone()))
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(merged_values(
                        HashMap::new(),
                        condition.as_ref(),
                    ));
                item.delete(delete.build().unwrap())
            }
            Self::Check(key, condition) => {
                let check = ConditionCheck::builder().table_name(table);
                let check = check
                    .set_key(Some(key.clone()))
                    .set_condition_expression(text(Some(condition)))
                    .set_expression_attribute_values(merged_values(HashMap::new(), Some(condition)))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                item.condition_check(check.build().unwrap())
            }
        }
        .build()
    }
}

impl Query {
    async fn send(&self, service: &Service) -> String {
        let (mut formatted, mut start_key) = (String::new(), None);
        for _ in 0..self.pages {
            let query = service
                .client
                .query()
                .table_name(&service.table)
                .key_condition_expression(self.condition);
            let result = query
                .set_index_name(self.index.map(str::to_owned))
                .set_filter_expression(self.filter.map(str::to_owned))
                .set_expression_attribute_values(Some(self.values.clone()))
                .scan_index_forward(self.forward)
                .limit(self.limit)
                .set_exclusive_start_key(start_key.clone())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            start_key = result
                .as_ref()
                .ok()
                .and_then(|page| page.last_evaluated_key.clone());
            formatted += &format_result(result, |page| {
                let items: Vec<_> = page.items().iter().map(format_item).collect();
                (
                    items,
                    page.count,
                    page.scanned_count,
                    page.last_evaluated_key.as_ref().map(format_item),
                    units(page.consumed_capacity.as_slice()),
                )
            });
            if start_key.is_none() {
                break;
            }
        }
        formatted
    }
}

/// Formats what `select` returns of a response, or the error code.
fn format_result<T, E, R, S>(
    result: Result<T, SdkError<E, R>>,
    select: impl FnOnce(&T) -> S,
) -> String
where
    E: ProvideErrorMetadata,
    S: std::fmt::Debug,
{
    match result {
        Ok(response) => format!("{:?}", select(&response)),
        Err(error) => format!("error: {:?}", error.code()),
    }
}

/// Formats the consumed capacity units of each table.
fn units(consumed: &[ConsumedCapacity]) -> Vec<String> {
    let units = consumed
        .iter()
        .map(|consumed| format!("{:?}", consumed.capacity_units));
    units.collect()
}

/// Formats an item with its attributes and sets in a defined order.
pub fn format_item(item: &Item) -> String {
    let ordered: BTreeMap<&String, String> = item
        .iter()
        .map(|(name, value)| (name, format_value(value)))
        .collect();
    format!("{ordered:?}")
}

fn format_value(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => format_item(map),
        AttributeValue::L(list) => {
            format!("{:?}", list.iter().map(format_value).collect::<Vec<_>>())
        }
        AttributeValue::Ss(set) => {
            let mut set = set.clone();
            set.sort();
            format!("{set:?}")
        }
        other => format!("{other:?}"),
    }
}
