//! Audits of the test store, and changes of its stock that the ledger does not record.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::SignedDuration;
use stockline_application::ports::audit_data::{RepairOutcome, StockRepairer};
use stockline_application::stock_audit::{AuditTiming, Finding, StockAudit};
use stockline_domain::audit::repair;
use stockline_platform::dynamodb::attributes::key_of;
use stockline_platform::dynamodb::orders::DynamoOrders;
use stockline_platform::dynamodb::stock::DynamoStock;
use stockline_platform::keys;
use stockline_testkit::clock::FakeClock;
use stockline_testkit::conformance::orders::{deadline, minute};

use super::{TestStore, milk_key};

impl TestStore {
    pub fn audit(&self, now: &str) -> StockAudit<DynamoStock, DynamoOrders, FakeClock> {
        StockAudit {
            stock: self.stock.clone(),
            orders: self.shop.orders.clone(),
            clock: FakeClock::at(now),
            timing: AuditTiming {
                ledger_patience: SignedDuration::from_hours(6),
                observation_interval: Duration::from_secs(2),
                decision_timeout: Duration::from_secs(15),
            },
        }
    }

    pub async fn findings(&self, now: &str) -> Vec<Finding> {
        let audit = self.audit(now);
        let location = milk_key().location_id;
        let open = audit.open_quantities(&location).await.unwrap();
        audit
            .audit_page(&location, &open, None)
            .await
            .unwrap()
            .findings
    }

    /// Repairs all findings, like `cargo xtask repair --apply`, and checks that a second audit has none.
    pub async fn repair(&self) {
        for finding in self.findings("2026-03-02T12:00:00Z").await {
            assert!(finding.confirmed);
            for repair in repair(&finding.data, minute(24 * 60)) {
                let result = self.stock.repair(&repair, deadline()).await.unwrap();
                assert_eq!(result, RepairOutcome::Repaired);
            }
        }
        assert_eq!(self.findings("2026-03-02T12:01:00Z").await, []);
    }

    /// Allocates seven units without an order.
    pub async fn allocate_seven_without_order(&self) {
        self.update_first_bucket(
            "SET allocated = allocated + :by, available = available - :by",
            7,
        )
        .await;
    }

    /// Changes `on_hand` of the level's first bucket by `delta` without a movement.
    pub async fn adjust_without_movement(&self, delta: i64) {
        self.update_first_bucket("ADD on_hand :by, available :by", delta)
            .await;
    }

    async fn update_first_bucket(&self, expression: &str, delta: i64) {
        let update = self.shop.client.update_item();
        update
            .table_name(&self.shop.stock_table)
            .set_key(Some(key_of(&keys::level(&milk_key()))))
            .update_expression(expression)
            .expression_attribute_values(":by", AttributeValue::N(delta.to_string()))
            .send()
            .await
            .unwrap();
    }
}
