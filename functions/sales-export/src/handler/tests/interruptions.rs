//! A run that stops at any of its calls, alone or beside another run. Readers see one whole revision at every moment.

use std::collections::BTreeMap;

use jiff::civil::date;

use super::stepped::{Moment, Steps, stepped};
use super::*;

type View = BTreeMap<&'static str, Vec<Value>>;

/// A store whose day is exported as revision 1, and has changed since: one order canceled, one sold, one refunded.
struct ChangedDay {
    retailer: Retailer,
    /// What readers see of revision 1.
    old: View,
    /// What readers must see after the next complete export.
    new: View,
}

fn event() -> Value {
    json!({"business_dates": [DAY]})
}

async fn exported_day() -> Retailer {
    let retailer = Retailer {
        catalog: MemoryCatalog::with_locations([store("store-a", "Europe/Berlin", 0)]),
        ..retailer()
    };
    retailer.add_order(&one_sale());
    let other = sale("2", "store-a", "2026-03-01T11:00:00Z", 250, "EUR");
    retailer.add_order(&other.fulfil(1, 2).unwrap());
    retailer.export(event()).await;
    retailer
}

fn change(retailer: &Retailer) {
    let order = one_sale();
    retailer.add_order(&order.cancel(order.placed_at).unwrap());
    retailer.add_order(&sale("3", "store-a", "2026-03-01T12:00:00Z", 99, "EUR"));
    let sold = sale("2", "store-a", "2026-03-01T11:00:00Z", 250, "EUR");
    let sold = sold.fulfil(1, 2).unwrap();
    let (refund, refunded) = refund(&sold, "r", "store-a", date(2026, 3, 1), &[(1, true)]);
    retailer.add_order(&refunded);
    retailer.add_refund(&refund);
}

async fn changed_day() -> ChangedDay {
    let reference = exported_day().await;
    let old = analyst::view(&reference.bucket, DAY);
    change(&reference);
    reference.export(event()).await;
    let new = analyst::view(&reference.bucket, DAY);
    assert_eq!(
        (new["sales_lines"].len(), new["refund_lines"].len()),
        (3, 1)
    );
    let retailer = exported_day().await;
    change(&retailer);
    ChangedDay { retailer, old, new }
}

impl ChangedDay {
    fn view(&self) -> View {
        analyst::view(&self.retailer.bucket, DAY)
    }

    /// Starts an export and drops it at `moment`. Returns whether the run got that far.
    async fn export_until(&self, moment: Moment) -> bool {
        let steps = Steps::until(moment);
        let function = stepped(&self.retailer, &steps);
        tokio::select! {
            finished = function.handle(event()) => {
                finished.unwrap();
                false
            }
            () = steps.stopped() => true,
        }
    }

    /// Checks that a complete export shows the new rows, and that one more writes nothing.
    async fn expect_recovery(&self, moment: impl std::fmt::Debug) {
        self.retailer.export(event()).await;
        assert_eq!(self.view(), self.new, "after {moment:?}");
        self.retailer.bucket.take_written();
        self.retailer.export(event()).await;
        assert_eq!(
            self.retailer.bucket.take_written(),
            [""; 0],
            "after {moment:?}"
        );
    }
}

/// The moments of a run, each before or after one of its calls, for as long as `try_moment` returns true.
async fn for_each_moment(mut try_moment: impl AsyncFnMut(Moment) -> bool) -> usize {
    for call in 0.. {
        for moment in [Moment::Before(call), Moment::After(call)] {
            if !try_moment(moment).await {
                return call;
            }
        }
    }
    unreachable!("a run has finitely many calls")
}

#[tokio::test]
async fn crash_at_any_call_leaves_one_whole_revision() {
    let mut seen_old_and_new = (false, false);
    let calls = for_each_moment(async |moment| {
        let day = changed_day().await;
        let is_stopped = day.export_until(moment).await;
        let view = day.view();
        assert!(view == day.old || view == day.new, "{moment:?}: {view:?}");
        seen_old_and_new.0 |= view == day.old;
        seen_old_and_new.1 |= is_stopped && view == day.new;
        day.expect_recovery(moment).await;
        is_stopped
    })
    .await;
    // The catalog, one page each of orders and refunds, the files and the manifest.
    assert!(calls >= 20, "only {calls} calls were stopped");
    assert_eq!(seen_old_and_new, (true, true));
}

#[tokio::test]
async fn first_export_that_crashes_shows_nothing_or_all() {
    for_each_moment(async |moment| {
        let ChangedDay { retailer, new, .. } = changed_day().await;
        let day = ChangedDay {
            retailer: Retailer {
                bucket: MemoryBucket::default(),
                ..retailer
            },
            old: View::from([("sales_lines", Vec::new()), ("refund_lines", Vec::new())]),
            new,
        };
        let is_stopped = day.export_until(moment).await;
        let view = day.view();
        assert!(view == day.old || view == day.new, "{moment:?}: {view:?}");
        day.expect_recovery(moment).await;
        is_stopped
    })
    .await;
}

#[tokio::test]
async fn run_that_pauses_never_replaces_newer_orders() {
    for_each_moment(async |moment| {
        let retailer = exported_day().await;
        let day = ChangedDay {
            new: changed_day().await.new,
            old: analyst::view(&retailer.bucket, DAY),
            retailer,
        };
        // Something to write for the paused run, so that it does not end without a conflict.
        let early = sale("4", "store-a", "2026-03-01T09:00:00Z", 70, "EUR");
        day.retailer.add_order(&early);
        let steps = Steps::until(moment);
        let function = stepped(&day.retailer, &steps);
        let mut paused = std::pin::pin!(function.handle(event()));
        let is_stopped = tokio::select! {
            finished = &mut paused => {
                finished.unwrap();
                false
            }
            () = steps.stopped() => true,
        };
        day.view();
        day.retailer.shop.lock().orders.remove(&early.order_id);
        change(&day.retailer);
        day.retailer.export(event()).await;
        assert_eq!(day.view(), day.new, "other run, {moment:?}");
        if is_stopped {
            steps.resume();
            paused.await.unwrap();
            assert_eq!(day.view(), day.new, "resumed run, {moment:?}");
        }
        day.expect_recovery(moment).await;
        is_stopped
    })
    .await;
}

#[tokio::test]
async fn two_runs_that_stop_anywhere_leave_one_whole_revision() {
    // After a call is the same for others as before the next one, so half of the moments suffice.
    let is_before = |moment| matches!(moment, Moment::Before(_));
    for_each_moment(async |first| {
        let mut is_first_stopped = true;
        for_each_moment(async |second| {
            if !is_before(first) {
                return false;
            }
            if !is_before(second) {
                return true;
            }
            let retailer = exported_day().await;
            change(&retailer);
            let day = ChangedDay {
                retailer,
                old: View::new(),
                new: View::new(),
            };
            let steps = Steps::until(first);
            let function = stepped(&day.retailer, &steps);
            let mut paused = std::pin::pin!(function.handle(event()));
            is_first_stopped = tokio::select! {
                finished = &mut paused => {
                    finished.unwrap();
                    false
                }
                () = steps.stopped() => true,
            };
            // The other run reads one order more.
            let late = sale("5", "store-a", "2026-03-01T13:00:00Z", 31, "EUR");
            day.retailer.add_order(&late);
            let is_second_stopped = day.export_until(second).await;
            let between = day.view();
            assert!(
                [2, 3, 4].contains(&between["sales_lines"].len()),
                "{first:?}, {second:?}: {between:?}"
            );
            if is_first_stopped {
                steps.resume();
                paused.await.unwrap();
            }
            day.view();
            day.retailer.export(event()).await;
            assert_eq!(day.view()["sales_lines"].len(), 4, "{first:?}, {second:?}");
            is_second_stopped && is_first_stopped
        })
        .await;
        is_first_stopped
    })
    .await;
}
