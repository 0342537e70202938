//! Planning, reports and transitions of tasks.

mod leases;
mod properties;

use super::*;
use crate::caller::Locations;
use crate::place_order::PlaceOrder;
use crate::reported_time::CLOCK_TOLERANCE;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(1_772_366_400 + minute * 60).unwrap()
}

fn order(channel: &str, skus: &[&str]) -> Order {
    let lines: Vec<_> = skus
        .iter()
        .map(|sku| serde_json::json!({"sku": sku, "quantity": 2, "unit_price": {"amount": 100, "currency": "EUR"}}))
        .collect();
    let total = 200 * i64::try_from(skus.len()).unwrap();
    let body: PlaceOrder = serde_json::from_value(serde_json::json!({
        "location_id": "hub", "channel": channel, "currency": "EUR", "lines": lines,
        "total": {"amount": total, "currency": "EUR"},
    }))
    .unwrap();
    let id = OrderId::derive("till-1", "k");
    body.order(id, at(0), &jiff::tz::TimeZone::UTC, 0).unwrap()
}

fn zones() -> Vec<Zone> {
    [("cold", 4), ("dry", 12)]
        .map(|(zone, aisles)| Zone {
            zone_id: zone.parse().unwrap(),
            aisles,
        })
        .to_vec()
}

fn planned() -> Task {
    Task::plan(&order("online", &["milk"]), &zones(), at(0)).remove(0)
}

fn controller_id(name: &str) -> ControllerId {
    name.parse().unwrap()
}

fn report(lease_id: u64, report_seq: u64, state: ReportedState) -> Report {
    let error = (state == ReportedState::Failed).then(|| ReportError {
        code: "jammed".to_owned(),
        detail: None,
        retriable: true,
    });
    Report {
        lease_id,
        report_seq,
        state,
        error,
        occurred_at: at(1),
    }
}

fn updated(task: &Task, report: &Report) -> Task {
    match task.report(report, at(1)).unwrap() {
        ReportEffect::Update(task) => *task,
        other => panic!("the task is not updated: {other:?}"),
    }
}

fn in_progress() -> Task {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let accepted = updated(&leased, &report(1, 1, ReportedState::Accepted));
    updated(&accepted, &report(1, 2, ReportedState::InProgress))
}

/// `controller-1` with its last heartbeat at that minute.
fn heartbeat_at(minute: i64) -> Controller {
    Controller {
        controller_id: controller_id("controller-1"),
        location_id: "hub".parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity: 4,
        received_at: at(minute),
    }
}

#[test]
fn planning_creates_one_task_per_line_and_is_repeatable() {
    let order = order("click_and_collect", &["milk", "bread", "milk"]);
    let tasks = Task::plan(&order, &zones(), at(0));
    assert_eq!(tasks.len(), 3);
    assert_ne!(tasks[0].task_id, tasks[2].task_id);
    assert_eq!(
        (&tasks[0].zone_id, tasks[0].aisle),
        (&tasks[2].zone_id, tasks[2].aisle)
    );
    assert_eq!(tasks, Task::plan(&order, &zones(), at(0)));
    assert!(Task::plan(&order, &[], at(0)).is_empty());
}

#[test]
fn skus_are_spread_over_every_aisle_of_every_zone() {
    let skus: Vec<String> = (0..2000).map(|number| format!("SKU-{number:05}")).collect();
    let names: Vec<&str> = skus.iter().map(String::as_str).collect();
    let tasks = names
        .chunks(50)
        .flat_map(|names| Task::plan(&order("online", names), &zones(), at(0)));
    let mut places = std::collections::BTreeMap::<_, usize>::new();
    for task in tasks {
        *places
            .entry((task.zone_id.to_string(), task.aisle))
            .or_default() += 1;
    }
    assert_eq!(places.len(), 16, "{places:?}");
    assert!(places.keys().all(|(_, aisle)| *aisle >= 1), "{places:?}");
    assert!(places.values().all(|count| *count > 40), "{places:?}");
}

#[test]
fn task_completes_and_a_duplicate_report_has_no_effect() {
    let task = in_progress();
    let done = report(1, 3, ReportedState::Completed);
    let Ok(ReportEffect::Complete { completed, .. }) = task.report(&done, at(2)) else {
        panic!("the task does not complete");
    };
    assert_eq!(completed.state, TaskState::Completed);
    assert_eq!(completed.last_report_seq(), 3);
    assert_eq!(completed.report(&done, at(3)), Ok(ReportEffect::NoChange));
}

#[test]
fn outdated_conflicting_and_fenced_reports_are_refused() {
    let task = in_progress();
    let refused = |report: &Report| task.report(report, at(2)).unwrap_err();
    assert_eq!(
        refused(&report(1, 1, ReportedState::Accepted)),
        ReportRefused::Outdated { last: 2 }
    );
    assert_eq!(
        refused(&report(1, 2, ReportedState::Paused)),
        ReportRefused::Conflict { seq: 2 }
    );
    for lease in [0, 2] {
        let other = report(lease, 3, ReportedState::Completed);
        assert_eq!(refused(&other), ReportRefused::Fenced { current: 1 });
    }
}

#[test]
fn report_at_the_creation_time_of_the_task_is_accepted() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let accepted = Report {
        occurred_at: at(0),
        ..report(1, 1, ReportedState::Accepted)
    };
    assert_eq!(updated(&leased, &accepted).state, TaskState::Accepted);
}

#[test]
fn report_renews_the_lease_and_completion_ends_it() {
    let task = in_progress();
    let later = task.report(&report(1, 3, ReportedState::Paused), at(3));
    let Ok(ReportEffect::Update(paused)) = later else {
        panic!("{later:?}");
    };
    assert_eq!(paused.lease_expires_at, Some(at(3) + LEASE));
    let done = task.report(&report(1, 3, ReportedState::Completed), at(3));
    let Ok(ReportEffect::Complete { completed, .. }) = done else {
        panic!("{done:?}");
    };
    assert_eq!(completed.lease_expires_at, None);
}

#[test]
fn task_is_hidden_from_controllers_that_never_held_it() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let authorized = |role, controller: Option<&str>| {
        let caller = Caller {
            subject: "someone".to_owned(),
            role,
            locations: Locations::All,
            controller: controller.map(controller_id),
        };
        leased.authorize(Action::ReadTasks, &caller)
    };
    assert_eq!(authorized(Role::Controller, Some("controller-1")), Ok(()));
    for other in [Some("controller-2"), None] {
        assert_eq!(authorized(Role::Controller, other), Err(Denied::Hidden));
    }
    assert_eq!(authorized(Role::StoreManager, None), Ok(()));
}

#[test]
fn click_and_collect_tasks_come_before_online_tasks() {
    let plan = |channel: &str| Task::plan(&order(channel, &["milk"]), &zones(), at(0)).remove(0);
    let (collected, shipped) = (plan("click_and_collect"), plan("online"));
    assert!(collected.priority < shipped.priority && collected.deadline < shipped.deadline);
}

#[test]
fn completion_lowers_on_hand_and_allocated() {
    let change = in_progress().movement(2, at(2), at(3));
    assert_eq!((change.on_hand_delta, change.allocated_delta), (-2, -2));
    assert_eq!(change.kind, MovementKind::Fulfilment);
    assert_eq!((change.occurred_at, change.recorded_at), (at(2), at(3)));
}

#[test]
fn completion_time_ahead_of_the_server_is_clamped() {
    let change = in_progress().movement(2, at(4), at(3));
    assert_eq!((change.occurred_at, change.recorded_at), (at(3), at(3)));
}

#[test]
fn completion_by_a_slow_clock_is_not_before_the_task() {
    let change = in_progress().movement(2, at(-1), at(3));
    assert_eq!((change.occurred_at, change.recorded_at), (at(0), at(3)));
}

#[test]
fn leased_task_cannot_complete() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let refused = leased.report(&report(1, 1, ReportedState::Completed), at(1));
    let transition = TransitionRefused {
        from: TaskState::Leased,
        to: TaskState::Completed,
    };
    assert_eq!(refused, Err(ReportRefused::Transition(transition)));
    assert_eq!(
        transition.to_string(),
        "a task that is leased cannot become completed"
    );
}

#[test]
fn retriable_failures_dead_letter_after_max_attempts() {
    let mut task = planned();
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!((task.state, task.attempt), (TaskState::Queued, attempt));
        task = task.lease(&controller_id("controller-1"), at(0)).unwrap();
        task = updated(&task, &report(task.lease_id, 1, ReportedState::Failed));
    }
    assert_eq!(task.state, TaskState::DeadLettered);
    assert!(task.state.is_final());
}

#[test]
fn failure_that_is_not_retriable_fails_the_task() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let mut failed = report(1, 1, ReportedState::Failed);
    failed.error.as_mut().unwrap().retriable = false;
    assert_eq!(updated(&leased, &failed).state, TaskState::Failed);
}

#[test]
fn requeued_task_refuses_reports_of_its_last_lease() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    let failed = report(1, 1, ReportedState::Failed);
    let queued = updated(&leased, &failed);
    assert_eq!(queued.report(&failed, at(2)), Ok(ReportEffect::NoChange));
    let more = queued.report(&report(1, 2, ReportedState::InProgress), at(2));
    assert_eq!(more, Err(ReportRefused::Fenced { current: 1 }));
}

#[test]
fn order_cancellation_cancels_queued_and_held_tasks() {
    assert_eq!(
        planned().cancel_with_order().unwrap().state,
        TaskState::Canceled
    );
    let canceling = in_progress().cancel_with_order().unwrap();
    assert_eq!(canceling.state, TaskState::Canceling);
    assert!(canceling.cancel_with_order().is_none());
    let paused = updated(&canceling, &report(1, 3, ReportedState::Paused));
    assert_eq!(paused.state, TaskState::Canceling);
    let put_back = updated(&paused, &report(1, 4, ReportedState::Canceled));
    assert_eq!(put_back.state, TaskState::Canceled);
}

#[test]
fn cancel_report_after_completion_is_answered() {
    // given a completion, reported before the cancellation reached the task
    let done = report(1, 3, ReportedState::Completed);
    let effect = in_progress().report(&done, at(2));
    let Ok(ReportEffect::Complete {
        completed,
        canceled,
    }) = effect
    else {
        panic!("the task does not complete");
    };
    let put_back = report(1, 4, ReportedState::Canceled);
    // then a canceled task does not change
    assert_eq!(
        canceled.report(&put_back, at(3)),
        Ok(ReportEffect::NoChange)
    );
    // and a completed task refuses the report
    let too_late = TransitionRefused {
        from: TaskState::Completed,
        to: TaskState::Canceled,
    };
    assert_eq!(
        completed.report(&put_back, at(3)),
        Err(ReportRefused::Transition(too_late))
    );
}

#[test]
fn controller_cannot_cancel_a_task_by_itself() {
    let refused = in_progress().report(&report(1, 3, ReportedState::Canceled), at(2));
    assert!(matches!(refused, Err(ReportRefused::Transition(_))));
}

#[test]
fn report_has_an_error_only_if_it_failed() {
    assert!(report(1, 1, ReportedState::Failed).check(at(1)).is_ok());
    let mut without_error = report(0, 1, ReportedState::Failed);
    without_error.error = None;
    let invalid = without_error.check(at(1)).unwrap_err();
    let pointers: Vec<_> = invalid
        .errors
        .iter()
        .map(|error| error.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/lease_id", "/error"]);
}

#[test]
fn report_time_is_near_task_creation_and_not_far_ahead() {
    let report_at = |occurred_at| Report {
        occurred_at,
        ..report(1, 3, ReportedState::Paused)
    };
    let second = SignedDuration::from_secs(1);
    let ahead = at(2) + CLOCK_TOLERANCE;
    assert!(report_at(ahead).check(at(2)).is_ok());
    let refused = report_at(ahead + second).check(at(2)).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/occurred_at");
    let task = in_progress();
    let earliest = task.created_at - CLOCK_TOLERANCE;
    assert!(task.report(&report_at(earliest), at(2)).is_ok());
    assert_eq!(
        task.report(&report_at(earliest - second), at(2)),
        Err(ReportRefused::BeforeTask)
    );
}

#[test]
fn states_serialize_to_their_names_and_have_transitions() {
    for state in TaskState::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(state.is_final(), state.next().is_empty());
    }
    let not_final: Vec<_> = TaskState::ALL
        .into_iter()
        .filter(|state| !state.is_final())
        .collect();
    assert_eq!(not_final.len(), 7);
}
