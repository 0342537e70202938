//! The sales reader on DynamoDB, for the conformance suite of sales.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::Client;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::export::SalesReader;
use stockline_application::store_error::StoreError;
use stockline_domain::export::late::LateDay;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Order, Refund};
use stockline_platform::dynamodb::attributes::item;
use stockline_platform::dynamodb::orders::{OrderRecord, RefundRecord};
use stockline_platform::dynamodb::sales::DynamoSales;
use stockline_platform::keys::{self, Key};

use crate::conformance::sales::StoredSales;

/// The reader under test, and a client of its own that writes the orders.
#[derive(Debug, Clone)]
pub struct DynamoStoredSales {
    reader: DynamoSales,
    client: Client,
    orders_table: String,
}

impl DynamoStoredSales {
    /// Orders in `orders_table`.
    pub fn new(client: Client, orders_table: String) -> Self {
        Self {
            reader: DynamoSales::new(client.clone(), orders_table.clone()),
            client,
            orders_table,
        }
    }

    async fn put_record<Record: Serialize>(&self, key: &Key, record: &Record) {
        self.client
            .put_item()
            .table_name(&self.orders_table)
            .set_item(Some(item(key, record).unwrap()))
            .send()
            .await
            .unwrap();
    }
}

impl SalesReader for DynamoStoredSales {
    async fn page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Order>, StoreError> {
        self.reader.page(location, business_date, after).await
    }

    async fn refunds_page(
        &self,
        location: &LocationId,
        business_date: Date,
        after: Option<Position>,
    ) -> Result<Listing<Refund>, StoreError> {
        self.reader
            .refunds_page(location, business_date, after)
            .await
    }

    async fn find_orders(&self, ids: &BTreeSet<OrderId>) -> Result<Vec<Order>, StoreError> {
        self.reader.find_orders(ids).await
    }

    async fn written_late(&self, day: Date) -> Result<BTreeSet<LateDay>, StoreError> {
        self.reader.written_late(day).await
    }
}

impl StoredSales for DynamoStoredSales {
    async fn put(&self, order: &Order) {
        self.put_record(&keys::order(order.order_id), &placed(order))
            .await;
    }

    async fn put_refund(&self, refund: &Refund) {
        let record = RefundRecord::new(refund, &Fingerprint::of(&"r").unwrap());
        let key = keys::refund(refund.order_id, refund.refund_id);
        self.put_record(&key, &record).await;
    }

    /// Writes the order as it is placed, and then as it is canceled at `at`.
    async fn put_at(&self, order: &Order, at: Timestamp) {
        let placed = placed(order);
        let canceled = placed.next(&order.cancel(at).unwrap(), at);
        for record in [placed, canceled] {
            self.put_record(&keys::order(order.order_id), &record).await;
        }
    }
}

fn placed(order: &Order) -> OrderRecord {
    OrderRecord::new(order, &Fingerprint::of(&"a").unwrap())
}
