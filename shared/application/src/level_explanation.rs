//! Explains the available quantity of a SKU at a location by its movements and open orders.

use stockline_domain::explanation::{
    Explanation, HoldingOrders, LevelHistory, MAX_ORDERS, explain, orders_in_movements,
    total_allocated,
};
use stockline_domain::ids::OrderId;
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::open_order::OpenOrder;

use crate::deadline::Deadline;
use crate::ports::orders::OpenOrders;
use crate::ports::stock::LevelReader;
use crate::ports::stock_lookup::StockLookup;
use crate::store_error::StoreError;

/// The most pages of a location's open orders that are read: 1 MB each, about 5,000 orders in all.
const MAX_PAGES: usize = 5;

/// Attempts to read a consistent state. The index of open orders lags behind the levels, so a first read can disagree.
const MAX_ATTEMPTS: u32 = 3;

/// A level and the explanation of its quantities.
#[derive(Debug, Clone)]
pub struct ExplainedLevel {
    /// The level.
    pub level: Level,
    /// The explanation.
    pub explanation: Explanation,
}

/// Explains the level `key`. Returns `None` if it does not exist.
///
/// Orders change the level meanwhile, so an explanation with a difference is read again, up to three times.
pub async fn explain_level<Stock, Orders>(
    stock: &Stock,
    orders: &Orders,
    key: &LevelKey,
    deadline: Deadline,
) -> Result<Option<ExplainedLevel>, StoreError>
where
    Stock: LevelReader + StockLookup,
    Orders: OpenOrders,
{
    let mut attempt = 1;
    loop {
        let Some(level) = stock.read_level(key).await? else {
            return Ok(None);
        };
        let histories = stock.history(key, deadline).await?;
        let mut read = indexed_holders(orders, key).await?;
        let is_level_unchanged = version(&histories) == level.version;
        let agrees = read.holders.open_quantity == total_allocated(&histories);
        if read.holders.is_complete && !agrees && is_level_unchanged {
            read = current_holders(orders, key, &read, &histories, deadline).await?;
            let now = stock.read_level(key).await?;
            read.holders.is_consistent = now.is_some_and(|now| now.version == level.version);
        }
        let explanation = explain(&histories, read.holders);
        let is_settled = explanation.differences.is_empty()
            && explanation.ledger_complete
            && (explanation.orders_compared || explanation.holders.open_quantity.is_none())
            && is_level_unchanged;
        if is_settled || attempt == MAX_ATTEMPTS || !deadline.back_off(attempt).await {
            return Ok(Some(ExplainedLevel { level, explanation }));
        }
        attempt += 1;
    }
}

/// The version of the level: the sum over its buckets.
fn version(histories: &[LevelHistory]) -> u64 {
    let levels = histories.iter().map(|history| &history.level);
    levels.map(|level| level.version).sum()
}

/// The open orders that hold `key`, from the eventually consistent index.
async fn indexed_holders<Orders: OpenOrders>(
    orders: &Orders,
    key: &LevelKey,
) -> Result<HoldersRead, StoreError> {
    let (mut read, mut after) = (HoldersRead::default(), None);
    for _ in 0..MAX_PAGES {
        let page = orders.open_at(&key.location_id, after).await?;
        for order in page.items {
            read.add(order, key);
        }
        after = page.next;
        if after.is_none() {
            read.holders.is_complete = true;
            return Ok(read);
        }
    }
    read.holders.has_more = true;
    Ok(read)
}

/// The open orders that hold `key`, each read consistently by its id. The ids come from the index and from the movements of
/// `histories`, because the index can miss recent orders.
async fn current_holders<Orders: OpenOrders>(
    orders: &Orders,
    key: &LevelKey,
    indexed: &HoldersRead,
    histories: &[LevelHistory],
    deadline: Deadline,
) -> Result<HoldersRead, StoreError> {
    let mut ids = orders_in_movements(histories);
    ids.extend(&indexed.ids);
    let ids: Vec<OrderId> = ids.into_iter().collect();
    let mut open = orders.open_among(&ids, deadline).await?;
    open.sort_by_key(|order| std::cmp::Reverse((order.placed_at, order.order_id)));
    let mut read = HoldersRead::default();
    for order in open {
        read.add(order, key);
    }
    read.holders.is_complete = true;
    Ok(read)
}

/// The orders that hold a SKU. `holders` names at most [`MAX_ORDERS`]; `ids` has all of them.
#[derive(Default)]
struct HoldersRead {
    holders: HoldingOrders,
    ids: Vec<OrderId>,
}

impl HoldersRead {
    fn add(&mut self, order: OpenOrder, key: &LevelKey) {
        let Some(order) = order.only(&key.sku) else {
            return;
        };
        self.ids.push(order.order_id);
        let holders = &mut self.holders;
        holders.open_quantity += order.quantity_of(&key.sku);
        if holders.orders.len() < MAX_ORDERS {
            holders.orders.push(order);
        } else {
            holders.has_more = true;
        }
    }
}
