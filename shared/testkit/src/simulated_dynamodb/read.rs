//! `GetItem`, `BatchGetItem` and `Query`.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::capacity::{Consumed, Partition, RequestKind, ReturnConsumedCapacity, read_units};
use super::error::{ServiceError, Throttle};
use super::expression::path::project;
use super::expression::{Condition, KeyCondition, Path, Placeholders};
use super::request::{BatchGetRequest, GetRequest, QueryRequest, parse_projection};
use super::store::Store;
use super::table::{Index, Key, Table, key_attributes, parse_key};
use super::value::{Item, Value, item_json, item_size};

/// The maximum number of keys in a batch.
const MAX_BATCH_KEYS: usize = 100;
/// The maximum size of a batch response, in bytes.
const MAX_BATCH_SIZE: usize = 16 * 1024 * 1024;
/// The maximum number of bytes that one query reads.
const MAX_PAGE_SIZE: usize = 1024 * 1024;

/// A read of one item.
#[derive(Debug)]
pub struct Get {
    /// The table.
    pub table: String,
    /// The key of the item.
    pub key: Key,
    projection: Option<Vec<Path>>,
}

impl Get {
    /// Parses one item of `TransactGetItems`.
    pub fn from_transact_item(store: &Store, request: GetRequest) -> Result<Self, ServiceError> {
        if request.consistent_read
            || request.return_consumed_capacity != ReturnConsumedCapacity::None
        {
            return Err(ServiceError::validation(
                "the Get of a transaction does not support ConsistentRead or ReturnConsumedCapacity",
            ));
        }
        Self::new(store, request)
    }

    fn new(store: &Store, request: GetRequest) -> Result<Self, ServiceError> {
        store.table(&request.table_name)?;
        Ok(Self {
            key: parse_key(&request.key).map_err(ServiceError::validation)?,
            projection: parse_projection(
                request.projection_expression.as_deref(),
                request.expression_attribute_names,
            )?,
            table: request.table_name,
        })
    }

    /// Reads the item. Returns it with the consumed half units. `half_units_per_4_kb` is 1 for an eventually consistent
    /// read, 2 for a strongly consistent read, and 4 in a transaction.
    pub fn read(
        &self,
        store: &mut Store,
        half_units_per_4_kb: u64,
        now: Instant,
    ) -> Result<(Option<Item>, u64), Throttle> {
        let table = store.tables.get(&self.table);
        let item = table.and_then(|table| table.get(&self.key)).cloned();
        let half_units = half_units_per_4_kb * read_units(item.as_ref().map_or(0, item_size));
        let partition = read_partition(&self.table, None, &self.key.pk);
        consume_read_capacity(store, &partition, half_units, now)?;
        let item = item.map(|item| match &self.projection {
            Some(paths) => project(&item, paths),
            None => item,
        });
        Ok((item, half_units))
    }
}

/// Executes `GetItem`. It does not conflict with an open transaction: it returns the last committed item.
pub fn get_item(
    store: &mut Store,
    request: GetRequest,
    now: Instant,
) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    let half_units_per_4_kb = if request.consistent_read { 2 } else { 1 };
    let get = Get::new(store, request)?;
    let (item, half_units) = get
        .read(store, half_units_per_4_kb, now)
        .map_err(|throttle| ServiceError::throttled(throttle, &get.table))?;
    let mut response = json!({});
    if let Some(item) = item {
        response["Item"] = item_json(&item);
    }
    Ok(with_capacity(
        response,
        &get.table,
        &consumed(None, half_units),
        detail,
    ))
}

/// Executes `BatchGetItem`. The items of the response are in random order. Keys of throttled partitions, and keys beyond the
/// maximum response size, are returned as unprocessed.
pub fn batch_get(
    store: &mut Store,
    request: BatchGetRequest,
    random: &mut Rng,
    now: Instant,
) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    let key_count: usize = request
        .request_items
        .values()
        .map(|table_keys| table_keys.keys.len())
        .sum();
    if key_count == 0 || key_count > MAX_BATCH_KEYS {
        return Err(ServiceError::validation(
            "Too many items requested for the BatchGetItem call, or none",
        ));
    }
    let (mut responses, mut unprocessed) = (json!({}), json!({}));
    let (mut capacity, mut size, mut read, mut throttled) = (Vec::new(), 0, 0, None);
    for (name, table_keys) in request.request_items {
        store.table(&name)?;
        let paths = parse_projection(
            table_keys.projection_expression.as_deref(),
            table_keys.expression_attribute_names.clone(),
        )?;
        let half_units_per_4_kb = if table_keys.consistent_read { 2 } else { 1 };
        let (mut found, mut unprocessed_keys, mut half_units) = (Vec::new(), Vec::new(), 0);
        let mut seen = BTreeSet::new();
        for key in table_keys.keys {
            let get = Get {
                table: name.clone(),
                key: parse_key(&key).map_err(ServiceError::validation)?,
                projection: paths.clone(),
            };
            if !seen.insert(get.key.clone()) {
                return Err(ServiceError::validation(
                    "Provided list of item keys contains duplicates",
                ));
            }
            match get.read(store, half_units_per_4_kb, now) {
                Ok((item, cost)) if size < MAX_BATCH_SIZE => {
                    size += item.as_ref().map_or(0, item_size);
                    half_units += cost;
                    read += 1;
                    found.extend(item.as_ref().map(item_json));
                }
                Ok(_) => unprocessed_keys.push(item_json(&key)),
                Err(throttle) => {
                    throttled = Some((throttle, name.clone()));
                    unprocessed_keys.push(item_json(&key));
                }
            }
        }
        random.shuffle(&mut found);
        responses[&name] = json!(found);
        capacity.extend(consumed(None, half_units).json(&name, detail, RequestKind::Single));
        if !unprocessed_keys.is_empty() {
            let mut retry = json!({
                "Keys": unprocessed_keys,
                "ConsistentRead": table_keys.consistent_read,
            });
            if let Some(text) = table_keys.projection_expression {
                retry["ProjectionExpression"] = json!(text);
            }
            if let Some(names) = table_keys.expression_attribute_names {
                retry["ExpressionAttributeNames"] = json!(names);
            }
            unprocessed[&name] = retry;
        }
    }
    if let (0, Some((throttle, table))) = (read, throttled) {
        return Err(ServiceError::throttled(throttle, &table));
    }
    let mut response = json!({"Responses": responses, "UnprocessedKeys": unprocessed});
    if !capacity.is_empty() {
        response["ConsumedCapacity"] = json!(capacity);
    }
    Ok(response)
}

/// A parsed and validated query.
struct Query<'a> {
    index: Option<&'a Index>,
    key: KeyCondition,
    filter: Option<Condition>,
    projection: Option<Vec<Path>>,
    limit: Option<usize>,
    exclusive_start_key: Option<Item>,
    is_backward: bool,
}

/// Executes `Query`.
pub fn query(store: &mut Store, request: QueryRequest, now: Instant) -> Result<Json, ServiceError> {
    let (name, detail) = (request.table_name.clone(), request.return_consumed_capacity);
    let half_units_per_4_kb = if request.consistent_read { 2 } else { 1 };
    let table = store.table(&name)?;
    let query = Query::new(table, request).map_err(ServiceError::validation)?;
    let (read, last, size) = query.page(table);
    let index = query.index.map(|index| index.name);
    let half_units = half_units_per_4_kb * read_units(size);
    let scanned = read.len();
    let items: Vec<Json> = read
        .iter()
        .filter(|item| {
            query
                .filter
                .as_ref()
                .is_none_or(|filter| filter.holds(item))
        })
        .map(|item| match &query.projection {
            Some(paths) => item_json(&project(item, paths)),
            None => item_json(item),
        })
        .collect();
    let mut response = json!({"Count": items.len(), "ScannedCount": scanned, "Items": items});
    if let Some(last) = last {
        response["LastEvaluatedKey"] = item_json(&last);
    }
    let partition = read_partition(&name, index, &query.key.partition);
    consume_read_capacity(store, &partition, half_units, now).map_err(|throttle| {
        let resource = index.map_or_else(|| name.clone(), |index| format!("{name}/index/{index}"));
        ServiceError::throttled(throttle, &resource)
    })?;
    Ok(with_capacity(
        response,
        &name,
        &consumed(index, half_units),
        detail,
    ))
}

impl<'a> Query<'a> {
    fn new(table: &'a Table, request: QueryRequest) -> Result<Self, String> {
        let index = request
            .index_name
            .as_deref()
            .map(|name| table.index(name))
            .transpose()?;
        if index.is_some() && request.consistent_read {
            return Err("Consistent reads are not supported on global secondary indexes".into());
        }
        let (hash, range) = index.map_or_else(
            || (key_attributes()[0], key_attributes()[1]),
            |index| (index.hash, index.range),
        );
        let mut placeholders = Placeholders::new(
            request.expression_attribute_names,
            request.expression_attribute_values,
        );
        let text = request
            .key_condition_expression
            .ok_or("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")?;
        let key = placeholders.condition("KeyConditionExpression", &text)?;
        let key = KeyCondition::new(key, hash, range)?;
        let filter = request
            .filter_expression
            .map(|text| placeholders.condition("FilterExpression", &text))
            .transpose()?;
        if let Some(attribute) = filter
            .iter()
            .flat_map(Condition::attributes)
            .find(|name| [hash, range].contains(name))
        {
            return Err(format!(
                "Filter Expression can only contain non-primary key attributes: Primary key attribute: {attribute}"
            ));
        }
        let projection = request
            .projection_expression
            .map(|text| placeholders.projection(&text))
            .transpose()?;
        placeholders.check_all_used()?;
        let limit = match request.limit {
            None => None,
            Some(limit) => Some(usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or(
                "1 validation error detected: Value at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
            )?),
        };
        let query = Self {
            index,
            key,
            filter,
            projection,
            limit,
            exclusive_start_key: request.exclusive_start_key,
            is_backward: request.scan_index_forward == Some(false),
        };
        query.check_start_key()?;
        Ok(query)
    }

    /// Checks that `ExclusiveStartKey` is a complete key in the queried partition.
    fn check_start_key(&self) -> Result<(), String> {
        let Some(start) = &self.exclusive_start_key else {
            return Ok(());
        };
        let names = self.key_attributes();
        let is_complete = start.len() == names.len()
            && names
                .iter()
                .all(|name| matches!(start.get(*name), Some(Value::S(_))));
        if !is_complete {
            return Err("The provided starting key is invalid".into());
        }
        let hash = self.index.map_or(key_attributes()[0], |index| index.hash);
        if start.get(hash) != Some(&Value::S(self.key.partition.clone())) {
            return Err("The provided starting key is outside query boundaries based on provided conditions".into());
        }
        Ok(())
    }

    fn key_attributes(&self) -> BTreeSet<&str> {
        match self.index {
            Some(index) => index.key_attributes().into(),
            None => key_attributes().into(),
        }
    }

    /// The sort position of an item: by the sort key, and in an index then by the table's key.
    fn sort_position<'i>(&self, item: &'i Item) -> [Option<&'i Value>; 3] {
        let [pk, sk] = key_attributes();
        let range = self.index.map_or(sk, |index| index.range);
        [item.get(range), item.get(pk), item.get(sk)]
    }

    /// Reads one page. Returns the items, `LastEvaluatedKey` if the page ended early, and the number of bytes read.
    fn page(&self, table: &Table) -> (Vec<Item>, Option<Item>, usize) {
        let found: Box<dyn DoubleEndedIterator<Item = Item>> = match self.index {
            None => Box::new(table.partition(&self.key.partition).cloned()),
            Some(index) => Box::new(table.index_partition(index, &self.key.partition)),
        };
        let found: Box<dyn Iterator<Item = Item>> = if self.is_backward {
            Box::new(found.rev())
        } else {
            found
        };
        let start = self
            .exclusive_start_key
            .as_ref()
            .map(|start| self.sort_position(start));
        let matching = found
            .filter(|item| self.key.sort.as_ref().is_none_or(|sort| sort.holds(item)))
            .filter(|item| match &start {
                None => true,
                Some(start) if self.is_backward => self.sort_position(item) < *start,
                Some(start) => self.sort_position(item) > *start,
            });
        let (mut read, mut size) = (Vec::new(), 0);
        for item in matching {
            size += item_size(&item);
            read.push(item);
            if self.limit == Some(read.len()) || size > MAX_PAGE_SIZE {
                let last = read.last().map(|item| self.cursor_key(item));
                return (read, last, size);
            }
        }
        (read, None, size)
    }

    /// Returns the key attributes of an item, as `LastEvaluatedKey` lists them.
    fn cursor_key(&self, item: &Item) -> Item {
        let names = self.key_attributes();
        item.iter()
            .filter(|(name, _)| names.contains(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

fn read_partition(table: &str, index: Option<&'static str>, hash: &str) -> Partition {
    Partition {
        table: table.to_owned(),
        index,
        hash: hash.to_owned(),
        is_write: false,
    }
}

/// Consumes read capacity of a partition.
fn consume_read_capacity(
    store: &mut Store,
    partition: &Partition,
    half_units: u64,
    now: Instant,
) -> Result<(), Throttle> {
    if !store.buckets.has_capacity(partition, half_units, now) {
        return Err(Throttle {
            is_index: partition.index.is_some(),
            is_write: false,
        });
    }
    store.buckets.consume(partition, half_units, now);
    Ok(())
}

fn consumed(index: Option<&'static str>, half_units: u64) -> Consumed {
    match index {
        None => Consumed {
            table: half_units,
            indexes: BTreeMap::new(),
        },
        Some(index) => Consumed {
            table: 0,
            indexes: BTreeMap::from([(index, half_units)]),
        },
    }
}

/// Adds the consumed capacity to a response, if the request asked for it.
pub fn with_capacity(
    mut response: Json,
    table: &str,
    consumed: &Consumed,
    detail: ReturnConsumedCapacity,
) -> Json {
    if let Some(capacity) = consumed.json(table, detail, RequestKind::Single) {
        response["ConsumedCapacity"] = capacity;
    }
    response
}
