//! The replenishment orders of a location with the names of their products.

use stockline_domain::ids::LocationId;
use stockline_domain::replenishment::{ReplenishmentOrder, ReplenishmentState};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::ports::replenishment::ReplenishmentStore;
use crate::product_names::{ProductNames, Products};
use crate::store_error::StoreError;

/// A page of replenishment orders.
#[derive(Debug, Clone)]
pub struct ReplenishmentOverview {
    /// The orders of one state, oldest first.
    pub orders: Listing<ReplenishmentOrder>,
    /// Their known products.
    pub products: Products,
}

/// Lists the orders of `location` in `state`. A write may be missing from the list for a moment.
pub async fn list_replenishment<Store, Catalog, Time>(
    store: &Store,
    products: &ProductNames<Catalog, Time>,
    (location, state): (&LocationId, ReplenishmentState),
    page: Page,
    deadline: Deadline,
) -> Result<ReplenishmentOverview, StoreError>
where
    Store: ReplenishmentStore,
    Catalog: ProductReader,
    Time: Clock,
{
    let orders = store.list_orders(location, Some(state), page).await?;
    let skus: Vec<_> = orders.items.iter().map(|order| &order.sku).collect();
    let products = products.find_all(skus, deadline).await?;
    Ok(ReplenishmentOverview { orders, products })
}
