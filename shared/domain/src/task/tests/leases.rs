//! Which controller gets a task, and when it loses the task.

use super::*;

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

#[test]
fn reclaimed_task_fences_off_its_lost_controller() {
    let leased = planned()
        .lease(&controller_id("controller-1"), at(0))
        .unwrap();
    assert_eq!(leased.reclaimed(true, at(0)), None);
    assert_eq!(leased.reclaimed(true, at(4)), None);
    assert!(leased.lease(&controller_id("controller-2"), at(9)).is_err());
    assert!(!heartbeat_at(0).is_live(at(1)));
    for (is_holder_live, minute) in [(false, 1), (true, 5)] {
        let queued = leased.reclaimed(is_holder_live, at(minute)).unwrap();
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
        assert_eq!(queued.reclaimed(false, at(99)), None);
    }
}

#[test]
fn reclaiming_dead_letters_or_cancels_the_task() {
    let mut task = planned();
    for _ in 1..=MAX_ATTEMPTS {
        task = task.lease(&controller_id("controller-1"), at(0)).unwrap();
        task = task.reclaimed(false, at(1)).unwrap();
    }
    assert_eq!(
        (task.state, task.attempt),
        (TaskState::DeadLettered, MAX_ATTEMPTS)
    );
    let canceling = in_progress().cancel_with_order().unwrap();
    let canceled = canceling.reclaimed(false, at(1)).unwrap();
    assert_eq!((canceled.state, canceled.attempt), (TaskState::Canceled, 1));
}

#[test]
fn queue_message_is_resent_only_while_it_is_deduplicated() {
    let task = planned();
    let after = |minutes: i64| task.queued_at + SignedDuration::from_mins(minutes);
    // A day has 1440 minutes.
    for (minutes, is_sent, round) in [
        (0, true, 0),
        (3, true, 0),
        (4, false, 0),
        (29, false, 0),
        (30, true, 1),
        (33, true, 1),
        (34, false, 1),
        (1410, true, 47),
        (1440, false, 48),
        (1470, false, 49),
    ] {
        let now = after(minutes);
        let sent = (task.needs_queue_message(now), task.send_round(now));
        assert_eq!(sent, (is_sent, round), "after {minutes} minutes");
    }
    assert!(
        !task
            .lease(&controller_id("controller-1"), at(0))
            .unwrap()
            .needs_queue_message(at(0))
    );
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
