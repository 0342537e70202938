//! Each test breaks one thing in a correct day, and the audit must find it.

mod reports;
mod unsellable_stock;

use std::collections::BTreeMap;

use serde_json::json;

use super::super::exported::{ExportedDay, ExportedLine, ExportedRefund};
use super::super::plan::{PlannedOrder, Resend};
use super::super::report::Reports;
use super::super::trading::Traded;
use super::quantities::Quantities;
use super::rows::{
    FulfilmentRow, LevelRow, LineRow, MovedLine, MovementRow, OrderRow, RefundRow, Snapshot,
    TaskRow,
};
use super::{Evidence, audit, count_open_lines, count_unrecorded, expected_reports};

/// A correct day: one level, counted as 10, and one online order of 3 units, fulfilled by one task.
struct Scenario {
    snapshot: Snapshot,
    orders: Vec<PlannedOrder>,
    traded: Traded,
    exported: ExportedDay,
}

fn movement(
    version: i64,
    kind: &str,
    deltas: (i64, i64),
    after: (i64, i64),
    reference: &str,
) -> MovementRow {
    MovementRow {
        movement_id: format!("m-{version}"),
        location_id: "dc".into(),
        sku: "milk".into(),
        version,
        kind: kind.into(),
        deltas: Quantities {
            on_hand: deltas.0,
            allocated: deltas.1,
            ..Quantities::default()
        },
        on_hand: after.0,
        allocated: after.1,
        reference: reference.into(),
    }
}

fn correct_day() -> Scenario {
    let line = LineRow {
        sku: "milk".into(),
        quantity: 3,
        unit_price: 100,
        discount: 1,
        fulfilled: 3,
        ..LineRow::default()
    };
    Scenario {
        snapshot: Snapshot {
            levels: vec![LevelRow {
                location_id: "dc".into(),
                sku: "milk".into(),
                quantities: Quantities {
                    on_hand: 7,
                    ..Quantities::default()
                },
                available: 7,
                version: 3,
                incoming: 0,
                reorder_point: None,
                target_level: None,
            }],
            movements: vec![
                movement(1, "count", (10, 0), (10, 0), "morning"),
                movement(2, "allocation", (0, 3), (10, 3), "order-1"),
                movement(3, "fulfilment", (-3, -3), (7, 0), "order-1"),
            ],
            orders: vec![OrderRow {
                order_id: "order-1".into(),
                location_id: "dc".into(),
                channel: "online".into(),
                status: "fulfilled".into(),
                business_date: "2026-03-01".into(),
                external_reference: "basket-1".into(),
                total: 299,
                lines: vec![line],
                ..OrderRow::default()
            }],
            tasks: vec![TaskRow {
                task_id: "task-1".into(),
                state: "completed".into(),
                order_id: "order-1".into(),
                line: 1,
                location_id: "dc".into(),
                sku: "milk".into(),
                quantity: 3,
            }],
            ..Snapshot::default()
        },
        orders: vec![PlannedOrder {
            key: "basket-1".into(),
            location_id: "dc".into(),
            body: json!({}),
            quantities: BTreeMap::from([("milk".into(), 3)]),
            lines: 1,
            net: 299,
            is_shipped: false,
            resend: Resend::Never,
        }],
        traded: Traded {
            placed: BTreeMap::from([("basket-1".into(), "order-1".into())]),
            ..Traded::default()
        },
        exported: ExportedDay {
            sales: vec![ExportedLine {
                order_id: "order-1".into(),
                line_no: 1,
                location_id: "dc".into(),
                channel: "online".into(),
                business_date: "2026-03-01".into(),
                sku: "milk".into(),
                quantity: 3,
                currency: "USD".into(),
                gross_minor: 300,
                discount_minor: 1,
                net_minor: 299,
                total_minor: 299,
            }],
            refunds: Vec::new(),
        },
    }
}

fn broken(day: &Scenario) -> Vec<&'static str> {
    broken_with(day, &expected_reports(&day.snapshot, "2026-03-01"))
}

fn broken_with(day: &Scenario, reports: &Reports) -> Vec<&'static str> {
    let evidence = Evidence {
        snapshot: &day.snapshot,
        orders: &day.orders,
        traded: &day.traded,
        exported: &day.exported,
        reports,
        business_date: "2026-03-01",
    };
    let findings = audit(&evidence);
    findings
        .iter()
        .filter(|finding| !finding.holds())
        .map(|finding| finding.name)
        .collect()
}

#[test]
fn correct_day_passes() {
    let day = correct_day();
    assert_eq!(broken(&day), Vec::<&str>::new());
    assert_eq!(
        (
            count_unrecorded(&day.snapshot),
            count_open_lines(&day.snapshot)
        ),
        (0, 0)
    );
}

#[test]
fn empty_day_proves_no_invariant() {
    let empty = Scenario {
        snapshot: Snapshot::default(),
        orders: Vec::new(),
        traded: Traded::default(),
        exported: ExportedDay::default(),
    };
    let found = broken(&empty);
    assert_eq!(found.len(), 7, "{found:?}");
}

#[test]
fn temporarily_negative_level_is_found() {
    let mut day = correct_day();
    day.snapshot.movements[0].deltas.on_hand = 2;
    day.snapshot
        .movements
        .push(movement(4, "receipt", (8, 0), (7, 0), ""));
    assert!(broken(&day).contains(&"never_negative"));
}

#[test]
fn lost_movement_and_unrecorded_change_are_found() {
    let mut lost = correct_day();
    lost.snapshot.movements.pop();
    assert_eq!(
        broken(&lost),
        ["movements_sum_to_levels", "tasks_complete_once"]
    );
    assert_eq!(count_unrecorded(&lost.snapshot), 1);

    let mut changed = correct_day();
    changed.snapshot.levels[0].quantities.on_hand = 6;
    changed.snapshot.levels[0].available = 6;
    assert_eq!(broken(&changed), ["movements_sum_to_levels"]);
}

#[test]
fn order_placed_twice_is_found() {
    let mut day = correct_day();
    let mut again = day.snapshot.orders[0].clone();
    again.order_id = "order-2".into();
    again.lines.clear();
    again.total = 0;
    day.snapshot.orders.push(again);
    assert_eq!(broken(&day), ["one_key_one_effect"]);
}

#[test]
fn order_of_rejected_basket_is_found() {
    let mut day = correct_day();
    day.traded.placed.clear();
    assert_eq!(broken(&day), ["one_key_one_effect"]);
}

#[test]
fn task_that_moved_stock_twice_is_found() {
    let mut day = correct_day();
    day.snapshot
        .movements
        .push(movement(4, "fulfilment", (-3, -3), (4, -3), "order-1"));
    assert!(broken(&day).contains(&"tasks_complete_once"));
}

/// Two of three units are fulfilled by hand and one is canceled. One of the two is returned to stock.
fn partly_fulfilled_day() -> Scenario {
    let mut day = correct_day();
    let snapshot = &mut day.snapshot;
    snapshot.tasks[0].state = "canceled".into();
    snapshot.movements.pop();
    for (version, kind, deltas, after) in [
        (3, "fulfilment", (-2, -2), (8, 1)),
        (4, "release", (0, -1), (8, 0)),
        (5, "return", (1, 0), (9, 0)),
    ] {
        let moved = movement(version, kind, deltas, after, "order-1");
        snapshot.movements.push(moved);
    }
    let level = &mut snapshot.levels[0];
    (level.quantities.on_hand, level.available, level.version) = (9, 9, 5);
    let line = &mut snapshot.orders[0].lines[0];
    (line.fulfilled, line.canceled, line.returned) = (2, 1, 1);
    let moved = |quantity, amount, restock| MovedLine {
        line: 1,
        sku: "milk".into(),
        quantity,
        amount,
        restock,
    };
    snapshot.fulfilments = vec![FulfilmentRow {
        order_id: "order-1".into(),
        lines: vec![moved(2, 0, false)],
    }];
    snapshot.refunds = vec![RefundRow {
        refund_id: "refund-1".into(),
        order_id: "order-1".into(),
        location_id: "dc".into(),
        business_date: "2026-03-01".into(),
        total: 99,
        lines: vec![moved(1, 99, true)],
    }];
    let sold = &mut day.exported.sales[0];
    sold.quantity = 2;
    (sold.gross_minor, sold.discount_minor) = (200, 1);
    (sold.net_minor, sold.total_minor) = (199, 199);
    day.exported.refunds = vec![ExportedRefund {
        refund_id: "refund-1".into(),
        order_id: "order-1".into(),
        line_no: 1,
        location_id: "dc".into(),
        business_date: "2026-03-01".into(),
        order_business_date: "2026-03-01".into(),
        sku: "milk".into(),
        restocked: true,
        quantity: 1,
        currency: "USD".into(),
        total_minor: 99,
    }];
    day
}

#[test]
fn partly_fulfilled_canceled_and_returned_order_passes() {
    let day = partly_fulfilled_day();
    assert_eq!(broken(&day), Vec::<&str>::new());
    assert_eq!(count_open_lines(&day.snapshot), 0);
}

#[test]
fn wrong_refunds_are_found() {
    // The refund differs from its order and from its exported row.
    const BOTH: [&str; 2] = ["one_key_one_effect", "exports_equal_orders"];
    let mut missing = partly_fulfilled_day();
    missing.snapshot.refunds.clear();
    assert_eq!(broken(&missing), BOTH);

    let mut twice = partly_fulfilled_day();
    let again = twice.snapshot.refunds[0].clone();
    twice.snapshot.refunds.push(again);
    assert_eq!(broken(&twice), BOTH);

    let mut wrong_amount = partly_fulfilled_day();
    wrong_amount.snapshot.refunds[0].total = 100;
    wrong_amount.snapshot.refunds[0].lines[0].amount = 100;
    assert_eq!(broken(&wrong_amount), BOTH);

    let mut not_restocked = partly_fulfilled_day();
    not_restocked.snapshot.refunds[0].lines[0].restock = false;
    assert_eq!(broken(&not_restocked), BOTH);
}

#[test]
fn unrecorded_fulfilment_and_wrong_release_are_found() {
    let mut unrecorded = partly_fulfilled_day();
    unrecorded.snapshot.fulfilments.clear();
    assert_eq!(broken(&unrecorded), ["tasks_complete_once"]);

    let mut released = partly_fulfilled_day();
    released.snapshot.orders[0].lines[0].canceled = 0;
    let found = broken(&released);
    assert_eq!(found, ["one_key_one_effect", "exports_equal_orders"]);
}

#[test]
fn wrong_export_rows_are_found() {
    let mut cent = correct_day();
    cent.exported.sales[0].net_minor = 298;
    assert_eq!(broken(&cent), ["exports_equal_orders"]);

    let mut twice = correct_day();
    let again = twice.exported.sales[0].clone();
    twice.exported.sales.push(again);
    assert_eq!(broken(&twice), ["exports_equal_orders"]);

    let mut missing = correct_day();
    missing.exported.sales.clear();
    assert_eq!(broken(&missing), ["exports_equal_orders"]);
}

#[test]
fn wrong_exported_refunds_are_found() {
    let mut missing = partly_fulfilled_day();
    missing.exported.refunds.clear();
    assert_eq!(broken(&missing), ["exports_equal_orders"]);

    let mut twice = partly_fulfilled_day();
    let again = twice.exported.refunds[0].clone();
    twice.exported.refunds.push(again);
    assert_eq!(broken(&twice), ["exports_equal_orders"]);

    let mut not_restocked = partly_fulfilled_day();
    not_restocked.exported.refunds[0].restocked = false;
    assert_eq!(broken(&not_restocked), ["exports_equal_orders"]);

    // A refund of another day is in another partition.
    let mut of_another_day = partly_fulfilled_day();
    of_another_day.snapshot.refunds[0].business_date = "2026-03-02".into();
    of_another_day.exported.refunds.clear();
    assert_eq!(broken(&of_another_day), [""; 0]);
}
