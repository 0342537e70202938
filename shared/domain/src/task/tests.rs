use proptest::prelude::*;

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
fn retry_delay_covers_a_day_within_1000_deliveries() {
    let task = planned();
    assert_eq!(
        task.retry_delay(1, at(0)),
        Some(SignedDuration::from_secs(5))
    );
    assert_eq!(task.retry_delay(1, task.queued_at + MAX_QUEUE_TIME), None);
    let (mut now, mut attempts) = (task.queued_at, 0);
    while let Some(pause) = task.retry_delay(attempts + 1, now) {
        let waited = now.duration_since(task.queued_at);
        assert!(
            pause <= SignedDuration::from_secs(5).max(waited),
            "{pause} after {waited}"
        );
        (now, attempts) = (now + pause, attempts + 1);
    }
    assert!(now.duration_since(task.queued_at) >= MAX_QUEUE_TIME);
    assert!(
        attempts < 1000,
        "{attempts} deliveries; the queue allows 1000"
    );
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
fn reclaimed_task_fences_off_its_lost_controller() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    assert_eq!(leased.reclaimed(Some(&heartbeat_at(0)), at(0)), None);
    assert_eq!(leased.reclaimed(Some(&heartbeat_at(4)), at(4)), None);
    assert!(leased.lease(&controller_id("controller-2"), at(9)).is_err());
    for (holder, minute) in [
        (None, 1),
        (Some(heartbeat_at(0)), 1),
        (Some(heartbeat_at(5)), 5),
    ] {
        let queued = leased.reclaimed(holder.as_ref(), at(minute)).unwrap();
        assert_eq!((queued.state, queued.attempt), (TaskState::Queued, 2));
        assert_eq!(queued.queued_at, at(minute));
        let late = report(1, 1, ReportedState::Accepted);
        let fenced = Err(ReportRefused::Fenced { current: 1 });
        assert_eq!(queued.report(&late, at(minute)), fenced);
        let again = queued
            .lease(&controller_id("controller-2"), at(minute))
            .unwrap();
        assert_eq!((again.lease_id, again.attempt), (2, 2));
        assert!(
            again.was_held_by(&controller_id("controller-1"))
                && !again.was_held_by(&controller_id("controller-3"))
        );
        let fenced = Err(ReportRefused::Fenced { current: 2 });
        assert_eq!(again.report(&late, at(minute)), fenced);
        // No controller holds the queued task, so it cannot be reclaimed.
        assert_eq!(queued.reclaimed(None, at(99)), None);
    }
}

#[test]
fn reclaiming_dead_letters_or_cancels_the_task() {
    let mut task = planned();
    for _ in 1..=MAX_ATTEMPTS {
        task = task.lease(&controller_id("controller-1"), at(0)).unwrap();
        task = task.reclaimed(None, at(1)).unwrap();
    }
    assert_eq!(
        (task.state, task.attempt),
        (TaskState::DeadLettered, MAX_ATTEMPTS)
    );
    let canceling = in_progress().cancel_with_order().unwrap();
    let canceled = canceling.reclaimed(None, at(1)).unwrap();
    assert_eq!((canceled.state, canceled.attempt), (TaskState::Canceled, 1));
}

#[test]
fn queue_message_is_resent_only_while_it_is_deduplicated() {
    let task = planned();
    assert!(task.needs_queue_message(at(3)));
    assert!(!task.needs_queue_message(at(4)));
    assert!(
        !task
            .lease(&controller_id("controller-1"), at(0))
            .unwrap()
            .needs_queue_message(at(0))
    );
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
fn live_controller_with_fewest_leases_is_picked() {
    let controller = |name: &str, free_capacity, minute| Controller {
        controller_id: controller_id(name),
        free_capacity,
        ..heartbeat_at(minute)
    };
    let controllers = [
        controller("busy", 9, 10),
        controller("dead", 9, 9),
        controller("full", 1, 10),
        controller("idle", 3, 10),
    ];
    let held = |name: &str| planned().lease(&controller_id(name), at(10)).unwrap();
    let leased = [held("busy"), held("busy"), held("full"), held("idle")];
    assert_eq!(
        pick_controller(&controllers, &leased, at(10)),
        Some(controller_id("idle"))
    );
    assert_eq!(pick_controller(&controllers[1..3], &leased, at(10)), None);

    // A lease that ended before it was accepted takes no capacity.
    let back = [controller("full", 1, 30)];
    assert_eq!(
        pick_controller(&back, &leased, at(30)),
        Some(controller_id("full"))
    );
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
fn report_time_is_after_task_creation_and_not_far_ahead() {
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
    assert!(task.report(&report_at(task.created_at), at(2)).is_ok());
    assert_eq!(
        task.report(&report_at(task.created_at - second), at(2)),
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

#[derive(Debug, Clone)]
enum Event {
    Lease(u8, i64),
    Report(u64, u64, usize, bool),
    Reclaim(i64),
    CancelOrder,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0_u8..3, 0_i64..60).prop_map(|(controller, minute)| Event::Lease(controller, minute)),
        9 => (0_u64..4, 1_u64..6, 0_usize..6, any::<bool>())
            .prop_map(|(behind, seq, state, retriable)| Event::Report(behind, seq, state, retriable)),
        1 => (0_i64..9).prop_map(Event::Reclaim),
        1 => Just(Event::CancelOrder),
    ];
    prop::collection::vec(event, 1..80)
}

proptest! {
    #[test]
    fn any_events_complete_a_task_at_most_once(events in events()) {
        let mut task = planned();
        let (mut completions, mut order_canceled) = (0, false);
        for event in events {
            let next = match event {
                Event::Lease(controller, minute) => task.lease(&controller_id(&format!("c{controller}")), at(minute)).ok(),
                Event::Reclaim(minute) => task.reclaimed(Some(&heartbeat_at(5)), at(minute)),
                Event::CancelOrder => {
                    order_canceled |= completions == 0;
                    task.cancel_with_order().filter(|_| completions == 0)
                }
                Event::Report(behind, seq, state, retriable) => {
                    let states = [
                        ReportedState::Accepted, ReportedState::InProgress, ReportedState::Paused,
                        ReportedState::Completed, ReportedState::Failed, ReportedState::Canceled,
                    ];
                    let mut report = report(task.lease_id.saturating_sub(behind / 3), seq, states[state]);
                    if let Some(error) = report.error.as_mut() {
                        error.retriable = retriable;
                    }
                    let is_stale = report.lease_id != task.lease_id;
                    match task.report(&report, at(5)) {
                        Ok(ReportEffect::NoChange) => {
                            let is_canceled = task.state == TaskState::Canceled && report.state == ReportedState::Canceled;
                            prop_assert!(is_canceled || task.last_report.as_ref() == Some(&report));
                            None
                        }
                        Ok(effect) => {
                            prop_assert!(!is_stale && report.report_seq > task.last_report_seq());
                            Some(match effect {
                                ReportEffect::Complete { completed, .. } if !order_canceled => {
                                    completions += 1;
                                    *completed
                                }
                                ReportEffect::Complete { canceled, .. } => *canceled,
                                ReportEffect::Update(next) => *next,
                                ReportEffect::NoChange => unreachable!(),
                            })
                        }
                        Err(refused) => {
                            let is_fenced = matches!(refused, ReportRefused::Fenced { .. });
                            prop_assert!(!is_stale || is_fenced);
                            None
                        }
                    }
                }
            };
            let Some(next) = next else { continue };
            prop_assert!(next.state == task.state || task.state.next().contains(&next.state));
            prop_assert!(next.attempt <= MAX_ATTEMPTS);
            prop_assert_eq!(next.version, task.version + 1);
            prop_assert!(next.lease_id >= task.lease_id && next.attempt >= task.attempt);
            prop_assert!(completions <= 1);
            prop_assert!(!(order_canceled && completions > 0));
            task = next;
        }
    }
}
