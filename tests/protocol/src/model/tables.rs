//! DynamoDB, as far as the protocol leans on it: items, transactions that happen whole or not at all, and streams.

use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{LastChange, Level, LevelKey, Movement, MovementKind, ReorderPolicy};
use stockline_domain::order::Order;
use stockline_domain::split_level::{Part, SplitLevel};
use stockline_domain::task::Task;

use super::faults::Fault;
use super::item::Item;

/// An order as it is stored.
#[derive(Debug, Clone, Serialize)]
pub struct StoredOrder {
    /// The order.
    pub order: Order,
    /// Rises by one with every write.
    pub revision: u64,
    /// Which body was sent under its key.
    pub fingerprint: u8,
    /// The ids of the refunds and fulfilments that stand beside it, and are read and written with it.
    pub records: Vec<String>,
}

impl StoredOrder {
    /// An order that has just been placed.
    pub fn new(order: Order, fingerprint: u8) -> Self {
        Self {
            order,
            revision: 1,
            fingerprint,
            records: Vec::new(),
        }
    }
}

/// The mark that a change of stock leaves where it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppliedChange {
    /// Whose change it is.
    pub request: RequestId,
    /// What it led to.
    pub levels: Item<Vec<Level>>,
}

/// A level, or one of the items that it is split over, with its stream and its movements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// As the story found it.
    opening: Item<Level>,
    /// Every image since: the stream.
    images: Vec<Item<Level>>,
    /// How many of them the ledger has confirmed.
    confirmed: usize,
    /// What it has recorded, in the order it did.
    recorded: Vec<Item<Movement>>,
    /// How often its stream may still be read again from the beginning.
    readings_left: u8,
    /// Whether the ledger records what is written at once.
    is_followed: bool,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tables {
    orders: Vec<(OrderId, Item<StoredOrder>)>,
    changes: Vec<AppliedChange>,
    tasks: Vec<(TaskId, Item<Task>)>,
    shelves: Vec<Shelf>,
    /// How many items an order and its levels may be together; none where no order here is as many as a transaction takes.
    room: Option<usize>,
}

/// One write of a transaction, with the condition that `platform` puts on it.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new order, if there is none under its id.
    NewOrder(StoredOrder),
    /// The next revision of an order, if it still has the one before.
    Order(StoredOrder),
    /// A part of a change of a level by deltas, if its item has what the part needs.
    Change(LevelKey, Part),
    /// The same, by somebody who forgot that the level may be short as a whole, and goods have been moved already.
    ChangeCarelessly(LevelKey, Part),
    /// An item of a level, if it still has the version that was read.
    Level {
        /// What was read.
        before: u64,
        /// What it becomes.
        after: Level,
    },
    /// The mark of a change, if it has left none.
    Applied(AppliedChange),
    /// The next version of a task, if it still has the one before.
    Task(Task),
    /// An item that a level is newly split over, whatever was left of one.
    NewBucket(Level),
    /// The policy of a level, and over how many items it is split, if what its new items are told is still so, and nobody
    /// uses them.
    Policy {
        /// Which level.
        key: LevelKey,
        /// Its policy.
        policy: ReorderPolicy,
        /// Whether it was short.
        is_short: bool,
        /// When it had been counted.
        counted_at: Option<Timestamp>,
    },
    /// A write whose condition somebody forgot.
    Unguarded(Box<Write>),
}

/// The condition of a write by deltas: `change_level` in `platform`, which a test compares with this.
pub fn has_what_it_needs(level: &Level, change: &LastChange) -> bool {
    let holds = |there: i64, delta: i64| delta >= 0 || there >= -delta;
    let is_counted = change.on_hand_delta != 0 && level.has_counted(change.occurred_at);
    let is_owed = change.available_delta() > 0 && level.whole_short;
    let last = level.last_change.as_ref().map(|last| last.movement_id);
    let is_made = change.kind == MovementKind::Rebalance && last == Some(change.movement_id);
    let leaves = change.kind == MovementKind::Fulfilment && change.on_hand_delta < 0;
    let is_beside_unfit = leaves && (level.damaged != 0 || level.on_hold != 0);
    !is_counted
        && !is_owed
        && !is_beside_unfit
        && !is_made
        && holds(level.available(), change.available_delta())
        && holds(level.on_hand, change.on_hand_delta)
        && holds(level.allocated, change.allocated_delta)
        && holds(level.in_transit, change.states.in_transit_delta)
}

impl Tables {
    /// With these levels, whose last changes the ledger has recorded, and nothing else.
    pub fn stocked(levels: Vec<Level>) -> Self {
        Self {
            shelves: levels.into_iter().map(Shelf::new).collect(),
            ..Self::default()
        }
    }

    /// The same, and the ledger records what is written at once: its own troubles are those of one item, split or not.
    pub fn followed(mut self) -> Self {
        for shelf in &mut self.shelves {
            shelf.is_followed = true;
        }
        self
    }

    /// The same, and each stream may once be read again from its beginning.
    pub fn read_twice(mut self) -> Self {
        for shelf in &mut self.shelves {
            shelf.readings_left = 1;
        }
        self
    }

    /// The same, and of an order and its levels a transaction takes no more items than `room`.
    pub fn with_room_for(mut self, room: usize) -> Self {
        self.room = Some(room);
        self
    }

    /// How many items an order and its levels may be together.
    pub fn room(&self) -> usize {
        self.room.unwrap_or(usize::MAX)
    }

    /// Does all of `writes`, or nothing and tells which conditions failed, in their order.
    pub fn transact(&mut self, writes: &[Write]) -> Result<(), Vec<bool>> {
        let failed: Vec<bool> = writes.iter().map(|write| !self.holds(write)).collect();
        if failed.contains(&true) {
            return Err(failed);
        }
        for write in writes {
            self.write(write);
        }
        Ok(())
    }

    fn holds(&self, write: &Write) -> bool {
        match write {
            Write::NewOrder(new) => self.order(new.order.order_id).is_none(),
            Write::Order(next) => self
                .order(next.order.order_id)
                .is_some_and(|there| there.revision + 1 == next.revision),
            Write::Change(key, part) => self
                .bucket(key, part.bucket)
                .is_some_and(|level| has_what_it_needs(level, &part.change)),
            Write::ChangeCarelessly(key, part) => {
                self.bucket(key, part.bucket).is_some_and(|level| {
                    let level = Level {
                        whole_short: false,
                        last_change: None,
                        ..Level::clone(level)
                    };
                    has_what_it_needs(&level, &part.change)
                })
            }
            Write::Level { before, after } => self
                .bucket(&after.key(), after.bucket)
                .is_some_and(|there| there.version == *before),
            Write::Policy {
                key,
                policy,
                is_short,
                counted_at,
            } => self.bucket(key, 0).is_some_and(|first| {
                let is_as_told = (first.whole_short || first.is_short()) == *is_short
                    && first.counted_at == *counted_at;
                policy.buckets > first.split_over && is_as_told
            }),
            Write::Applied(mark) => self.applied(mark.request).is_none(),
            Write::Task(next) => self
                .task(next.task_id)
                .is_some_and(|there| there.version + 1 == next.version),
            Write::NewBucket(_) | Write::Unguarded(_) => true,
        }
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::NewOrder(order) | Write::Order(order) => put(
                &mut self.orders,
                order.order.order_id,
                Item::new(order.clone()),
            ),
            Write::Change(key, part) | Write::ChangeCarelessly(key, part) => {
                let shelf = self.shelf(key, part.bucket);
                let after = added(shelf.level(), &part.change);
                shelf.write(after);
            }
            Write::Level { after, .. } => {
                self.shelf(&after.key(), after.bucket).write(after.clone());
            }
            Write::NewBucket(level) => {
                if self.bucket(&level.key(), level.bucket).is_some() {
                    self.shelf(&level.key(), level.bucket).write(level.clone());
                } else {
                    let is_followed = self.shelf(&level.key(), 0).is_followed;
                    self.shelves.push(Shelf {
                        is_followed,
                        ..Shelf::new(level.clone())
                    });
                }
            }
            Write::Policy {
                key,
                policy,
                is_short,
                ..
            } => {
                let shelf = self.shelf(key, 0);
                let there = Level::clone(shelf.level());
                shelf.write(Level {
                    policy: Some(policy.clone()),
                    split_over: policy.buckets,
                    whole_short: there.whole_short || *is_short,
                    version: there.version + 1,
                    ..there
                });
            }
            Write::Applied(mark) => {
                let place = self
                    .changes
                    .partition_point(|other| other.request < mark.request);
                self.changes.insert(place, mark.clone());
            }
            Write::Task(task) => put(&mut self.tasks, task.task_id, Item::new(task.clone())),
            Write::Unguarded(write) => self.write(write),
        }
    }

    /// The order under `id`.
    pub fn order(&self, id: OrderId) -> Option<&Item<StoredOrder>> {
        find(&self.orders, id)
    }

    /// All orders.
    pub fn orders(&self) -> impl Iterator<Item = &StoredOrder> {
        self.orders.iter().map(|(_, order)| &**order)
    }

    /// The task under `id`.
    pub fn task(&self, id: TaskId) -> Option<&Item<Task>> {
        find(&self.tasks, id)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(_, task)| &**task)
    }

    /// One item of the level of `key`.
    pub fn bucket(&self, key: &LevelKey, bucket: u8) -> Option<&Item<Level>> {
        self.shelves
            .iter()
            .map(Shelf::level)
            .find(|level| is_of(level, key, bucket))
    }

    /// The items of the level of `key`, read in one moment; none where there is no such level.
    pub fn items(&self, key: &LevelKey) -> Option<Vec<Item<Level>>> {
        let over = self.bucket(key, 0)?.split_over.max(1);
        (0..over)
            .map(|bucket| self.bucket(key, bucket).cloned())
            .collect()
    }

    /// The level of `key`, whole.
    pub fn level(&self, key: &LevelKey) -> Option<SplitLevel> {
        self.items(key).map(|items| whole(&items))
    }

    /// Every level, whole.
    pub fn levels(&self) -> impl Iterator<Item = SplitLevel> {
        let levels = self.shelves.iter().map(Shelf::level);
        levels
            .filter(|level| level.bucket == 0)
            .filter_map(|first| self.level(&first.key()))
    }

    /// The movements of the level of `key`, which is not split, newest first.
    pub fn movements(&self, key: &LevelKey) -> Vec<Movement> {
        let shelf = self
            .shelves
            .iter()
            .find(|shelf| is_of(shelf.level(), key, 0));
        let movements = shelf.into_iter().flat_map(|shelf| &shelf.recorded);
        movements
            .rev()
            .map(|movement| Movement::clone(movement))
            .collect()
    }

    /// The mark that the change of `request` left.
    pub fn applied(&self, request: RequestId) -> Option<&AppliedChange> {
        self.changes.iter().find(|mark| mark.request == request)
    }

    /// Every item of every level, with its stream and its movements.
    pub fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    fn shelf(&mut self, key: &LevelKey, bucket: u8) -> &mut Shelf {
        self.shelves
            .iter_mut()
            .find(|shelf| is_of(shelf.level(), key, bucket))
            .unwrap()
    }

    /// Adds a task, which its planner does in a write of its own.
    pub fn plan(&mut self, task: Task) {
        put(&mut self.tasks, task.task_id, Item::new(task));
    }

    /// Hands the next record of a stream to the ledger, which `confirms` it or dies before.
    pub fn deliver(&mut self, shelf: usize, fault: Option<Fault>, confirms: bool) {
        self.shelves[shelf].deliver(fault, confirms);
    }

    /// Sets the stream of a shelf back to its beginning.
    pub fn read_again(&mut self, shelf: usize) {
        let shelf = &mut self.shelves[shelf];
        shelf.confirmed = 0;
        shelf.readings_left -= 1;
    }
}

/// The level whose items are `items`.
pub fn whole(items: &[Item<Level>]) -> SplitLevel {
    let items: Vec<Level> = items.iter().map(|item| Level::clone(item)).collect();
    SplitLevel::new(items[0].clone(), &items[1..])
}

impl Shelf {
    /// `level`, whose last change the ledger has recorded.
    fn new(level: Level) -> Self {
        let recorded = level.movement_since(None).map(Item::new);
        Self {
            recorded: recorded.into_iter().collect(),
            opening: Item::new(level),
            images: Vec::new(),
            confirmed: 0,
            readings_left: 0,
            is_followed: false,
        }
    }

    fn write(&mut self, level: Level) {
        self.images.push(Item::new(level));
        if self.is_followed {
            self.deliver(None, true);
        }
    }

    fn deliver(&mut self, fault: Option<Fault>, confirms: bool) {
        let before = self
            .confirmed
            .checked_sub(1)
            .map_or(&self.opening, |last| &self.images[last]);
        let movement = self.images[self.confirmed].movement_since(Some(before));
        if let Some(movement) = movement {
            self.record(movement, fault);
        }
        self.confirmed += usize::from(confirms);
    }

    /// The item as it is now.
    pub fn level(&self) -> &Item<Level> {
        self.images.last().unwrap_or(&self.opening)
    }

    /// Each write of the item: what was there, and what came of it.
    pub fn writes(&self) -> impl Iterator<Item = (&Level, &Level)> {
        let before = std::iter::once(&self.opening).chain(&self.images);
        before
            .map(|item| &**item)
            .zip(self.images.iter().map(|item| &**item))
    }

    /// What the ledger has recorded, by version.
    pub fn movements(&self) -> &[Item<Movement>] {
        &self.recorded
    }

    /// Whether the ledger has confirmed the whole stream.
    pub fn is_drained(&self) -> bool {
        self.confirmed == self.images.len()
    }

    /// Whether the stream may be set back, and there is something to come twice.
    pub fn can_be_read_again(&self) -> bool {
        self.readings_left > 0 && self.confirmed > 0
    }

    /// How often its stream may still be read again.
    pub fn readings_left(&self) -> u8 {
        self.readings_left
    }

    /// One movement for each version of the item, whatever comes again.
    fn record(&mut self, movement: Movement, fault: Option<Fault>) {
        let known = self
            .recorded
            .iter()
            .any(|known| known.version == movement.version);
        if !known || fault == Some(Fault::MovementsAreAppended) {
            self.recorded.push(Item::new(movement));
            self.recorded.sort_by_key(|movement| movement.version);
        }
    }
}

fn is_of(level: &Level, key: &LevelKey, bucket: u8) -> bool {
    level.location_id == key.location_id && level.sku == key.sku && level.bucket == bucket
}

/// What the update expression of `change_level` makes of a level, whatever a rule says to it.
fn added(level: &Level, change: &LastChange) -> Level {
    Level {
        on_hand: level.on_hand + change.on_hand_delta,
        allocated: level.allocated + change.allocated_delta,
        in_transit: level.in_transit + change.states.in_transit_delta,
        version: level.version + 1,
        last_change: Some(change.clone()),
        ..level.clone()
    }
}

fn find<K: Copy + PartialEq, V>(items: &[(K, V)], key: K) -> Option<&V> {
    items
        .iter()
        .find(|(other, _)| *other == key)
        .map(|(_, value)| value)
}

/// Sorted, so that the order of writes does not make two states of one.
fn put<K: Ord, V>(items: &mut Vec<(K, V)>, key: K, value: V) {
    match items.binary_search_by(|(other, _)| other.cmp(&key)) {
        Ok(place) => items[place].1 = value,
        Err(place) => items.insert(place, (key, value)),
    }
}
