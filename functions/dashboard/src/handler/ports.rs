//! The ports that the pages need, and their implementations.

use stockline_application::ports::catalog::{CatalogStore, ProductReader};
use stockline_application::ports::clock::Clock;
use stockline_application::ports::identity::IdentityProvider;
use stockline_application::ports::orders::{OpenOrders, OrderStore};
use stockline_application::ports::randomness::RandomSource;
use stockline_application::ports::replenishment::ReplenishmentStore;
use stockline_application::ports::stock::StockStore;
use stockline_application::ports::stock_changes::StockChangeStore;
use stockline_application::ports::stock_lookup::StockLookup;
use stockline_application::ports::users::UserReader;

/// The ports that the pages need.
pub trait Ports: Send + Sync {
    /// Levels, their changes and replenishment orders.
    type Stock: StockStore + StockChangeStore + StockLookup + ReplenishmentStore;
    /// Orders.
    type Orders: OrderStore + OpenOrders;
    /// Products and locations.
    type Catalog: CatalogStore + ProductReader + Clone;
    /// The identity provider.
    type Provider: IdentityProvider;
    /// The users whose tokens state no role.
    type Users: UserReader;
    /// The time.
    type Time: Clock + Clone;
    /// Secrets.
    type Random: RandomSource;

    /// Levels, their changes and replenishment orders.
    fn stock(&self) -> &Self::Stock;
    /// Orders.
    fn orders(&self) -> &Self::Orders;
    /// Products and locations.
    fn catalog(&self) -> &Self::Catalog;
    /// The identity provider.
    fn provider(&self) -> &Self::Provider;
    /// The users whose tokens state no role.
    fn users(&self) -> &Self::Users;
    /// The time.
    fn clock(&self) -> &Self::Time;
    /// Secrets.
    fn random(&self) -> &Self::Random;
}

/// The implementations of the ports.
pub struct Adapters<Stock, Orders, Catalog, Provider, Users, Time, Random> {
    /// Levels, their changes and replenishment orders.
    pub stock: Stock,
    /// Orders.
    pub orders: Orders,
    /// Products and locations.
    pub catalog: Catalog,
    /// The identity provider.
    pub provider: Provider,
    /// The users whose tokens state no role.
    pub users: Users,
    /// The time.
    pub clock: Time,
    /// Secrets.
    pub random: Random,
}

impl<Stock, Orders, Catalog, Provider, Users, Time, Random> Ports
    for Adapters<Stock, Orders, Catalog, Provider, Users, Time, Random>
where
    Stock: StockStore + StockChangeStore + StockLookup + ReplenishmentStore,
    Orders: OrderStore + OpenOrders,
    Catalog: CatalogStore + ProductReader + Clone,
    Provider: IdentityProvider,
    Users: UserReader,
    Time: Clock + Clone,
    Random: RandomSource,
{
    type Stock = Stock;
    type Orders = Orders;
    type Catalog = Catalog;
    type Provider = Provider;
    type Users = Users;
    type Time = Time;
    type Random = Random;

    fn stock(&self) -> &Stock {
        &self.stock
    }

    fn orders(&self) -> &Orders {
        &self.orders
    }

    fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    fn provider(&self) -> &Provider {
        &self.provider
    }

    fn users(&self) -> &Users {
        &self.users
    }

    fn clock(&self) -> &Time {
        &self.clock
    }

    fn random(&self) -> &Random {
        &self.random
    }
}
