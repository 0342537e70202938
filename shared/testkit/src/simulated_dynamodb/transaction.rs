//! `TransactWriteItems`, which locks its items between prepare and commit, and `TransactGetItems`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::capacity::{Consumed, Partition, RequestKind, ReturnConsumedCapacity, read_units};
use super::client_tokens::TokenStatus;
use super::error::{CancellationReason, ServiceError};
use super::request::{ItemWrite, TransactWrite, TransactWriteRequest, WriteAction};
use super::store::{PreparedWrite, Store};
use super::value::{Item, item_size};

/// The maximum number of items in a transaction.
const MAX_ITEMS: usize = 100;
/// The maximum total size of the items in a transaction, in bytes.
const MAX_TRANSACTION_SIZE: usize = 4 * 1024 * 1024;
/// The maximum length of a client request token.
const MAX_TOKEN_LENGTH: usize = 36;

/// The result of preparing a transaction.
#[derive(Debug)]
pub enum PrepareOutcome {
    /// The transaction with the same client request token is committed. Carries the response.
    Replayed(Json),
    /// The items are locked until the transaction finishes.
    Prepared(PreparedTransaction),
}

/// A transaction that holds locks on its items.
#[derive(Debug)]
pub struct PreparedTransaction {
    prepared: Vec<PreparedWrite>,
    reasons: Vec<CancellationReason>,
    token: Option<String>,
    detail: ReturnConsumedCapacity,
}

/// A transaction whose request is valid.
#[derive(Debug)]
pub struct ValidatedTransaction {
    writes: Vec<ItemWrite>,
    transact_items: Vec<TransactWrite>,
    token: Option<String>,
    detail: ReturnConsumedCapacity,
}

impl ValidatedTransaction {
    /// Validates the request.
    pub fn new(request: TransactWriteRequest) -> Result<Self, ServiceError> {
        let item_count = request.transact_items.len();
        if item_count == 0 || item_count > MAX_ITEMS {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to {MAX_ITEMS}, and not less than 1"
            )));
        }
        let token = request.client_request_token;
        if token
            .as_ref()
            .is_some_and(|token| token.is_empty() || token.len() > MAX_TOKEN_LENGTH)
        {
            return Err(ServiceError::validation(
                "1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and 36",
            ));
        }
        let transact_items = request.transact_items;
        let writes: Vec<ItemWrite> = transact_items
            .iter()
            .cloned()
            .map(ItemWrite::from_transact_item)
            .collect::<Result<_, _>>()?;
        let mut keys = BTreeSet::new();
        if !writes
            .iter()
            .all(|write| keys.insert((&write.table, &write.key)))
        {
            return Err(ServiceError::validation(
                "Transaction request cannot include multiple operations on one item",
            ));
        }
        let size: usize = writes
            .iter()
            .map(|write| match &write.action {
                WriteAction::Put(item) => item_size(item),
                _ => 0,
            })
            .sum();
        if size > MAX_TRANSACTION_SIZE {
            return Err(ServiceError::validation(
                "Collection size of items in a transaction exceeds 4 MB",
            ));
        }
        Ok(Self {
            writes,
            transact_items,
            token,
            detail: request.return_consumed_capacity,
        })
    }

    /// Checks that all tables exist.
    pub fn check_tables(&self, store: &Store) -> Result<(), ServiceError> {
        self.writes
            .iter()
            .try_for_each(|write| store.table(&write.table).map(|_| ()))
    }

    /// Prepares every item and locks those that were prepared. If one item fails, the transaction is canceled, but the
    /// prepared items stay locked until [`PreparedTransaction::finish`].
    pub fn prepare(self, store: &mut Store, now: Instant) -> Result<PrepareOutcome, ServiceError> {
        self.check_tables(store)?;
        if let Some(token) = &self.token {
            match store.tokens.status(token, &self.transact_items, now) {
                TokenStatus::Mismatched => return Err(ServiceError::parameter_mismatch()),
                TokenStatus::InProgress => return Err(ServiceError::in_progress()),
                TokenStatus::Committed => {
                    return Ok(PrepareOutcome::Replayed(self.replay_response(store)));
                }
                TokenStatus::Free => {}
            }
            store.tokens.open(token.clone(), self.transact_items);
        }
        let (mut prepared, mut reasons) = (Vec::new(), Vec::new());
        for write in &self.writes {
            reasons.push(match store.prepare(write, now) {
                Ok(item) => {
                    prepared.push(item);
                    CancellationReason::None
                }
                Err(error) => error.into(),
            });
        }
        for item in &prepared {
            store.locked.insert((item.table.clone(), item.key.clone()));
        }
        Ok(PrepareOutcome::Prepared(PreparedTransaction {
            prepared,
            reasons,
            token: self.token,
            detail: self.detail,
        }))
    }

    /// Returns the response to a repeated client request token, which consumes read units instead of write units.
    fn replay_response(&self, store: &Store) -> Json {
        let mut consumed: BTreeMap<&str, Consumed> = BTreeMap::new();
        for write in &self.writes {
            let item = store
                .tables
                .get(&write.table)
                .and_then(|table| table.get(&write.key));
            let units = 2 * read_units(item.map_or(0, item_size));
            consumed
                .entry(&write.table)
                .or_default()
                .add(&Consumed::from_table_units(units));
        }
        capacity_response(&consumed, self.detail, RequestKind::TransactionRead)
    }
}

impl PreparedTransaction {
    /// Releases the locks, and commits the transaction or returns why it is canceled.
    pub fn finish(self, store: &mut Store, now: Instant) -> Result<Json, ServiceError> {
        for item in &self.prepared {
            store.locked.remove(&(item.table.clone(), item.key.clone()));
        }
        if self
            .reasons
            .iter()
            .any(|reason| *reason != CancellationReason::None)
        {
            if let Some(token) = &self.token {
                store.tokens.release(token);
            }
            return Err(ServiceError::canceled(&self.reasons));
        }
        let mut consumed: BTreeMap<&str, Consumed> = BTreeMap::new();
        for item in &self.prepared {
            let partition = Partition {
                table: item.table.clone(),
                index: None,
                hash: item.key.pk.clone(),
                is_write: true,
            };
            store.buckets.consume(&partition, item.units * 2, now);
            let mut units = Consumed::from_table_units(item.units * 2);
            units.add(&store.commit(item, now));
            consumed.entry(&item.table).or_default().add(&units);
        }
        if let Some(token) = &self.token {
            store.tokens.commit(token, now);
        }
        Ok(capacity_response(
            &consumed,
            self.detail,
            RequestKind::TransactionWrite,
        ))
    }
}

/// Returns a response with the consumed capacity of each table, if the request asked for it.
fn capacity_response(
    consumed: &BTreeMap<&str, Consumed>,
    detail: ReturnConsumedCapacity,
    kind: RequestKind,
) -> Json {
    let capacity: Vec<Json> = consumed
        .iter()
        .filter_map(|(table, consumed)| consumed.json(table, detail, kind))
        .collect();
    if capacity.is_empty() {
        json!({})
    } else {
        json!({ "ConsumedCapacity": capacity })
    }
}

/// Executes `TransactGetItems`: reads all items as one snapshot, and fails if a transaction holds a lock on any of them.
pub fn transact_get(
    store: &mut Store,
    request: super::request::TransactGetRequest,
    now: Instant,
) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    if request.transact_items.is_empty() || request.transact_items.len() > MAX_ITEMS {
        return Err(ServiceError::validation(format!(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to {MAX_ITEMS}, and not less than 1"
        )));
    }
    let mut gets = Vec::new();
    for get in request.transact_items {
        gets.push(super::read::Get::from_transact_item(store, get.get)?);
    }
    let mut keys = BTreeSet::new();
    if !gets.iter().all(|get| keys.insert((&get.table, &get.key))) {
        return Err(ServiceError::validation(
            "Transaction request cannot include multiple operations on one item",
        ));
    }
    let (mut responses, mut reasons, mut consumed) = (Vec::new(), Vec::new(), BTreeMap::new());
    for get in &gets {
        if store.locked.contains(&(get.table.clone(), get.key.clone())) {
            reasons.push(CancellationReason::TransactionConflict);
            continue;
        }
        match get.read(store, 4, now) {
            Err(throttle) => reasons.push(CancellationReason::ThrottlingError(throttle)),
            Ok((item, half_units)) => {
                reasons.push(CancellationReason::None);
                responses.push(item.map_or_else(
                    || json!({}),
                    |item: Item| json!({"Item": super::value::item_json(&item)}),
                ));
                let units = Consumed {
                    table: half_units,
                    indexes: BTreeMap::new(),
                };
                consumed
                    .entry(get.table.as_str())
                    .or_insert_with(Consumed::default)
                    .add(&units);
            }
        }
    }
    if reasons
        .iter()
        .any(|reason| *reason != CancellationReason::None)
    {
        return Err(ServiceError::canceled(&reasons));
    }
    let mut response = capacity_response(&consumed, detail, RequestKind::TransactionRead);
    response["Responses"] = json!(responses);
    Ok(response)
}
