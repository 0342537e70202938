//! The parts of DynamoDB that the protocol relies on: items, atomic conditional transactions, and streams.

use jiff::Timestamp;
use serde::Serialize;
use stockline_domain::ids::{OrderId, RequestId, TaskId};
use stockline_domain::level::{Level, LevelDelta, LevelKey, Movement, MovementKind, ReorderPolicy};
use stockline_domain::order::Order;
use stockline_domain::split_level::{BucketDelta, SplitLevel};
use stockline_domain::task::Task;

use super::faults::Fault;
use super::shared_value::Shared;

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
    pub levels: Shared<Vec<Level>>,
}

/// One stored item of a level (an unsplit level or one bucket of a split level), with its stream and its movements.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct BucketItem {
    /// The item at the start of the scenario.
    initial: Shared<Level>,
    /// The stream: every image since the start.
    images: Vec<Shared<Level>>,
    /// Number of stream records that the ledger has acknowledged.
    acknowledged: usize,
    /// The recorded movements, sorted by version.
    movements: Vec<Shared<Movement>>,
    /// How often the stream may still be redelivered from its beginning.
    replays_left: u8,
    /// Whether the ledger records each write immediately.
    is_ledger_immediate: bool,
}

/// All tables.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Tables {
    orders: Vec<(OrderId, Shared<StoredOrder>)>,
    markers: Vec<AppliedChange>,
    tasks: Vec<(TaskId, Shared<Task>)>,
    bucket_items: Vec<BucketItem>,
    /// The most items that a transaction of an order and its levels may hold; `None` for no limit.
    transaction_limit: Option<usize>,
}

/// One item of a transaction, with the condition that `platform` puts on it.
#[derive(Debug, Clone)]
pub enum TransactItem {
    /// Creates an order. Condition: its id does not exist.
    CreateOrder(StoredOrder),
    /// Writes the next revision of an order. Condition: the stored revision is the one before.
    UpdateOrder(StoredOrder),
    /// Adds deltas to one bucket. Condition: [`delta_condition_holds`].
    AddDeltas(LevelKey, BucketDelta),
    /// The same with a defect: the condition ignores `whole_short` and an already applied rebalance.
    AddDeltasUnchecked(LevelKey, BucketDelta),
    /// Replaces one bucket. Condition: the version is the one that was read.
    ReplaceBucket {
        /// The version that was read.
        before: u64,
        /// The new content.
        after: Level,
    },
    /// Creates an applied-change marker. Condition: it does not exist.
    CreateMarker(AppliedChange),
    /// Writes the next version of a task. Condition: the stored version is the one before.
    UpdateTask(Task),
    /// Writes a new bucket of a level unconditionally. It may overwrite an item left from an earlier split.
    PutBucket(Level),
    /// Sets the policy and the bucket count of a level. Condition: the values that were copied to the new buckets are
    /// unchanged, and the bucket count increases.
    UpdatePolicy {
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
    Unconditional(Box<TransactItem>),
}

/// The condition of a delta write. Mirrors `change_level` in `platform`; a test compares the two.
pub fn delta_condition_holds(level: &Level, change: &LevelDelta) -> bool {
    let is_sufficient = |stored: i64, delta: i64| delta >= 0 || stored >= -delta;
    let is_counted = change.on_hand_delta != 0 && level.has_count_after(change.occurred_at);
    let is_owed = change.available_delta() > 0 && level.whole_short;
    let last = level.last_change.as_ref().map(|last| last.movement_id);
    let is_already_applied =
        change.kind == MovementKind::Rebalance && last == Some(change.movement_id);
    let is_fulfilment = change.kind == MovementKind::Fulfilment && change.on_hand_delta < 0;
    let has_unfit_units = is_fulfilment && (level.damaged != 0 || level.on_hold != 0);
    !is_counted
        && !is_owed
        && !has_unfit_units
        && !is_already_applied
        && is_sufficient(level.available(), change.available_delta())
        && is_sufficient(level.on_hand, change.on_hand_delta)
        && is_sufficient(level.allocated, change.allocated_delta)
        && is_sufficient(level.in_transit, change.states.in_transit_delta)
}

impl Tables {
    /// Tables with these levels. The ledger has recorded the last change of each.
    pub fn with_levels(levels: Vec<Level>) -> Self {
        Self {
            bucket_items: levels.into_iter().map(BucketItem::new).collect(),
            ..Self::default()
        }
    }

    /// Makes the ledger record each write immediately: redelivery is the same for split and unsplit levels.
    pub fn with_immediate_ledger(mut self) -> Self {
        for bucket_item in &mut self.bucket_items {
            bucket_item.is_ledger_immediate = true;
        }
        self
    }

    /// Allows each stream to be redelivered once from its beginning.
    pub fn with_stream_replay(mut self) -> Self {
        for bucket_item in &mut self.bucket_items {
            bucket_item.replays_left = 1;
        }
        self
    }

    /// Limits a transaction of an order and its levels to `limit` items.
    pub fn with_transaction_limit(mut self, limit: usize) -> Self {
        self.transaction_limit = Some(limit);
        self
    }

    /// The most items that a transaction of an order and its levels may hold.
    pub fn transaction_limit(&self) -> usize {
        self.transaction_limit.unwrap_or(usize::MAX)
    }

    /// Applies all `writes` atomically, or returns which conditions failed, in their order.
    pub fn transact(&mut self, writes: &[TransactItem]) -> Result<(), Vec<bool>> {
        let failed: Vec<bool> = writes
            .iter()
            .map(|write| !self.condition_holds(write))
            .collect();
        if failed.contains(&true) {
            return Err(failed);
        }
        for write in writes {
            self.apply(write);
        }
        Ok(())
    }

    fn condition_holds(&self, write: &TransactItem) -> bool {
        match write {
            TransactItem::CreateOrder(new) => self.order(new.order.order_id).is_none(),
            TransactItem::UpdateOrder(next) => self
                .order(next.order.order_id)
                .is_some_and(|stored| stored.revision + 1 == next.revision),
            TransactItem::AddDeltas(key, part) => self
                .bucket(key, part.bucket)
                .is_some_and(|level| delta_condition_holds(level, &part.change)),
            TransactItem::AddDeltasUnchecked(key, part) => {
                self.bucket(key, part.bucket).is_some_and(|level| {
                    let level = Level {
                        whole_short: false,
                        last_change: None,
                        ..Level::clone(level)
                    };
                    delta_condition_holds(&level, &part.change)
                })
            }
            TransactItem::ReplaceBucket { before, after } => self
                .bucket(&after.key(), after.bucket)
                .is_some_and(|stored| stored.version == *before),
            TransactItem::UpdatePolicy {
                key,
                policy,
                is_short,
                counted_at,
            } => self.bucket(key, 0).is_some_and(|first| {
                let is_unchanged = (first.whole_short || first.is_short()) == *is_short
                    && first.counted_at == *counted_at;
                policy.buckets > first.split_over && is_unchanged
            }),
            TransactItem::CreateMarker(marker) => self.marker(marker.request).is_none(),
            TransactItem::UpdateTask(next) => self
                .task(next.task_id)
                .is_some_and(|stored| stored.version + 1 == next.version),
            TransactItem::PutBucket(_) | TransactItem::Unconditional(_) => true,
        }
    }

    fn apply(&mut self, write: &TransactItem) {
        match write {
            TransactItem::CreateOrder(order) | TransactItem::UpdateOrder(order) => upsert(
                &mut self.orders,
                order.order.order_id,
                Shared::new(order.clone()),
            ),
            TransactItem::AddDeltas(key, part) | TransactItem::AddDeltasUnchecked(key, part) => {
                let bucket_item = self.bucket_item(key, part.bucket);
                let after = apply_deltas(bucket_item.level(), &part.change);
                bucket_item.put(after);
            }
            TransactItem::ReplaceBucket { after, .. } => {
                self.bucket_item(&after.key(), after.bucket)
                    .put(after.clone());
            }
            TransactItem::PutBucket(level) => {
                if self.bucket(&level.key(), level.bucket).is_some() {
                    self.bucket_item(&level.key(), level.bucket)
                        .put(level.clone());
                } else {
                    let is_ledger_immediate = self.bucket_item(&level.key(), 0).is_ledger_immediate;
                    self.bucket_items.push(BucketItem {
                        is_ledger_immediate,
                        ..BucketItem::new(level.clone())
                    });
                }
            }
            TransactItem::UpdatePolicy {
                key,
                policy,
                is_short,
                ..
            } => {
                let bucket_item = self.bucket_item(key, 0);
                let stored = Level::clone(bucket_item.level());
                bucket_item.put(Level {
                    policy: Some(policy.clone()),
                    split_over: policy.buckets,
                    whole_short: stored.whole_short || *is_short,
                    version: stored.version + 1,
                    ..stored
                });
            }
            TransactItem::CreateMarker(marker) => {
                let index = self
                    .markers
                    .partition_point(|other| other.request < marker.request);
                self.markers.insert(index, marker.clone());
            }
            TransactItem::UpdateTask(task) => {
                upsert(&mut self.tasks, task.task_id, Shared::new(task.clone()));
            }
            TransactItem::Unconditional(write) => self.apply(write),
        }
    }

    /// The order with this id.
    pub fn order(&self, id: OrderId) -> Option<&Shared<StoredOrder>> {
        find(&self.orders, id)
    }

    /// All orders.
    pub fn orders(&self) -> impl Iterator<Item = &StoredOrder> {
        self.orders.iter().map(|(_, order)| &**order)
    }

    /// The task with this id.
    pub fn task(&self, id: TaskId) -> Option<&Shared<Task>> {
        find(&self.tasks, id)
    }

    /// All tasks.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.iter().map(|(_, task)| &**task)
    }

    /// One bucket of a level.
    pub fn bucket(&self, key: &LevelKey, bucket: u8) -> Option<&Shared<Level>> {
        self.bucket_items
            .iter()
            .map(BucketItem::level)
            .find(|level| is_bucket_of(level, key, bucket))
    }

    /// All buckets of a level from one consistent read; `None` if the level does not exist.
    pub fn buckets(&self, key: &LevelKey) -> Option<Vec<Shared<Level>>> {
        let count = self.bucket(key, 0)?.split_over.max(1);
        (0..count)
            .map(|bucket| self.bucket(key, bucket).cloned())
            .collect()
    }

    /// A level with all its buckets.
    pub fn level(&self, key: &LevelKey) -> Option<SplitLevel> {
        self.buckets(key).map(|items| assemble_level(&items))
    }

    /// Every level with all its buckets.
    pub fn levels(&self) -> impl Iterator<Item = SplitLevel> {
        let levels = self.bucket_items.iter().map(BucketItem::level);
        levels
            .filter(|level| level.bucket == 0)
            .filter_map(|first| self.level(&first.key()))
    }

    /// The movements of an unsplit level, newest first.
    pub fn movements(&self, key: &LevelKey) -> Vec<Movement> {
        let mut buckets = self.bucket_items.iter();
        let first = buckets.find(|item| is_bucket_of(item.level(), key, 0));
        let movements = first.into_iter().flat_map(|item| &item.movements);
        movements.rev().map(|it| Movement::clone(it)).collect()
    }

    /// The applied-change marker of a request.
    pub fn marker(&self, request: RequestId) -> Option<&AppliedChange> {
        self.markers.iter().find(|marker| marker.request == request)
    }

    /// Every stored item of every level.
    pub fn bucket_items(&self) -> &[BucketItem] {
        &self.bucket_items
    }

    fn bucket_item(&mut self, key: &LevelKey, bucket: u8) -> &mut BucketItem {
        self.bucket_items
            .iter_mut()
            .find(|bucket_item| is_bucket_of(bucket_item.level(), key, bucket))
            .unwrap()
    }

    /// Inserts a task, which the planner does in its own write.
    pub fn insert_task(&mut self, task: Task) {
        upsert(&mut self.tasks, task.task_id, Shared::new(task));
    }

    /// Delivers the next stream record of an item to the ledger; `is_acknowledged` is false if the ledger crashes
    /// after processing it.
    pub fn deliver(&mut self, bucket_item: usize, fault: Option<Fault>, is_acknowledged: bool) {
        self.bucket_items[bucket_item].deliver(fault, is_acknowledged);
    }

    /// Redelivers the stream of an item from its beginning.
    pub fn replay_stream(&mut self, bucket_item: usize) {
        let bucket_item = &mut self.bucket_items[bucket_item];
        bucket_item.acknowledged = 0;
        bucket_item.replays_left -= 1;
    }
}

/// The level that consists of these buckets.
pub fn assemble_level(items: &[Shared<Level>]) -> SplitLevel {
    let items: Vec<Level> = items.iter().map(|item| Level::clone(item)).collect();
    SplitLevel::new(items[0].clone(), &items[1..])
}

impl BucketItem {
    /// A new item. The ledger has recorded its last change.
    fn new(level: Level) -> Self {
        let movements = level.movement_since(None).map(Shared::new);
        Self {
            movements: movements.into_iter().collect(),
            initial: Shared::new(level),
            images: Vec::new(),
            acknowledged: 0,
            replays_left: 0,
            is_ledger_immediate: false,
        }
    }

    fn put(&mut self, level: Level) {
        self.images.push(Shared::new(level));
        if self.is_ledger_immediate {
            self.deliver(None, true);
        }
    }

    fn deliver(&mut self, fault: Option<Fault>, is_acknowledged: bool) {
        let before = self
            .acknowledged
            .checked_sub(1)
            .map_or(&self.initial, |last| &self.images[last]);
        let movement = self.images[self.acknowledged].movement_since(Some(before));
        if let Some(movement) = movement {
            self.record(movement, fault);
        }
        self.acknowledged += usize::from(is_acknowledged);
    }

    /// The current content.
    pub fn level(&self) -> &Shared<Level> {
        self.images.last().unwrap_or(&self.initial)
    }

    /// The writes of the item as pairs of before and after images.
    pub fn writes(&self) -> impl Iterator<Item = (&Level, &Level)> {
        let before = std::iter::once(&self.initial).chain(&self.images);
        before
            .map(|item| &**item)
            .zip(self.images.iter().map(|item| &**item))
    }

    /// The movements that the ledger has recorded, sorted by version.
    pub fn movements(&self) -> &[Shared<Movement>] {
        &self.movements
    }

    /// Whether the ledger has acknowledged the whole stream.
    pub fn is_drained(&self) -> bool {
        self.acknowledged == self.images.len()
    }

    /// Whether the stream can be redelivered: a redelivery is left and a record was acknowledged.
    pub fn can_replay(&self) -> bool {
        self.replays_left > 0 && self.acknowledged > 0
    }

    /// How often the stream may still be redelivered.
    pub fn replays_left(&self) -> u8 {
        self.replays_left
    }

    /// Records one movement per version, so that a redelivered record has no effect.
    fn record(&mut self, movement: Movement, fault: Option<Fault>) {
        let is_recorded = self
            .movements
            .iter()
            .any(|recorded| recorded.version == movement.version);
        if !is_recorded || fault == Some(Fault::AppendMovements) {
            self.movements.push(Shared::new(movement));
            self.movements.sort_by_key(|movement| movement.version);
        }
    }
}

fn is_bucket_of(level: &Level, key: &LevelKey, bucket: u8) -> bool {
    level.location_id == key.location_id && level.sku == key.sku && level.bucket == bucket
}

/// Applies the update expression of `change_level`, without checking any rule.
fn apply_deltas(level: &Level, change: &LevelDelta) -> Level {
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
fn upsert<K: Ord, V>(items: &mut Vec<(K, V)>, key: K, value: V) {
    match items.binary_search_by(|(other, _)| other.cmp(&key)) {
        Ok(index) => items[index].1 = value,
        Err(index) => items.insert(index, (key, value)),
    }
}
