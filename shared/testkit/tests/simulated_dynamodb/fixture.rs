//! A simulated service with one table, and a client without retries.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::builders::TransactWriteItemsFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeValue, CancellationReason, ConditionCheck, Put,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem, Update,
};
use stockline_testkit::cloud::Table;
use stockline_testkit::simulated_dynamodb::{SimulatedDynamoDb, Throughput, Timing};

pub type Item = HashMap<String, AttributeValue>;

pub struct Fixture {
    pub database: SimulatedDynamoDb,
    pub client: Client,
    pub table: String,
}

/// Creates a service with one empty table.
pub fn fixture(layout: Table) -> Fixture {
    fixture_with_timing(layout, Timing::default())
}

pub fn fixture_with_timing(layout: Table, timing: Timing) -> Fixture {
    let database = SimulatedDynamoDb::with_limits(1, timing, Throughput::default());
    let config = database.aws().dynamodb().config().to_builder();
    let client = Client::from_conf(config.retry_config(RetryConfig::disabled()).build());
    let table = database.create_table(layout);
    Fixture {
        database,
        client,
        table,
    }
}

pub fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

pub fn n(number: &str) -> AttributeValue {
    AttributeValue::N(number.to_owned())
}

pub fn key(pk: &str) -> Item {
    composite_key(pk, "1")
}

pub fn composite_key(pk: &str, sk: &str) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s(sk))])
}

pub fn with_attributes(mut item: Item, attributes: &[(&str, AttributeValue)]) -> Item {
    for (name, value) in attributes {
        item.insert((*name).to_owned(), value.clone());
    }
    item
}

/// Returns `OK`, the error code, or `no response` if there is no response.
pub fn result_code<T, E: ProvideErrorMetadata, R>(result: &Result<T, SdkError<E, R>>) -> &str {
    match result {
        Ok(_) => "OK",
        Err(error) => error.code().unwrap_or("no response"),
    }
}

impl Fixture {
    pub async fn put(&self, item: Item) {
        let put = self.client.put_item().table_name(&self.table);
        put.set_item(Some(item)).send().await.unwrap();
    }

    pub async fn get(&self, pk: &str) -> Option<Item> {
        let get = self.client.get_item().table_name(&self.table);
        let get = get.set_key(Some(key(pk))).consistent_read(true);
        get.send().await.unwrap().item
    }

    /// Builds a transaction of `items`.
    pub fn transact(&self, items: Vec<TransactWriteItem>) -> TransactWriteItemsFluentBuilder {
        let transact = self.client.transact_write_items();
        transact.set_transact_items(Some(items))
    }

    /// Builds a transaction item that puts `item`.
    pub fn put_item(&self, item: Item) -> TransactWriteItem {
        let put = Put::builder().table_name(&self.table);
        let put = put.set_item(Some(item)).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    }

    /// Builds a transaction item that adds 1 to `counted` of an existing item.
    pub fn increment_item(&self, pk: &str) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key(pk)))
            .update_expression("SET counted = counted + :one")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":one", n("1"))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .unwrap();
        TransactWriteItem::builder().update(update).build()
    }

    /// Builds a transaction item that checks that `counted` is `expected`, and returns the item if it is not.
    pub fn check_item(&self, pk: &str, expected: &str) -> TransactWriteItem {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key(pk)))
            .condition_expression("counted = :expected")
            .expression_attribute_values(":expected", n(expected))
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .build()
            .unwrap();
        TransactWriteItem::builder().condition_check(check).build()
    }
}

/// Returns the cancellation reasons of a canceled transaction, in the order of its items.
pub fn cancellation_reasons<T: std::fmt::Debug>(
    result: Result<T, SdkError<TransactWriteItemsError>>,
) -> Vec<CancellationReason> {
    match result.unwrap_err().into_service_error() {
        TransactWriteItemsError::TransactionCanceledException(canceled) => {
            canceled.cancellation_reasons().to_vec()
        }
        other => panic!("the transaction was not canceled: {other:?}"),
    }
}

pub fn reason_codes(reasons: &[CancellationReason]) -> Vec<&str> {
    reasons
        .iter()
        .map(|reason| reason.code().unwrap())
        .collect()
}
