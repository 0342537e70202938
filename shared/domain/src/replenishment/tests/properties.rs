//! Any sequence of sales, alerts, receipts and cancellations.

use proptest::prelude::*;

use super::*;

/// A level with all its orders, as a store keeps them.
struct World {
    level: Level,
    cycle: ReplenishmentCycle,
    orders: Vec<ReplenishmentOrder>,
    changes: usize,
}

#[derive(Debug, Clone)]
enum Step {
    /// This much is sold, or as much as there is.
    Sell(i64),
    /// An alert of the current version is handled this many times.
    Alert(u8),
    /// An alert of an earlier version is delivered again.
    LateAlert(u64),
    /// This much arrives for the last order.
    Receive(i64),
    /// The last order is canceled.
    Cancel,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1_i64..40).prop_map(Step::Sell),
        (1_u8..4).prop_map(Step::Alert),
        (0_u64..20).prop_map(Step::LateAlert),
        (1_i64..60).prop_map(Step::Receive),
        Just(Step::Cancel),
    ]
}

impl World {
    fn alert(&mut self, version: u64) {
        self.trigger(OrderTrigger::Alert(version));
    }

    fn trigger(&mut self, trigger: OrderTrigger) {
        if let Ok(order) = ReplenishmentOrder::place(&self.level, &self.cycle, trigger, NOON) {
            self.level.incoming += order.expected();
            self.level.version += 1;
            self.cycle = order.as_cycle();
            self.orders.push(order);
        }
    }

    fn take(&mut self, step: &Step) {
        match step {
            Step::Sell(quantity) => {
                self.level.on_hand -= (*quantity).min(self.level.on_hand);
                self.level.version += 1;
            }
            Step::Alert(times) => {
                let version = self.level.version;
                for _ in 0..*times {
                    self.alert(version);
                }
            }
            Step::LateAlert(age) => self.alert(self.level.version.saturating_sub(*age)),
            Step::Receive(quantity) => {
                let Some(order) = self.orders.last_mut() else {
                    return;
                };
                let change = receipt(*quantity, order.replenishment_order_id);
                self.changes += 1;
                let Ok(settled) = settle(&change, Some(order), &self.level, self.changes) else {
                    return;
                };
                self.level = settled.levels[0].clone();
                *order = settled.order.unwrap().1;
                self.cycle = order.as_cycle();
            }
            Step::Cancel => {
                let Some(order) = self.orders.last_mut() else {
                    return;
                };
                if let Ok(Some(canceled)) = order.cancel("ana", NOON) {
                    self.level.incoming -= order.expected();
                    self.level.version += 1;
                    *order = canceled;
                    self.cycle = order.as_cycle();
                }
            }
        }
    }
}

fn world() -> World {
    World {
        level: level(30, 0),
        cycle: ReplenishmentCycle::default(),
        orders: Vec::new(),
        changes: 0,
    }
}

proptest! {
    #[test]
    fn incoming_is_what_the_one_open_order_expects(steps in prop::collection::vec(any_step(), 0..60)) {
        let mut world = world();
        for step in steps {
            world.take(&step);
            let expected: i64 = world.orders.iter().map(ReplenishmentOrder::expected).sum();
            prop_assert_eq!(world.level.incoming, expected);
            let open: Vec<_> = world.orders.iter().filter(|order| order.state.is_open()).collect();
            prop_assert!(open.len() <= 1, "{open:?}");
            prop_assert_eq!(world.cycle.open_order, open.first().map(|order| order.replenishment_order_id));
        }
    }

    #[test]
    fn low_level_has_an_order_unless_a_person_canceled_it(steps in prop::collection::vec(any_step(), 0..60)) {
        // given a level that asks for an order whenever a step leaves it due, as low-stock-alerts does
        let mut world = world();
        for step in steps {
            let was_due = is_order_due(&world.level);
            world.take(&step);
            if is_order_due(&world.level) && !was_due {
                world.trigger(OrderTrigger::Due(world.level.version));
            }
            // then it is never left without one
            let is_forgotten = is_order_due(&world.level) && !world.cycle.is_canceled;
            prop_assert!(!is_forgotten, "after {step:?}: {:?}", world.level);
        }
    }

    #[test]
    fn running_the_rule_again_is_running_it_once(
        steps in prop::collection::vec(any_step(), 0..40),
        runs in 2_usize..6,
    ) {
        let mut once = world();
        for step in &steps {
            once.take(step);
        }
        let mut often = World {
            level: once.level.clone(),
            cycle: once.cycle.clone(),
            orders: once.orders.clone(),
            changes: once.changes,
        };
        let version = once.level.version;
        once.alert(version);
        for _ in 0..runs {
            often.alert(version);
        }
        prop_assert_eq!(often.orders, once.orders);
        prop_assert_eq!(often.level, once.level);
    }

    #[test]
    fn quantity_is_the_smallest_multiple_that_reaches_the_target(
        on_hand in 0_i64..1000,
        allocated in 0_i64..1000,
        incoming in 0_i64..100,
        reorder_point in 0_i64..500,
        above in 0_i64..500,
        order_multiple in 1_i64..50,
    ) {
        let policy = json!({"reorder_point": reorder_point, "target_level": reorder_point + above,
            "order_multiple": order_multiple});
        let level = Level {
            incoming,
            policy: Some(serde_json::from_value(policy).unwrap()),
            ..level(on_hand, allocated)
        };
        let projected = on_hand - allocated + incoming;
        match order_reasons(&level) {
            Ok(reasons) => {
                let quantity = reasons.quantity();
                prop_assert!(projected <= reorder_point);
                prop_assert_eq!(quantity % order_multiple, 0);
                prop_assert!(projected + quantity >= reorder_point + above);
                prop_assert!(projected + quantity - order_multiple < reorder_point + above);
            }
            Err(_) => prop_assert!(projected > reorder_point || projected == reorder_point + above),
        }
    }
}
