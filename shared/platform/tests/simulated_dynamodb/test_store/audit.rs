//! What an audit finds in the store, and what happens to its stock behind the ledger's back.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use stockline_domain::audit::mend;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_platform::ports::books::{Bookkeeper, Mended};
use stockline_platform::stock_audit::{Finding, Patience, StockAudit};
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{deadline, minute};

use super::{Store, milk};

impl Store {
    pub fn audit(&self, now: &str) -> StockAudit<DynamoStock, DynamoOrders, FakeClock> {
        StockAudit {
            books: self.stock.clone(),
            orders: self.shop.orders.clone(),
            clock: FakeClock::at(now),
            patience: Patience {
                ledger: SignedDuration::from_hours(6),
                between_looks: Duration::from_secs(2),
                until_undecided: Duration::from_secs(15),
            },
        }
    }

    pub async fn findings(&self, now: &str) -> Vec<Finding> {
        let audit = self.audit(now);
        let location = milk().location_id;
        let held = audit.held_at(&location).await.unwrap();
        audit.page(&location, &held, None).await.unwrap().findings
    }

    /// What `cargo xtask repair --apply` does.
    pub async fn repair(&self) {
        for finding in self.findings("2026-03-02T12:00:00Z").await {
            assert!(finding.confirmed);
            for mend in mend(&finding.books, minute(24 * 60)) {
                let mended = self.stock.mend(&mend, deadline()).await.unwrap();
                assert_eq!(mended, Mended::Done);
            }
        }
        assert_eq!(self.findings("2026-03-02T12:01:00Z").await, []);
    }

    /// Promises seven that nobody ordered.
    pub async fn promise_seven_to_nobody(&self) {
        self.alter_first_item(
            "SET allocated = allocated + :by, available = available - :by",
            7,
        )
        .await;
    }

    /// Loses so many of what the level's first item holds.
    pub async fn lose(&self, quantity: i64) {
        self.alter_first_item("ADD on_hand :by, available :by", -quantity)
            .await;
    }

    async fn alter_first_item(&self, how: &str, by: i64) {
        let alter = self.shop.client.update_item();
        alter
            .table_name(&self.shop.stock_table)
            .set_key(Some(key_of(&keys::level(&milk()))))
            .update_expression(how)
            .expression_attribute_values(":by", AttributeValue::N(by.to_string()))
            .send()
            .await
            .unwrap();
    }
}
