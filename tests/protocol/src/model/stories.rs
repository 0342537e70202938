//! A few callers, a little stock: small enough to be walked through whole, and each with its own trouble.

use jiff::tz::TimeZone;
use stateright::Property;
use stockline_domain::catalog::Zone;
use stockline_domain::ids::{FulfilmentId, OrderId, RefundId, RequestId, TaskId};
use stockline_domain::level::Level;
use stockline_domain::order::Order;
use stockline_domain::place_order::PlaceOrder;
use stockline_domain::stock_change::StockChange;
use stockline_domain::task::{Report, Task, TaskState};

use super::requests::{Answer, Deed, NOW, Request, Step};
use super::tables::{StoredOrder, Tables, Write};
use super::{Protocol, State};

/// How long callers wait for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Until the invocation has ended, one way or another: a function's time is shorter than its callers' patience.
    LongerThanAnInvocation,
    /// A caller may send again while an earlier try still runs.
    ShorterThanAnInvocation,
}

/// Who wants what of which stock.
#[derive(Clone)]
pub struct Story {
    /// What it tells of.
    pub title: &'static str,
    /// What is stored when it begins.
    pub tables: Tables,
    /// What the callers ask for, one each.
    pub requests: Vec<Request>,
    /// How often each may send, in the same order.
    pub tries: Vec<u8>,
    /// How long they wait.
    pub patience: Patience,
    /// What must be seen somewhere on the way, lest the story tells of nothing.
    pub sights: Vec<Property<Protocol>>,
}

const STORE: &str = "store-1";
const WAREHOUSE: &str = "warehouse-1";

/// All of them.
pub fn all() -> Vec<Story> {
    vec![
        two_for_one(),
        three_for_two(),
        one_key_three_times(),
        a_late_try(),
        baskets_of_two(),
        cancels(),
        goods_out_and_back(),
        corrections(),
        counts(),
        a_transfer(),
        a_task(),
        a_task_called_off(),
    ]
}

/// Two buyers, one unit, and answers that get lost.
pub fn two_for_one() -> Story {
    Story {
        title: "two orders for the last unit",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]).read_twice(),
        requests: vec![online("ana", &[("milk", 1)]), online("ben", &[("milk", 1)])],
        tries: vec![3, 3],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("one is served and one is not", |_, state| {
                told(state, placed) == 1 && told(state, |a| *a == Answer::Short) == 1
            }),
            sight("a lost answer is given again", |_, state| {
                told(state, replayed) > 0
            }),
            sight("a caller gives up, and yet has an order", |_, state| {
                let unknown = |caller: &&super::Caller| caller.told.is_none() && !caller.waits;
                state.callers.iter().filter(unknown).count() == 2
                    && state.callers.iter().all(|caller| caller.tries == 3)
                    && state.tables.orders().count() == 1
            }),
            came_twice(),
        ],
    }
}

/// Three buyers, two units.
pub fn three_for_two() -> Story {
    Story {
        title: "three orders for two units, one of them at the till",
        tables: Tables::stocked(vec![level(STORE, "milk", 2)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            till("cas", &[("milk", 1)]),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("all is sold and one is refused", |_, state| {
                told(state, placed) == 2 && told(state, |a| *a == Answer::Short) == 1
            }),
            sight("the till has taken one of them away", |_, state| {
                state.tables.shelves()[0].level().on_hand == 1
            }),
        ],
    }
}

/// A double tap, and another body under the same key.
pub fn one_key_three_times() -> Story {
    let Request::Place { order, .. } = online("ana", &[("milk", 2)]) else {
        unreachable!("an order is placed")
    };
    Story {
        title: "one key, twice at once and once with another body",
        tables: Tables::stocked(vec![level(STORE, "milk", 3)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ana", &[("milk", 1)]),
            Request::Place { order, body: 2 },
        ],
        tries: vec![2, 2, 2],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("both have the same order", |_, state| {
                state.callers[..2]
                    .iter()
                    .all(|caller| caller.told.as_ref().is_some_and(placed))
            }),
            sight("the other body is refused", |_, state| {
                state.callers[2].told == Some(Answer::KeyReused)
            }),
            sight("the other body is first", |_, state| {
                state.callers[0].told == Some(Answer::KeyReused)
                    && state.callers[1].told == Some(Answer::KeyReused)
            }),
        ],
    }
}

/// A caller with less patience than the function: its first try is still on the way when the second is answered.
pub fn a_late_try() -> Story {
    Story {
        title: "a try that comes after the answer to a later one",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            online("ben", &[("milk", 1)]),
            cancel("ben"),
        ],
        tries: vec![2, 2, 1],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("two tries of one caller run at once", |_, state| {
                let pairs = state.invocations.windows(2);
                pairs
                    .into_iter()
                    .any(|pair| pair[0].caller == pair[1].caller)
            }),
            // Why a caller's patience has to be longer than a function's time: it was refused, and it has an order.
            sight(
                "an order that was refused is placed after all",
                |_, state| {
                    state.callers[0].told == Some(Answer::Short)
                        && state.tables.order(order_id("ana")).is_some()
                },
            ),
        ],
    }
}

/// Orders of the same two SKUs, each way round.
pub fn baskets_of_two() -> Story {
    Story {
        title: "two baskets of the same two SKUs, and a third that takes one",
        tables: Tables::stocked(vec![level(STORE, "milk", 1), level(STORE, "bread", 2)]),
        requests: vec![
            online("ana", &[("milk", 1), ("bread", 1)]),
            online("ben", &[("bread", 1), ("milk", 1)]),
            till("cas", &[("bread", 2)]),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("nothing of a refused basket is taken", |_, state| {
                told(state, |a| *a == Answer::Short) == 2
                    && state.tables.shelves()[0].level().allocated == 0
            }),
            sight("one basket is whole", |_, state| {
                state
                    .tables
                    .shelves()
                    .iter()
                    .all(|s| s.level().allocated == 1)
            }),
        ],
    }
}

/// Two cancel the order that a third still places, and a fourth waits for its goods.
pub fn cancels() -> Story {
    Story {
        title: "two cancels race with the order's replay and with each other",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            online("ana", &[("milk", 1)]),
            cancel("ana"),
            cancel("ana"),
            online("ben", &[("milk", 1)]),
        ],
        tries: vec![2, 2, 2, 1],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "a canceled order's replay is as it was placed",
                |_, state| {
                    state.callers[0].told.as_ref().is_some_and(replayed)
                        && state.callers[1].told == Some(Answer::Done)
                },
            ),
            sight("both have canceled it", |_, state| {
                told(state, |a| *a == Answer::Done) == 2
            }),
            sight(
                "a cancel finds the order written since it read it",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::Order(read) if Some(read) != order)
                })
                },
            ),
            sight("what was released is sold again", |_, state| {
                state.callers[1].told == Some(Answer::Done)
                    && state.callers[3].told.as_ref().is_some_and(placed)
            }),
            sight("a cancel comes before its order", |_, state| {
                state.callers[1].told == Some(Answer::Unknown)
                    && state.callers[0].told.as_ref().is_some_and(placed)
            }),
        ],
    }
}

/// Half of an order is handed over, some of it comes back, and what is open is canceled.
pub fn goods_out_and_back() -> Story {
    let placed = order(STORE, "click_and_collect", "ana", &[("milk", 2)]);
    let level = level(STORE, "milk", 2);
    let key = level.key();
    let mut tables = Tables::stocked(vec![level]);
    let change = placed.placing_change(&placed.quantities()[0]);
    let writes = [
        Write::NewOrder(StoredOrder::new(placed, 1)),
        Write::Change(key, change),
    ];
    tables.transact(&writes).unwrap();
    Story {
        title: "a hand-over, a refund and a cancel of one order",
        tables,
        requests: vec![
            hand_over("ana", "1", r#"{"lines":[{"line":1,"quantity":1}]}"#),
            refund(
                "ana",
                "1",
                r#"{"reason":"sour","lines":[{"line":1,"quantity":1,"restock":true}]}"#,
            ),
            cancel("ana"),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "one is handed over, comes back, and nothing is open",
                |_, state| told(state, |a| *a == Answer::Done) == 3 && on_hand(state) == [2],
            ),
            sight("nothing can be refunded yet", |_, state| {
                state.callers[1].told == Some(Answer::Refused)
            }),
            sight("nothing can be handed over any more", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("two deeds are decided on one reading", |_, state| {
                let steps = state.invocations.iter().map(|i| &i.step);
                steps.filter(|step| matches!(step, Step::Order(_))).count() >= 2
            }),
        ],
    }
}

/// People correct a level by what they read of it, while it is sold from.
pub fn corrections() -> Story {
    Story {
        title: "two corrections of one version, and damage, while the till sells",
        tables: Tables::stocked(vec![level(STORE, "milk", 1)]),
        requests: vec![
            till("ana", &[("milk", 1)]),
            adjustment(
                "found",
                r#""delta":1,"reason":"found","expected_version":1"#,
            ),
            adjustment(
                "other",
                r#""delta":2,"reason":"other","expected_version":1"#,
            ),
            adjustment("damage", r#""delta":-1,"reason":"damage""#),
        ],
        tries: vec![1, 2, 1, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "only one of two that expect a version has it",
                |_, state| {
                    let told = |caller: usize| state.callers[caller].told.as_ref();
                    told(1).is_some_and(applied) && told(2) == Some(&Answer::Refused)
                },
            ),
            sight("a correction is given its lost answer again", |_, state| {
                told(state, |a| matches!(a, Answer::AppliedBefore(_))) > 0
            }),
            sight(
                "a level is written between a reading and its write",
                |_, state| {
                    let now = state.tables.shelves()[0].level();
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::LevelsAndMoved(read, _) if read[0] != *now)
                })
                },
            ),
            sight("the till finds nothing left", |_, state| {
                state.callers[0].told == Some(Answer::Short)
            }),
        ],
    }
}

/// Someone counted an hour ago; what was sold since comes off what was counted, once the ledger knows of it.
pub fn counts() -> Story {
    Story {
        title: "a count of an hour ago, and a later one, while the till sells",
        tables: Tables::stocked(vec![level(STORE, "milk", 3)]),
        requests: vec![
            till("ana", &[("milk", 1)]),
            till("ben", &[("milk", 1)]),
            count("earlier", "2026-03-01T11:00:00Z", 9),
            count("later", "2026-03-01T11:30:00Z", 8),
        ],
        tries: vec![1, 1, 2, 1],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("a count waits for the ledger", |protocol, state| {
                state.invocations.iter().any(|invocation| {
                    protocol.story.requests[invocation.caller]
                        .waits(&invocation.step, &state.tables)
                })
            }),
            sight("both sales come off what was counted", |_, state| {
                on_hand(state) == [7] && state.callers[2].told.as_ref().is_some_and(applied)
            }),
            sight("the earlier count comes too late", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
            sight("a count is given its lost answer again", |_, state| {
                told(state, |a| matches!(a, Answer::AppliedBefore(_))) > 0
            }),
        ],
    }
}

/// Goods go from one store to another, sold at the one and awaited at the other.
pub fn a_transfer() -> Story {
    Story {
        title: "a transfer between two stores, and its arrival",
        tables: Tables::stocked(vec![level(STORE, "milk", 1), level("store-2", "milk", 0)]),
        requests: vec![
            change(
                "transfer",
                r#"{"kind":"transfer","from_location_id":"store-1","to_location_id":"store-2",
                    "sku":"milk","quantity":1}"#,
            ),
            till("ana", &[("milk", 1)]),
            change(
                "arrival",
                r#"{"kind":"arrival","location_id":"store-2","sku":"milk","quantity":1}"#,
            ),
        ],
        tries: vec![2, 1, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight("the goods are on their way", |_, state| {
                on_hand(state) == [0, 0] && state.tables.shelves()[1].level().in_transit == 1
            }),
            sight("the goods have arrived", |_, state| {
                on_hand(state) == [0, 1]
            }),
            sight("the transfer comes too late", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("the arrival comes too early", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
        ],
    }
}

/// Two controllers say that they have done a task, of which one has lost its lease.
pub fn a_task() -> Story {
    let (tables, task) = fetched();
    Story {
        title: "a task with two leases, completed",
        tables,
        requests: vec![
            says(task, 2, 1, "in_progress"),
            says(task, 2, 2, "completed"),
            says(task, 1, 2, "completed"),
        ],
        tries: vec![1, 2, 1],
        patience: Patience::ShorterThanAnInvocation,
        sights: vec![
            sight("the task is completed", |_, state| {
                state
                    .tables
                    .tasks()
                    .all(|task| task.state == TaskState::Completed)
            }),
            sight("two completions are under way at once", |_, state| {
                let steps = state.invocations.iter().map(|i| &i.step);
                steps
                    .filter(|step| matches!(step, Step::TaskAndOrder(..)))
                    .count()
                    == 2
            }),
            sight("an earlier report comes after a later one", |_, state| {
                state.callers[0].told == Some(Answer::Refused)
            }),
            sight("the first lease is fenced off", |_, state| {
                state.callers[2].told == Some(Answer::Refused)
            }),
        ],
    }
}

/// A controller is at a task when its order is canceled.
pub fn a_task_called_off() -> Story {
    let (mut tables, task) = fetched();
    let begins = says(task, 2, 1, "in_progress");
    for step in [Step::Begun, Step::Task(tables.task(task).unwrap().clone())] {
        begins.run(&step, &mut tables, None);
    }
    Story {
        title: "a task whose order is canceled",
        tables,
        requests: vec![
            says(task, 2, 2, "completed"),
            cancel("ana"),
            Request::Withdraw(task),
        ],
        tries: vec![2, 2, 2],
        patience: Patience::LongerThanAnInvocation,
        sights: vec![
            sight(
                "the task is completed, and the order canceled too late",
                |_, state| {
                    state
                        .tables
                        .tasks()
                        .all(|task| task.state == TaskState::Completed)
                        && state.callers[1].told == Some(Answer::Refused)
                },
            ),
            sight("the goods come back, their order canceled", |_, state| {
                state.callers[0].told == Some(Answer::Counted)
                    && state
                        .tables
                        .tasks()
                        .all(|task| task.state == TaskState::Canceled)
            }),
            sight(
                "the order is canceled between reading and completing",
                |_, state| {
                    let order = state.tables.order(order_id("ana"));
                    state.invocations.iter().any(|invocation| {
                    matches!(&invocation.step, Step::TaskAndOrder(_, read) if Some(read) != order)
                })
                },
            ),
        ],
    }
}

/// The warehouse has promised a unit to each of two buyers. The task that fetches the first one's was leased to a
/// controller that never answered, and then to another.
fn fetched() -> (Tables, TaskId) {
    let orders = ["ana", "ben"].map(|buyer| order(WAREHOUSE, "online", buyer, &[("milk", 1)]));
    let level = level(WAREHOUSE, "milk", 2);
    let key = level.key();
    let mut tables = Tables::stocked(vec![level]);
    for order in &orders {
        let stored = StoredOrder::new(order.clone(), 1);
        let change = order.placing_change(&order.quantities()[0]);
        let writes = [Write::NewOrder(stored), Write::Change(key.clone(), change)];
        tables.transact(&writes).unwrap();
        tables.deliver(0, None, true);
    }
    let zone = Zone {
        zone_id: "zone-1".parse().unwrap(),
        aisles: 1,
    };
    let (first, second) = ("controller-1", "controller-2");
    let (then, now) = (
        "2026-03-01T11:00:00Z".parse().unwrap(),
        NOW.parse().unwrap(),
    );
    let task = Task::plan(&orders[0], &[zone], then)
        .remove(0)
        .lease(&first.parse().unwrap(), then)
        .unwrap()
        .taken_back(None, now)
        .unwrap()
        .lease(&second.parse().unwrap(), now)
        .unwrap();
    let id = task.task_id;
    tables.plan(task);
    (tables, id)
}

fn says(task: TaskId, lease_id: u64, report_seq: u64, state: &str) -> Request {
    let report: Report = serde_json::from_str(&format!(
        r#"{{"lease_id":{lease_id},"report_seq":{report_seq},"state":"{state}","occurred_at":"{NOW}"}}"#
    ))
    .unwrap();
    Request::Report { task, report }
}

/// A level that was counted in the morning, and nothing since.
fn level(location: &str, sku: &str, on_hand: i64) -> Level {
    let count = change_of(&format!(
        r#"{{"kind":"count","location_id":"{location}","sku":"{sku}","quantity":{on_hand},
            "counted_at":"2026-03-01T06:00:00Z"}}"#
    ));
    let empty = Level::empty(&count.keys()[0]);
    let request = RequestId::derive("manager", "morning");
    let morning = "2026-03-01T06:00:00Z".parse().unwrap();
    let counted = count.apply(&[empty], 0, request, 0, morning);
    counted.unwrap().remove(0)
}

fn order_id(buyer: &str) -> OrderId {
    OrderId::derive(buyer, "1")
}

fn online(buyer: &str, lines: &[(&str, i64)]) -> Request {
    let order = order(STORE, "online", buyer, lines);
    Request::Place { order, body: 1 }
}

fn till(buyer: &str, lines: &[(&str, i64)]) -> Request {
    let order = order(STORE, "pos", buyer, lines);
    Request::Place { order, body: 1 }
}

fn order(location: &str, channel: &str, buyer: &str, lines: &[(&str, i64)]) -> Order {
    let priced: Vec<String> = lines
        .iter()
        .map(|(sku, quantity)| {
            format!(
                r#"{{"sku":"{sku}","quantity":{quantity},"unit_price":{{"amount":100,"currency":"EUR"}}}}"#
            )
        })
        .collect();
    let total: i64 = lines.iter().map(|(_, quantity)| 100 * quantity).sum();
    let body: PlaceOrder = serde_json::from_str(&format!(
        r#"{{"location_id":"{location}","channel":"{channel}","currency":"EUR","lines":[{}],
            "total":{{"amount":{total},"currency":"EUR"}}}}"#,
        priced.join(",")
    ))
    .unwrap();
    body.order(order_id(buyer), NOW.parse().unwrap(), &TimeZone::UTC, 0)
        .unwrap()
}

fn change(key: &str, json: &str) -> Request {
    Request::Change {
        request: RequestId::derive("manager", key),
        change: change_of(json),
    }
}

fn cancel(buyer: &str) -> Request {
    Request::GoOn(order_id(buyer), Deed::Cancel)
}

fn hand_over(buyer: &str, key: &str, json: &str) -> Request {
    let order = order_id(buyer);
    let id = FulfilmentId::derive(order, "clerk", key);
    Request::GoOn(order, Deed::Fulfil(id, serde_json::from_str(json).unwrap()))
}

fn refund(buyer: &str, key: &str, json: &str) -> Request {
    let order = order_id(buyer);
    let id = RefundId::derive(order, "clerk", key);
    Request::GoOn(order, Deed::Refund(id, serde_json::from_str(json).unwrap()))
}

fn adjustment(key: &str, fields: &str) -> Request {
    change(
        key,
        &format!(r#"{{"kind":"adjustment","location_id":"store-1","sku":"milk",{fields}}}"#),
    )
}

fn count(key: &str, counted_at: &str, quantity: i64) -> Request {
    change(
        key,
        &format!(
            r#"{{"kind":"count","location_id":"store-1","sku":"milk","quantity":{quantity},
                "counted_at":"{counted_at}"}}"#
        ),
    )
}

fn change_of(json: &str) -> StockChange {
    serde_json::from_str(json).unwrap()
}

fn told(state: &State, what: impl Fn(&Answer) -> bool) -> usize {
    let told = state
        .callers
        .iter()
        .filter_map(|caller| caller.told.as_ref());
    told.filter(|answer| what(answer)).count()
}

fn placed(answer: &Answer) -> bool {
    matches!(answer, Answer::Placed(_) | Answer::Replayed(_))
}

fn replayed(answer: &Answer) -> bool {
    matches!(answer, Answer::Replayed(_))
}

fn applied(answer: &Answer) -> bool {
    matches!(answer, Answer::Applied(_) | Answer::AppliedBefore(_))
}

fn on_hand(state: &State) -> Vec<i64> {
    let shelves = state.tables.shelves().iter();
    shelves.map(|shelf| shelf.level().on_hand).collect()
}

/// What must be seen in some state.
fn sight(what: &'static str, seen: fn(&Protocol, &State) -> bool) -> Property<Protocol> {
    Property::sometimes(what, seen)
}

fn came_twice() -> Property<Protocol> {
    sight(
        "the ledger is given all it has recorded again",
        |_, state| {
            state.tables.shelves().iter().any(|shelf| {
                shelf.readings_left() == 0 && shelf.is_drained() && shelf.movements().len() > 1
            })
        },
    )
}
