//! What each operation costs, whole, on a simulated DynamoDB: the README's table is what is measured here.

use std::time::Duration;

use stockline_application::deadline::Deadline;
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

/// Two stores that may stock a hundred SKUs, `sku-0` and so on, and hold none yet.
struct Stores {
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

fn within() -> Deadline {
    Deadline::within(Duration::from_secs(20))
}

fn receipts(skus: std::ops::Range<usize>) -> Vec<Value> {
    skus.map(|number| receipt(&sku(number), 100)).collect()
}

impl Stores {
    async fn open() -> Self {
        let database = SimulatedDynamoDb::new(1);
        let [orders, stock, catalog] =
            [Table::Orders, Table::Stock, Table::Catalog].map(|table| database.table(table));
        let client = database.aws().dynamodb();
        let orders = DynamoOrders::new(client.clone(), orders, stock.clone());
        let stock = DynamoStock::new(client.clone(), stock);
        let catalog = DynamoCatalog::new(client, catalog);
        for id in LOCATIONS {
            let location: Location = store(id, "Europe/Berlin", 0);
            catalog.put_location(&location, within()).await.unwrap();
        }
        for number in 0..100 {
            catalog
                .put_product(&product(&sku(number)), within())
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

    async fn answers(&self, call: CallBuilder) -> Value {
        self.clock.advance(SignedDuration::from_secs(1));
        let call = by_manager_of_both(call).build();
        self.function.handle(call).await.unwrap().body().clone()
    }

    /// What `call` costs.
    async fn bill(&self, call: CallBuilder) -> Bill {
        self.database.take_bill();
        self.answers(call).await;
        self.database.take_bill()
    }

    /// What a request of `changes` costs, of which each is `outcome`.
    async fn bill_of(&self, key: &str, outcome: &str, sent: &[Value]) -> Bill {
        self.database.take_bill();
        let answer = self.answers(changes(key, sent)).await;
        assert_eq!(outcomes(&answer), vec![outcome; sent.len()], "{answer}");
        self.database.take_bill()
    }

    /// The ledger hears of the last change of `sku-0` at `store-1`.
    async fn ledger_hears(&self) {
        let level = self.stock.find(&level()).await.unwrap().unwrap();
        let movement = level.movement_since(None).unwrap();
        self.stock.record(&movement).await.unwrap();
    }

    /// So many receipts of `sku-0` at `store-1`, each in the ledger.
    async fn receives(&self, times: usize, key: &str) {
        for number in 0..times {
            let call = changes(&format!("{key}-{number}"), &receipts(0..1));
            self.answers(call).await;
            self.ledger_hears().await;
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
fn with(kind: &str, rest: &Value) -> [Value; 1] {
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
async fn each_operation_costs_what_the_readme_says() {
    let stores = Stores::open().await;
    let mut costs = CostTable::new();
    let applied =
        async |key: &str, changes: &[Value]| stores.bill_of(key, "applied", changes).await;

    let first = applied("first", &receipts(0..1)).await;
    costs.add("a change that makes its level", &first);
    stores.ledger_hears().await;
    let ordinary = applied("receipt", &receipts(0..1)).await;
    costs.add(
        "a receipt, an arrival, an adjustment, a change of state; with `expected_version` or without",
        &ordinary,
    );
    stores.ledger_hears().await;
    let adjustment = json!({"delta": -1, "reason": "theft"});
    let adjusted = applied("adjustment", &with("adjustment", &adjustment)).await;
    stores.ledger_hears().await;
    let held = json!({"quantity": 1, "from": "sellable", "to": "on_hold"});
    let changed = applied("state", &with("state_change", &held)).await;
    stores.ledger_hears().await;
    let set = |version: u64| {
        let change = json!({"delta": 1, "reason": "found", "expected_version": version});
        with("adjustment", &change)
    };
    let compared = applied("compared", &set(4)).await;
    stores.ledger_hears().await;
    assert_eq!([&adjusted, &changed, &compared], [&ordinary; 3]);
    let late = stores.bill_of("late", "refused", &set(4)).await;
    costs.add(
        "a change that is refused: its `expected_version` has passed, its stock is short",
        &late,
    );
    let short = with("adjustment", &json!({"delta": -999, "reason": "theft"}));
    assert_eq!(stores.bill_of("short", "refused", &short).await, late);

    let count = |at: &str| with("count", &json!({"quantity": 150, "counted_at": at}));
    // A till's clock may be five minutes ahead.
    stores.clock.advance(SignedDuration::from_mins(6));
    let now = stores.clock.now().to_string();
    let counted = applied("count", &count(&now)).await;
    costs.add(
        "a count, nothing recorded since five minutes before it",
        &counted,
    );
    stores.ledger_hears().await;
    stores.clock.advance(SignedDuration::from_mins(1));
    let before = stores.clock.now().to_string();
    stores.receives(40, "before").await;
    let counted = applied("count-40", &count(&before)).await;
    costs.add("a count, 40 movements recorded since", &counted);
    stores.ledger_hears().await;

    let transfer = json!({"kind": "transfer", "from_location_id": "store-1", "to_location_id": "store-2", "sku": "sku-0",
        "quantity": 1});
    stores
        .answers(changes("there", std::slice::from_ref(&transfer)))
        .await;
    stores.ledger_hears().await;
    let moved = applied("transfer", &[transfer]).await;
    costs.add("a transfer", &moved);
    stores.ledger_hears().await;
    let arrival =
        json!({"kind": "arrival", "location_id": "store-2", "sku": "sku-0", "quantity": 1});
    assert_eq!(applied("arrival", &[arrival]).await, ordinary);
    costs.add(
        "the same request again",
        &applied("receipt", &receipts(0..1)).await,
    );

    stores.answers(changes("made", &receipts(1..100))).await;
    stores.receives(1, "another").await;
    let hundred = receipts(0..100);
    costs.add(
        "100 changes in one request",
        &applied("100", &hundred).await,
    );
    stores.ledger_hears().await;
    costs.add("all 100 again", &applied("100", &hundred).await);

    let policy = json!({"reorder_point": 5, "target_level": 20});
    let policy = || of_sku_0("PUT", POLICY).body(&policy);
    costs.add("a policy", &stores.bill(policy()).await);
    costs.add("a policy that is set already", &stores.bill(policy()).await);

    costs.add("a level", &stores.bill(of_sku_0("GET", LEVEL)).await);
    let page = call("GET", STOCK).path("location_id", "store-1");
    let page = page.query("limit", "100");
    costs.add("100 levels of a location", &stores.bill(page).await);
    let movements = || of_sku_0("GET", MOVEMENTS).query("limit", "20");
    costs.add("the first 20 movements", &stores.bill(movements()).await);
    let next = stores.answers(movements()).await["next_cursor"].clone();
    let next = movements().query("cursor", next.as_str().unwrap());
    costs.add("the next 20", &stores.bill(next).await);

    let sale = order("open", "store-1", "online", &[("sku-0", 1)]);
    let request = Fingerprint::of(&"open").unwrap();
    let placed = stores.orders.place(&sale, &request, within()).await;
    assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    stores.ledger_hears().await;
    let explained = stores.bill(of_sku_0("GET", EXPLAIN)).await;
    costs.add("why a level is what it is", &explained);
    let whereabouts = call("GET", WHEREABOUTS).path("sku", "sku-0");
    costs.add(
        "where a SKU is: 2 locations",
        &stores.bill(whereabouts).await,
    );

    costs.must_stand_in(include_str!("../../../README.md"));
}
