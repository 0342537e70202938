//! Condition and update expressions.

use aws_sdk_dynamodb::types::{AttributeValue, TransactWriteItem};
use stockline_testkit::cloud::Table;

use crate::fixture::{
    Fixture, Item, cancellation_reasons, fixture, key, n, reason_codes, result_code, s,
    with_attributes,
};

fn values() -> Vec<(&'static str, AttributeValue)> {
    vec![
        (":one", n("1")),
        (":nine", n("9")),
        (":huge", n(&"9".repeat(38))),
        (":text", s("text")),
        (":te", s("te")),
        (":letter_s", s("S")),
        (":truth", AttributeValue::Bool(true)),
        (":more", AttributeValue::L(vec![n("3")])),
        (":map", AttributeValue::M([("x".to_owned(), n("1"))].into())),
        (":some", AttributeValue::Ss(vec!["x".into(), "z".into()])),
        (":all", AttributeValue::Ss(vec!["x".into(), "y".into()])),
    ]
}

fn names() -> Vec<(&'static str, &'static str)> {
    vec![("#count", "count"), ("#inner", "inner.dotted")]
}

fn mentions(text: &str, placeholder: &str) -> bool {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && !"_#:".contains(letter))
        .any(|word| word == placeholder)
}

fn sample() -> Item {
    let map = AttributeValue::M(
        [
            ("x".to_owned(), n("1")),
            ("inner.dotted".to_owned(), s("here")),
        ]
        .into(),
    );
    with_attributes(
        key("a"),
        &[
            ("quantity", n("5")),
            ("count", n("7")),
            ("word", s("textile")),
            ("truthful", AttributeValue::Bool(true)),
            ("many", AttributeValue::L(vec![n("1"), n("2")])),
            ("things", map),
            ("tags", AttributeValue::Ss(vec!["x".into(), "y".into()])),
        ],
    )
}

/// Whether a condition holds for the stored sample, or the error code.
async fn holds(stock: &Fixture, condition: &str) -> Result<bool, String> {
    let check = aws_sdk_dynamodb::types::ConditionCheck::builder()
        .table_name(&stock.table)
        .set_key(Some(key("a")))
        .condition_expression(condition);
    let check = values()
        .into_iter()
        .filter(|(name, _)| mentions(condition, name))
        .fold(check, |check, (name, value)| {
            check.expression_attribute_values(name, value)
        });
    let check = names()
        .into_iter()
        .filter(|(name, _)| mentions(condition, name))
        .fold(check, |check, (name, value)| {
            check.expression_attribute_names(name, value)
        });
    let item = TransactWriteItem::builder().condition_check(check.build().unwrap());
    let result = stock.transact(vec![item.build()]).send().await;
    match result_code(&result) {
        "OK" => Ok(true),
        "TransactionCanceledException" => {
            assert_eq!(
                reason_codes(&cancellation_reasons(result)),
                ["ConditionalCheckFailed"]
            );
            Ok(false)
        }
        other => Err(other.to_owned()),
    }
}

#[tokio::test(start_paused = true)]
async fn conditions_evaluate_as_documented() {
    let stock = fixture(Table::Stock);
    stock.put(sample()).await;
    for (condition, expected) in [
        ("quantity = quantity AND quantity > :one", true),
        ("quantity <> :one", true),
        ("absent = :one", false),
        ("absent <> :one", true),
        ("quantity < :text", false),
        ("NOT quantity >= :nine", true),
        // NOT has the highest precedence, then AND, then OR.
        (
            "quantity = :nine AND quantity = :nine OR attribute_exists(word)",
            true,
        ),
        (
            "quantity = :nine AND (quantity = :nine OR attribute_exists(word))",
            false,
        ),
        (
            "NOT attribute_exists(word) OR attribute_exists(quantity)",
            true,
        ),
        ("((quantity)) BETWEEN :one AND (:nine)", true),
        ("quantity IN (:one, quantity)", true),
        ("word IN (:one, :nine)", false),
        (
            "attribute_not_exists(things.absent) and attribute_exists(things.x)",
            true,
        ),
        ("attribute_exists(things.#inner)", true),
        (
            "attribute_exists(many[1]) AND attribute_not_exists(many[2])",
            true,
        ),
        ("attribute_type(word, :letter_s)", true),
        ("begins_with(word, :te)", true),
        ("begins_with(quantity, :te)", false),
        ("contains(word, :text)", true),
        ("contains(tags, :te)", false),
        ("contains(many, :one)", true),
        ("size(many) > :one AND size(word) < :nine", true),
        ("size(quantity) > :one", false),
        ("#count = count_is_reserved OR #count > :one", true),
        ("truthful = :truth", true),
    ] {
        assert_eq!(holds(&stock, condition).await, Ok(expected), "{condition}");
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_conditions_are_rejected() {
    let stock = fixture(Table::Stock);
    stock.put(sample()).await;
    for condition in [
        "count = :one",
        "quantity == :one",
        "quantity = ",
        "quantity = :one AND",
        "quantity",
        "(quantity = :one",
        "quantity = :undefined",
        "#undefined = :one",
        "starts_with(word, :te)",
        "attribute_exists(:one)",
        "begins_with(word, :one)",
        "quantity < :truth",
        "quantity BETWEEN :nine AND :one",
        "quantity = :one; quantity",
        "quantity IN ()",
        " ",
    ] {
        let expected = Err("ValidationException".to_owned());
        assert_eq!(holds(&stock, condition).await, expected, "{condition}");
    }
    // An unused placeholder is an error too.
    let check = stock.client.delete_item().table_name(&stock.table);
    let result = check
        .set_key(Some(key("a")))
        .condition_expression("attribute_exists(pk)")
        .expression_attribute_values(":one", n("1"))
        .send()
        .await;
    assert_eq!(result_code(&result), "ValidationException");
}

/// Returns the sample after an update, or the error code.
async fn update_sample(expression: &str) -> Result<Item, String> {
    let stock = fixture(Table::Stock);
    stock.put(sample()).await;
    let update = stock.client.update_item().table_name(&stock.table);
    let update = values()
        .into_iter()
        .filter(|(name, _)| mentions(expression, name))
        .fold(update, |update, (name, value)| {
            update.expression_attribute_values(name, value)
        });
    let update = names()
        .into_iter()
        .filter(|(name, _)| mentions(expression, name))
        .fold(update, |update, (name, value)| {
            update.expression_attribute_names(name, value)
        });
    let result = update
        .set_key(Some(key("a")))
        .update_expression(expression)
        .send()
        .await;
    match result_code(&result) {
        "OK" => Ok(stock.get("a").await.unwrap()),
        error => {
            assert_eq!(
                stock.get("a").await,
                Some(sample()),
                "a failed update changes nothing"
            );
            Err(error.to_owned())
        }
    }
}

#[tokio::test(start_paused = true)]
async fn updates_apply_as_documented() {
    for (expression, attribute, expected) in [
        ("SET quantity = quantity + :nine", "quantity", n("14")),
        ("SET quantity = :one - quantity", "quantity", n("-4")),
        // Every action reads the item as it was before the update.
        (
            "SET quantity = #count, #count = quantity",
            "quantity",
            n("7"),
        ),
        ("SET made = if_not_exists(made, quantity)", "made", n("5")),
        (
            "SET quantity = if_not_exists(quantity, :one) + :one",
            "quantity",
            n("6"),
        ),
        (
            "SET many = list_append(many, :more)",
            "many",
            AttributeValue::L(vec![n("1"), n("2"), n("3")]),
        ),
        (
            "SET many[7] = :nine",
            "many",
            AttributeValue::L(vec![n("1"), n("2"), n("9")]),
        ),
        ("REMOVE many[0]", "many", AttributeValue::L(vec![n("2")])),
        (
            "SET things.x = :nine REMOVE things.#inner",
            "things",
            AttributeValue::M([("x".to_owned(), n("9"))].into()),
        ),
        ("ADD quantity :nine", "quantity", n("14")),
        ("ADD made :nine", "made", n("9")),
        (
            "ADD tags :some",
            "tags",
            AttributeValue::Ss(vec!["x".into(), "y".into(), "z".into()]),
        ),
        (
            "DELETE tags :some",
            "tags",
            AttributeValue::Ss(vec!["y".into()]),
        ),
    ] {
        let item = update_sample(expression).await.unwrap();
        assert_eq!(item[attribute], expected, "{expression}");
    }
    for (expression, removed) in [
        ("REMOVE quantity, absent", "quantity"),
        ("DELETE tags :all", "tags"),
    ] {
        assert!(
            !update_sample(expression)
                .await
                .unwrap()
                .contains_key(removed)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn invalid_updates_are_rejected() {
    for expression in [
        "SET count = :one",
        "SET pk = :text",
        "SET quantity = absent + :one",
        "SET quantity = word + :one",
        "SET quantity = quantity * :one",
        "SET quantity = :huge + :huge, word = :huge - :one",
        "SET quantity = :one, quantity = :nine",
        "SET things = :map, things.x = :one",
        "SET absent.x = :one",
        "SET quantity = :one SET word = :text",
        "SET made = size(word)",
        "ADD quantity :text",
        "ADD quantity word",
        "DELETE quantity :some",
        "REMOVE",
        "quantity = :one",
    ] {
        let result = update_sample(expression).await;
        assert_eq!(
            result,
            Err("ValidationException".to_owned()),
            "{expression}"
        );
    }
}
