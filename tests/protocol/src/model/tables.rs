//! DynamoDB, as far as the protocol leans on it: items, transactions that happen whole or not at all, and streams.

use serde::Serialize;
use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{LastChange, Level, LevelKey, Movement};
use stockline_domain::order::Order;
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

/// A level, its stream, and its movements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shelf {
    /// As the story's first count left it.
    opening: Item<Level>,
    /// Every image since: the stream.
    images: Vec<Item<Level>>,
    /// How many of them the ledger has confirmed.
    confirmed: usize,
    /// What it has recorded, in the order it did.
    recorded: Vec<Item<Movement>>,
    /// How often its stream may still be read again from the beginning.
    readings_left: u8,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tables {
    orders: Vec<(OrderId, Item<StoredOrder>)>,
    changes: Vec<AppliedChange>,
    tasks: Vec<(TaskId, Item<Task>)>,
    shelves: Vec<Shelf>,
}

/// One write of a transaction, with the condition that `platform` puts on it.
#[derive(Debug, Clone)]
pub enum Write {
    /// A new order, if there is none under its id.
    NewOrder(StoredOrder),
    /// The next revision of an order, if it still has the one before.
    Order(StoredOrder),
    /// A change of a level by deltas, if the level has what the change needs.
    Change(LevelKey, LastChange),
    /// A level, if it still has the version that was read.
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
    /// A write whose condition somebody forgot.
    Unguarded(Box<Write>),
}

/// The condition of a write by deltas: `change_level` in `platform`, which a test compares with this.
pub fn has_what_it_needs(level: &Level, change: &LastChange) -> bool {
    let holds = |there: i64, delta: i64| delta >= 0 || there >= -delta;
    let is_counted = change.on_hand_delta != 0 && level.has_counted(change.occurred_at);
    !is_counted
        && holds(level.available(), change.available_delta())
        && holds(level.on_hand, change.on_hand_delta)
        && holds(level.allocated, change.allocated_delta)
}

impl Tables {
    /// With these levels, whose last changes the ledger has recorded, and nothing else.
    pub fn stocked(levels: Vec<Level>) -> Self {
        let shelf = |level: Level| Shelf {
            recorded: level
                .movement_since(None)
                .map(Item::new)
                .into_iter()
                .collect(),
            opening: Item::new(level),
            images: Vec::new(),
            confirmed: 0,
            readings_left: 0,
        };
        Self {
            shelves: levels.into_iter().map(shelf).collect(),
            ..Self::default()
        }
    }

    /// The same, and each stream may once be read again from its beginning.
    pub fn read_twice(mut self) -> Self {
        for shelf in &mut self.shelves {
            shelf.readings_left = 1;
        }
        self
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
            Write::Change(key, change) => self
                .level(key)
                .is_some_and(|level| has_what_it_needs(level, change)),
            Write::Level { before, after } => self
                .level(&after.key())
                .is_some_and(|there| there.version == *before),
            Write::Applied(mark) => self.applied(mark.request).is_none(),
            Write::Task(next) => self
                .task(next.task_id)
                .is_some_and(|there| there.version + 1 == next.version),
            Write::Unguarded(_) => true,
        }
    }

    fn write(&mut self, write: &Write) {
        match write {
            Write::NewOrder(order) | Write::Order(order) => put(
                &mut self.orders,
                order.order.order_id,
                Item::new(order.clone()),
            ),
            Write::Change(key, change) => {
                let shelf = self.shelf(key);
                let after = added(shelf.level(), change);
                shelf.images.push(Item::new(after));
            }
            Write::Level { after, .. } => {
                let shelf = self.shelf(&after.key());
                shelf.images.push(Item::new(after.clone()));
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

    /// The level of `key`.
    pub fn level(&self, key: &LevelKey) -> Option<&Item<Level>> {
        self.shelves
            .iter()
            .map(Shelf::level)
            .find(|level| is_of(level, key))
    }

    /// The movements of `key`, newest first.
    pub fn movements(&self, key: &LevelKey) -> Vec<Movement> {
        let shelf = self.shelves.iter().find(|shelf| is_of(shelf.level(), key));
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

    /// Every level with its stream and its movements.
    pub fn shelves(&self) -> &[Shelf] {
        &self.shelves
    }

    fn shelf(&mut self, key: &LevelKey) -> &mut Shelf {
        self.shelves
            .iter_mut()
            .find(|shelf| is_of(shelf.level(), key))
            .unwrap()
    }

    /// Adds a task, which its planner does in a write of its own.
    pub fn plan(&mut self, task: Task) {
        put(&mut self.tasks, task.task_id, Item::new(task));
    }

    /// Hands the next record of a stream to the ledger, which `confirms` it or dies before.
    pub fn deliver(&mut self, shelf: usize, fault: Option<Fault>, confirms: bool) {
        let shelf = &mut self.shelves[shelf];
        let before = shelf
            .confirmed
            .checked_sub(1)
            .map_or(&shelf.opening, |last| &shelf.images[last]);
        let movement = shelf.images[shelf.confirmed].movement_since(Some(before));
        if let Some(movement) = movement {
            shelf.record(movement, fault);
        }
        shelf.confirmed += usize::from(confirms);
    }

    /// Sets the stream of a shelf back to its beginning.
    pub fn read_again(&mut self, shelf: usize) {
        let shelf = &mut self.shelves[shelf];
        shelf.confirmed = 0;
        shelf.readings_left -= 1;
    }
}

impl Shelf {
    /// The level as it is now.
    pub fn level(&self) -> &Item<Level> {
        self.images.last().unwrap_or(&self.opening)
    }

    /// Each write of the level: what was there, and what came of it.
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

    /// One movement for each version of the level, whatever comes again.
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

fn is_of(level: &Level, key: &LevelKey) -> bool {
    level.location_id == key.location_id && level.sku == key.sku
}

/// What the update expression of `change_level` makes of a level, whatever a rule says to it.
fn added(level: &Level, change: &LastChange) -> Level {
    Level {
        on_hand: level.on_hand + change.on_hand_delta,
        allocated: level.allocated + change.allocated_delta,
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
