//! `Query` and `BatchGetItem`.

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use stockline_testkit::cloud::Table;

use crate::fixture::{
    Fixture, Item, composite_key, fixture, key, n, result_code, s, with_attributes,
};

/// Creates a table with `count` items in partition `p`, with three-digit sort keys.
async fn table_with_items(count: u32) -> Fixture {
    let stock = fixture(Table::Stock);
    for number in 0..count {
        let item = with_attributes(
            composite_key("p", &format!("{number:03}")),
            &[("rest", n(&(number % 3).to_string()))],
        );
        stock.put(item).await;
    }
    // Neighbouring partitions that a query of `p` must not read.
    for pk in ["o", "p0", "p\u{1}"] {
        stock.put(composite_key(pk, "000")).await;
    }
    stock
}

fn sort_keys(items: &[Item]) -> Vec<&str> {
    items
        .iter()
        .map(|item| item["sk"].as_s().unwrap().as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn query_reads_one_partition_in_sort_key_order() {
    let stock = table_with_items(12).await;
    let found = async |condition: &str, values: &[(&str, &str)]| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .key_condition_expression(condition);
        let query = values.iter().fold(
            query.expression_attribute_values(":p", s("p")),
            |query, (name, value)| query.expression_attribute_values(*name, s(value)),
        );
        let items = query.send().await.unwrap().items.unwrap();
        sort_keys(&items)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(found("pk = :p", &[]).await.len(), 12);
    assert_eq!(
        found("pk = :p AND begins_with(sk, :start)", &[(":start", "01")]).await,
        ["010", "011"]
    );
    assert_eq!(
        found(
            "pk = :p AND sk BETWEEN :a AND :b",
            &[(":a", "003"), (":b", "005")]
        )
        .await,
        ["003", "004", "005"]
    );
    assert_eq!(
        found("sk > :a AND pk = :p", &[(":a", "010")]).await,
        ["011"]
    );
}

#[tokio::test(start_paused = true)]
async fn pagination_works_in_both_directions() {
    let stock = table_with_items(7).await;
    for (forward, first, expected_pages) in [(true, "000", 3), (false, "006", 3)] {
        let (mut items, mut start_key, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = stock
                .client
                .query()
                .table_name(&stock.table)
                .key_condition_expression("pk = :p")
                .expression_attribute_values(":p", s("p"))
                .scan_index_forward(forward)
                .limit(3)
                .set_exclusive_start_key(start_key)
                .send()
                .await
                .unwrap();
            pages += 1;
            items.extend(page.items.unwrap());
            start_key = page.last_evaluated_key;
            if start_key.is_none() {
                break;
            }
        }
        assert_eq!((items.len(), pages), (7, expected_pages));
        assert_eq!(sort_keys(&items)[0], first);
    }
}

#[tokio::test(start_paused = true)]
async fn full_last_page_has_a_last_evaluated_key() {
    let stock = table_with_items(3).await;
    let query = |start_key| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .key_condition_expression("pk = :p");
        query
            .expression_attribute_values(":p", s("p"))
            .limit(3)
            .set_exclusive_start_key(start_key)
            .send()
    };
    let page = query(None).await.unwrap();
    assert_eq!(page.last_evaluated_key, Some(composite_key("p", "002")));
    let rest = query(page.last_evaluated_key).await.unwrap();
    assert_eq!((rest.count, rest.last_evaluated_key), (0, None));
}

#[tokio::test(start_paused = true)]
async fn filtered_items_count_as_scanned_and_consumed() {
    let stock = table_with_items(6).await;
    let query = stock
        .client
        .query()
        .table_name(&stock.table)
        .key_condition_expression("pk = :p");
    let found = query
        .filter_expression("rest = :none")
        .expression_attribute_values(":p", s("p"))
        .expression_attribute_values(":none", n("0"))
        .limit(4)
        .return_consumed_capacity(ReturnConsumedCapacity::Total)
        .send()
        .await
        .unwrap();
    assert_eq!((found.count, found.scanned_count), (2, 4));
    assert_eq!(found.consumed_capacity.unwrap().capacity_units, Some(0.5));
    assert_eq!(found.last_evaluated_key, Some(composite_key("p", "003")));
}

#[tokio::test(start_paused = true)]
async fn query_reads_at_most_one_megabyte() {
    let stock = fixture(Table::Stock);
    for number in 0..5 {
        let item = composite_key("p", &number.to_string());
        stock
            .put(with_attributes(
                item,
                &[("text", s(&"x".repeat(300 * 1024)))],
            ))
            .await;
        // Each put consumes 300 of the partition's 1,000 write units per second.
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
    let query = stock
        .client
        .query()
        .table_name(&stock.table)
        .key_condition_expression("pk = :p");
    let page = query
        .expression_attribute_values(":p", s("p"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        page.count, 4,
        "the page ends with the item that exceeds 1 MB"
    );
    assert_eq!(page.last_evaluated_key, Some(composite_key("p", "3")));
}

#[tokio::test(start_paused = true)]
async fn index_lists_items_with_its_key_and_projects_them() {
    let stock = fixture(Table::Stock);
    let indexed = |pk: &str, sku: &str| {
        with_attributes(
            key(pk),
            &[
                ("index_location", s("here")),
                ("index_sku", s(sku)),
                ("on_hand", n("1")),
            ],
        )
    };
    for (pk, sku) in [("a", "milk"), ("b", "bread"), ("c", "milk")] {
        stock.put(indexed(pk, sku)).await;
    }
    stock
        .put(with_attributes(key("d"), &[("index_location", s("here"))]))
        .await;
    let query = |start_key: Option<Item>| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .index_name("by_location");
        query
            .key_condition_expression("index_location = :here")
            .expression_attribute_values(":here", s("here"))
            .limit(2)
            .set_exclusive_start_key(start_key)
            .send()
    };
    let first = query(None).await.unwrap();
    let second = query(first.last_evaluated_key.clone()).await.unwrap();
    let pks = |items: &[Item]| {
        items
            .iter()
            .map(|item| item["pk"].as_s().unwrap().clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(pks(first.items()), ["b", "a"]);
    assert_eq!(
        pks(second.items()),
        ["c"],
        "equal index sort keys are ordered by the table's key"
    );
    assert_eq!(
        first.items()[0].len(),
        4,
        "only the keys are projected: {:?}",
        first.items()[0]
    );
    assert_eq!(first.last_evaluated_key.unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn invalid_queries_are_rejected() {
    let stock = table_with_items(1).await;
    let query = |condition: &str| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .key_condition_expression(condition);
        query.expression_attribute_values(":p", s("p"))
    };
    for condition in [
        "sk = :p",
        ":p = pk",
        "pk > :p",
        "pk = :p AND sk <> :p",
        "pk = :p AND rest = :p",
        "pk = :p OR sk = :p",
        "pk = :p AND sk = :p AND sk = :p",
        "pk = :p AND contains(sk, :p)",
    ] {
        assert_eq!(
            result_code(&query(condition).send().await),
            "ValidationException",
            "{condition}"
        );
    }
    let start = |start: Item| query("pk = :p").set_exclusive_start_key(Some(start)).send();
    assert_eq!(
        result_code(&start(composite_key("q", "1")).await),
        "ValidationException"
    );
    assert_eq!(
        result_code(
            &start(with_attributes(
                composite_key("p", "1"),
                &[("rest", n("1"))]
            ))
            .await
        ),
        "ValidationException"
    );
    let filtered = query("pk = :p").filter_expression("sk = :p").send().await;
    assert_eq!(result_code(&filtered), "ValidationException");
    let consistent = stock
        .client
        .query()
        .table_name(&stock.table)
        .index_name("by_location");
    let consistent = consistent
        .key_condition_expression("index_location = :p")
        .expression_attribute_values(":p", s("p"))
        .consistent_read(true);
    assert_eq!(result_code(&consistent.send().await), "ValidationException");
    let missing_index = query("pk = :p").index_name("by_nothing").send().await;
    assert_eq!(result_code(&missing_index), "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn batch_get_reads_up_to_100_keys_in_random_order() {
    let stock = table_with_items(100).await;
    let batch = |keys: Vec<Item>| {
        let keys_and_attributes = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true);
        let batch = stock.client.batch_get_item();
        batch
            .request_items(&stock.table, keys_and_attributes.build().unwrap())
            .send()
    };
    let keys: Vec<Item> = (0..100)
        .map(|number| composite_key("p", &format!("{number:03}")))
        .collect();
    let read = batch(keys.clone()).await.unwrap();
    let items = &read.responses.unwrap()[&stock.table];
    assert_eq!(items.len(), 100);
    assert!(
        !sort_keys(items).is_sorted(),
        "the order of a batch response is unspecified"
    );
    let mut too_many = keys.clone();
    too_many.push(composite_key("p", "more"));
    assert_eq!(result_code(&batch(too_many).await), "ValidationException");
    let duplicate = vec![keys[0].clone(), keys[0].clone()];
    assert_eq!(result_code(&batch(duplicate).await), "ValidationException");
    let missing = batch(vec![composite_key("p", "no")]).await.unwrap();
    assert!(missing.responses.unwrap()[&stock.table].is_empty());
}
