//! Queries and batches.

use aws_sdk_dynamodb::types::{KeysAndAttributes, ReturnConsumedCapacity};
use stockline_testkit::cloud::Table;

use crate::fixture::{Fixture, Item, code, fixture, key, keyed, n, s, with};

async fn numbered(count: u32) -> Fixture {
    let stock = fixture(Table::Stock);
    for number in 0..count {
        let item = with(
            keyed("p", &format!("{number:03}")),
            &[("rest", n(&(number % 3).to_string()))],
        );
        stock.put(item).await;
    }
    // Neighbours that a query of `p` must not read.
    for pk in ["o", "p0", "p\u{1}"] {
        stock.put(keyed(pk, "000")).await;
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
async fn a_query_reads_one_partition_by_its_sort_key() {
    let stock = numbered(12).await;
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
async fn pages_follow_each_other_in_both_directions() {
    let stock = numbered(7).await;
    for (forward, first, expected_pages) in [(true, "000", 3), (false, "006", 3)] {
        let (mut listed, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = stock
                .client
                .query()
                .table_name(&stock.table)
                .key_condition_expression("pk = :p")
                .expression_attribute_values(":p", s("p"))
                .scan_index_forward(forward)
                .limit(3)
                .set_exclusive_start_key(after)
                .send()
                .await
                .unwrap();
            pages += 1;
            listed.extend(page.items.unwrap());
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        assert_eq!((listed.len(), pages), (7, expected_pages));
        assert_eq!(sort_keys(&listed)[0], first);
    }
}

#[tokio::test(start_paused = true)]
async fn a_page_that_is_just_full_says_that_there_may_be_more() {
    let stock = numbered(3).await;
    let query = |after| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .key_condition_expression("pk = :p");
        query
            .expression_attribute_values(":p", s("p"))
            .limit(3)
            .set_exclusive_start_key(after)
            .send()
    };
    let page = query(None).await.unwrap();
    assert_eq!(page.last_evaluated_key, Some(keyed("p", "002")));
    let rest = query(page.last_evaluated_key).await.unwrap();
    assert_eq!((rest.count, rest.last_evaluated_key), (0, None));
}

#[tokio::test(start_paused = true)]
async fn a_filter_hides_what_was_read_and_paid_for() {
    let stock = numbered(6).await;
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
    assert_eq!(found.last_evaluated_key, Some(keyed("p", "003")));
}

#[tokio::test(start_paused = true)]
async fn one_query_reads_a_megabyte() {
    let stock = fixture(Table::Stock);
    for number in 0..5 {
        let item = keyed("p", &number.to_string());
        stock
            .put(with(item, &[("text", s(&"x".repeat(300 * 1024)))]))
            .await;
        // Each takes 300 of the partition's 1,000 write units.
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
        "the item that passes the megabyte is the last"
    );
    assert_eq!(page.last_evaluated_key, Some(keyed("p", "3")));
}

#[tokio::test(start_paused = true)]
async fn an_index_holds_the_items_that_have_its_key_and_what_of_them_it_projects() {
    let stock = fixture(Table::Stock);
    let listed = |pk: &str, sku: &str| {
        with(
            key(pk),
            &[
                ("index_location", s("here")),
                ("index_sku", s(sku)),
                ("on_hand", n("1")),
            ],
        )
    };
    for (pk, sku) in [("a", "milk"), ("b", "bread"), ("c", "milk")] {
        stock.put(listed(pk, sku)).await;
    }
    stock
        .put(with(key("d"), &[("index_location", s("here"))]))
        .await;
    let query = |after: Option<Item>| {
        let query = stock
            .client
            .query()
            .table_name(&stock.table)
            .index_name("by_location");
        query
            .key_condition_expression("index_location = :here")
            .expression_attribute_values(":here", s("here"))
            .limit(2)
            .set_exclusive_start_key(after)
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
        "equal sort keys go by the table's key"
    );
    assert_eq!(
        first.items()[0].len(),
        4,
        "keys only: {:?}",
        first.items()[0]
    );
    assert_eq!(first.last_evaluated_key.unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_query_is_refused() {
    let stock = numbered(1).await;
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
            code(&query(condition).send().await),
            "ValidationException",
            "{condition}"
        );
    }
    let start = |start: Item| query("pk = :p").set_exclusive_start_key(Some(start)).send();
    assert_eq!(code(&start(keyed("q", "1")).await), "ValidationException");
    assert_eq!(
        code(&start(with(keyed("p", "1"), &[("rest", n("1"))])).await),
        "ValidationException"
    );
    let filtered = query("pk = :p").filter_expression("sk = :p").send().await;
    assert_eq!(code(&filtered), "ValidationException");
    let consistent = stock
        .client
        .query()
        .table_name(&stock.table)
        .index_name("by_location");
    let consistent = consistent
        .key_condition_expression("index_location = :p")
        .expression_attribute_values(":p", s("p"))
        .consistent_read(true);
    assert_eq!(code(&consistent.send().await), "ValidationException");
    let nowhere = query("pk = :p").index_name("by_nothing").send().await;
    assert_eq!(code(&nowhere), "ValidationException");
}

#[tokio::test(start_paused = true)]
async fn a_batch_reads_up_to_a_hundred_keys_in_any_order() {
    let stock = numbered(100).await;
    let batch = |keys: Vec<Item>| {
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true);
        let batch = stock.client.batch_get_item();
        batch
            .request_items(&stock.table, wanted.build().unwrap())
            .send()
    };
    let keys: Vec<Item> = (0..100)
        .map(|number| keyed("p", &format!("{number:03}")))
        .collect();
    let read = batch(keys.clone()).await.unwrap();
    let items = &read.responses.unwrap()[&stock.table];
    assert_eq!(items.len(), 100);
    assert!(
        !sort_keys(items).is_sorted(),
        "nobody may rely on the order"
    );
    let mut too_many = keys.clone();
    too_many.push(keyed("p", "more"));
    assert_eq!(code(&batch(too_many).await), "ValidationException");
    let twice = vec![keys[0].clone(), keys[0].clone()];
    assert_eq!(code(&batch(twice).await), "ValidationException");
    let missing = batch(vec![keyed("p", "no")]).await.unwrap();
    assert!(missing.responses.unwrap()[&stock.table].is_empty());
}
