//! `TransactWriteItems`: prepared, held, then committed or let go.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::capacity::{Consumed, Detail, Kind, Partition, read_units};
use super::error::{Reason, ServiceError};
use super::request::{Action, TransactWrite, TransactWriteRequest, Write};
use super::store::{Prepared, Store};
use super::value::{Item, item_size};

/// The most items of a transaction.
const MOST_ITEMS: usize = 100;
/// The most bytes of its items together.
const LARGEST: usize = 4 * 1024 * 1024;
/// The longest token.
const LONGEST_TOKEN: usize = 36;
/// How long a token is remembered after its transaction is done.
const TOKEN_IS_KNOWN: Duration = Duration::from_mins(10);

/// What is known of the tokens that came with transactions. One that was canceled leaves nothing.
#[derive(Debug, Default)]
pub struct Tokens(HashMap<String, Known>);

#[derive(Debug)]
struct Known {
    content: Vec<TransactWrite>,
    done_at: Option<Instant>,
}

/// A transaction that was admitted.
#[derive(Debug)]
pub enum Begun {
    /// Its token's transaction is done; this is the answer.
    Before(Json),
    /// Its items are prepared, and held until it is committed or let go.
    Prepared(Transaction),
}

/// A transaction that holds items.
#[derive(Debug)]
pub struct Transaction {
    prepared: Vec<Prepared>,
    reasons: Vec<Reason>,
    token: Option<String>,
    detail: Detail,
}

/// A transaction whose request is right in itself.
#[derive(Debug)]
pub struct Checked {
    writes: Vec<Write>,
    content: Vec<TransactWrite>,
    token: Option<String>,
    detail: Detail,
}

impl Checked {
    /// Reads the request.
    pub fn new(request: TransactWriteRequest) -> Result<Self, ServiceError> {
        let items = request.transact_items.len();
        if items == 0 || items > MOST_ITEMS {
            return Err(ServiceError::validation(format!(
                "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to {MOST_ITEMS}, and not less than 1"
            )));
        }
        let token = request.client_request_token;
        if token
            .as_ref()
            .is_some_and(|token| token.is_empty() || token.len() > LONGEST_TOKEN)
        {
            return Err(ServiceError::validation(
                "1 validation error detected: Value at 'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and 36",
            ));
        }
        let content = request.transact_items;
        let writes: Vec<Write> = content
            .iter()
            .cloned()
            .map(Write::of_transaction)
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
                Action::Put(item) => item_size(item),
                _ => 0,
            })
            .sum();
        if size > LARGEST {
            return Err(ServiceError::validation(
                "Collection size of items in a transaction exceeds 4 MB",
            ));
        }
        Ok(Self {
            writes,
            content,
            token,
            detail: request.return_consumed_capacity,
        })
    }

    /// That its tables are there.
    pub fn tables_in(&self, store: &Store) -> Result<(), ServiceError> {
        self.writes
            .iter()
            .try_for_each(|write| store.table(&write.table).map(|_| ()))
    }

    /// Prepares every item and holds those that were. One that is refused cancels all, but what was prepared stays held
    /// until the others are told.
    pub fn begin(self, store: &mut Store, now: Instant) -> Result<Begun, ServiceError> {
        self.tables_in(store)?;
        if let Some(token) = &self.token {
            match store.tokens.0.get(token) {
                Some(known) if known.is_forgotten(now) => {}
                Some(known) if known.content != self.content => {
                    return Err(ServiceError::parameter_mismatch());
                }
                Some(Known { done_at: None, .. }) => return Err(ServiceError::in_progress()),
                Some(_) => return Ok(Begun::Before(self.replayed(store))),
                None => {}
            }
            let known = Known {
                content: self.content,
                done_at: None,
            };
            store.tokens.0.insert(token.clone(), known);
        }
        let (mut prepared, mut reasons) = (Vec::new(), Vec::new());
        for write in &self.writes {
            reasons.push(match store.prepare(write, now) {
                Ok(item) => {
                    prepared.push(item);
                    Reason::None
                }
                Err(refusal) => refusal.into(),
            });
        }
        for item in &prepared {
            store.held.insert((item.table.clone(), item.key.clone()));
        }
        Ok(Begun::Prepared(Transaction {
            prepared,
            reasons,
            token: self.token,
            detail: self.detail,
        }))
    }

    /// The answer to a request whose token's transaction is done: what reading its items costs.
    fn replayed(&self, store: &Store) -> Json {
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
                .add(&Consumed::units(units));
        }
        answer(&consumed, self.detail, Kind::TransactionRead)
    }
}

impl Transaction {
    /// Commits it, or lets it go and says why.
    pub fn end(self, store: &mut Store, now: Instant) -> Result<Json, ServiceError> {
        for item in &self.prepared {
            store.held.remove(&(item.table.clone(), item.key.clone()));
        }
        if self.reasons.iter().any(|reason| *reason != Reason::None) {
            if let Some(token) = &self.token {
                store.tokens.0.remove(token);
            }
            return Err(ServiceError::canceled(&self.reasons));
        }
        let mut consumed: BTreeMap<&str, Consumed> = BTreeMap::new();
        for item in &self.prepared {
            let partition = Partition {
                table: item.table.clone(),
                index: None,
                hash: item.key.pk.clone(),
                of_writes: true,
            };
            store.buckets.take(&partition, item.units * 2, now);
            let mut units = Consumed::units(item.units * 2);
            units.add(&store.commit(item, now));
            consumed.entry(&item.table).or_default().add(&units);
        }
        if let Some(known) = self.token.and_then(|token| store.tokens.0.get_mut(&token)) {
            known.done_at = Some(now);
        }
        Ok(answer(&consumed, self.detail, Kind::TransactionWrite))
    }
}

impl Known {
    fn is_forgotten(&self, now: Instant) -> bool {
        self.done_at
            .is_some_and(|done_at| now - done_at > TOKEN_IS_KNOWN)
    }
}

/// What was consumed, table by table.
fn answer(consumed: &BTreeMap<&str, Consumed>, detail: Detail, kind: Kind) -> Json {
    let told: Vec<Json> = consumed
        .iter()
        .filter_map(|(table, consumed)| consumed.json(table, detail, kind))
        .collect();
    if told.is_empty() {
        json!({})
    } else {
        json!({ "ConsumedCapacity": told })
    }
}

/// `TransactGetItems`: all as they are at one moment, unless a transaction holds one of them.
pub fn get(
    store: &mut Store,
    request: super::request::TransactGetRequest,
    now: Instant,
) -> Result<Json, ServiceError> {
    let detail = request.return_consumed_capacity;
    if request.transact_items.is_empty() || request.transact_items.len() > MOST_ITEMS {
        return Err(ServiceError::validation(format!(
            "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: Member must have length less than or equal to {MOST_ITEMS}, and not less than 1"
        )));
    }
    let mut gets = Vec::new();
    for get in request.transact_items {
        gets.push(super::read::Get::of_transaction(store, get.get)?);
    }
    let mut keys = BTreeSet::new();
    if !gets.iter().all(|get| keys.insert((&get.table, &get.key))) {
        return Err(ServiceError::validation(
            "Transaction request cannot include multiple operations on one item",
        ));
    }
    let (mut responses, mut reasons, mut consumed) = (Vec::new(), Vec::new(), BTreeMap::new());
    for get in &gets {
        if store.held.contains(&(get.table.clone(), get.key.clone())) {
            reasons.push(Reason::TransactionConflict);
            continue;
        }
        match get.read(store, 4, now) {
            Err(throttle) => reasons.push(Reason::ThrottlingError(throttle)),
            Ok((item, halves)) => {
                reasons.push(Reason::None);
                responses.push(item.map_or_else(
                    || json!({}),
                    |item: Item| json!({"Item": super::value::item_json(&item)}),
                ));
                let units = Consumed {
                    table: halves,
                    indexes: BTreeMap::new(),
                };
                consumed
                    .entry(get.table.as_str())
                    .or_insert_with(Consumed::default)
                    .add(&units);
            }
        }
    }
    if reasons.iter().any(|reason| *reason != Reason::None) {
        return Err(ServiceError::canceled(&reasons));
    }
    let mut answer = answer(&consumed, detail, Kind::TransactionRead);
    answer["Responses"] = json!(responses);
    Ok(answer)
}
