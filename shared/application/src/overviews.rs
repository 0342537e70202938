//! What a page for people shows: levels, orders and replenishment orders, with the names of their products.

mod item;
mod orders;
mod replenishment;
mod stock;
mod stores;

pub use item::{ItemOverview, read_item};
pub use orders::{OrderOverview, read_order};
pub use replenishment::{ReplenishmentOverview, list_replenishment};
pub use stock::{FoundStock, StockFilter, StockRow, StockSearch, search_stock};
pub use stores::list_stores;
