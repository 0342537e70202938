//! The audit must see what is wrong: each test breaks one thing in a day that is right.

use std::collections::BTreeMap;

use serde_json::json;

use super::super::exported::ExportedLine;
use super::super::plan::{PlannedOrder, Resend};
use super::super::trading::Traded;
use super::rows::{
    FulfilmentRow, LevelRow, LineRow, MovedLine, MovementRow, OrderRow, RefundRow, Snapshot,
    TaskRow,
};
use super::{Evidence, audit, open_lines, unrecorded};

/// One level, counted as 10; one basket of 3 online, fetched by one task.
struct Scene {
    snapshot: Snapshot,
    orders: Vec<PlannedOrder>,
    traded: Traded,
    exported: Vec<ExportedLine>,
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
        on_hand_delta: deltas.0,
        allocated_delta: deltas.1,
        on_hand: after.0,
        allocated: after.1,
        reference: reference.into(),
    }
}

fn scene() -> Scene {
    let line = LineRow {
        sku: "milk".into(),
        quantity: 3,
        unit_price: 100,
        discount: 1,
        fulfilled: 3,
        ..LineRow::default()
    };
    Scene {
        snapshot: Snapshot {
            levels: vec![LevelRow {
                location_id: "dc".into(),
                sku: "milk".into(),
                on_hand: 7,
                allocated: 0,
                available: 7,
                version: 3,
                reorder_point: None,
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
            resend: Resend::Never,
        }],
        traded: Traded {
            placed: BTreeMap::from([("basket-1".into(), "order-1".into())]),
            ..Traded::default()
        },
        exported: vec![ExportedLine {
            order_id: "order-1".into(),
            line: 1,
            location_id: "dc".into(),
            channel: "online".into(),
            business_date: "2026-03-01".into(),
            sku: "milk".into(),
            quantity: 3,
            currency: "USD".into(),
            gross_minor: 300,
            discount_minor: 1,
            net_minor: 299,
        }],
    }
}

fn broken(scene: &Scene) -> Vec<&'static str> {
    let evidence = Evidence {
        snapshot: &scene.snapshot,
        orders: &scene.orders,
        traded: &scene.traded,
        exported: &scene.exported,
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
fn a_day_that_is_right_breaks_nothing() {
    let scene = scene();
    assert_eq!(broken(&scene), Vec::<&str>::new());
    assert_eq!(
        (unrecorded(&scene.snapshot), open_lines(&scene.snapshot)),
        (0, 0)
    );
}

#[test]
fn nothing_to_look_at_is_no_proof() {
    let empty = Scene {
        snapshot: Snapshot::default(),
        orders: Vec::new(),
        traded: Traded::default(),
        exported: Vec::new(),
    };
    let found = broken(&empty);
    assert_eq!(found.len(), 5, "{found:?}");
}

#[test]
fn a_level_below_zero_at_any_time_is_seen_also_when_it_has_recovered() {
    let mut scene = scene();
    scene.snapshot.movements[0].on_hand_delta = 2;
    scene
        .snapshot
        .movements
        .push(movement(4, "receipt", (8, 0), (7, 0), ""));
    assert!(broken(&scene).contains(&"never_negative"));
}

#[test]
fn a_lost_movement_and_a_level_changed_behind_the_ledger_are_seen() {
    let mut lost = scene();
    lost.snapshot.movements.pop();
    assert_eq!(
        broken(&lost),
        ["movements_sum_to_levels", "tasks_complete_once"]
    );
    assert_eq!(unrecorded(&lost.snapshot), 1);

    let mut changed = scene();
    changed.snapshot.levels[0].on_hand = 6;
    changed.snapshot.levels[0].available = 6;
    assert_eq!(broken(&changed), ["movements_sum_to_levels"]);
}

#[test]
fn an_order_placed_twice_is_seen() {
    let mut scene = scene();
    let mut again = scene.snapshot.orders[0].clone();
    again.order_id = "order-2".into();
    again.lines.clear();
    again.total = 0;
    scene.snapshot.orders.push(again);
    assert_eq!(broken(&scene), ["one_key_one_effect"]);
}

#[test]
fn an_order_of_a_refused_basket_is_seen() {
    let mut scene = scene();
    scene.traded.placed.clear();
    assert_eq!(broken(&scene), ["one_key_one_effect"]);
}

#[test]
fn a_task_that_moved_stock_twice_is_seen() {
    let mut scene = scene();
    scene
        .snapshot
        .movements
        .push(movement(4, "fulfilment", (-3, -3), (4, -3), "order-1"));
    assert!(broken(&scene).contains(&"tasks_complete_once"));
}

/// Two of the three have left by hand and one was given up; one of the two came back to stock.
fn partly() -> Scene {
    let mut scene = scene();
    let snapshot = &mut scene.snapshot;
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
    (level.on_hand, level.available, level.version) = (9, 9, 5);
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
        order_id: "order-1".into(),
        location_id: "dc".into(),
        total: 99,
        lines: vec![moved(1, 99, true)],
    }];
    let exported = &mut scene.exported[0];
    exported.quantity = 2;
    (exported.gross_minor, exported.discount_minor) = (200, 1);
    exported.net_minor = 199;
    scene
}

#[test]
fn an_order_that_left_came_back_and_was_given_up_in_parts_breaks_nothing() {
    let scene = partly();
    assert_eq!(broken(&scene), Vec::<&str>::new());
    assert_eq!(open_lines(&scene.snapshot), 0);
}

#[test]
fn goods_that_came_back_twice_or_were_paid_for_twice_are_seen() {
    let mut unpaid = partly();
    unpaid.snapshot.refunds.clear();
    assert_eq!(broken(&unpaid), ["one_key_one_effect"]);

    let mut twice = partly();
    let again = twice.snapshot.refunds[0].clone();
    twice.snapshot.refunds.push(again);
    assert_eq!(broken(&twice), ["one_key_one_effect"]);

    let mut cent = partly();
    cent.snapshot.refunds[0].total = 100;
    cent.snapshot.refunds[0].lines[0].amount = 100;
    assert_eq!(broken(&cent), ["one_key_one_effect"]);

    let mut kept = partly();
    kept.snapshot.refunds[0].lines[0].restock = false;
    assert_eq!(broken(&kept), ["one_key_one_effect"]);
}

#[test]
fn a_fulfilment_by_hand_without_its_record_and_a_release_nobody_asked_for_are_seen() {
    let mut unrecorded = partly();
    unrecorded.snapshot.fulfilments.clear();
    assert_eq!(broken(&unrecorded), ["tasks_complete_once"]);

    let mut released = partly();
    released.snapshot.orders[0].lines[0].canceled = 0;
    let found = broken(&released);
    assert_eq!(found, ["one_key_one_effect", "exports_equal_orders"]);
}

#[test]
fn a_cent_that_is_lost_on_the_way_to_the_files_is_seen() {
    let mut cent = scene();
    cent.exported[0].net_minor = 298;
    assert_eq!(broken(&cent), ["exports_equal_orders"]);

    let mut twice = scene();
    twice.exported.push(twice.exported[0].clone());
    assert_eq!(broken(&twice), ["exports_equal_orders"]);

    let mut missing = scene();
    missing.exported.clear();
    assert_eq!(broken(&missing), ["exports_equal_orders"]);
}
