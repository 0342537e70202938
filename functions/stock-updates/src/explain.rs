//! Why the available quantity of a SKU at a location is what it is.

use serde::Serialize;
use stockline_application::deadline::Deadline;
use stockline_application::ports::orders::OpenOrders;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::store_error::StoreError;
use stockline_domain::explanation::{
    Explanation, History, Holders, MAX_ORDERS, allocated, explain, orders_named,
};
use stockline_domain::ids::OrderId;
use stockline_domain::level::LevelKey;
use stockline_domain::open_order::OpenOrder;

use crate::views::LevelView;

/// The most pages of a location's open orders that are read: some five thousand orders.
const MAX_PAGES: usize = 5;

/// So often is looked again where something does not add up: an order may be between the level and the index.
const LOOKS: u32 = 3;

/// A level, and why it is what it is.
#[derive(Debug, Serialize)]
pub struct ExplainedLevel {
    level: LevelView,
    #[serde(flatten)]
    explanation: Explanation,
}

/// The level `key` and why it is what it is; none where there is none.
pub async fn explain_level<S, O>(
    stock: &S,
    orders: &O,
    key: &LevelKey,
    deadline: Deadline,
) -> Result<Option<ExplainedLevel>, StoreError>
where
    S: StockStore + StockLookup,
    O: OpenOrders,
{
    let mut looks = 1;
    loop {
        let Some(level) = stock.find(key).await? else {
            return Ok(None);
        };
        let histories = stock.history(key, deadline).await?;
        let mut read = holders_of(orders, key).await?;
        let is_read_as_found = version(&histories) == level.version;
        let agrees = read.holders.open == allocated(&histories);
        if read.holders.all_read && !agrees && is_read_as_found {
            read = as_they_are(orders, key, &read, &histories, deadline).await?;
            let now = stock.find(key).await?;
            read.holders.of_one_moment = now.is_some_and(|now| now.version == level.version);
        }
        let explanation = explain(&histories, read.holders);
        let settled = explanation.differences.is_empty()
            && explanation.ledger_complete
            && (explanation.orders_compared || explanation.holders.open_quantity.is_none())
            && is_read_as_found;
        if settled || looks == LOOKS || !deadline.back_off(looks).await {
            return Ok(Some(ExplainedLevel {
                level: level.into(),
                explanation,
            }));
        }
        looks += 1;
    }
}

/// The version of the whole level of `histories`.
fn version(histories: &[History]) -> u64 {
    let levels = histories.iter().map(|history| &history.level);
    levels.map(|level| level.version).sum()
}

/// All open orders that hold `key`, as the index shows them.
async fn holders_of<O: OpenOrders>(orders: &O, key: &LevelKey) -> Result<Read, StoreError> {
    let (mut read, mut after) = (Read::default(), None);
    for _ in 0..MAX_PAGES {
        let page = orders.open_at(&key.location_id, after).await?;
        for order in page.items {
            read.take(order, key);
        }
        after = page.next;
        if after.is_none() {
            read.holders.all_read = true;
            return Ok(read);
        }
    }
    read.holders.more = true;
    Ok(read)
}

/// Those that `indexed` names and those that the movements of `histories` name, each as it is now: an index lags behind.
async fn as_they_are<O: OpenOrders>(
    orders: &O,
    key: &LevelKey,
    indexed: &Read,
    histories: &[History],
    deadline: Deadline,
) -> Result<Read, StoreError> {
    let mut ids = orders_named(histories);
    ids.extend(&indexed.ids);
    let ids: Vec<OrderId> = ids.into_iter().collect();
    let mut open = orders.open_among(&ids, deadline).await?;
    open.sort_by_key(|order| std::cmp::Reverse((order.placed_at, order.order_id)));
    let mut read = Read::default();
    for order in open {
        read.take(order, key);
    }
    read.holders.all_read = true;
    Ok(read)
}

/// Orders that hold a SKU, and the ids of all of them.
#[derive(Default)]
struct Read {
    holders: Holders,
    ids: Vec<OrderId>,
}

impl Read {
    fn take(&mut self, order: OpenOrder, key: &LevelKey) {
        let Some(order) = order.only(&key.sku) else {
            return;
        };
        self.ids.push(order.order_id);
        let holders = &mut self.holders;
        holders.open += order.quantity_of(&key.sku);
        if holders.orders.len() < MAX_ORDERS {
            holders.orders.push(order);
        } else {
            holders.more = true;
        }
    }
}

#[cfg(test)]
mod tests;
