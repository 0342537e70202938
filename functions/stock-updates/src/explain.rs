//! Why the available quantity of a SKU at a location is what it is.

use serde::Serialize;
use stockline_domain::explanation::{Explanation, Holders, MAX_ORDERS, explain};
use stockline_domain::level::{Level, LevelKey};
use stockline_platform::deadline::Deadline;
use stockline_platform::ports::orders::OpenOrders;
use stockline_platform::ports::stock::StockStore;
use stockline_platform::ports::whereabouts::Whereabouts;
use stockline_platform::store_error::StoreError;

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
    S: StockStore + Whereabouts,
    O: OpenOrders,
{
    let mut looks = 1;
    loop {
        let Some(level) = stock.find(key).await? else {
            return Ok(None);
        };
        let histories = stock.history(key, deadline).await?;
        let holders = holders_of(orders, key).await?;
        let explanation = explain(&histories, holders);
        let read: i64 = histories
            .iter()
            .map(|history| version(&history.level))
            .sum();
        let settled = explanation.differences.is_empty()
            && explanation.ledger_complete
            && read == version(&level);
        if settled || looks == LOOKS || !deadline.back_off(looks).await {
            return Ok(Some(ExplainedLevel {
                level: level.into(),
                explanation,
            }));
        }
        looks += 1;
    }
}

fn version(level: &Level) -> i64 {
    i64::try_from(level.version).unwrap_or(i64::MAX)
}

async fn holders_of<O: OpenOrders>(orders: &O, key: &LevelKey) -> Result<Holders, StoreError> {
    let (mut holders, mut after) = (Holders::default(), None);
    for _ in 0..MAX_PAGES {
        let page = orders.open_at(&key.location_id, after).await?;
        for order in page.items {
            let Some(order) = order.only(&key.sku) else {
                continue;
            };
            holders.open += order.quantity_of(&key.sku);
            if holders.orders.len() < MAX_ORDERS {
                holders.orders.push(order);
            } else {
                holders.more = true;
            }
        }
        after = page.next;
        if after.is_none() {
            holders.all_read = true;
            return Ok(holders);
        }
    }
    holders.more = true;
    Ok(holders)
}
