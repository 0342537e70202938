//! Measures the DynamoDB cost of each operation and compares it with the table in README.md.

use std::time::Duration;

use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::catalog::CatalogStore;
use stockline_application::ports::orders::{OrderStore, PlaceOutcome};
use stockline_application::ports::stock::Ledger;
use stockline_domain::catalog::Location;
use stockline_platform::dynamodb::catalog::DynamoCatalog;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_testkit::cloud::Table;
use stockline_testkit::orders::order;
use stockline_testkit::simulated_dynamodb::{Bill, CostTable, SimulatedDynamoDb};

use super::*;

/// Two stores and a catalog of `sku-0` to `sku-99`; no level exists.
struct Fixture {
    database: SimulatedDynamoDb,
    stock: DynamoStock,
    orders: DynamoOrders,
    clock: FakeClock,
    function: StockUpdates<DynamoStock, DynamoOrders, DynamoCatalog, FakeClock>,
}

const LOCATIONS: [&str; 2] = ["store-1", "store-2"];

fn sku(number: usize) -> String {
    format!("sku-{number}")
}

fn deadline() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

fn receipts(skus: std::ops::Range<usize>) -> Vec<Value> {
    skus.map(|number| receipt(&sku(number), 100)).collect()
}

impl Fixture {
    async fn new() -> Self {
        let database = SimulatedDynamoDb::new(1);
        let [orders, stock, catalog] =
            [Table::Orders, Table::Stock, Table::Catalog].map(|table| database.create_table(table));
        let client = database.aws().dynamodb();
        let orders = DynamoOrders::new(client.clone(), orders, stock.clone());
        let stock = DynamoStock::new(client.clone(), stock);
        let catalog = DynamoCatalog::new(client, catalog);
        for id in LOCATIONS {
            let location: Location = store(id, "Europe/Berlin", 0);
            catalog.put_location(&location, deadline()).await.unwrap();
        }
        for number in 0..100 {
            catalog
                .put_product(&product(&sku(number)), deadline())
                .await
                .unwrap();
        }
        let clock = FakeClock::at("2026-03-01T12:00:00Z");
        let function = StockUpdates::new(
            stock.clone(),
            orders.clone(),
            catalog,
            clock.clone(),
            CursorKey::new("secret"),
        );
        Self {
            database,
            stock,
            orders,
            clock,
            function,
        }
    }

    async fn send(&self, call: CallBuilder) -> Value {
        self.clock.advance(SignedDuration::from_secs(1));
        let call = by_manager_of_both(call).build();
        self.function.handle(call).await.unwrap().body().clone()
    }

    /// The cost of `call`.
    async fn bill(&self, call: CallBuilder) -> Bill {
        self.database.take_bill();
        self.send(call).await;
        self.database.take_bill()
    }

    /// The cost of a request whose changes all have this `outcome`.
    async fn bill_of(&self, key: &str, outcome: &str, sent: &[Value]) -> Bill {
        self.database.take_bill();
        let answer = self.send(changes(key, sent)).await;
        assert_eq!(outcomes(&answer), vec![outcome; sent.len()], "{answer}");
        self.database.take_bill()
    }

    /// Records the last movement of `sku-0` at `store-1`, as `stock-ledger` does.
    async fn record_movement(&self) {
        let level = self.stock.find(&level()).await.unwrap().unwrap();
        let movement = level.movement_since(None).unwrap();
        self.stock.record(&movement).await.unwrap();
    }

    /// Receives `sku-0` at `store-1` this many times and records each movement.
    async fn receive(&self, times: usize, key: &str) {
        for number in 0..times {
            let call = changes(&format!("{key}-{number}"), &receipts(0..1));
            self.send(call).await;
            self.record_movement().await;
        }
    }
}

fn level() -> LevelKey {
    LevelKey {
        location_id: LOCATIONS[0].parse().unwrap(),
        sku: sku(0).parse().unwrap(),
    }
}

/// A change of `sku-0` at `store-1`.
fn change_of_sku_0(kind: &str, rest: &Value) -> [Value; 1] {
    let mut change = json!({"kind": kind, "location_id": "store-1", "sku": "sku-0"});
    change
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    [change]
}

fn of_sku_0(method: &'static str, resource: &'static str) -> CallBuilder {
    call(method, resource)
        .path("location_id", "store-1")
        .path("sku", "sku-0")
}

#[tokio::test(start_paused = true)]
async fn operation_costs_match_readme() {
    let stores = Fixture::new().await;
    let mut costs = CostTable::new();
    let applied =
        async |key: &str, changes: &[Value]| stores.bill_of(key, "applied", changes).await;

    let first = applied("first", &receipts(0..1)).await;
    costs.add("a change that creates its level", &first);
    stores.record_movement().await;
    let ordinary = applied("receipt", &receipts(0..1)).await;
    costs.add(
        "a receipt, arrival, adjustment or state change, with or without `expected_version`",
        &ordinary,
    );
    stores.record_movement().await;
    let adjustment = json!({"delta": -1, "reason": "theft"});
    let adjusted = applied("adjustment", &change_of_sku_0("adjustment", &adjustment)).await;
    stores.record_movement().await;
    let held = json!({"quantity": 1, "from": "sellable", "to": "on_hold"});
    let changed = applied("state", &change_of_sku_0("state_change", &held)).await;
    stores.record_movement().await;
    let set = |version: u64| {
        let change = json!({"delta": 1, "reason": "found", "expected_version": version});
        change_of_sku_0("adjustment", &change)
    };
    let compared = applied("compared", &set(4)).await;
    stores.record_movement().await;
    assert_eq!([&adjusted, &changed, &compared], [&ordinary; 3]);
    let refused = stores.bill_of("outdated", "refused", &set(4)).await;
    costs.add(
        "a refused change: `expected_version` differs or stock is insufficient",
        &refused,
    );
    let short = change_of_sku_0("adjustment", &json!({"delta": -999, "reason": "theft"}));
    assert_eq!(stores.bill_of("short", "refused", &short).await, refused);

    let count = |at: &str| change_of_sku_0("count", &json!({"quantity": 150, "counted_at": at}));
    // A device clock may be five minutes ahead, so a count reads back five minutes further.
    stores.clock.advance(SignedDuration::from_mins(6));
    let now = stores.clock.now().to_string();
    let counted = applied("count", &count(&now)).await;
    costs.add(
        "a count, no movement recorded since 5 minutes before it",
        &counted,
    );
    stores.record_movement().await;
    stores.clock.advance(SignedDuration::from_mins(1));
    let before = stores.clock.now().to_string();
    stores.receive(40, "before").await;
    let counted = applied("count-40", &count(&before)).await;
    costs.add("a count, 40 movements recorded since then", &counted);
    stores.record_movement().await;

    let transfer = json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2", "sku": "sku-0",
        "quantity": 1});
    stores
        .send(changes("there", std::slice::from_ref(&transfer)))
        .await;
    stores.record_movement().await;
    let moved = applied("transfer", &[transfer]).await;
    costs.add("a transfer", &moved);
    stores.record_movement().await;
    let arrival =
        json!({"kind": "arrival", "location_id": "store-2", "sku": "sku-0", "quantity": 1});
    assert_eq!(applied("arrival", &[arrival]).await, ordinary);
    costs.add(
        "a replayed request",
        &applied("receipt", &receipts(0..1)).await,
    );

    stores.send(changes("made", &receipts(1..100))).await;
    stores.receive(1, "another").await;
    let hundred = receipts(0..100);
    costs.add(
        "100 changes in one request",
        &applied("100", &hundred).await,
    );
    stores.record_movement().await;
    costs.add(
        "a replayed request of 100 changes",
        &applied("100", &hundred).await,
    );

    let policy = json!({"reorder_point": 5, "target_level": 20});
    let policy = || of_sku_0("PUT", POLICY).body(&policy);
    costs.add("a policy change", &stores.bill(policy()).await);
    costs.add("an unchanged policy", &stores.bill(policy()).await);

    add_costs_of_reads(&stores, &mut costs).await;

    let sale = order("open", "store-1", "online", &[("sku-0", 1)]);
    let request = Fingerprint::of(&"open").unwrap();
    let placed = stores.orders.place(&sale, &request, deadline()).await;
    assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    stores.record_movement().await;
    let explained = stores.bill(of_sku_0("GET", EXPLAIN)).await;
    costs.add("explain a level", &explained);
    let lookup = call("GET", STOCK_LOOKUP).path("sku", "sku-0");
    costs.add("look up a SKU at 2 locations", &stores.bill(lookup).await);

    costs.assert_in_readme(include_str!("../../../README.md"));
}

async fn add_costs_of_reads(stores: &Fixture, costs: &mut CostTable) {
    costs.add("read a level", &stores.bill(of_sku_0("GET", LEVEL)).await);
    let page = call("GET", STOCK).path("location_id", "store-1");
    let page = page.query("limit", "100");
    costs.add("list 100 levels of a location", &stores.bill(page).await);
    let movements = || of_sku_0("GET", MOVEMENTS).query("limit", "20");
    costs.add(
        "list the first 20 movements",
        &stores.bill(movements()).await,
    );
    let next = stores.send(movements()).await["next_cursor"].clone();
    let next = movements().query("cursor", next.as_str().unwrap());
    costs.add("list the next 20 movements", &stores.bill(next).await);
}
