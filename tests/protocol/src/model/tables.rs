//! The parts of DynamoDB that the protocol relies on: items, atomic conditional transactions, and streams.

use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{LastChange, Level, LevelKey, Movement, MovementKind, ReorderPolicy};
use stockline_domain::order::Order;
use stockline_domain::split_level::{Part, SplitLevel};
use stockline_domain::task::Task;

use super::faults::Fault;
use super::item::Item;

/// A stored order.
#[derive(Debug, Clone, Serialize)]
pub struct StoredOrder {
    /// The order.
    pub order: Order,
    /// Increases by one with every write.
    pub revision: u64,
    /// Identifies the body that was sent under its key.
    pub fingerprint: u8,
    /// The ids of its refunds and fulfilments, which are read and written with the order.
    pub records: Vec<String>,
}

impl StoredOrder {
    /// A newly placed order.
    pub fn new(order: Order, fingerprint: u8) -> Self {
        Self {
            order,
            revision: 1,
            fingerprint,
            records: Vec::new(),
        }
    }
}

/// The marker that a stock change writes when it is applied.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AppliedChange {
    /// The request.
    pub request: RequestId,
    /// The resulting levels.
    pub levels: Item<Vec<Level>>,
}

/// One stored item of a level (an unsplit level or one bucket of a split level), with its stream and its movements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// The item at the start of the scenario.
    opening: Item<Level>,
    /// The stream: every image since the start.
    images: Vec<Item<Level>>,
    /// Number of stream records that the ledger has acknowledged.
    confirmed: usize,
    /// The recorded movements, sorted by version.
    recorded: Vec<Item<Movement>>,
    /// How often the stream may still be redelivered from its beginning.
    readings_left: u8,
    /// Whether the ledger records each write immediately.
    is_followed: bool,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tables {
    orders: Vec<(OrderId, Item<StoredOrder>)>,
    changes: Vec<AppliedChange>,
    tasks: Vec<(TaskId, Item<Task>)>,
    shelves: Vec<Shelf>,
    /// The most items that a transaction of an order and its levels may hold; `None` for no limit.
    room: Option<usize>,
}

/// One item of a transaction, with the condition that `platform` puts on it.
#[derive(Debug, Clone)]
pub enum Write {
    /// Creates an order. Condition: its id does not exist.
    NewOrder(StoredOrder),
    /// Writes the next revision of an order. Condition: the stored revision is the one before.
    Order(StoredOrder),
    /// Adds deltas to one bucket. Condition: [`delta_condition_holds`].
    Change(LevelKey, Part),
    /// The same with a defect: the condition ignores `whole_short` and an already applied rebalance.
    ChangeCarelessly(LevelKey, Part),
    /// Replaces one bucket. Condition: the version is the one that was read.
    Level {
        /// The version that was read.
        before: u64,
        /// The new content.
        after: Level,
    },
    /// Creates an applied-change marker. Condition: it does not exist.
    Applied(AppliedChange),
    /// Writes the next version of a task. Condition: the stored version is the one before.
    Task(Task),
    /// Writes a new bucket of a level unconditionally. It may overwrite an item left from an earlier split.
    NewBucket(Level),
    /// Sets the policy and the bucket count of a level. Condition: the values that were copied to the new buckets are
    /// unchanged, and the bucket count increases.
    Policy {
        /// The level.
        key: LevelKey,
        /// The policy.
        policy: ReorderPolicy,
        /// Whether the level was short when it was read.
        is_short: bool,
        /// The time of the last count when it was read.
        counted_at: Option<Timestamp>,
    },
    /// The wrapped write without its condition.
    Unguarded(Box<Write>),
}

/// The condition of a delta write. Mirrors `change_level` in `platform`; a test compares the two.
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
    /// Tables with these levels. The ledger has recorded the last change of each.
    pub fn stocked(levels: Vec<Level>) -> Self {
        Self {
            shelves: levels.into_iter().map(Shelf::new).collect(),
            ..Self::default()
        }
    }

    /// Makes the ledger record each write immediately, because redelivery does not depend on whether a level is
    /// split.
    pub fn followed(mut self) -> Self {
        for shelf in &mut self.shelves {
            shelf.is_followed = true;
        }
        self
    }

    /// Allows each stream to be redelivered once from its beginning.
    pub fn read_twice(mut self) -> Self {
        for shelf in &mut self.shelves {
            shelf.readings_left = 1;
        }
        self
    }

    /// Limits a transaction of an order and its levels to `limit` items.
    pub fn with_room_for(mut self, room: usize) -> Self {
        self.room = Some(room);
        self
    }

    /// The most items that a transaction of an order and its levels may hold.
    pub fn room(&self) -> usize {
        self.room.unwrap_or(usize::MAX)
    }

    /// Applies all `writes` atomically, or returns which conditions failed, in their order.
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

    /// The order with this id.
    pub fn order(&self, id: OrderId) -> Option<&Item<StoredOrder>> {
        find(&self.orders, id)
    }

    /// All orders.
    pub fn orders(&self) -> impl Iterator<Item = &StoredOrder> {
        self.orders.iter().map(|(_, order)| &**order)
    }

    /// The task with this id.
    pub fn task(&self, id: TaskId) -> Option<&Item<Task>> {
        find(&self.tasks, id)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(_, task)| &**task)
    }

    /// One bucket of a level.
    pub fn bucket(&self, key: &LevelKey, bucket: u8) -> Option<&Item<Level>> {
        self.shelves
            .iter()
            .map(Shelf::level)
            .find(|level| is_of(level, key, bucket))
    }

    /// All buckets of a level from one consistent read; `None` if the level does not exist.
    pub fn items(&self, key: &LevelKey) -> Option<Vec<Item<Level>>> {
        let over = self.bucket(key, 0)?.split_over.max(1);
        (0..over)
            .map(|bucket| self.bucket(key, bucket).cloned())
            .collect()
    }

    /// A level with all its buckets.
    pub fn level(&self, key: &LevelKey) -> Option<SplitLevel> {
        self.items(key).map(|items| whole(&items))
    }

    /// Every level with all its buckets.
    pub fn levels(&self) -> impl Iterator<Item = SplitLevel> {
        let levels = self.shelves.iter().map(Shelf::level);
        levels
            .filter(|level| level.bucket == 0)
            .filter_map(|first| self.level(&first.key()))
    }

    /// The movements of an unsplit level, newest first.
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

    /// The applied-change marker of a request.
    pub fn applied(&self, request: RequestId) -> Option<&AppliedChange> {
        self.changes.iter().find(|mark| mark.request == request)
    }

    /// Every stored item of every level.
    pub fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    fn shelf(&mut self, key: &LevelKey, bucket: u8) -> &mut Shelf {
        self.shelves
            .iter_mut()
            .find(|shelf| is_of(shelf.level(), key, bucket))
            .unwrap()
    }

    /// Inserts a task, which the planner does in its own write.
    pub fn plan(&mut self, task: Task) {
        put(&mut self.tasks, task.task_id, Item::new(task));
    }

    /// Delivers the next stream record of an item to the ledger; `is_acknowledged` is false if the ledger crashes
    /// after processing it.
    pub fn deliver(&mut self, shelf: usize, fault: Option<Fault>, confirms: bool) {
        self.shelves[shelf].deliver(fault, confirms);
    }

    /// Redelivers the stream of an item from its beginning.
    pub fn read_again(&mut self, shelf: usize) {
        let shelf = &mut self.shelves[shelf];
        shelf.confirmed = 0;
        shelf.readings_left -= 1;
    }
}

/// The level that consists of these buckets.
pub fn whole(items: &[Item<Level>]) -> SplitLevel {
    let items: Vec<Level> = items.iter().map(|item| Level::clone(item)).collect();
    SplitLevel::new(items[0].clone(), &items[1..])
}

impl Shelf {
    /// A new item. The ledger has recorded its last change.
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

    /// The current content.
    pub fn level(&self) -> &Item<Level> {
        self.images.last().unwrap_or(&self.opening)
    }

    /// The writes of the item as pairs of before and after images.
    pub fn writes(&self) -> impl Iterator<Item = (&Level, &Level)> {
        let before = std::iter::once(&self.opening).chain(&self.images);
        before
            .map(|item| &**item)
            .zip(self.images.iter().map(|item| &**item))
    }

    /// The movements that the ledger has recorded, sorted by version.
    pub fn movements(&self) -> &[Item<Movement>] {
        &self.recorded
    }

    /// Whether the ledger has acknowledged the whole stream.
    pub fn is_drained(&self) -> bool {
        self.confirmed == self.images.len()
    }

    /// Whether the stream can be redelivered: a redelivery is left and a record was acknowledged.
    pub fn can_be_read_again(&self) -> bool {
        self.readings_left > 0 && self.confirmed > 0
    }

    /// How often the stream may still be redelivered.
    pub fn readings_left(&self) -> u8 {
        self.readings_left
    }

    /// Records one movement per version, so that a redelivered record has no effect.
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

/// Applies the update expression of `change_level`, without checking any rule.
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

/// Keeps the list sorted, so that the order of writes does not produce distinct states.
fn put<K: Ord, V>(items: &mut Vec<(K, V)>, key: K, value: V) {
    match items.binary_search_by(|(other, _)| other.cmp(&key)) {
        Ok(place) => items[place].1 = value,
        Err(place) => items.insert(place, (key, value)),
    }
}
