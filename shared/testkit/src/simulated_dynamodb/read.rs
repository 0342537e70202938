//! `GetItem`, `BatchGetItem` and `Query`.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::capacity::{Consumed, Detail, Kind, Partition, read_units};
use super::error::{ServiceError, Throttle};
use super::expression::path::project;
use super::expression::{Condition, KeyCondition, Path, Placeholders};
use super::request::{BatchGetRequest, GetRequest, QueryRequest, projection};
use super::store::Store;
use super::table::{Index, Key, Table, exact_key, key_attributes};
use super::value::{Item, Value, item_json, item_size};

/// The most keys of a batch.
const MOST_KEYS: usize = 100;
/// The most bytes that a batch answers with.
const LARGEST_BATCH: usize = 16 * 1024 * 1024;
/// The most bytes that one query reads.
const LARGEST_PAGE: usize = 1024 * 1024;

/// One item to be read.
#[derive(Debug)]
pub struct Get {
    /// The table.
    pub table: String,
    /// The item's key.
    pub key: Key,
    projection: Option<Vec<Path>>,
}

impl Get {
    /// One read of a transaction.
    pub fn of_transaction(store: &Store, request: GetRequest) -> Result<Self, ServiceError> {
        if request.consistent_read || request.return_consumed_capacity != Detail::None {
            return Err(ServiceError::validation(
                "a transaction's Get has no such parameter",
            ));
        }
        Self::new(store, request)
    }

    fn new(store: &Store, request: GetRequest) -> Result<Self, ServiceError> {
        store.table(&request.table_name)?;
        Ok(Self {
            key: exact_key(&request.key).map_err(ServiceError::validation)?,
            projection: projection(
                request.projection_expression.as_deref(),
                request.expression_attribute_names,
            )?,
            table: request.table_name,
        })
    }

    /// The item, and what it cost in halves of a unit. `halves_a_unit` is 1 for an eventually consistent read, 2 for a
    /// strongly consistent one, 4 in a transaction.
    pub fn read(
        &self,
        store: &mut Store,
        halves_a_unit: u64,
        now: Instant,
    ) -> Result<(Option<Item>, u64), Throttle> {
        let table = store.tables.get(&self.table);
        let item = table.and_then(|table| table.get(&self.key)).cloned();
        let halves = halves_a_unit * read_units(item.as_ref().map_or(0, item_size));
        take(store, &self.table, None, &self.key.pk, halves, now)?;
        let item = item.map(|item| match &self.projection {
            Some(paths) => project(&item, paths),
            None => item,
        });
        Ok((item, halves))
    }
}

/// `GetItem`. A transaction that is under way for the item does not stand in its way: it answers what is committed.
pub fn get(store: &mut Store, request: GetRequest, now: Instant) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    let halves_a_unit = if request.consistent_read { 2 } else { 1 };
    let get = Get::new(store, request)?;
    let (item, halves) = get
        .read(store, halves_a_unit, now)
        .map_err(|throttle| ServiceError::throttled(throttle, &get.table))?;
    let mut answer = json!({});
    if let Some(item) = item {
        answer["Item"] = item_json(&item);
    }
    Ok(told(answer, &get.table, &consumed(None, halves), detail))
}

/// `BatchGetItem`: in no order; what its partition has no units for, or what is too much for one answer, is unprocessed.
pub fn batch_get(
    store: &mut Store,
    request: BatchGetRequest,
    random: &mut Rng,
    now: Instant,
) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    let keys: usize = request.request_items.values().map(|of| of.keys.len()).sum();
    if keys == 0 || keys > MOST_KEYS {
        return Err(ServiceError::validation(
            "Too many items requested for the BatchGetItem call, or none",
        ));
    }
    let (mut responses, mut unprocessed) = (json!({}), json!({}));
    let (mut capacity, mut size, mut read, mut throttled) = (Vec::new(), 0, 0, None);
    for (name, of) in request.request_items {
        store.table(&name)?;
        let paths = projection(
            of.projection_expression.as_deref(),
            of.expression_attribute_names.clone(),
        )?;
        let halves_a_unit = if of.consistent_read { 2 } else { 1 };
        let (mut found, mut left, mut halves) = (Vec::new(), Vec::new(), 0);
        let mut seen = BTreeSet::new();
        for key in of.keys {
            let get = Get {
                table: name.clone(),
                key: exact_key(&key).map_err(ServiceError::validation)?,
                projection: paths.clone(),
            };
            if !seen.insert(get.key.clone()) {
                return Err(ServiceError::validation(
                    "Provided list of item keys contains duplicates",
                ));
            }
            match get.read(store, halves_a_unit, now) {
                Ok((item, cost)) if size < LARGEST_BATCH => {
                    size += item.as_ref().map_or(0, item_size);
                    halves += cost;
                    read += 1;
                    found.extend(item.as_ref().map(item_json));
                }
                Ok(_) => left.push(item_json(&key)),
                Err(throttle) => {
                    throttled = Some((throttle, name.clone()));
                    left.push(item_json(&key));
                }
            }
        }
        random.shuffle(&mut found);
        responses[&name] = json!(found);
        capacity.extend(consumed(None, halves).json(&name, detail, Kind::Single));
        if !left.is_empty() {
            let mut again = json!({"Keys": left, "ConsistentRead": of.consistent_read});
            if let Some(text) = of.projection_expression {
                again["ProjectionExpression"] = json!(text);
            }
            if let Some(names) = of.expression_attribute_names {
                again["ExpressionAttributeNames"] = json!(names);
            }
            unprocessed[&name] = again;
        }
    }
    if let (0, Some((throttle, table))) = (read, throttled) {
        return Err(ServiceError::throttled(throttle, &table));
    }
    let mut answer = json!({"Responses": responses, "UnprocessedKeys": unprocessed});
    if !capacity.is_empty() {
        answer["ConsumedCapacity"] = json!(capacity);
    }
    Ok(answer)
}

/// A query, read in full.
struct Query<'a> {
    index: Option<&'a Index>,
    key: KeyCondition,
    filter: Option<Condition>,
    projection: Option<Vec<Path>>,
    limit: Option<usize>,
    after: Option<Item>,
    backward: bool,
}

/// `Query`.
pub fn query(store: &mut Store, request: QueryRequest, now: Instant) -> Result<Json, ServiceError> {
    let (name, detail) = (request.table_name.clone(), request.return_consumed_capacity);
    let halves_a_unit = if request.consistent_read { 2 } else { 1 };
    let table = store.table(&name)?;
    let query = Query::new(table, request).map_err(ServiceError::validation)?;
    let (read, last, size) = query.page(table);
    let index = query.index.map(|index| index.name);
    let halves = halves_a_unit * read_units(size);
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
    let mut answer = json!({"Count": items.len(), "ScannedCount": scanned, "Items": items});
    if let Some(last) = last {
        answer["LastEvaluatedKey"] = item_json(&last);
    }
    let partition = query.key.partition.clone();
    take(store, &name, index, &partition, halves, now).map_err(|throttle| {
        let resource = index.map_or_else(|| name.clone(), |index| format!("{name}/index/{index}"));
        ServiceError::throttled(throttle, &resource)
    })?;
    Ok(told(answer, &name, &consumed(index, halves), detail))
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
        placeholders.all_used()?;
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
            after: request.exclusive_start_key,
            backward: request.scan_index_forward == Some(false),
        };
        query.check_start()?;
        Ok(query)
    }

    /// That it starts after a key of this very partition.
    fn check_start(&self) -> Result<(), String> {
        let Some(start) = &self.after else {
            return Ok(());
        };
        let names = self.key_attributes();
        let whole = start.len() == names.len()
            && names
                .iter()
                .all(|name| matches!(start.get(*name), Some(Value::S(_))));
        if !whole {
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

    /// The order of its items: by the sort key, in an index then by the table's key.
    fn place<'i>(&self, item: &'i Item) -> [Option<&'i Value>; 3] {
        let [pk, sk] = key_attributes();
        let range = self.index.map_or(sk, |index| index.range);
        [item.get(range), item.get(pk), item.get(sk)]
    }

    /// The items of one page, the key to go on after if it stopped short, and the bytes read.
    fn page(&self, table: &Table) -> (Vec<Item>, Option<Item>, usize) {
        let found: Box<dyn DoubleEndedIterator<Item = Item>> = match self.index {
            None => Box::new(table.partition(&self.key.partition).cloned()),
            Some(index) => Box::new(table.index_partition(index, &self.key.partition)),
        };
        let found: Box<dyn Iterator<Item = Item>> = if self.backward {
            Box::new(found.rev())
        } else {
            found
        };
        let after = self.after.as_ref().map(|start| self.place(start));
        let wanted = found
            .filter(|item| self.key.sort.as_ref().is_none_or(|sort| sort.holds(item)))
            .filter(|item| match &after {
                None => true,
                Some(start) if self.backward => self.place(item) < *start,
                Some(start) => self.place(item) > *start,
            });
        let (mut read, mut size) = (Vec::new(), 0);
        for item in wanted {
            size += item_size(&item);
            read.push(item);
            if self.limit == Some(read.len()) || size > LARGEST_PAGE {
                let last = read.last().map(|item| self.position(item));
                return (read, last, size);
            }
        }
        (read, None, size)
    }

    fn position(&self, item: &Item) -> Item {
        let names = self.key_attributes();
        item.iter()
            .filter(|(name, _)| names.contains(name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

/// Takes read units of a partition.
fn take(
    store: &mut Store,
    table: &str,
    index: Option<&'static str>,
    hash: &str,
    halves: u64,
    now: Instant,
) -> Result<(), Throttle> {
    let partition = Partition {
        table: table.to_owned(),
        index,
        hash: hash.to_owned(),
        of_writes: false,
    };
    if !store.buckets.has(&partition, halves, now) {
        return Err(Throttle {
            of_index: index.is_some(),
            of_writes: false,
        });
    }
    store.buckets.take(&partition, halves, now);
    Ok(())
}

fn consumed(index: Option<&'static str>, halves: u64) -> Consumed {
    match index {
        None => Consumed {
            table: halves,
            indexes: BTreeMap::new(),
        },
        Some(index) => Consumed {
            table: 0,
            indexes: BTreeMap::from([(index, halves)]),
        },
    }
}

/// The answer with what was consumed, if that was asked for.
pub fn told(mut answer: Json, table: &str, consumed: &Consumed, detail: Detail) -> Json {
    if let Some(capacity) = consumed.json(table, detail, Kind::Single) {
        answer["ConsumedCapacity"] = capacity;
    }
    answer
}
