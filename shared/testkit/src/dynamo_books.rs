//! The books on DynamoDB, and what goes wrong with them behind the back of the stores.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use stockline_application::ports::stock::{Ledger, StockStore};
use stockline_platform::dynamodb::attributes::{key_of, number};
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys::{self, Key};

use crate::conformance::books::{Fault, Spoilt};
use crate::conformance::stock::key;

/// A shop on DynamoDB whose books can be spoilt.
#[derive(Debug, Clone)]
pub struct DynamoBooks {
    orders: DynamoOrders,
    stock: DynamoStock,
    client: Client,
    orders_table: String,
    stock_table: String,
}

impl DynamoBooks {
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

    async fn set(&self, table: &str, key: &Key, name: &str, value: AttributeValue) {
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

impl Spoilt for DynamoBooks {
    type Stock = DynamoStock;
    type Orders = DynamoOrders;

    fn stock(&self) -> &DynamoStock {
        &self.stock
    }

    fn orders(&self) -> &DynamoOrders {
        &self.orders
    }

    async fn tell(&self, location: &str) {
        let level = self
            .stock
            .find(&key(location, "milk"))
            .await
            .unwrap()
            .unwrap();
        let movement = level.movement_since(None).unwrap();
        self.stock.record(&movement).await.unwrap();
    }

    async fn plant(&self, location: &str, fault: Fault) {
        let milk = key(location, "milk");
        match fault {
            Fault::Level(name, quantity) => {
                let level = keys::level(&milk);
                self.set(&self.stock_table, &level, name, number(quantity))
                    .await;
            }
            Fault::Deleted(version) => {
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
            Fault::Altered(version, delta) => {
                let movement = keys::movement(&milk, 0, version);
                self.set(&self.stock_table, &movement, "on_hand_delta", number(delta))
                    .await;
            }
            Fault::Canceled(id, quantity) => {
                self.client
                    .update_item()
                    .table_name(&self.orders_table)
                    .set_key(Some(key_of(&keys::order(id))))
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
