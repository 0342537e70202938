//! The state of the simulated tables: items, locks of transactions, partition capacity and stream records.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::capacity::{Consumed, Partition, Throughput, TokenBuckets, write_units};
use super::client_tokens::ClientTokens;
use super::error::{CancellationReason, ServiceError, Throttle};
use super::expression::path::project;
use super::request::{ItemWrite, ReturnValues, WriteAction};
use super::table::{IndexWrite, Key, Table, key_attributes};
use super::value::{Item, Value, item_size};

/// A stream record: one committed change of one item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The sequence number, which increases with every change across all tables.
    pub sequence: u64,
    /// The table.
    pub table: String,
    /// The key of the item.
    pub key: Key,
    /// The item before the change, or none if it was created.
    pub old: Option<Item>,
    /// The item after the change, or none if it was deleted.
    pub new: Option<Item>,
}

/// The tables and what belongs to them.
#[derive(Debug)]
pub struct Store {
    /// The tables, by name.
    pub tables: BTreeMap<String, Table>,
    /// The remaining capacity of the partitions.
    pub buckets: TokenBuckets,
    /// The items that open transactions have locked.
    pub locked: BTreeSet<(String, Key)>,
    /// The client request tokens of transactions.
    pub tokens: ClientTokens,
    /// The stream records that have not been taken yet.
    pub changes: Vec<Change>,
    sequence: u64,
}

/// A write whose condition holds, ready to commit.
#[derive(Debug)]
pub struct PreparedWrite {
    /// The table.
    pub table: String,
    /// The key of the item.
    pub key: Key,
    /// The item before the write.
    pub old: Option<Item>,
    /// The item after the write.
    pub new: Option<Item>,
    /// The write units consumed from the table.
    pub units: u64,
    /// The capacity consumed from the indexes.
    pub index_writes: Vec<IndexWrite>,
}

/// Why a write fails.
#[derive(Debug)]
pub enum WriteError {
    /// The condition failed. Carries the item if the request asked for it.
    Condition(Option<Item>),
    /// The write would leave an invalid item. Carries DynamoDB's message.
    Invalid(String),
    /// A transaction holds a lock on the item.
    Conflict,
    /// A partition of the named table or index has no capacity left.
    Throttled(Throttle, String),
}

impl Store {
    /// Creates a store without tables.
    pub fn new(throughput: Throughput) -> Self {
        Self {
            tables: BTreeMap::new(),
            buckets: TokenBuckets::new(throughput),
            locked: BTreeSet::new(),
            tokens: ClientTokens::default(),
            changes: Vec::new(),
            sequence: 0,
        }
    }

    /// Returns the table `name`.
    pub fn table(&self, name: &str) -> Result<&Table, ServiceError> {
        self.tables
            .get(name)
            .ok_or_else(ServiceError::table_not_found)
    }

    /// Evaluates `write` against the current item, and consumes the capacity of one write. For a single-item write that is
    /// the total; for a transaction the commit consumes the same amount again.
    ///
    /// A failed condition consumes as much as writing the existing item (Developer Guide, "Write operations"). That a
    /// conflict consumes nothing is an assumption: it is not documented.
    pub fn prepare(
        &mut self,
        write: &ItemWrite,
        now: Instant,
    ) -> Result<PreparedWrite, WriteError> {
        if self
            .locked
            .contains(&(write.table.clone(), write.key.clone()))
        {
            return Err(WriteError::Conflict);
        }
        let Some(table) = self.tables.get(&write.table) else {
            return Err(WriteError::Invalid(format!(
                "table {} does not exist",
                write.table
            )));
        };
        let old = table.get(&write.key).cloned();
        let empty = Item::new();
        let holds = write
            .condition
            .as_ref()
            .is_none_or(|condition| condition.holds(old.as_ref().unwrap_or(&empty)));
        let result = if holds {
            Some(apply(write, old.as_ref()).and_then(|new| {
                new.as_ref().map_or(Ok(()), |item| table.check_item(item))?;
                Ok(new)
            }))
        } else {
            None
        };
        let new = match &result {
            Some(Ok(new)) => new.clone(),
            Some(Err(message)) => return Err(WriteError::Invalid(message.clone())),
            None => old.clone(),
        };
        let size = |item: &Option<Item>| item.as_ref().map_or(0, item_size);
        let units = write_units(size(&old).max(size(&new)));
        let index_writes = table.index_writes(old.as_ref(), new.as_ref());
        self.consume_write_capacity(write, units, &index_writes, now)?;
        if !holds {
            return Err(WriteError::Condition(
                old.filter(|_| write.returns_item_on_failure),
            ));
        }
        Ok(PreparedWrite {
            table: write.table.clone(),
            key: write.key.clone(),
            old,
            new,
            units,
            index_writes,
        })
    }

    /// Consumes the capacity of the table. The write is also throttled if an index has no capacity left.
    fn consume_write_capacity(
        &mut self,
        write: &ItemWrite,
        units: u64,
        index_writes: &[IndexWrite],
        now: Instant,
    ) -> Result<(), WriteError> {
        for entry in index_writes {
            let partition = write_partition(&write.table, Some(entry.index), &entry.hash);
            if !self.buckets.has_capacity(&partition, entry.units * 2, now) {
                let resource = format!("{}/index/{}", write.table, entry.index);
                let throttle = Throttle {
                    is_index: true,
                    is_write: true,
                };
                return Err(WriteError::Throttled(throttle, resource));
            }
        }
        let partition = write_partition(&write.table, None, &write.key.pk);
        if !self.buckets.has_capacity(&partition, units * 2, now) {
            let throttle = Throttle {
                is_index: false,
                is_write: true,
            };
            return Err(WriteError::Throttled(throttle, write.table.clone()));
        }
        self.buckets.consume(&partition, units * 2, now);
        Ok(())
    }

    /// Commits a prepared write, and returns the capacity its indexes consume.
    pub fn commit(&mut self, prepared: &PreparedWrite, now: Instant) -> Consumed {
        let mut consumed = Consumed::default();
        for entry in &prepared.index_writes {
            let partition = write_partition(&prepared.table, Some(entry.index), &entry.hash);
            self.buckets.consume(&partition, entry.units * 2, now);
            consumed.add_index(entry.index, entry.units);
        }
        // DynamoDB writes no stream record for a write that changes nothing.
        if prepared.old == prepared.new {
            return consumed;
        }
        if let Some(table) = self.tables.get_mut(&prepared.table) {
            table.replace(&prepared.key, prepared.new.as_ref());
        }
        self.sequence += 1;
        self.changes.push(Change {
            sequence: self.sequence,
            table: prepared.table.clone(),
            key: prepared.key.clone(),
            old: prepared.old.clone(),
            new: prepared.new.clone(),
        });
        consumed
    }

    /// Executes a single-item write. Returns the item before and after, and the consumed capacity.
    pub fn write(
        &mut self,
        write: &ItemWrite,
        now: Instant,
    ) -> Result<(PreparedWrite, Consumed), ServiceError> {
        self.table(&write.table)?;
        let prepared = self.prepare(write, now).map_err(|error| match error {
            WriteError::Condition(item) => ServiceError::condition_failed(item.as_ref()),
            WriteError::Invalid(message) => ServiceError::validation(message),
            WriteError::Conflict => ServiceError::transaction_conflict(),
            WriteError::Throttled(throttle, resource) => {
                ServiceError::throttled(throttle, &resource)
            }
        })?;
        let mut consumed = Consumed::from_table_units(prepared.units);
        consumed.add(&self.commit(&prepared, now));
        Ok((prepared, consumed))
    }
}

impl From<WriteError> for CancellationReason {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Condition(item) => Self::ConditionalCheckFailed(item),
            WriteError::Invalid(message) => Self::ValidationError(message),
            WriteError::Conflict => Self::TransactionConflict,
            WriteError::Throttled(throttle, _) => Self::ThrottlingError(throttle),
        }
    }
}

impl PreparedWrite {
    /// Returns the attributes that the request asked for.
    pub fn returned_attributes(&self, write: &ItemWrite) -> Option<Item> {
        let updated = |item: &Option<Item>| {
            let WriteAction::Update(Some(update)) = &write.action else {
                return None;
            };
            let paths: Vec<_> = update.0.iter().map(|(path, _)| path.clone()).collect();
            item.as_ref().map(|item| project(item, &paths))
        };
        match write.return_values {
            ReturnValues::None => None,
            ReturnValues::AllOld => self.old.clone(),
            ReturnValues::AllNew => self.new.clone(),
            ReturnValues::UpdatedOld => updated(&self.old),
            ReturnValues::UpdatedNew => updated(&self.new),
        }
        .filter(|item| !item.is_empty())
    }
}

/// Applies a write to the current item. The error is DynamoDB's message.
fn apply(write: &ItemWrite, old: Option<&Item>) -> Result<Option<Item>, String> {
    match &write.action {
        WriteAction::Put(item) => Ok(Some(item.clone())),
        WriteAction::Delete => Ok(None),
        WriteAction::Check => Ok(old.cloned()),
        WriteAction::Update(update) => {
            let key = [&write.key.pk, &write.key.sk];
            let key_only = || {
                key_attributes()
                    .into_iter()
                    .zip(key)
                    .map(|(name, value)| (name.to_owned(), Value::S(value.clone())))
                    .collect()
            };
            let old = old.cloned().unwrap_or_else(key_only);
            match update {
                Some(update) => update.apply(&old).map(Some),
                None => Ok(Some(old)),
            }
        }
    }
}

/// The write capacity of a partition.
fn write_partition(table: &str, index: Option<&'static str>, hash: &str) -> Partition {
    Partition {
        table: table.to_owned(),
        index,
        hash: hash.to_owned(),
        is_write: true,
    }
}
