//! A shop on DynamoDB for the audit suite, with faults written directly into its tables.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::ports::stock::{Ledger, StockStore};
use stockline_platform::dynamodb::attributes::{key_of, number};
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys::{self, Key};

use crate::conformance::audit::{AuditedShop, DataFault};
use crate::conformance::stock::key;

/// The order store and the stock store of one shop, and a client of its own that writes the faults.
#[derive(Debug, Clone)]
pub struct DynamoAuditedShop {
    orders: DynamoOrders,
    stock: DynamoStock,
    client: Client,
    orders_table: String,
    stock_table: String,
}

impl DynamoAuditedShop {
    /// Orders in `orders_table` and stock in `stock_table`.
    pub fn new(client: Client, orders_table: String, stock_table: String) -> Self {
        Self {
            orders: DynamoOrders::new(client.clone(), orders_table.clone(), stock_table.clone()),
            stock: DynamoStock::new(client.clone(), stock_table.clone()),
            client,
            orders_table,
            stock_table,
        }
    }

    /// Sets the attribute `name` of an item, which exists.
    async fn set_attribute(&self, table: &str, key: &Key, name: &str, value: AttributeValue) {
        self.client
            .update_item()
            .table_name(table)
            .set_key(Some(key_of(key)))
            .update_expression("SET #name = :value")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
            .await
            .unwrap();
    }
}

impl AuditedShop for DynamoAuditedShop {
    type Stock = DynamoStock;
    type Orders = DynamoOrders;

    fn stock(&self) -> &DynamoStock {
        &self.stock
    }

    fn orders(&self) -> &DynamoOrders {
        &self.orders
    }

    async fn record_last_movement(&self, location: &str) {
        let level = self
            .stock
            .find(&key(location, "milk"))
            .await
            .unwrap()
            .unwrap();
        let movement = level.movement_since(None).unwrap();
        self.stock.record(&movement).await.unwrap();
    }

    async fn inject(&self, location: &str, fault: DataFault) {
        let milk = key(location, "milk");
        match fault {
            DataFault::LevelAttribute(name, quantity) => {
                let level = keys::level(&milk);
                self.set_attribute(&self.stock_table, &level, name, number(quantity))
                    .await;
            }
            DataFault::MissingMovement(version) => {
                let movement = keys::movement(&milk, 0, version);
                self.client
                    .delete_item()
                    .table_name(&self.stock_table)
                    .set_key(Some(key_of(&movement)))
                    .condition_expression("attribute_exists(pk)")
                    .send()
                    .await
                    .unwrap();
            }
            DataFault::MovementDelta(version, delta) => {
                let movement = keys::movement(&milk, 0, version);
                self.set_attribute(&self.stock_table, &movement, "on_hand_delta", number(delta))
                    .await;
            }
            DataFault::CanceledQuantity(id, quantity) => {
                self.client
                    .update_item()
                    .table_name(&self.orders_table)
                    .set_key(Some(key_of(&keys::order(id))))
                    // `c` is the canceled quantity of a stored line.
                    .update_expression("SET #lines[0].c = :quantity")
                    .expression_attribute_names("#lines", "lines")
                    .expression_attribute_values(":quantity", number(quantity))
                    .send()
                    .await
                    .unwrap();
            }
        }
    }
}
