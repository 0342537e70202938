//! Warehouse tasks: planning, leases, fencing, retries and access. One task is one transport in an automated warehouse.

mod report;
mod state;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::caller::{Action, Caller, Denied, Role};
use crate::catalog::Zone;
use crate::ids::{ControllerId, LocationId, MovementId, OrderId, Sku, TaskId, ZoneId};
use crate::level::{LevelDelta, MovementKind, StateDeltas};
use crate::millis;
use crate::order::{Channel, Line, NotFulfillable, Order};

pub use report::{Report, ReportEffect, ReportError, ReportRefused, ReportedState};
pub use state::{TaskState, TransitionRefused};

/// The duration of a lease. Every report of the controller renews it.
pub const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// The time without a heartbeat after which a controller counts as dead.
pub const HEARTBEAT_TIMEOUT: SignedDuration = SignedDuration::from_secs(30);

/// How long after the start of a send round the queue message of a task may be sent again.
///
/// The queue drops duplicates for 5 minutes; 4 minutes keep a resent message within that interval.
const RESEND_WINDOW: SignedDuration = SignedDuration::from_mins(4);

/// The time between two send rounds of a task that stays queued. See [`Task::send_round`].
pub const RESEND_INTERVAL: SignedDuration = SignedDuration::from_mins(30);

/// How long a task may stay queued before it is left to a person.
pub const MAX_QUEUE_TIME: SignedDuration = SignedDuration::from_hours(24);

/// The maximum number of attempts before a task is dead-lettered and left to a person.
pub const MAX_ATTEMPTS: u32 = 5;

/// The kind of a transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Retrieves goods from their aisle.
    Retrieve,
}

/// One transport in an automated warehouse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The id, derived from order and line.
    pub task_id: TaskId,
    /// The state.
    pub state: TaskState,
    /// The kind of transport.
    pub kind: TaskKind,
    /// The order that it serves.
    pub order_id: OrderId,
    /// The line of the order, from 1.
    pub line: u16,
    /// The warehouse.
    pub location_id: LocationId,
    /// The zone of the warehouse that has the goods.
    pub zone_id: ZoneId,
    /// The aisle of the zone, from 1.
    pub aisle: u16,
    /// The SKU to retrieve.
    pub sku: Sku,
    /// The quantity to retrieve.
    pub quantity: i64,
    /// The priority; a lower number comes first.
    pub priority: u16,
    /// The number of attempts, including the current one.
    pub attempt: u32,
    /// The fencing number: raised with every lease, 0 before the first.
    pub lease_id: u64,
    /// The controller that holds the lease, or held the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_id: Option<ControllerId>,
    /// The controllers that held earlier leases. They may still access the task, so that a stale report is answered as fenced
    /// and not as unknown.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub earlier_controllers: BTreeSet<ControllerId>,
    /// When the lease ends unless the controller reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_expires_at: Option<Timestamp>,
    /// The last processed report of this lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_report: Option<Report>,
    /// When the task was planned.
    pub created_at: Timestamp,
    /// When the task was queued: when it was planned, or returned for another attempt.
    pub queued_at: Timestamp,
    /// When the task should be completed.
    pub deadline: Timestamp,
    /// Raised by 1 with every write.
    pub version: u64,
}

/// A controller as of its last heartbeat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// The id.
    pub controller_id: ControllerId,
    /// The warehouse in which it works.
    pub location_id: LocationId,
    /// The zone of the warehouse.
    pub zone_id: ZoneId,
    /// The maximum number of tasks that it can hold.
    pub free_capacity: u32,
    /// When the heartbeat was received.
    pub received_at: Timestamp,
}

impl Controller {
    /// Whether the last heartbeat is at most [`HEARTBEAT_TIMEOUT`] old.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.duration_since(self.received_at) <= HEARTBEAT_TIMEOUT
    }
}

/// Returns the live controller with free capacity that holds the fewest tasks; among equals, the first by id.
///
/// `leased` are the tasks that controllers of the zone hold. A task whose lease ended before it was accepted takes no
/// capacity.
pub fn pick_controller(
    controllers: &[Controller],
    leased: &[Task],
    now: Timestamp,
) -> Option<ControllerId> {
    let held = |controller: &Controller| {
        let id = Some(&controller.controller_id);
        leased
            .iter()
            .filter(|task| {
                task.controller_id.as_ref() == id && !task.is_unaccepted_lease_expired(now)
            })
            .count()
    };
    controllers
        .iter()
        .filter(|controller| controller.is_live(now))
        .map(|controller| (held(controller), controller))
        .filter(|(held, controller)| {
            u32::try_from(*held).is_ok_and(|held| held < controller.free_capacity)
        })
        .min_by_key(|(held, controller)| (*held, &controller.controller_id))
        .map(|(_, controller)| controller.controller_id.clone())
}

impl Task {
    /// Plans one queued task for each line of `order`; none where `zones` is empty, because the warehouse is not automated.
    pub fn plan(order: &Order, zones: &[Zone], now: Timestamp) -> Vec<Self> {
        if zones.is_empty() {
            return Vec::new();
        }
        order
            .lines
            .iter()
            .map(|line| Self::for_line(order, line, zones, now))
            .collect()
    }

    fn for_line(order: &Order, line: &Line, zones: &[Zone], now: Timestamp) -> Self {
        let hash = hash_sku(&line.sku);
        let zone = &zones[usize::from(index_below(hash, zones.len()))];
        // Use the upper half of the hash, so that the aisle is independent of the zone.
        let aisle = 1 + index_below(hash >> 32, usize::from(zone.aisles.max(1)));
        // A click-and-collect customer is on the way to the store.
        let (priority, time_limit) = if order.channel == Channel::ClickAndCollect {
            (3, SignedDuration::from_hours(1))
        } else {
            (5, SignedDuration::from_hours(4))
        };
        Self {
            task_id: TaskId::for_order_line(order.order_id, line.line),
            state: TaskState::Queued,
            kind: TaskKind::Retrieve,
            order_id: order.order_id,
            line: line.line,
            location_id: order.location_id.clone(),
            zone_id: zone.zone_id.clone(),
            aisle,
            sku: line.sku.clone(),
            quantity: line.quantity,
            priority,
            attempt: 1,
            lease_id: 0,
            controller_id: None,
            earlier_controllers: BTreeSet::new(),
            lease_expires_at: None,
            last_report: None,
            created_at: now,
            queued_at: now,
            deadline: order.placed_at.checked_add(time_limit).unwrap_or(now),
            version: 1,
        }
    }

    /// Returns the number of the last processed report of this lease; 0 before the first.
    pub fn last_report_seq(&self) -> u64 {
        self.last_report
            .as_ref()
            .map_or(0, |report| report.report_seq)
    }

    /// Checks that `caller` may do `action` at the warehouse of the task. A controller must hold the task or have held it.
    pub fn authorize(&self, action: Action, caller: &Caller) -> Result<(), Denied> {
        caller.may_at(action, &self.location_id)?;
        match (caller.role, &caller.controller) {
            (Role::Controller, Some(controller)) if self.was_held_by(controller) => Ok(()),
            (Role::Controller, _) => Err(Denied::Hidden),
            _ => Ok(()),
        }
    }

    /// Whether `controller` holds the task or has held it.
    pub fn was_held_by(&self, controller: &ControllerId) -> bool {
        self.controller_id.as_ref() == Some(controller)
            || self.earlier_controllers.contains(controller)
    }

    /// Returns the delay before the next search for a controller, after `attempts` searches without a free one; none once the
    /// task has been queued for [`MAX_QUEUE_TIME`].
    ///
    /// The delay starts at 5 seconds, because capacity is soon free again, and grows with the attempts, but stays short
    /// compared with the time waited. The queue delivers a message at most 1000 times; these delays reach a day before that.
    pub fn retry_delay(&self, attempts: u32, now: Timestamp) -> Option<SignedDuration> {
        let keeps_waiting = now.duration_since(self.queued_at) < MAX_QUEUE_TIME;
        keeps_waiting.then(|| SignedDuration::from_secs(attempts.clamp(5, 100).into()))
    }

    /// Whether the lease has ended before the controller accepted the task.
    pub fn is_unaccepted_lease_expired(&self, now: Timestamp) -> bool {
        self.state == TaskState::Leased && self.lease_expires_at.is_some_and(|end| end <= now)
    }

    /// Returns the task leased to `controller` at `now`.
    ///
    /// # Errors
    /// The task is not queued.
    pub fn lease(
        &self,
        controller: &ControllerId,
        now: Timestamp,
    ) -> Result<Self, TransitionRefused> {
        let mut task = self.transition(TaskState::Leased)?;
        if let Some(earlier) = task.controller_id.replace(controller.clone())
            && earlier != *controller
        {
            task.earlier_controllers.insert(earlier);
        }
        task.lease_id += 1;
        task.lease_expires_at = now.checked_add(LEASE).ok();
        task.last_report = None;
        Ok(task)
    }

    /// Returns the task reclaimed from a lost controller: canceled if it was being canceled, otherwise queued for another
    /// attempt or dead-lettered. None while the controller is not lost, and where no controller holds the task.
    ///
    /// A controller is lost if the lease has ended or if it is not live. `is_holder_live` is judged when its heartbeat is read:
    /// a heartbeat that was read some time ago says nothing about the controller now.
    pub fn reclaimed(&self, is_holder_live: bool, now: Timestamp) -> Option<Self> {
        let has_lease = self.lease_expires_at.is_some_and(|end| now < end);
        if !TaskState::HELD.contains(&self.state) || (has_lease && is_holder_live) {
            return None;
        }
        let mut task = if self.state == TaskState::Canceling {
            self.transition(TaskState::Canceled).ok()?
        } else {
            self.requeue(now).ok()?
        };
        task.lease_expires_at = None;
        Some(task)
    }

    /// Queues the task for another attempt, or dead-letters it after [`MAX_ATTEMPTS`].
    fn requeue(&self, now: Timestamp) -> Result<Self, TransitionRefused> {
        if self.attempt >= MAX_ATTEMPTS {
            return self.transition(TaskState::DeadLettered);
        }
        let mut task = self.transition(TaskState::Queued)?;
        task.attempt += 1;
        task.queued_at = now;
        Ok(task)
    }

    /// Returns the number of the send round at `now`: the number of complete [`RESEND_INTERVAL`]s since the task was queued.
    ///
    /// The queue drops duplicates of a message within one round. A later round sends a new message, because the first one may
    /// be lost: an outage of the queue can last longer than it drops duplicates.
    pub fn send_round(&self, now: Timestamp) -> i64 {
        let queued = now.duration_since(self.queued_at).as_secs().max(0);
        queued / RESEND_INTERVAL.as_secs()
    }

    /// Whether to send the queue message of this task again.
    ///
    /// The message may be missing if the process that queued the task failed before it sent the message. It is sent again only
    /// as long as the queue still drops duplicates of the first message of the round, and for at most [`MAX_QUEUE_TIME`].
    pub fn needs_queue_message(&self, now: Timestamp) -> bool {
        let queued = now.duration_since(self.queued_at);
        let in_round = queued.as_secs() % RESEND_INTERVAL.as_secs();
        self.state == TaskState::Queued
            && queued < MAX_QUEUE_TIME
            && in_round < RESEND_WINDOW.as_secs()
    }

    /// Returns the task after its order was canceled: canceled if it is queued, canceling if a controller holds it. None where
    /// the state does not change.
    pub fn cancel_with_order(&self) -> Option<Self> {
        self.transition(TaskState::Canceled)
            .ok()
            .filter(|_| self.state == TaskState::Queued)
            .or_else(|| self.transition(TaskState::Canceling).ok())
    }

    /// Returns the order after this task fulfilled its line, and the fulfilled quantity. The quantity is limited to what is
    /// open of the line, because a person may have fulfilled a part of it.
    pub fn fulfil(&self, order: &Order) -> Result<(Order, i64), NotFulfillable> {
        match order.fulfil(self.line, self.quantity) {
            Err(NotFulfillable::TooMuch { open }) => Ok((order.fulfil(self.line, open)?, open)),
            after => Ok((after?, self.quantity)),
        }
    }

    /// Returns the change of the level when the task completes and `quantity` leaves it.
    ///
    /// `occurred_at` is the time that the controller reported, `recorded_at` the time of the write.
    pub fn movement(
        &self,
        quantity: i64,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
    ) -> LevelDelta {
        let kind = MovementKind::Fulfilment;
        LevelDelta {
            movement_id: MovementId::derive(
                &self.task_id.to_string(),
                kind.as_str(),
                &self.location_id,
                &self.sku,
            ),
            kind,
            on_hand_delta: -quantity,
            allocated_delta: -quantity,
            states: StateDeltas::default(),
            reason: None,
            reference: Some(self.order_id.to_string()),
            // The clock of a controller may be slow or ahead.
            occurred_at: millis::truncate(occurred_at.max(self.created_at).min(recorded_at)),
            recorded_at,
        }
    }

    fn transition(&self, to: TaskState) -> Result<Self, TransitionRefused> {
        self.state.check_transition(to)?;
        Ok(Self {
            state: to,
            version: self.version + 1,
            ..self.clone()
        })
    }
}

/// Hashes a SKU with FNV-1a and a finalizer that makes the upper half vary for short names too.
///
/// The hash decides where goods are stored, so it is implemented here: it must not change with a compiler or a crate.
fn hash_sku(sku: &Sku) -> u64 {
    let hash = sku
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

/// Maps `hash` to a number below `count`.
fn index_below(hash: u64, count: usize) -> u16 {
    let count = u64::try_from(count).unwrap_or(1).max(1);
    u16::try_from(hash % count).unwrap_or(0)
}

#[cfg(test)]
mod tests;
