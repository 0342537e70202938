//! The in-memory stores conform.

use super::split_levels::Shop;
use super::tasks::Warehouse;
use crate::conformance_tests;
use crate::memory::alerts::MemoryAlerts;
use crate::memory::audit_data::MemoryAuditRecords;
use crate::memory::catalog::MemoryCatalog;
use crate::memory::export::MemoryBucket;
use crate::memory::sales_tally::MemoryTally;
use crate::memory::shop::MemoryShop;
use crate::memory::tasks::MemoryTasks;
use crate::memory::users::MemoryUsers;

conformance_tests!(orders, memory, [MemoryShop::default()]);
conformance_tests!(cancellations, memory, [MemoryShop::default()]);
conformance_tests!(refunds, memory, [MemoryShop::default()]);
conformance_tests!(order_search, memory, [MemoryShop::default()]);
conformance_tests!(fulfilments, memory, [MemoryShop::default()]);
conformance_tests!(max_skus, memory, [MemoryShop::default()]);
conformance_tests!(split_levels, memory, [order_and_stock_store()]);
conformance_tests!(max_skus_split_levels, memory, [order_and_stock_store()]);
conformance_tests!(stock, memory, [MemoryShop::default()]);
conformance_tests!(stock_lookup, memory, [MemoryShop::default()]);
conformance_tests!(alerts, memory, [MemoryAlerts::default()]);
conformance_tests!(replenishment, memory, [MemoryShop::default()]);
conformance_tests!(tasks, memory, [warehouse()]);
conformance_tests!(audit, memory, [MemoryShop::default()]);
conformance_tests!(audit_records, memory, [MemoryAuditRecords::default()]);
conformance_tests!(catalog, memory, [MemoryCatalog::default()]);
conformance_tests!(users, memory, [MemoryUsers::default()]);
conformance_tests!(sales, memory, [MemoryShop::default()]);
conformance_tests!(sales_tally, memory, [MemoryTally::default()]);
conformance_tests!(export_bucket, memory, [MemoryBucket::default()]);

fn order_and_stock_store() -> Shop<MemoryShop, MemoryShop> {
    let shop = MemoryShop::default();
    Shop {
        orders: shop.clone(),
        stock: shop,
    }
}

fn warehouse() -> Warehouse<MemoryTasks, MemoryTasks, MemoryShop> {
    let orders = MemoryShop::default();
    let tasks = MemoryTasks::over(orders.clone());
    Warehouse {
        tasks: tasks.clone(),
        completions: tasks,
        orders,
    }
}
