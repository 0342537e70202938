//! The messages that carry tasks to the dispatcher and to controllers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{OrderId, Sku, TaskId, ZoneId};
use stockline_domain::millis;
use stockline_domain::task::{Task, TaskKind};

use crate::message::{Envelope, UnreadableMessage};
use crate::ports::tasks::ControllerCommand;

/// The message type of [`QueuedTask`].
pub const TASK_QUEUED: &str = "task.queued";

/// The message type of [`TaskCommand`].
pub const TASK_COMMAND: &str = "task.command";

/// The version of both messages.
pub const TASK_MESSAGE_VERSION: u32 = 1;

/// A task that waits for a controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedTask {
    /// The task.
    pub task_id: TaskId,
}

/// A command on a task to the controller that holds its lease.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskCommand {
    /// The command.
    pub command: ControllerCommand,
    /// The task.
    pub task_id: TaskId,
    /// The fencing number of the lease. Every report must carry it.
    pub lease_id: u64,
    /// When the lease ends. Each report extends it.
    #[serde(serialize_with = "millis::serialize")]
    pub lease_expires_at: Timestamp,
    /// Retrieve, store or relocate.
    pub kind: TaskKind,
    /// The SKU to move.
    pub sku: Sku,
    /// The quantity, in the SKU's unit of measure.
    pub quantity: i64,
    /// The zone where the SKU is stored.
    pub zone_id: ZoneId,
    /// The aisle of the zone.
    pub aisle: u16,
    /// The order that the task fulfils.
    pub order_id: OrderId,
    /// The time by which the task should be completed.
    #[serde(serialize_with = "millis::serialize")]
    pub deadline: Timestamp,
}

impl TaskCommand {
    /// The command on `task`. A task without a lease reports `now` as the end of its lease.
    pub fn new(command: ControllerCommand, task: &Task, now: Timestamp) -> Self {
        Self {
            command,
            task_id: task.task_id,
            lease_id: task.lease_id,
            lease_expires_at: task.lease_expires_at.unwrap_or(now),
            kind: task.kind,
            sku: task.sku.clone(),
            quantity: task.quantity,
            zone_id: task.zone_id.clone(),
            aisle: task.aisle,
            order_id: task.order_id,
            deadline: task.deadline,
        }
    }
}

/// Parses the message of a queued task.
pub fn read_queued_task(text: &str) -> Result<Envelope<QueuedTask>, UnreadableMessage> {
    Envelope::read(text, TASK_QUEUED, TASK_MESSAGE_VERSION)
}
