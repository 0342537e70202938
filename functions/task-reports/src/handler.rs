//! Routes each task operation of the API to its use case.

use stockline_application::controller_heartbeats::{ControllerRegistry, HeartbeatOutcome};
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::clock::Clock;
use stockline_application::ports::tasks::{CompletionStore, ControllerStore, TaskQueue, TaskStore};
use stockline_application::task_reports::{ReportOutcome, ReportRequest, receive_report};
use stockline_domain::caller::Action;
use stockline_domain::ids::{ControllerId, TaskId};
use stockline_domain::invalid::Invalid;
use stockline_domain::task::{Report, ReportRefused, Task};
use stockline_platform::edge::{Call, Reply};
use stockline_platform::problem::{Problem, ProblemKind};

use crate::body::{Heartbeat, HeartbeatBody, TaskBody};

/// Handles the reports and heartbeats of controllers, and reads of tasks.
pub struct TaskReports<Tasks, Completions, Queue, Catalog, Time> {
    tasks: Tasks,
    completions: Completions,
    queue: Queue,
    registry: ControllerRegistry<Catalog, Time>,
    clock: Time,
}

impl<
    Tasks: TaskStore + ControllerStore,
    Completions: CompletionStore,
    Queue: TaskQueue,
    Catalog: CatalogStore,
    Time: Clock,
> TaskReports<Tasks, Completions, Queue, Catalog, Time>
{
    /// Creates the handler. `completions` writes a completed task with its stock and order; `registry` knows the controllers.
    pub fn new(
        tasks: Tasks,
        completions: Completions,
        queue: Queue,
        registry: ControllerRegistry<Catalog, Time>,
        clock: Time,
    ) -> Self {
        Self {
            tasks,
            completions,
            queue,
            registry,
            clock,
        }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        match (call.method.as_str(), call.resource.as_str()) {
            ("POST", "/v1/tasks/{task_id}/reports") => self.report(&call).await,
            ("GET", "/v1/tasks/{task_id}") => self.read(&call).await,
            ("POST", "/v1/controllers/{controller_id}/heartbeat") => self.heartbeat(&call).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn report(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::RunTasks)?;
        let id: TaskId = call.path("task_id")?;
        let now = self.clock.now();
        let report = call.body::<Report>()?.check(now)?;
        let request = ReportRequest {
            task: id,
            caller: &call.caller,
            report: &report,
            at: now,
            deadline: call.deadline,
        };
        match receive_report(&self.tasks, &self.completions, &self.queue, request).await? {
            ReportOutcome::Applied(task) => Reply::ok(&TaskBody::from(&*task)),
            ReportOutcome::Refused(refused) => Err(report_problem(refused)),
            ReportOutcome::InsufficientStock => Err(Problem::new(
                ProblemKind::ChangeRefused,
                "The level holds less than the quantity of the task. Count the SKU, then send the report again.",
            )),
            ReportOutcome::NotFound => Err(Problem::not_found()),
        }
    }

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::ReadTasks)?;
        let id: TaskId = call.path("task_id")?;
        let task: Task = self.tasks.find(id).await?.ok_or_else(Problem::not_found)?;
        task.authorize(Action::ReadTasks, &call.caller)?;
        Reply::ok(&TaskBody::from(&task))
    }

    async fn heartbeat(&self, call: &Call) -> Result<Reply, Problem> {
        call.caller.may(Action::RunTasks)?;
        let id: ControllerId = call.path("controller_id")?;
        call.caller.may_act_as(&id)?;
        let heartbeat = call
            .body::<Heartbeat>()?
            .into_controller(id, self.clock.now())?;
        call.caller
            .may_at(Action::RunTasks, &heartbeat.location_id)?;
        let recorded = self.registry.record_heartbeat(&self.tasks, &heartbeat);
        match recorded.await? {
            HeartbeatOutcome::Recorded => Reply::ok(&HeartbeatBody::from(&heartbeat)),
            HeartbeatOutcome::UnknownController | HeartbeatOutcome::UnknownLocation => {
                Err(Problem::not_found())
            }
            HeartbeatOutcome::UnknownZone => {
                let rule = format!(
                    "must be a zone of location {}, got {}",
                    heartbeat.location_id, heartbeat.zone_id
                );
                Err(Invalid::field("/zone_id", rule).into())
            }
        }
    }
}

fn report_problem(refused: ReportRefused) -> Problem {
    let kind = match refused {
        ReportRefused::BeforeTask => {
            let rule = "must not be more than 5 minutes before the task was created";
            return Invalid::field("/occurred_at", rule).into();
        }
        ReportRefused::Fenced { .. } => ProblemKind::StaleLease,
        ReportRefused::Outdated { .. } => ProblemKind::OutdatedReport,
        ReportRefused::Conflict { .. } => ProblemKind::ReportConflict,
        ReportRefused::Transition(_) => ProblemKind::TransitionRefused,
    };
    let text = refused.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    Problem::new(
        kind,
        first
            .into_iter()
            .chain(letters)
            .chain(['.'])
            .collect::<String>(),
    )
}

#[cfg(test)]
mod tests;
