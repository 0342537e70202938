//! A cache of products in the function's memory, so that a list of levels is shown with names at the cost of the levels alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use stockline_domain::catalog::Product;
use stockline_domain::ids::Sku;

use crate::deadline::Deadline;
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::store_error::StoreError;

/// How long a product is served from the cache.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_mins(5);

/// The most cached products, about 10 MB. A full cache is emptied.
const MAX_ENTRIES: usize = 20_000;

/// Products by SKU.
pub type Products = BTreeMap<Sku, Arc<Product>>;

/// A cache of the products that this function has read. Unknown SKUs are not cached, so that a new product is shown at once.
#[derive(Debug)]
pub struct ProductNames<Catalog, Time> {
    catalog: Catalog,
    clock: Time,
    entries: Mutex<HashMap<Sku, Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    product: Arc<Product>,
    read_at: Timestamp,
}

impl<Catalog: ProductReader, Time: Clock> ProductNames<Catalog, Time> {
    /// An empty cache over `catalog`.
    pub fn new(catalog: Catalog, clock: Time) -> Self {
        Self {
            catalog,
            clock,
            entries: Mutex::default(),
        }
    }

    /// Returns the known ones of the products `skus`, each at most five minutes old.
    pub async fn find_all(
        &self,
        skus: impl IntoIterator<Item = &Sku> + Send,
        deadline: Deadline,
    ) -> Result<Products, StoreError> {
        let wanted: BTreeSet<Sku> = skus.into_iter().cloned().collect();
        let now = self.clock.now();
        let mut found = self.cached(&wanted, now);
        let missing: Vec<Sku> = wanted
            .into_iter()
            .filter(|sku| !found.contains_key(sku))
            .collect();
        if missing.is_empty() {
            return Ok(found);
        }
        for product in self.catalog.find_products(&missing, deadline).await? {
            let product = Arc::new(product);
            self.insert(Arc::clone(&product), now);
            found.insert(product.sku.clone(), product);
        }
        Ok(found)
    }

    fn cached(&self, wanted: &BTreeSet<Sku>, now: Timestamp) -> Products {
        let entries = self.entries();
        let fresh = wanted.iter().filter_map(|sku| {
            let entry = entries.get(sku)?;
            let age = now.duration_since(entry.read_at);
            let is_fresh = !age.is_negative() && age < TIME_TO_LIVE;
            is_fresh.then(|| (sku.clone(), Arc::clone(&entry.product)))
        });
        fresh.collect()
    }

    fn insert(&self, product: Arc<Product>, read_at: Timestamp) {
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(product.sku.clone(), Entry { product, read_at });
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Sku, Entry>> {
        // Each access is a complete map operation, so a poisoned lock does not mean inconsistent data.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
