//! Requests as they are sent, and answers in one form.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, ConsumedCapacity, Delete, KeysAndAttributes, Put,
    ReturnConsumedCapacity, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
    TransactWriteItem, Update,
};

use crate::draw::{Condition, Part, Query, Request};
use crate::{Item, Side};

impl Request {
    /// Sends it; gives the answer in one form.
    pub async fn send(&self, to: &Side) -> String {
        match self {
            Self::Get(key) => get(to, key).await,
            Self::Put(item, condition) => put(to, item, condition.clone()).await,
            Self::Delete(key, condition) => delete(to, key, condition.clone()).await,
            Self::Update(key, update, condition, returned) => {
                let changed = together(update.1.clone(), condition.as_ref());
                let sent = to
                    .client
                    .update_item()
                    .table_name(&to.table)
                    .set_key(Some(key.clone()))
                    .update_expression(update.0)
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(changed)
                    .return_values(returned.clone())
                    .return_consumed_capacity(ReturnConsumedCapacity::Total)
                    .send()
                    .await;
                told(sent, |updated| {
                    let units = units(updated.consumed_capacity.as_slice());
                    (updated.attributes.as_ref().map(shown), units)
                })
            }
            Self::Query(query) => query.send(to).await,
            Self::Batch(keys) => batch(to, keys).await,
            Self::Transact(parts, token) => transact(to, parts, token).await,
        }
    }
}

async fn get(to: &Side, key: &Item) -> String {
    let get = to.client.get_item().table_name(&to.table);
    let sent = get
        .set_key(Some(key.clone()))
        .consistent_read(true)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    told(sent, |found| {
        let units = units(found.consumed_capacity.as_slice());
        (found.item.as_ref().map(shown), units)
    })
}

async fn put(to: &Side, item: &Item, condition: Option<Condition>) -> String {
    let put = to.client.put_item().table_name(&to.table);
    let sent = put
        .set_item(Some(item.clone()))
        .set_condition_expression(text(condition.as_ref()))
        .set_expression_attribute_values(together(HashMap::new(), condition.as_ref()))
        .return_values(ReturnValue::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    told(sent, |put| {
        let units = units(put.consumed_capacity.as_slice());
        (put.attributes.as_ref().map(shown), units)
    })
}

async fn delete(to: &Side, key: &Item, condition: Option<Condition>) -> String {
    let delete = to.client.delete_item().table_name(&to.table);
    let sent = delete
        .set_key(Some(key.clone()))
        .set_condition_expression(text(condition.as_ref()))
        .set_expression_attribute_values(together(HashMap::new(), condition.as_ref()))
        .return_values(ReturnValue::AllOld)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    told(sent, |deleted| {
        let units = units(deleted.consumed_capacity.as_slice());
        (deleted.attributes.as_ref().map(shown), units)
    })
}

async fn batch(to: &Side, keys: &[Item]) -> String {
    let wanted = KeysAndAttributes::builder()
        .set_keys(Some(keys.to_vec()))
        .consistent_read(true)
        .build()
        .unwrap();
    let batch = to.client.batch_get_item().request_items(&to.table, wanted);
    told(batch.send().await, |read| {
        let tables = read.responses.iter().flat_map(HashMap::values);
        let mut found: Vec<_> = tables.flatten().map(shown).collect();
        found.sort();
        found
    })
}

async fn transact(to: &Side, parts: &[Part], token: &str) -> String {
    let sent = to
        .client
        .transact_write_items()
        .set_transact_items(Some(parts.iter().map(|part| part.of(&to.table)).collect()))
        // The local cloud remembers tokens longer than tables.
        .client_request_token(format!("{}-{token}", to.run))
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await;
    if let Err(SdkError::ServiceError(error)) = &sent
        && let TransactWriteItemsError::TransactionCanceledException(canceled) = error.err()
    {
        let reasons = canceled.cancellation_reasons().iter();
        let reasons: Vec<_> = reasons
            .map(|reason| (reason.code(), reason.item.as_ref().map(shown)))
            .collect();
        return format!("canceled: {reasons:?}");
    }
    told(sent, |done| units(done.consumed_capacity()))
}

fn text(condition: Option<&Condition>) -> Option<String> {
    condition.map(|(text, _)| (*text).to_owned())
}

/// The values of both; named alike, the first ones stay.
fn together(mut values: Item, condition: Option<&Condition>) -> Option<Item> {
    for (name, value) in condition.into_iter().flat_map(|(_, values)| values) {
        let entry = values.entry(name.clone());
        entry.or_insert_with(|| value.clone());
    }
    (!values.is_empty()).then_some(values)
}

impl Part {
    fn of(&self, table: &str) -> TransactWriteItem {
        let part = TransactWriteItem::builder();
        match self {
            Self::Put(item, condition) => {
                let put = Put::builder().table_name(table);
                let put = put
                    .set_item(Some(item.clone()))
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(together(HashMap::new(), condition.as_ref()))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.put(put.build().unwrap())
            }
            Self::Update(key, (update, values), condition) => {
                let built = Update::builder().table_name(table);
                let built = built
                    .set_key(Some(key.clone()))
                    .update_expression(*update)
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(together(values.clone(), condition.as_ref()))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.update(built.build().unwrap())
            }
            Self::Delete(key, condition) => {
                let delete = Delete::builder().table_name(table);
                let delete = delete
                    .set_key(Some(key.clone()))
                    .set_condition_expression(text(condition.as_ref()))
                    .set_expression_attribute_values(together(HashMap::new(), condition.as_ref()));
                part.delete(delete.build().unwrap())
            }
            Self::Check(key, condition) => {
                let check = ConditionCheck::builder().table_name(table);
                let check = check
                    .set_key(Some(key.clone()))
                    .set_condition_expression(text(Some(condition)))
                    .set_expression_attribute_values(together(HashMap::new(), Some(condition)))
                    .return_values_on_condition_check_failure(OnFailure::AllOld);
                part.condition_check(check.build().unwrap())
            }
        }
        .build()
    }
}

impl Query {
    async fn send(&self, to: &Side) -> String {
        let (mut all, mut after) = (String::new(), None);
        for _ in 0..self.pages {
            let query = to
                .client
                .query()
                .table_name(&to.table)
                .key_condition_expression(self.condition);
            let sent = query
                .set_index_name(self.index.map(str::to_owned))
                .set_filter_expression(self.filter.map(str::to_owned))
                .set_expression_attribute_values(Some(self.values.clone()))
                .scan_index_forward(self.forward)
                .limit(self.limit)
                .set_exclusive_start_key(after.clone())
                .return_consumed_capacity(ReturnConsumedCapacity::Total)
                .send()
                .await;
            after = sent
                .as_ref()
                .ok()
                .and_then(|page| page.last_evaluated_key.clone());
            all += &told(sent, |page| {
                let items: Vec<_> = page.items().iter().map(shown).collect();
                (
                    items,
                    page.count,
                    page.scanned_count,
                    page.last_evaluated_key.as_ref().map(shown),
                    units(page.consumed_capacity.as_slice()),
                )
            });
            if after.is_none() {
                break;
            }
        }
        all
    }
}

fn told<T, E, R, S>(sent: Result<T, SdkError<E, R>>, show: impl FnOnce(&T) -> S) -> String
where
    E: ProvideErrorMetadata,
    S: std::fmt::Debug,
{
    match sent {
        Ok(answer) => format!("{:?}", show(&answer)),
        Err(error) => format!("refused: {:?}", error.code()),
    }
}

/// Table by table, what was consumed.
fn units(consumed: &[ConsumedCapacity]) -> Vec<String> {
    let units = consumed
        .iter()
        .map(|consumed| format!("{:?}", consumed.capacity_units));
    units.collect()
}

/// An item in one form, whatever the order of its attributes and of its sets.
pub fn shown(item: &Item) -> String {
    let ordered: BTreeMap<&String, String> = item
        .iter()
        .map(|(name, value)| (name, value_shown(value)))
        .collect();
    format!("{ordered:?}")
}

fn value_shown(value: &AttributeValue) -> String {
    match value {
        AttributeValue::M(map) => shown(map),
        AttributeValue::L(list) => {
            format!("{:?}", list.iter().map(value_shown).collect::<Vec<_>>())
        }
        AttributeValue::Ss(set) => {
            let mut set = set.clone();
            set.sort();
            format!("{set:?}")
        }
        other => format!("{other:?}"),
    }
}
