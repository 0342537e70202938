//! One trading day: its stores, products and baskets.

use jiff::civil::DateTime;
use serde::Deserialize;

/// One trading day of all stores.
#[derive(Debug)]
pub struct Day {
    /// The date of the day, or a description.
    pub name: String,
    /// Whether the baskets are from the data set.
    pub is_real: bool,
    /// The stores that trade.
    pub stores: Vec<String>,
    /// The products of all baskets.
    pub products: Vec<Product>,
    /// The baskets in the order of their time.
    pub baskets: Vec<Basket>,
    /// Number of lines of the data set that were dropped because their quantity is zero.
    pub zero_quantity_lines: u64,
}

/// A product of the data set.
#[derive(Debug, Clone, Deserialize)]
pub struct Product {
    /// The stock keeping unit.
    pub sku: String,
    /// The name, if the data set has one.
    pub name: Option<String>,
    pub department: Option<String>,
    pub category: Option<String>,
    pub brand: Option<String>,
}

/// The purchase of one customer.
#[derive(Debug, Clone)]
pub struct Basket {
    /// The number of the basket.
    pub id: String,
    pub store: String,
    /// Whether the warehouse delivers it. Such baskets are from stores that do not trade in the demo.
    pub is_delivered: bool,
    /// Time of the sale, in the store's time zone.
    pub sold: DateTime,
    pub lines: Vec<BasketLine>,
}

/// A line of a basket.
#[derive(Debug, Clone)]
pub struct BasketLine {
    /// The stock keeping unit.
    pub sku: String,
    pub quantity: i64,
    /// The price of the whole line, in cents.
    pub total: i64,
}
