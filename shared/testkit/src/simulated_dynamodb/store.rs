//! What the service keeps: tables, what transactions hold, the units of partitions, and the stream of changes.

use std::collections::{BTreeMap, BTreeSet};

use tokio::time::Instant;

use super::capacity::{Buckets, Consumed, Partition, Throughput, write_units};
use super::error::{Reason, ServiceError, Throttle};
use super::expression::path::project;
use super::request::{Action, ReturnValues, Write};
use super::table::{IndexWrite, Key, Table, key_attributes};
use super::transaction::Tokens;
use super::value::{Item, Value, item_size};

/// A committed change of one item, as the table's stream tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Rises with every change, over all tables.
    pub sequence: u64,
    /// The table.
    pub table: String,
    /// The item's key.
    pub key: Key,
    /// The item before; none when it was made.
    pub old: Option<Item>,
    /// The item after; none when it was deleted.
    pub new: Option<Item>,
}

/// What the service keeps.
#[derive(Debug)]
pub struct Store {
    /// The tables by name.
    pub tables: BTreeMap<String, Table>,
    /// The units that partitions have left.
    pub buckets: Buckets,
    /// The items that a transaction has prepared.
    pub held: BTreeSet<(String, Key)>,
    /// The tokens of transactions.
    pub tokens: Tokens,
    /// Every change since they were last taken.
    pub changes: Vec<Change>,
    sequence: u64,
}

/// A write whose condition holds, and what it makes of the item.
#[derive(Debug)]
pub struct Prepared {
    /// The table.
    pub table: String,
    /// The item's key.
    pub key: Key,
    /// The item before.
    pub old: Option<Item>,
    /// The item after.
    pub new: Option<Item>,
    /// Write units of the item.
    pub units: u64,
    /// What it costs the indexes.
    pub index_writes: Vec<IndexWrite>,
}

/// Why a write is refused.
#[derive(Debug)]
pub enum Refusal {
    /// Its condition failed; with the item where it was asked for.
    Condition(Option<Item>),
    /// It would make no valid item.
    Invalid(String),
    /// A transaction is under way for the item.
    Conflict,
    /// A partition has no units left.
    Throttled(Throttle, String),
}

impl Store {
    /// With no tables.
    pub fn new(throughput: Throughput) -> Self {
        Self {
            tables: BTreeMap::new(),
            buckets: Buckets::new(throughput),
            held: BTreeSet::new(),
            tokens: Tokens::default(),
            changes: Vec::new(),
            sequence: 0,
        }
    }

    /// The table called `name`.
    pub fn table(&self, name: &str) -> Result<&Table, ServiceError> {
        self.tables.get(name).ok_or_else(ServiceError::no_table)
    }

    /// Checks `write` against what is there, and takes the units of one write: all that a single write costs, and what the
    /// prepare of a transaction costs, whose commit costs as much again.
    ///
    /// A failed condition costs what a write of the item that is there would (Developer Guide, "Write operations"). That
    /// a conflict costs nothing is taken, not documented.
    pub fn prepare(&mut self, write: &Write, now: Instant) -> Result<Prepared, Refusal> {
        if self
            .held
            .contains(&(write.table.clone(), write.key.clone()))
        {
            return Err(Refusal::Conflict);
        }
        let Some(table) = self.tables.get(&write.table) else {
            return Err(Refusal::Invalid("the table was checked before".into()));
        };
        let old = table.get(&write.key).cloned();
        let empty = Item::new();
        let holds = write
            .condition
            .as_ref()
            .is_none_or(|condition| condition.holds(old.as_ref().unwrap_or(&empty)));
        let changed = if holds {
            Some(changed(write, old.as_ref()).and_then(|new| {
                new.as_ref().map_or(Ok(()), |item| table.check_item(item))?;
                Ok(new)
            }))
        } else {
            None
        };
        let new = match &changed {
            Some(Ok(new)) => new.clone(),
            Some(Err(message)) => return Err(Refusal::Invalid(message.clone())),
            None => old.clone(),
        };
        let size = |item: &Option<Item>| item.as_ref().map_or(0, item_size);
        let units = write_units(size(&old).max(size(&new)));
        let index_writes = table.index_writes(old.as_ref(), new.as_ref());
        self.admit(write, units, &index_writes, now)?;
        if !holds {
            return Err(Refusal::Condition(old.filter(|_| write.shows_failed)));
        }
        Ok(Prepared {
            table: write.table.clone(),
            key: write.key.clone(),
            old,
            new,
            units,
            index_writes,
        })
    }

    /// Takes the item's units; an index without units left throttles the table's write.
    fn admit(
        &mut self,
        write: &Write,
        units: u64,
        index_writes: &[IndexWrite],
        now: Instant,
    ) -> Result<(), Refusal> {
        for entry in index_writes {
            let partition = partition(&write.table, Some(entry.index), &entry.hash);
            if !self.buckets.has(&partition, entry.units * 2, now) {
                let resource = format!("{}/index/{}", write.table, entry.index);
                let throttle = Throttle {
                    of_index: true,
                    of_writes: true,
                };
                return Err(Refusal::Throttled(throttle, resource));
            }
        }
        let partition = partition(&write.table, None, &write.key.pk);
        if !self.buckets.has(&partition, units * 2, now) {
            let throttle = Throttle {
                of_index: false,
                of_writes: true,
            };
            return Err(Refusal::Throttled(throttle, write.table.clone()));
        }
        self.buckets.take(&partition, units * 2, now);
        Ok(())
    }

    /// Makes a prepared change, and says what its indexes consume.
    pub fn commit(&mut self, prepared: &Prepared, now: Instant) -> Consumed {
        let mut consumed = Consumed::default();
        for entry in &prepared.index_writes {
            let partition = partition(&prepared.table, Some(entry.index), &entry.hash);
            self.buckets.take(&partition, entry.units * 2, now);
            consumed.add_index(entry.index, entry.units);
        }
        // A write that changes nothing is not in the stream.
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

    /// A single write, from its check to its change: the item as it was and as it is, and what it consumed.
    pub fn write(
        &mut self,
        write: &Write,
        now: Instant,
    ) -> Result<(Prepared, Consumed), ServiceError> {
        self.table(&write.table)?;
        let prepared = self.prepare(write, now).map_err(|refusal| match refusal {
            Refusal::Condition(item) => ServiceError::condition_failed(item.as_ref()),
            Refusal::Invalid(message) => ServiceError::validation(message),
            Refusal::Conflict => ServiceError::transaction_conflict(),
            Refusal::Throttled(throttle, resource) => ServiceError::throttled(throttle, &resource),
        })?;
        let mut consumed = Consumed::units(prepared.units);
        consumed.add(&self.commit(&prepared, now));
        Ok((prepared, consumed))
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Condition(item) => Self::ConditionalCheckFailed(item),
            Refusal::Invalid(message) => Self::ValidationError(message),
            Refusal::Conflict => Self::TransactionConflict,
            Refusal::Throttled(throttle, _) => Self::ThrottlingError(throttle),
        }
    }
}

impl Prepared {
    /// Of the item before and after, what the answer gives back.
    pub fn returned(&self, write: &Write) -> Option<Item> {
        let updated = |item: &Option<Item>| {
            let Action::Update(Some(update)) = &write.action else {
                return None;
            };
            let paths: Vec<_> = update.0.iter().map(|(path, _)| path.clone()).collect();
            item.as_ref().map(|item| project(item, &paths))
        };
        match write.returns {
            ReturnValues::None => None,
            ReturnValues::AllOld => self.old.clone(),
            ReturnValues::AllNew => self.new.clone(),
            ReturnValues::UpdatedOld => updated(&self.old),
            ReturnValues::UpdatedNew => updated(&self.new),
        }
        .filter(|item| !item.is_empty())
    }
}

/// What a write makes of the item that is there.
fn changed(write: &Write, old: Option<&Item>) -> Result<Option<Item>, String> {
    match &write.action {
        Action::Put(item) => Ok(Some(item.clone())),
        Action::Delete => Ok(None),
        Action::Check => Ok(old.cloned()),
        Action::Update(update) => {
            let key = [&write.key.pk, &write.key.sk];
            let made = || {
                key_attributes()
                    .into_iter()
                    .zip(key)
                    .map(|(name, value)| (name.to_owned(), Value::S(value.clone())))
                    .collect()
            };
            let old = old.cloned().unwrap_or_else(made);
            match update {
                Some(update) => update.apply(&old).map(Some),
                None => Ok(Some(old)),
            }
        }
    }
}

/// The writes of a partition.
fn partition(table: &str, index: Option<&'static str>, hash: &str) -> Partition {
    Partition {
        table: table.to_owned(),
        index,
        hash: hash.to_owned(),
        of_writes: true,
    }
}
