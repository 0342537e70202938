//! `PutItem`, `GetItem`, `UpdateItem` and `DeleteItem`, their return values and consumed capacity.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use stockline_testkit::cloud::Table;

use crate::fixture::{composite_key, fixture, key, n, result_code, s, with_attributes};

#[tokio::test(start_paused = true)]
async fn put_replaces_the_item_and_delete_removes_it() {
    let stock = fixture(Table::Stock);
    assert_eq!(stock.get("a").await, None);
    stock
        .put(with_attributes(key("a"), &[("one", n("1"))]))
        .await;
    stock
        .put(with_attributes(key("a"), &[("two", n("2.50"))]))
        .await;
    let found = stock.get("a").await;
    assert_eq!(found, Some(with_attributes(key("a"), &[("two", n("2.5"))])));
    for exists in [true, false] {
        let deleted = stock.client.delete_item().table_name(&stock.table);
        let deleted = deleted
            .set_key(Some(key("a")))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .unwrap();
        assert_eq!(deleted.attributes.is_some(), exists);
    }
    assert_eq!(stock.get("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn failed_condition_returns_the_item_on_request() {
    let stock = fixture(Table::Stock);
    let existing = with_attributes(key("a"), &[("one", n("1"))]);
    stock.put(existing.clone()).await;
    for (return_values, expected) in [
        (OnFailure::AllOld, Some(existing.clone())),
        (OnFailure::None, None),
    ] {
        let put = stock.client.put_item().table_name(&stock.table);
        let result = put
            .set_item(Some(key("a")))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(return_values)
            .send()
            .await;
        let Err(PutItemError::ConditionalCheckFailedException(failed)) =
            result.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error)
        else {
            panic!("the condition did not fail");
        };
        assert_eq!(failed.item, expected);
    }
    assert_eq!(stock.get("a").await, Some(existing));
}

#[tokio::test(start_paused = true)]
async fn update_creates_the_item_and_returns_values() {
    let stock = fixture(Table::Stock);
    let update = |return_value: ReturnValue| {
        let update = stock.client.update_item().table_name(&stock.table);
        update
            .set_key(Some(key("a")))
            .update_expression("SET seen = if_not_exists(seen, :zero) + :one, held = :one")
            .expression_attribute_values(":zero", n("0"))
            .expression_attribute_values(":one", n("1"))
            .return_values(return_value)
            .send()
    };
    let none = update(ReturnValue::AllOld).await.unwrap();
    assert_eq!(none.attributes, None, "the item did not exist before");
    let two = [("seen", n("2")), ("held", n("1"))];
    let all = update(ReturnValue::AllNew).await.unwrap();
    assert_eq!(all.attributes, Some(with_attributes(key("a"), &two)));
    let before = update(ReturnValue::UpdatedOld).await.unwrap();
    assert_eq!(
        before.attributes,
        Some(two.map(|(name, value)| (name.to_owned(), value)).into())
    );
    let after = update(ReturnValue::UpdatedNew).await.unwrap();
    assert_eq!(after.attributes.unwrap()["seen"], n("4"));
}

#[tokio::test(start_paused = true)]
async fn invalid_keys_and_items_are_rejected() {
    let stock = fixture(Table::Stock);
    let large = with_attributes(key("a"), &[("text", s(&"x".repeat(400 * 1024)))]);
    for (item, why) in [
        (with_attributes(key(""), &[]), "an empty key"),
        (
            with_attributes(key("a"), &[("sk", n("1"))]),
            "a numeric key",
        ),
        (
            with_attributes(key("a"), &[("index_sku", n("1"))]),
            "a numeric index key",
        ),
        (
            with_attributes(key("a"), &[("index_sku", s(""))]),
            "an empty index key",
        ),
        (
            with_attributes(key(&"a".repeat(2049)), &[]),
            "a partition key above 2,048 bytes",
        ),
        (
            with_attributes(key("a"), &[("number", n(&"1".repeat(39)))]),
            "39 digits",
        ),
        (large, "more than 400 KB"),
    ] {
        let put = stock.client.put_item().table_name(&stock.table);
        let result = put.set_item(Some(item)).send().await;
        assert_eq!(result_code(&result), "ValidationException", "{why}");
    }
    let put = stock.client.put_item().table_name("missing-table");
    let result = put.set_item(Some(key("a"))).send().await;
    assert_eq!(result_code(&result), "ResourceNotFoundException");
    let get = stock.client.get_item().table_name(&stock.table);
    let result = get.key("pk", s("a")).send().await;
    assert_eq!(
        result_code(&result),
        "ValidationException",
        "a key without its sort key"
    );
}

#[tokio::test(start_paused = true)]
async fn unsupported_parameters_and_operations_are_rejected() {
    let stock = fixture(Table::Stock);
    let put = stock.client.put_item().table_name(&stock.table);
    let result = put
        .set_item(Some(key("a")))
        .return_item_collection_metrics(ReturnItemCollectionMetrics::Size)
        .send()
        .await;
    assert_eq!(result_code(&result), "ValidationException");
    let scan = stock.client.scan().table_name(&stock.table).send().await;
    assert_eq!(result_code(&scan), "UnknownOperationException");
}

#[tokio::test(start_paused = true)]
async fn projection_returns_only_the_named_paths() {
    let stock = fixture(Table::Stock);
    let map = AttributeValue::M([("x".to_owned(), n("1")), ("y".to_owned(), n("2"))].into());
    let list = AttributeValue::L(vec![s("first"), s("second")]);
    stock
        .put(with_attributes(
            key("a"),
            &[("m", map), ("l", list), ("other", n("1"))],
        ))
        .await;
    let get = stock.client.get_item().table_name(&stock.table);
    let found = get
        .set_key(Some(key("a")))
        .projection_expression("m.#x, l[1], absent, sk")
        .expression_attribute_names("#x", "x")
        .send()
        .await
        .unwrap()
        .item
        .unwrap();
    let x = AttributeValue::M([("x".to_owned(), n("1"))].into());
    let second = AttributeValue::L(vec![s("second")]);
    let expected = [("m", x), ("l", second), ("sk", s("1"))];
    assert_eq!(
        found,
        expected
            .map(|(name, value)| (name.to_owned(), value))
            .into()
    );
}

#[tokio::test(start_paused = true)]
async fn consumed_capacity_follows_the_documented_rules() {
    let stock = fixture(Table::Stock);
    let units = async |item, detail: ReturnConsumedCapacity| {
        let put = stock.client.put_item().table_name(&stock.table);
        let put = put.set_item(Some(item)).return_consumed_capacity(detail);
        put.send().await.unwrap().consumed_capacity.unwrap()
    };
    let total = async |item| {
        units(item, ReturnConsumedCapacity::Total)
            .await
            .capacity_units
    };
    let kilobytes = |count: usize| s(&"x".repeat(count * 1024));
    // A write consumes one unit per KB, rounded up, of the larger of the item before and after.
    assert_eq!(total(key("a")).await, Some(1.0));
    assert_eq!(
        total(with_attributes(key("a"), &[("text", kilobytes(2))])).await,
        Some(3.0)
    );
    assert_eq!(total(key("a")).await, Some(3.0));
    // A level is in two indexes. Each index consumes one write for a new entry, two for a moved entry, and none for an
    // unchanged entry.
    let level = |location: &str, text| {
        with_attributes(
            composite_key("b", "1"),
            &[
                ("index_location", s(location)),
                ("index_sku", s("milk")),
                ("text", s(text)),
            ],
        )
    };
    let new = units(level("here", "x"), ReturnConsumedCapacity::Indexes).await;
    assert_eq!(new.capacity_units, Some(3.0));
    assert_eq!(new.table.unwrap().capacity_units, Some(1.0));
    assert_eq!(
        new.global_secondary_indexes.unwrap()["by_sku"].capacity_units,
        Some(1.0)
    );
    assert_eq!(total(level("here", "y")).await, Some(1.0));
    assert_eq!(total(level("there", "y")).await, Some(5.0));
    // A strongly consistent read consumes one unit per 4 KB, rounded up; an eventually consistent read half of that. A read
    // of a missing item consumes the minimum.
    stock
        .put(with_attributes(key("c"), &[("text", kilobytes(4))]))
        .await;
    for (pk, consistent, expected) in [("c", true, 2.0), ("c", false, 1.0), ("nothing", false, 0.5)]
    {
        let get = stock.client.get_item().table_name(&stock.table);
        let get = get
            .set_key(Some(key(pk)))
            .consistent_read(consistent)
            .return_consumed_capacity(ReturnConsumedCapacity::Total);
        let consumed = get.send().await.unwrap().consumed_capacity.unwrap();
        assert_eq!(consumed.capacity_units, Some(expected), "{pk}");
    }
}

#[tokio::test(start_paused = true)]
async fn bill_includes_writes_with_failed_conditions() {
    let stock = fixture(Table::Stock);
    let index_keys = &[("index_location", s("here")), ("index_sku", s("milk"))];
    let put = || {
        let put = stock.client.put_item().table_name(&stock.table);
        put.set_item(Some(with_attributes(key("a"), index_keys)))
            .condition_expression("attribute_not_exists(pk)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    };
    // A new item consumes one unit, and one for each of its two index entries.
    let consumed = put().send().await.unwrap().consumed_capacity.unwrap();
    assert_eq!(consumed.capacity_units, Some(3.0));
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "1 + 2 | 0 | 1: `PutItem`");
    // A write with a failed condition consumes one unit. The following read consumes half a unit.
    let result = put().send().await;
    assert_eq!(result_code(&result), "ConditionalCheckFailedException");
    let get = stock.client.get_item().table_name(&stock.table);
    get.set_key(Some(key("a"))).send().await.unwrap();
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "1 | 0.5 | 2: `GetItem`, `PutItem`");
    // A transaction consumes the table's units twice and the indexes' units once.
    let item = with_attributes(key("b"), index_keys);
    let put = Put::builder().table_name(&stock.table).set_item(Some(item));
    let put = TransactWriteItem::builder().put(put.build().unwrap());
    let transact = stock.client.transact_write_items();
    transact.transact_items(put.build()).send().await.unwrap();
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "2 + 2 | 0 | 1: `TransactWriteItems`");
}
