//! Single items: put, read, updated, deleted, and what of it comes back.

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, Put, ReturnConsumedCapacity, ReturnItemCollectionMetrics, ReturnValue,
    ReturnValuesOnConditionCheckFailure as OnFailure, TransactWriteItem,
};
use stockline_testkit::cloud::Table;

use crate::fixture::{code, fixture, key, keyed, n, s, with};

#[tokio::test(start_paused = true)]
async fn an_item_is_replaced_whole_and_deleted_once() {
    let stock = fixture(Table::Stock);
    assert_eq!(stock.get("a").await, None);
    stock.put(with(key("a"), &[("one", n("1"))])).await;
    stock.put(with(key("a"), &[("two", n("2.50"))])).await;
    let found = stock.get("a").await;
    assert_eq!(found, Some(with(key("a"), &[("two", n("2.5"))])));
    for was_there in [true, false] {
        let deleted = stock.client.delete_item().table_name(&stock.table);
        let deleted = deleted
            .set_key(Some(key("a")))
            .return_values(ReturnValue::AllOld)
            .send()
            .await
            .unwrap();
        assert_eq!(deleted.attributes.is_some(), was_there);
    }
    assert_eq!(stock.get("a").await, None);
}

#[tokio::test(start_paused = true)]
async fn a_failed_condition_gives_the_item_back_if_it_is_asked_for() {
    let stock = fixture(Table::Stock);
    let there = with(key("a"), &[("one", n("1"))]);
    stock.put(there.clone()).await;
    for (asked, expected) in [
        (OnFailure::AllOld, Some(there.clone())),
        (OnFailure::None, None),
    ] {
        let put = stock.client.put_item().table_name(&stock.table);
        let refused = put
            .set_item(Some(key("a")))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(asked)
            .send()
            .await;
        let Err(PutItemError::ConditionalCheckFailedException(failed)) =
            refused.map_err(aws_sdk_dynamodb::error::SdkError::into_service_error)
        else {
            panic!("its condition did not fail");
        };
        assert_eq!(failed.item, expected);
    }
    assert_eq!(stock.get("a").await, Some(there));
}

#[tokio::test(start_paused = true)]
async fn an_update_makes_the_item_and_gives_back_what_it_is_asked_for() {
    let stock = fixture(Table::Stock);
    let update = |returned: ReturnValue| {
        let update = stock.client.update_item().table_name(&stock.table);
        update
            .set_key(Some(key("a")))
            .update_expression("SET seen = if_not_exists(seen, :zero) + :one, held = :one")
            .expression_attribute_values(":zero", n("0"))
            .expression_attribute_values(":one", n("1"))
            .return_values(returned)
            .send()
    };
    let none = update(ReturnValue::AllOld).await.unwrap();
    assert_eq!(none.attributes, None, "there was nothing before");
    let two = [("seen", n("2")), ("held", n("1"))];
    let all = update(ReturnValue::AllNew).await.unwrap();
    assert_eq!(all.attributes, Some(with(key("a"), &two)));
    let before = update(ReturnValue::UpdatedOld).await.unwrap();
    assert_eq!(
        before.attributes,
        Some(two.map(|(name, value)| (name.to_owned(), value)).into())
    );
    let after = update(ReturnValue::UpdatedNew).await.unwrap();
    assert_eq!(after.attributes.unwrap()["seen"], n("4"));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_key_or_no_item_is_refused() {
    let stock = fixture(Table::Stock);
    let large = with(key("a"), &[("text", s(&"x".repeat(400 * 1024)))]);
    for (item, why) in [
        (with(key(""), &[]), "an empty key"),
        (with(key("a"), &[("sk", n("1"))]), "a key that is a number"),
        (
            with(key("a"), &[("index_sku", n("1"))]),
            "an index's key that is a number",
        ),
        (
            with(key("a"), &[("index_sku", s(""))]),
            "an index's key that is empty",
        ),
        (with(key(&"a".repeat(2049)), &[]), "a key that is too long"),
        (
            with(key("a"), &[("number", n(&"1".repeat(39)))]),
            "39 digits",
        ),
        (large, "more than 400 KB"),
    ] {
        let put = stock.client.put_item().table_name(&stock.table);
        let refused = put.set_item(Some(item)).send().await;
        assert_eq!(code(&refused), "ValidationException", "{why}");
    }
    let elsewhere = stock.client.put_item().table_name("elsewhere");
    let refused = elsewhere.set_item(Some(key("a"))).send().await;
    assert_eq!(code(&refused), "ResourceNotFoundException");
    let get = stock.client.get_item().table_name(&stock.table);
    let refused = get.key("pk", s("a")).send().await;
    assert_eq!(code(&refused), "ValidationException", "half a key");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_simulated_is_refused_and_not_ignored() {
    let stock = fixture(Table::Stock);
    let put = stock.client.put_item().table_name(&stock.table);
    let refused = put
        .set_item(Some(key("a")))
        .return_item_collection_metrics(ReturnItemCollectionMetrics::Size)
        .send()
        .await;
    assert_eq!(code(&refused), "ValidationException");
    let scan = stock.client.scan().table_name(&stock.table).send().await;
    assert_eq!(code(&scan), "UnknownOperationException");
}

#[tokio::test(start_paused = true)]
async fn a_projection_gives_what_it_names() {
    let stock = fixture(Table::Stock);
    let map = AttributeValue::M([("x".to_owned(), n("1")), ("y".to_owned(), n("2"))].into());
    let list = AttributeValue::L(vec![s("first"), s("second")]);
    stock
        .put(with(
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
async fn capacity_is_told_by_the_documented_rules() {
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
    // A write counts the larger of the item before and after, in kilobytes that are begun.
    assert_eq!(total(key("a")).await, Some(1.0));
    assert_eq!(
        total(with(key("a"), &[("text", kilobytes(2))])).await,
        Some(3.0)
    );
    assert_eq!(total(key("a")).await, Some(3.0));
    // Two indexes list a level: each costs a write, for a new entry and for one that moves, two; none for one that stays.
    let level = |location: &str, text| {
        with(
            keyed("b", "1"),
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
    // A read counts 4 KB, half if it may lag behind; nothing found costs as much as the smallest thing.
    stock.put(with(key("c"), &[("text", kilobytes(4))])).await;
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
async fn the_bill_has_what_the_answers_told_and_what_a_refused_write_took() {
    let stock = fixture(Table::Stock);
    let listed = &[("index_location", s("here")), ("index_sku", s("milk"))];
    let put = || {
        let put = stock.client.put_item().table_name(&stock.table);
        put.set_item(Some(with(key("a"), listed)))
            .condition_expression("attribute_not_exists(pk)")
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
    };
    // A new item and its two entries.
    let told = put().send().await.unwrap().consumed_capacity.unwrap();
    assert_eq!(told.capacity_units, Some(3.0));
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "1 + 2 | 0 | 1: `PutItem`");
    // The same again: refused, and paid for, as is the read that follows, half a unit of it.
    let refused = put().send().await;
    assert_eq!(code(&refused), "ConditionalCheckFailedException");
    let get = stock.client.get_item().table_name(&stock.table);
    get.set_key(Some(key("a"))).send().await.unwrap();
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "1 | 0.5 | 2: `GetItem`, `PutItem`");
    // A transaction takes each unit twice, an index's once.
    let listed = with(key("b"), listed);
    let put = Put::builder()
        .table_name(&stock.table)
        .set_item(Some(listed));
    let part = TransactWriteItem::builder().put(put.build().unwrap());
    let sent = stock.client.transact_write_items();
    sent.transact_items(part.build()).send().await.unwrap();
    let bill = stock.database.take_bill();
    assert_eq!(bill.to_string(), "2 + 2 | 0 | 1: `TransactWriteItems`");
}
