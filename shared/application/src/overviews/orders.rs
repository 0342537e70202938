//! One order with the names of its products.

use stockline_domain::caller::{Action, Caller};
use stockline_domain::ids::OrderId;

use crate::deadline::Deadline;
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::ports::orders::{OrderStore, StoredOrder};
use crate::product_names::{ProductNames, Products};
use crate::store_error::StoreError;

/// An order with its products.
#[derive(Debug, Clone)]
pub struct OrderOverview {
    /// The order with its fulfilments and refunds.
    pub stored: StoredOrder,
    /// The known products of its lines.
    pub products: Products,
}

/// Reads the order `id`, strongly consistent. Returns `None` if it does not exist or belongs to another location than the
/// caller's.
pub async fn read_order<Orders, Catalog, Time>(
    orders: &Orders,
    products: &ProductNames<Catalog, Time>,
    (caller, id): (&Caller, OrderId),
    deadline: Deadline,
) -> Result<Option<OrderOverview>, StoreError>
where
    Orders: OrderStore,
    Catalog: ProductReader,
    Time: Clock,
{
    let Some(stored) = orders.find(id).await? else {
        return Ok(None);
    };
    let location = &stored.order.location_id;
    if caller.may_at(Action::ReadOrders, location).is_err() {
        return Ok(None);
    }
    let skus: Vec<_> = stored.order.lines.iter().map(|line| &line.sku).collect();
    let products = products.find_all(skus, deadline).await?;
    Ok(Some(OrderOverview { stored, products }))
}
