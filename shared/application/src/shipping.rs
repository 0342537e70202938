//! Lists what is to be shipped, and weighs orders.

use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::order::Order;
use stockline_domain::shipping::{OpenShipment, OrderWeight};

use crate::deadline::Deadline;
use crate::location_cache::LocationCache;
use crate::paging::{Listing, Page};
use crate::ports::catalog::{CatalogStore, ProductReader};
use crate::ports::clock::Clock;
use crate::ports::orders::OrdersToShip;
use crate::product_cache::ProductCache;
use crate::store_error::StoreError;

/// What the function knows of the catalog, cached.
#[derive(Debug)]
pub struct ShippingCatalog<Catalog, Time> {
    /// The locations.
    pub locations: LocationCache<Catalog, Time>,
    /// The weights of the products.
    pub products: ProductCache<Catalog, Time>,
}

/// Lists the orders with open quantities at `location`, oldest first. Returns `None` if the location does not exist.
pub async fn open_shipments<Orders, Catalog, Time>(
    orders: &Orders,
    catalog: &ShippingCatalog<Catalog, Time>,
    location: &LocationId,
    page: Page,
    deadline: Deadline,
) -> Result<Option<Listing<OpenShipment>>, StoreError>
where
    Orders: OrdersToShip,
    Catalog: CatalogStore + ProductReader,
    Time: Clock,
{
    let Listing { items, next } = orders.to_ship_at(location, page, deadline).await?;
    if items.is_empty() && catalog.locations.find(location).await?.is_none() {
        return Ok(None);
    }
    let skus = items.iter().flat_map(open_skus);
    let known = catalog.products.measures(skus, deadline).await?;
    let shipments = items.iter();
    Ok(Some(Listing {
        items: shipments
            .filter_map(|order| OpenShipment::of(order, &known))
            .collect(),
        next,
    }))
}

/// Weighs `order`, by line and in total.
pub async fn weigh_order<Catalog: ProductReader, Time: Clock>(
    order: &Order,
    catalog: &ShippingCatalog<Catalog, Time>,
    deadline: Deadline,
) -> Result<OrderWeight, StoreError> {
    let skus = order.lines.iter().map(|line| &line.sku);
    let known = catalog.products.measures(skus, deadline).await?;
    Ok(OrderWeight::of(order, &known))
}

fn open_skus(order: &Order) -> impl Iterator<Item = &Sku> {
    let open = order.lines.iter().filter(|line| line.open_quantity() > 0);
    open.map(|line| &line.sku)
}
