use proptest::prelude::*;

use super::*;
use crate::caller::Locations;
use crate::place_order::PlaceOrder;
use crate::told_time::CLOCK_TOLERANCE;

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

fn robot(name: &str) -> ControllerId {
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

fn moved(task: &Task, report: &Report) -> Task {
    match task.report(report, at(1)).unwrap() {
        Step::Moves(task) => *task,
        other => panic!("the task did not move: {other:?}"),
    }
}

fn in_progress() -> Task {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    let accepted = moved(&leased, &report(1, 1, ReportedState::Accepted));
    moved(&accepted, &report(1, 2, ReportedState::InProgress))
}

#[test]
fn every_line_of_an_order_has_one_task_and_planning_again_makes_the_same() {
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
fn goods_are_spread_over_every_aisle_of_every_zone() {
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
fn a_task_goes_from_queue_to_done_and_a_report_sent_twice_counts_once() {
    let task = in_progress();
    let done = report(1, 3, ReportedState::Completed);
    let Ok(Step::Completes {
        done: completed, ..
    }) = task.report(&done, at(2))
    else {
        panic!("it does not complete");
    };
    assert_eq!(completed.state, TaskState::Completed);
    assert_eq!(completed.last_report_seq(), 3);
    assert_eq!(completed.report(&done, at(3)), Ok(Step::Known));
}

#[test]
fn a_report_that_is_late_stale_or_another_under_the_same_number_is_refused_by_name() {
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
fn a_report_of_the_moment_a_task_was_created_is_none_of_before_it() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    let accepted = Report {
        occurred_at: at(0),
        ..report(1, 1, ReportedState::Accepted)
    };
    assert_eq!(moved(&leased, &accepted).state, TaskState::Accepted);
}

#[test]
fn who_works_on_a_task_is_given_time_anew_and_who_is_done_needs_none() {
    let task = in_progress();
    let later = task.report(&report(1, 3, ReportedState::Paused), at(3));
    let Ok(Step::Moves(paused)) = later else {
        panic!("{later:?}");
    };
    assert_eq!(paused.lease_expires_at, Some(at(3) + LEASE));
    let done = task.report(&report(1, 3, ReportedState::Completed), at(3));
    let Ok(Step::Completes { done, .. }) = done else {
        panic!("{done:?}");
    };
    assert_eq!(done.lease_expires_at, None);
}

#[test]
fn a_task_is_open_to_the_controllers_that_had_it_and_to_no_other() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    let allowed = |role, controller: Option<&str>| {
        let caller = Caller {
            subject: "someone".to_owned(),
            role,
            locations: Locations::All,
            controller: controller.map(robot),
        };
        leased.allow(Action::ReadTasks, &caller)
    };
    assert_eq!(allowed(Role::Controller, Some("controller-1")), Ok(()));
    for other in [Some("controller-2"), None] {
        assert_eq!(allowed(Role::Controller, other), Err(Denied::Hidden));
    }
    assert_eq!(allowed(Role::StoreManager, None), Ok(()));
}

#[test]
fn what_someone_is_on_the_way_for_is_fetched_first() {
    let plan = |channel: &str| Task::plan(&order(channel, &["milk"]), &zones(), at(0)).remove(0);
    let (fetched, sent) = (plan("click_and_collect"), plan("online"));
    assert!(fetched.priority < sent.priority && fetched.deadline < sent.deadline);
}

#[test]
fn a_task_that_is_done_takes_what_it_fetched_and_keeps_the_promise() {
    let change = in_progress().movement(2, at(2), at(3));
    assert_eq!((change.on_hand_delta, change.allocated_delta), (-2, -2));
    assert_eq!(change.kind, MovementKind::Fulfilment);
    assert_eq!((change.occurred_at, change.recorded_at), (at(2), at(3)));
}

#[test]
fn a_task_that_is_told_as_done_by_a_clock_that_is_ahead_is_done_when_it_is_told() {
    let change = in_progress().movement(2, at(4), at(3));
    assert_eq!((change.occurred_at, change.recorded_at), (at(3), at(3)));
}

#[test]
fn a_task_cannot_complete_before_it_is_in_progress() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
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
fn a_failure_that_may_pass_is_tried_five_times_then_left_to_a_person() {
    let mut task = planned();
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!((task.state, task.attempt), (TaskState::Queued, attempt));
        task = task.lease(&robot("controller-1"), at(0)).unwrap();
        task = moved(&task, &report(task.lease_id, 1, ReportedState::Failed));
    }
    assert_eq!(task.state, TaskState::DeadLettered);
    assert!(task.state.is_final());
}

#[test]
fn a_failure_that_will_not_pass_ends_the_task() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    let mut broken = report(1, 1, ReportedState::Failed);
    broken.error.as_mut().unwrap().retriable = false;
    assert_eq!(moved(&leased, &broken).state, TaskState::Failed);
}

#[test]
fn a_task_that_finds_no_controller_is_tried_again_within_seconds_and_a_day_of_that_is_enough() {
    let task = planned();
    assert_eq!(
        task.try_again_in(1, at(0)),
        Some(SignedDuration::from_secs(5))
    );
    assert_eq!(task.try_again_in(1, task.queued_at + LONGEST_WAIT), None);
    let (mut now, mut tries) = (task.queued_at, 0);
    while let Some(pause) = task.try_again_in(tries + 1, now) {
        let waited = now.duration_since(task.queued_at);
        assert!(
            pause <= SignedDuration::from_secs(5).max(waited),
            "{pause} after {waited}"
        );
        (now, tries) = (now + pause, tries + 1);
    }
    assert!(now.duration_since(task.queued_at) >= LONGEST_WAIT);
    assert!(
        tries < 1000,
        "the queue gives up after 1000 deliveries, of {tries}"
    );
}

/// `controller-1`, last heard of in that minute.
fn heard(minute: i64) -> Controller {
    Controller {
        controller_id: robot("controller-1"),
        location_id: "hub".parse().unwrap(),
        zone_id: "dry".parse().unwrap(),
        free_capacity: 4,
        received_at: at(minute),
    }
}

#[test]
fn a_task_is_taken_from_a_controller_that_is_dead_or_let_its_lease_end_and_fences_it_off() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    assert_eq!(leased.taken_back(Some(&heard(0)), at(0)), None);
    assert_eq!(leased.taken_back(Some(&heard(4)), at(4)), None);
    assert!(leased.lease(&robot("controller-2"), at(9)).is_err());
    for (holder, minute) in [(None, 1), (Some(heard(0)), 1), (Some(heard(5)), 5)] {
        let queued = leased.taken_back(holder.as_ref(), at(minute)).unwrap();
        assert_eq!((queued.state, queued.attempt), (TaskState::Queued, 2));
        assert_eq!(queued.queued_at, at(minute));
        let late = report(1, 1, ReportedState::Accepted);
        let fenced = Err(ReportRefused::Fenced { current: 1 });
        assert_eq!(queued.report(&late, at(minute)), fenced);
        let again = queued.lease(&robot("controller-2"), at(minute)).unwrap();
        assert_eq!((again.lease_id, again.attempt), (2, 2));
        assert!(again.knows(&robot("controller-1")) && !again.knows(&robot("controller-3")));
        let fenced = Err(ReportRefused::Fenced { current: 2 });
        assert_eq!(again.report(&late, at(minute)), fenced);
        // Nobody holds it: there is nothing to take back.
        assert_eq!(queued.taken_back(None, at(99)), None);
    }
}

#[test]
fn a_task_taken_back_too_often_is_left_to_a_person_and_one_on_its_way_to_canceled_is_canceled() {
    let mut task = planned();
    for _ in 1..=MAX_ATTEMPTS {
        task = task.lease(&robot("controller-1"), at(0)).unwrap();
        task = task.taken_back(None, at(1)).unwrap();
    }
    assert_eq!(
        (task.state, task.attempt),
        (TaskState::DeadLettered, MAX_ATTEMPTS)
    );
    let canceling = in_progress().order_canceled().unwrap();
    let canceled = canceling.taken_back(None, at(1)).unwrap();
    assert_eq!((canceled.state, canceled.attempt), (TaskState::Canceled, 1));
}

#[test]
fn the_queue_is_told_of_a_waiting_task_again_while_it_would_know_it_again() {
    let task = planned();
    assert!(task.may_be_untold(at(3)));
    assert!(!task.may_be_untold(at(4)));
    assert!(
        !task
            .lease(&robot("controller-1"), at(0))
            .unwrap()
            .may_be_untold(at(0))
    );
}

#[test]
fn a_failed_task_that_waits_again_takes_no_more_reports_of_the_lease_given_up() {
    let leased = planned().lease(&robot("controller-1"), at(0)).unwrap();
    let failed = report(1, 1, ReportedState::Failed);
    let queued = moved(&leased, &failed);
    assert_eq!(queued.report(&failed, at(2)), Ok(Step::Known));
    let more = queued.report(&report(1, 2, ReportedState::InProgress), at(2));
    assert_eq!(more, Err(ReportRefused::Fenced { current: 1 }));
}

#[test]
fn a_canceled_order_takes_a_waiting_task_with_it_and_a_held_one_on_the_way() {
    assert_eq!(
        planned().order_canceled().unwrap().state,
        TaskState::Canceled
    );
    let canceling = in_progress().order_canceled().unwrap();
    assert_eq!(canceling.state, TaskState::Canceling);
    assert!(canceling.order_canceled().is_none());
    let paused = moved(&canceling, &report(1, 3, ReportedState::Paused));
    assert_eq!(paused.state, TaskState::Canceling);
    let put_back = moved(&paused, &report(1, 4, ReportedState::Canceled));
    assert_eq!(put_back.state, TaskState::Canceled);
}

#[test]
fn a_controller_that_puts_back_what_has_ended_by_then_is_answered() {
    // The completion came first, and found the order canceled.
    let done = report(1, 3, ReportedState::Completed);
    let Ok(Step::Completes { done, dropped }) = in_progress().report(&done, at(2)) else {
        panic!("it does not complete");
    };
    let put_back = report(1, 4, ReportedState::Canceled);
    assert_eq!(dropped.report(&put_back, at(3)), Ok(Step::Known));
    // Of a task that is completed it is told that nothing can be put back.
    let too_late = TransitionRefused {
        from: TaskState::Completed,
        to: TaskState::Canceled,
    };
    assert_eq!(
        done.report(&put_back, at(3)),
        Err(ReportRefused::Transition(too_late))
    );
}

#[test]
fn a_controller_does_not_cancel_on_its_own() {
    let refused = in_progress().report(&report(1, 3, ReportedState::Canceled), at(2));
    assert!(matches!(refused, Err(ReportRefused::Transition(_))));
}

#[test]
fn the_live_controller_with_the_fewest_leases_gets_the_task() {
    let controller = |name: &str, free_capacity, minute| Controller {
        controller_id: robot(name),
        free_capacity,
        ..heard(minute)
    };
    let controllers = [
        controller("busy", 9, 10),
        controller("dead", 9, 9),
        controller("full", 1, 10),
        controller("idle", 3, 10),
    ];
    let held = |name: &str| planned().lease(&robot(name), at(10)).unwrap();
    let leased = [held("busy"), held("busy"), held("full"), held("idle")];
    assert_eq!(
        pick_controller(&controllers, &leased, at(10)),
        Some(robot("idle"))
    );
    assert_eq!(pick_controller(&controllers[1..3], &leased, at(10)), None);

    // A controller that came back after its lease had ended without a word has room again.
    let back = [controller("full", 1, 30)];
    assert_eq!(pick_controller(&back, &leased, at(30)), Some(robot("full")));
}

#[test]
fn a_report_names_an_error_when_it_failed_and_only_then() {
    assert!(report(1, 1, ReportedState::Failed).check(at(1)).is_ok());
    let mut silent = report(0, 1, ReportedState::Failed);
    silent.error = None;
    let invalid = silent.check(at(1)).unwrap_err();
    let pointers: Vec<_> = invalid
        .errors
        .iter()
        .map(|error| error.pointer.as_str())
        .collect();
    assert_eq!(pointers, ["/lease_id", "/error"]);
}

#[test]
fn a_report_tells_of_a_time_since_the_task_was_created_and_hardly_ahead() {
    let told = |occurred_at| Report {
        occurred_at,
        ..report(1, 3, ReportedState::Paused)
    };
    let second = SignedDuration::from_secs(1);
    let ahead = at(2) + CLOCK_TOLERANCE;
    assert!(told(ahead).check(at(2)).is_ok());
    let refused = told(ahead + second).check(at(2)).unwrap_err();
    assert_eq!(refused.errors[0].pointer, "/occurred_at");
    let task = in_progress();
    assert!(task.report(&told(task.created_at), at(2)).is_ok());
    assert_eq!(
        task.report(&told(task.created_at - second), at(2)),
        Err(ReportRefused::BeforeTask)
    );
}

#[test]
fn the_table_names_every_state_once_and_a_state_reads_as_it_is_sent() {
    for state in TaskState::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        assert_eq!(state.is_final(), state.next().is_empty());
    }
    let alive: Vec<_> = TaskState::ALL
        .into_iter()
        .filter(|state| !state.is_final())
        .collect();
    assert_eq!(alive.len(), 7);
}

#[derive(Debug, Clone)]
enum Act {
    Lease(u8, i64),
    Report(u64, u64, usize, bool),
    TakeBack(i64),
    CancelOrder,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        3 => (0_u8..3, 0_i64..60).prop_map(|(controller, minute)| Act::Lease(controller, minute)),
        9 => (0_u64..4, 1_u64..6, 0_usize..6, any::<bool>())
            .prop_map(|(behind, seq, state, retriable)| Act::Report(behind, seq, state, retriable)),
        1 => (0_i64..9).prop_map(Act::TakeBack),
        1 => Just(Act::CancelOrder),
    ];
    prop::collection::vec(act, 1..80)
}

proptest! {
    #[test]
    fn whatever_comes_in_whatever_order_a_task_completes_at_most_once_and_never_leaves_the_table(acts in acts()) {
        let mut task = planned();
        let (mut completions, mut order_canceled) = (0, false);
        for act in acts {
            let next = match act {
                Act::Lease(controller, minute) => task.lease(&robot(&format!("c{controller}")), at(minute)).ok(),
                Act::TakeBack(minute) => task.taken_back(Some(&heard(5)), at(minute)),
                Act::CancelOrder => {
                    order_canceled |= completions == 0;
                    task.order_canceled().filter(|_| completions == 0)
                }
                Act::Report(behind, seq, state, retriable) => {
                    let states = [
                        ReportedState::Accepted, ReportedState::InProgress, ReportedState::Paused,
                        ReportedState::Completed, ReportedState::Failed, ReportedState::Canceled,
                    ];
                    let mut report = report(task.lease_id.saturating_sub(behind / 3), seq, states[state]);
                    if let Some(error) = report.error.as_mut() {
                        error.retriable = retriable;
                    }
                    let stale = report.lease_id != task.lease_id;
                    match task.report(&report, at(5)) {
                        Ok(Step::Known) => {
                            let canceled = task.state == TaskState::Canceled && report.state == ReportedState::Canceled;
                            prop_assert!(canceled || task.last_report.as_ref() == Some(&report));
                            None
                        }
                        Ok(step) => {
                            prop_assert!(!stale && report.report_seq > task.last_report_seq());
                            Some(match step {
                                Step::Completes { done, .. } if !order_canceled => {
                                    completions += 1;
                                    *done
                                }
                                Step::Completes { dropped, .. } => *dropped,
                                Step::Moves(next) => *next,
                                Step::Known => unreachable!(),
                            })
                        }
                        Err(refused) => {
                            let fenced = matches!(refused, ReportRefused::Fenced { .. });
                            prop_assert!(!stale || fenced);
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
