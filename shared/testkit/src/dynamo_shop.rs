//! The order store on DynamoDB with direct access to its levels, for the suites that need stock to sell.

use aws_sdk_dynamodb::Client;
use jiff::civil::Date;
use stockline_application::deadline::Deadline;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::order_lifecycle::CancelOutcome;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::order_search::{OrderSearch, PlacedRange};
use stockline_application::ports::orders::{
    AttachedRecordId, OpenOrders, OrderStore, OrderUpdate, OrdersToShip, PlaceOutcome, StoredOrder,
    UpdateOutcome,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::open_order::OpenOrder;
use stockline_domain::order::{FulfilOrder, Order};
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::replace_level::level_item;
use stockline_platform::keys;

use crate::conformance::orders::{StockedOrders, cancel, deadline, minute, request};
use crate::conformance::tasks::{TaskOrders, fulfil_by_hand};

/// The order store on DynamoDB, and a client that reads and writes its levels directly.
#[derive(Debug, Clone)]
pub struct DynamoShop {
    /// The store under test.
    pub orders: DynamoOrders,
    /// The client for direct access. It is not the one of the store under test.
    pub client: Client,
    /// The table of the levels.
    pub stock_table: String,
}

impl DynamoShop {
    /// Orders in `orders_table` and levels in `stock_table`. The store under test uses `store_client`.
    pub fn new(
        client: Client,
        store_client: Client,
        orders_table: String,
        stock_table: String,
    ) -> Self {
        Self {
            orders: DynamoOrders::new(store_client, orders_table, stock_table.clone()),
            client,
            stock_table,
        }
    }
}

fn key(location: &str, sku: &str) -> LevelKey {
    LevelKey {
        location_id: location.parse().unwrap(),
        sku: sku.parse().unwrap(),
    }
}

impl StockedOrders for DynamoShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        let level = Level {
            on_hand,
            version: 1,
            ..Level::empty(&key(location, sku))
        };
        self.client
            .put_item()
            .table_name(&self.stock_table)
            .set_item(Some(level_item(&level).unwrap()))
            .send()
            .await
            .unwrap();
    }

    async fn level_of(&self, location: &str, sku: &str) -> (i64, i64) {
        let found = self
            .client
            .get_item()
            .table_name(&self.stock_table)
            .set_key(Some(key_of(&keys::level(&key(location, sku)))))
            .consistent_read(true)
            .send()
            .await
            .unwrap();
        let item = found.item.unwrap();
        let read = |name: &str| item[name].as_n().unwrap().parse::<i64>().unwrap();
        assert_eq!(read("available"), read("on_hand") - read("allocated"));
        (read("on_hand"), read("allocated"))
    }
}

impl OpenOrders for DynamoShop {
    async fn open_at(
        &self,
        location: &LocationId,
        after: Option<Position>,
    ) -> Result<Listing<OpenOrder>, StoreError> {
        self.orders.open_at(location, after).await
    }

    async fn open_among(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<OpenOrder>, StoreError> {
        self.orders.open_among(ids, deadline).await
    }
}

impl OrdersToShip for DynamoShop {
    async fn to_ship_at(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        self.orders.to_ship_at(location, page, deadline).await
    }
}

impl OrderStore for DynamoShop {
    async fn place(
        &self,
        order: &Order,
        request: &Fingerprint,
        deadline: Deadline,
    ) -> Result<PlaceOutcome, StoreError> {
        self.orders.place(order, request, deadline).await
    }

    async fn find(&self, id: OrderId) -> Result<Option<StoredOrder>, StoreError> {
        self.orders.find(id).await
    }

    async fn list(
        &self,
        location: &LocationId,
        day: Date,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        self.orders.list(location, day, page).await
    }

    async fn is_unchanged(
        &self,
        known: &StoredOrder,
        record: AttachedRecordId,
        deadline: Deadline,
    ) -> Result<bool, StoreError> {
        self.orders.is_unchanged(known, record, deadline).await
    }

    async fn update(
        &self,
        before: &StoredOrder,
        advance: &OrderUpdate,
        deadline: Deadline,
    ) -> Result<UpdateOutcome, StoreError> {
        self.orders.update(before, advance, deadline).await
    }
}

impl OrderSearch for DynamoShop {
    async fn placed_on(
        &self,
        location: &LocationId,
        business_date: Date,
        placed: PlacedRange,
        page: Page,
    ) -> Result<Listing<Order>, StoreError> {
        let orders = &self.orders;
        orders
            .placed_on(location, business_date, placed, page)
            .await
    }

    async fn by_reference(
        &self,
        location: &LocationId,
        reference: &str,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Order>, StoreError> {
        let orders = &self.orders;
        orders
            .by_reference(location, reference, page, deadline)
            .await
    }

    async fn find_all(
        &self,
        ids: &[OrderId],
        deadline: Deadline,
    ) -> Result<Vec<Order>, StoreError> {
        self.orders.find_all(ids, deadline).await
    }
}

impl TaskOrders for DynamoShop {
    async fn stock(&self, location: &str, sku: &str, on_hand: i64) {
        StockedOrders::stock(self, location, sku, on_hand).await;
    }

    async fn place(&self, order: &Order) {
        let placed = self.orders.place(order, &request("a"), deadline()).await;
        assert_eq!(placed.unwrap(), PlaceOutcome::Placed);
    }

    async fn cancel(&self, id: OrderId) {
        let known = self.orders.find(id).await.unwrap().unwrap();
        let canceled = cancel(&self.orders, &known, minute(9)).await;
        assert!(matches!(canceled, Ok(CancelOutcome::Canceled(_))));
    }

    async fn fulfil_by_hand(&self, id: OrderId, request: &FulfilOrder) {
        let known = self.orders.find(id).await.unwrap().unwrap();
        fulfil_by_hand(&self.orders, &known, request).await;
    }

    async fn order(&self, id: OrderId) -> Order {
        self.orders.find(id).await.unwrap().unwrap().order
    }

    async fn level(&self, location: &str, sku: &str) -> (i64, i64) {
        self.level_of(location, sku).await
    }
}
