//! A task: one transport in an automated warehouse, who may do what with it, and when.

mod report;
mod state;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::caller::{Action, Caller, Denied, Role};
use crate::catalog::Zone;
use crate::ids::{ControllerId, LocationId, MovementId, OrderId, Sku, TaskId, ZoneId};
use crate::level::{LastChange, MovementKind, StateDeltas};
use crate::millis;
use crate::order::{Channel, Line, NotFulfillable, Order};

pub use report::{Report, ReportError, ReportRefused, ReportedState, Step};
pub use state::{TaskState, TransitionRefused};

/// How long a controller holds a task before another may get it; every report starts it anew.
pub const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// A controller that has not been heard of for longer is dead.
pub const HEARTBEAT_LIFE: SignedDuration = SignedDuration::from_secs(30);

/// For how long after it was queued the queue is told of a task again.
const TELL_AGAIN: SignedDuration = SignedDuration::from_mins(4);

/// A queued task that no controller has taken for longer is put before a person.
pub const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(24);

/// A task is tried this often before it is left to a person.
pub const MAX_ATTEMPTS: u32 = 5;

/// What a task does with its goods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// Fetches them from their aisle.
    Retrieve,
}

/// One transport.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Derived from order and line.
    pub task_id: TaskId,
    /// Where it is in its life.
    pub state: TaskState,
    /// What it does.
    pub kind: TaskKind,
    /// The order it serves.
    pub order_id: OrderId,
    /// The line of the order, from 1.
    pub line: u16,
    /// The warehouse.
    pub location_id: LocationId,
    /// The part of the warehouse that has the goods.
    pub zone_id: ZoneId,
    /// The aisle of the zone, from 1.
    pub aisle: u16,
    /// The goods.
    pub sku: Sku,
    /// How much of them.
    pub quantity: i64,
    /// Which comes first: the lower number.
    pub priority: u16,
    /// How often it has been tried, this try included.
    pub attempt: u32,
    /// The fencing number: rises with every lease, 0 before the first.
    pub lease_id: u64,
    /// Who holds the lease, or held the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_id: Option<ControllerId>,
    /// Who held a lease before: they may still ask, and learn that they are fenced off.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub earlier_controllers: BTreeSet<ControllerId>,
    /// When the lease ends, unless the controller reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease_expires_at: Option<Timestamp>,
    /// The last report that counted, of this lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_report: Option<Report>,
    /// When it was planned.
    pub created_at: Timestamp,
    /// When it was put into the queue: planned, or given back for another try.
    pub queued_at: Timestamp,
    /// When it should be done.
    pub deadline: Timestamp,
    /// Rises by one with every write.
    pub version: u64,
}

/// A controller, as its last heartbeat told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    /// Its name.
    pub controller_id: ControllerId,
    /// The warehouse it works in.
    pub location_id: LocationId,
    /// The zone of the warehouse.
    pub zone_id: ZoneId,
    /// How many tasks it can hold.
    pub free_capacity: u32,
    /// When the heartbeat came.
    pub received_at: Timestamp,
}

impl Controller {
    /// Whether it was heard of lately.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now.duration_since(self.received_at) <= HEARTBEAT_LIFE
    }
}

/// The live controller with room for one more task that holds the fewest leases; of two alike, the first by name.
///
/// `leased` are the tasks of the zone that controllers hold; one that was never accepted and whose lease has ended takes
/// no room.
pub fn pick_controller(
    controllers: &[Controller],
    leased: &[Task],
    now: Timestamp,
) -> Option<ControllerId> {
    let held = |controller: &Controller| {
        let mine = Some(&controller.controller_id);
        leased
            .iter()
            .filter(|task| task.controller_id.as_ref() == mine && !task.is_lease_lost(now))
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
    /// The tasks that fetch the lines of `order` from `zones`, queued; none where no machine fetches.
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
        let hash = spread(&line.sku);
        let zone = &zones[usize::from(choose(hash, zones.len()))];
        // The upper half, so that zone and aisle do not depend on each other.
        let aisle = 1 + choose(hash >> 32, usize::from(zone.aisles.max(1)));
        // Someone is on the way to the store.
        let (priority, time) = if order.channel == Channel::ClickAndCollect {
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
            deadline: order.placed_at.checked_add(time).unwrap_or(now),
            version: 1,
        }
    }

    /// The number of the last report that counted, of this lease; 0 before the first.
    pub fn last_report_seq(&self) -> u64 {
        self.last_report
            .as_ref()
            .map_or(0, |report| report.report_seq)
    }

    /// Whether `caller` may do `action` with the task: at its warehouse and, a controller, if it holds the task or once did.
    pub fn allow(&self, action: Action, caller: &Caller) -> Result<(), Denied> {
        caller.may_at(action, &self.location_id)?;
        match (caller.role, &caller.controller) {
            (Role::Controller, Some(controller)) if self.knows(controller) => Ok(()),
            (Role::Controller, _) => Err(Denied::Hidden),
            _ => Ok(()),
        }
    }

    /// Whether `controller` holds the task or once did.
    pub fn knows(&self, controller: &ControllerId) -> bool {
        self.controller_id.as_ref() == Some(controller)
            || self.earlier_controllers.contains(controller)
    }

    /// In how long a waiting task for which there was no controller is tried again, after `tries` in vain; none once it
    /// has waited for [`LONGEST_WAIT`].
    ///
    /// Within seconds at first, since room is soon free again; never long compared with what it has waited already. A
    /// queue delivers a message 1000 times at most: that is more than a day.
    pub fn try_again_in(&self, tries: u32, now: Timestamp) -> Option<SignedDuration> {
        let waits_on = now.duration_since(self.queued_at) < LONGEST_WAIT;
        waits_on.then(|| SignedDuration::from_secs(tries.clamp(5, 100).into()))
    }

    /// Whether its lease has ended without a word of the controller that took it.
    pub fn is_lease_lost(&self, now: Timestamp) -> bool {
        self.state == TaskState::Leased && self.lease_expires_at.is_some_and(|end| end <= now)
    }

    /// The task leased to `controller` at `now`.
    pub fn lease(
        &self,
        controller: &ControllerId,
        now: Timestamp,
    ) -> Result<Self, TransitionRefused> {
        let mut task = self.go(TaskState::Leased)?;
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

    /// The task after it was taken from a controller that is lost: canceled if that is where it was going, else as after
    /// a failure that may pass.
    ///
    /// A controller is lost when the task's lease has ended, or when its last heartbeat, `holder`, is too old or not
    /// there. None while it is not lost, and where nobody holds the task.
    pub fn taken_back(&self, holder: Option<&Controller>, now: Timestamp) -> Option<Self> {
        let leased = self.lease_expires_at.is_some_and(|end| now < end);
        let lives = holder.is_some_and(|holder| holder.is_live(now));
        if !TaskState::HELD.contains(&self.state) || (leased && lives) {
            return None;
        }
        let mut task = if self.state == TaskState::Canceling {
            self.go(TaskState::Canceled).ok()?
        } else {
            self.another_try(now).ok()?
        };
        task.lease_expires_at = None;
        Some(task)
    }

    /// The task in the queue again, or left to a person after [`MAX_ATTEMPTS`].
    fn another_try(&self, now: Timestamp) -> Result<Self, TransitionRefused> {
        if self.attempt >= MAX_ATTEMPTS {
            return self.go(TaskState::DeadLettered);
        }
        let mut task = self.go(TaskState::Queued)?;
        task.attempt += 1;
        task.queued_at = now;
        Ok(task)
    }

    /// Whether the queue may lack word of this waiting task, because whoever put it there ended before they told, and
    /// may be told (again).
    ///
    /// A queue drops what it was told in the last five minutes, so a task is told of again for a little less.
    pub fn may_be_untold(&self, now: Timestamp) -> bool {
        self.state == TaskState::Queued && now.duration_since(self.queued_at) < TELL_AGAIN
    }

    /// The task after its order was canceled: canceled where no controller has it, else on the way there.
    ///
    /// None when there is nothing to change.
    pub fn order_canceled(&self) -> Option<Self> {
        self.go(TaskState::Canceled)
            .ok()
            .filter(|_| self.state == TaskState::Queued)
            .or_else(|| self.go(TaskState::Canceling).ok())
    }

    /// The order once the goods of this task have left for it, and how much left: what is still open of the line, where a
    /// part of it was handed over by hand.
    pub fn fulfil(&self, order: &Order) -> Result<(Order, i64), NotFulfillable> {
        match order.fulfil(self.line, self.quantity) {
            Err(NotFulfillable::TooMuch { open }) => Ok((order.fulfil(self.line, open)?, open)),
            after => Ok((after?, self.quantity)),
        }
    }

    /// The movement that completing this task is, with which `quantity` leaves; told at `occurred_at` and written at
    /// `recorded_at`.
    pub fn movement(
        &self,
        quantity: i64,
        occurred_at: Timestamp,
        recorded_at: Timestamp,
    ) -> LastChange {
        let kind = MovementKind::Fulfilment;
        LastChange {
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
            // A controller's clock may be ahead.
            occurred_at: millis::cut(occurred_at.min(recorded_at)),
            recorded_at,
        }
    }

    fn go(&self, to: TaskState) -> Result<Self, TransitionRefused> {
        self.state.go(to)?;
        Ok(Self {
            state: to,
            version: self.version + 1,
            ..self.clone()
        })
    }
}

/// FNV-1a, finished so that its upper half varies with short names too: where goods lie must never change with a
/// compiler or a crate.
fn spread(sku: &Sku) -> u64 {
    let hash = sku
        .as_str()
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

fn choose(hash: u64, among: usize) -> u16 {
    let among = u64::try_from(among).unwrap_or(1).max(1);
    u16::try_from(hash % among).unwrap_or(0)
}

#[cfg(test)]
mod tests;
