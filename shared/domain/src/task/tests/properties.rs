//! Any sequence of leases, reports, reclaims and cancellations.

use proptest::prelude::*;

use super::*;

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
                Event::Reclaim(minute) => task.reclaimed(heartbeat_at(5).is_live(at(minute)), at(minute)),
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
