//! A cache of what products weigh, in the function's memory.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use stockline_domain::ids::Sku;
use stockline_domain::measures::{MeasuresBySku, UnitMeasures};

use crate::deadline::Deadline;
use crate::ports::catalog::ProductReader;
use crate::ports::clock::Clock;
use crate::store_error::StoreError;

/// How long a product is served from the cache.
const TIME_TO_LIVE: SignedDuration = SignedDuration::from_mins(5);

/// The number of products above which the cache is emptied: about 10 MB.
const MAX_ENTRIES: usize = 50_000;

/// A cache of the measures of products that this function has read.
///
/// A product that does not exist, or whose weight or dimensions are unknown, is read again each time, so that a weight takes
/// effect as soon as someone adds it. When the catalog cannot be read, expired entries are served if they are enough.
#[derive(Debug)]
pub struct ProductCache<Catalog, Time> {
    store: Catalog,
    clock: Time,
    entries: Mutex<HashMap<Sku, Entry>>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    measures: UnitMeasures,
    read_at: Timestamp,
}

impl<Catalog: ProductReader, Time: Clock> ProductCache<Catalog, Time> {
    /// An empty cache over `store`.
    pub fn new(store: Catalog, clock: Time) -> Self {
        Self {
            store,
            clock,
            entries: Mutex::default(),
        }
    }

    /// The measures of these products, those that do not exist left out. Complete ones are at most five minutes old unless
    /// the catalog cannot be read.
    pub async fn measures<'a>(
        &self,
        skus: impl IntoIterator<Item = &'a Sku>,
        deadline: Deadline,
    ) -> Result<MeasuresBySku, StoreError> {
        let now = self.clock.now();
        let (mut known, mut expired, mut unread) =
            (MeasuresBySku::new(), MeasuresBySku::new(), Vec::new());
        let asked: BTreeSet<&Sku> = skus.into_iter().collect();
        for sku in asked {
            let cached = self.entries().get(sku).copied();
            let age = cached.map(|entry| now.duration_since(entry.read_at));
            let is_fresh = age.is_some_and(|age| !age.is_negative() && age < TIME_TO_LIVE);
            match cached {
                Some(entry) if is_fresh => {
                    known.insert(sku.clone(), entry.measures);
                }
                Some(entry) => {
                    expired.insert(sku.clone(), entry.measures);
                    unread.push(sku.clone());
                }
                None => unread.push(sku.clone()),
            }
        }
        if unread.is_empty() {
            return Ok(known);
        }
        match self.store.find_products(&unread, deadline).await {
            Ok(products) => {
                let read: MeasuresBySku = products
                    .iter()
                    .map(|product| (product.sku.clone(), UnitMeasures::of(product)))
                    .collect();
                self.keep(&unread, &read, now);
                known.extend(read);
            }
            Err(error) if expired.len() == unread.len() => {
                tracing::warn!(%error, "the products cannot be read; the cached ones are used");
                known.extend(expired);
            }
            Err(error) => return Err(error),
        }
        Ok(known)
    }

    /// Replaces the entries of `asked` by what was `read`, if it is complete.
    fn keep(&self, asked: &[Sku], read: &MeasuresBySku, read_at: Timestamp) {
        let mut entries = self.entries();
        if entries.len() > MAX_ENTRIES {
            entries.clear();
        }
        for sku in asked {
            match read.get(sku) {
                Some(measures) if measures.is_complete() => {
                    let measures = *measures;
                    entries.insert(sku.clone(), Entry { measures, read_at });
                }
                _ => {
                    entries.remove(sku);
                }
            }
        }
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Sku, Entry>> {
        // Each change leaves the map consistent, so a poisoned lock does not mean inconsistent data.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
