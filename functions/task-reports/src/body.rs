//! The JSON bodies of requests and responses.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{ControllerId, LocationId, OrderId, Sku, TaskId, ZoneId};
use stockline_domain::invalid::{Checks, Invalid};
use stockline_domain::millis;
use stockline_domain::task::{Controller, Task, TaskKind, TaskState};

/// The body of a heartbeat.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    location_id: LocationId,
    zone_id: ZoneId,
    free_capacity: u32,
}

impl Heartbeat {
    /// The controller as of this heartbeat, received at `now`.
    ///
    /// # Errors
    /// [`Invalid`] if `free_capacity` is above 1000.
    pub fn into_controller(
        self,
        controller_id: ControllerId,
        now: Timestamp,
    ) -> Result<Controller, Invalid> {
        let mut checks = Checks::new();
        checks.require(
            self.free_capacity <= 1000,
            "/free_capacity",
            "must be 0 to 1000",
        );
        checks.finish(Controller {
            controller_id,
            location_id: self.location_id,
            zone_id: self.zone_id,
            free_capacity: self.free_capacity,
            received_at: now,
        })
    }
}

/// The response to a heartbeat: what was stored.
#[derive(Debug, Serialize)]
pub struct HeartbeatBody<'a> {
    controller_id: &'a ControllerId,
    location_id: &'a LocationId,
    zone_id: &'a ZoneId,
    free_capacity: u32,
    #[serde(serialize_with = "millis::serialize")]
    received_at: Timestamp,
}

impl<'a> From<&'a Controller> for HeartbeatBody<'a> {
    fn from(controller: &'a Controller) -> Self {
        Self {
            controller_id: &controller.controller_id,
            location_id: &controller.location_id,
            zone_id: &controller.zone_id,
            free_capacity: controller.free_capacity,
            received_at: controller.received_at,
        }
    }
}

/// The JSON form of a task.
#[derive(Debug, Serialize)]
pub struct TaskBody<'a> {
    task_id: TaskId,
    state: TaskState,
    kind: TaskKind,
    order_id: OrderId,
    line: u16,
    location_id: &'a LocationId,
    zone_id: &'a ZoneId,
    aisle: u16,
    sku: &'a Sku,
    quantity: i64,
    priority: u16,
    attempt: u32,
    lease_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    controller_id: Option<&'a ControllerId>,
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "millis::optional"
    )]
    lease_expires_at: Option<Timestamp>,
    last_report_seq: u64,
    #[serde(serialize_with = "millis::serialize")]
    created_at: Timestamp,
    #[serde(serialize_with = "millis::serialize")]
    deadline: Timestamp,
}

impl<'a> From<&'a Task> for TaskBody<'a> {
    fn from(task: &'a Task) -> Self {
        Self {
            task_id: task.task_id,
            state: task.state,
            kind: task.kind,
            order_id: task.order_id,
            line: task.line,
            location_id: &task.location_id,
            zone_id: &task.zone_id,
            aisle: task.aisle,
            sku: &task.sku,
            quantity: task.quantity,
            priority: task.priority,
            attempt: task.attempt,
            lease_id: task.lease_id,
            controller_id: task.controller_id.as_ref(),
            lease_expires_at: task.lease_expires_at,
            last_report_seq: task.last_report_seq(),
            created_at: task.created_at,
            deadline: task.deadline,
        }
    }
}
