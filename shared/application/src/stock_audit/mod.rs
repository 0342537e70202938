//! Audits stock while orders change it: compares each SKU's levels, movements and open orders, and confirms a difference only
//! after repeated observations account for every concurrent change.

mod observations;
mod readings;
mod repair;
mod run;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::SignedDuration;
use stockline_domain::audit::{
    AuditResult, AuditedLevel, LedgerReplay, SkuAuditData, WindowMovements,
};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::LevelKey;

use crate::deadline::Deadline;
use crate::paging::{Listing, Position};
use crate::ports::audit_data::AuditData;
use crate::ports::clock::Clock;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

use observations::{Comparison, SkuObservations};

pub use repair::RepairResult;
pub use run::{AuditRun, AuditSummary, NightlyAudit};

/// The number of levels that are read concurrently.
const CONCURRENT_READS: usize = 16;

/// How long an audit waits for data that lags behind.
#[derive(Debug, Clone, Copy)]
pub struct AuditTiming {
    /// A movement that is missing from the ledger for this long counts as lost. At least the time for which the stream's
    /// records are retried.
    pub ledger_patience: SignedDuration,
    /// The pause between two observations of a SKU. Longer than the index of open orders usually lags.
    pub observation_interval: Duration,
    /// A difference that is not confirmed after this time is reported as undecided.
    pub decision_timeout: Duration,
}

/// The difference that an audit found for one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The SKU and the location.
    pub key: LevelKey,
    /// Whether the difference is certain: the ledger was complete, and the movements explain every change that was made while
    /// the orders were read.
    pub confirmed: bool,
    /// The result of the comparison.
    pub result: AuditResult,
    /// The levels, movements and open quantity that were compared.
    pub data: SkuAuditData,
}

/// One page of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// The number of audited SKUs.
    pub audited: usize,
    /// The findings, sorted by SKU.
    pub findings: Vec<Finding>,
    /// The start of the next page; `None` on the last.
    pub next: Option<Position>,
}

/// The open quantity of each SKU, summed over the open orders of one location.
pub type OpenQuantities = BTreeMap<Sku, i64>;

/// Audits stock through its ports.
#[derive(Debug, Clone)]
pub struct StockAudit<Stock, Orders, Time> {
    /// Reads levels and movements.
    pub stock: Stock,
    /// Reads open orders.
    pub orders: Orders,
    /// The current time.
    pub clock: Time,
    /// How long to wait for data that lags behind.
    pub timing: AuditTiming,
}

impl<Stock: AuditData, Orders: OpenOrders, Time: Clock> StockAudit<Stock, Orders, Time> {
    /// Sums the open orders of `location` from their eventually consistent index, for the first comparison of each SKU.
    pub async fn open_quantities(
        &self,
        location: &LocationId,
    ) -> Result<OpenQuantities, StoreError> {
        let (mut quantities, mut after) = (OpenQuantities::new(), None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            for line in page.items.iter().flat_map(|order| &order.lines) {
                *quantities.entry(line.sku.clone()).or_default() += line.open_quantity;
            }
            after = page.next;
            if after.is_none() {
                return Ok(quantities);
            }
        }
    }

    /// Audits the next SKUs of `location`. `open` is the result of [`Self::open_quantities`]; it may be outdated.
    pub async fn audit_page(
        &self,
        location: &LocationId,
        open: &OpenQuantities,
        after: Option<Position>,
    ) -> Result<AuditPage, StoreError> {
        let Listing { items, next } = self.stock.skus(location, after).await?;
        Ok(AuditPage {
            audited: items.len(),
            findings: self.audit_skus(location, items, open).await?,
            next,
        })
    }

    /// Audits `skus` of `location`. `open` is the result of [`Self::open_quantities`]; it may be outdated.
    pub async fn audit_skus(
        &self,
        location: &LocationId,
        skus: Vec<Sku>,
        open: &OpenQuantities,
    ) -> Result<Vec<Finding>, StoreError> {
        let deadline = Deadline::within(self.timing.decision_timeout);
        let finding = |sku: &Sku, confirmed, comparison: Comparison| Finding {
            key: level_key(location, sku),
            confirmed,
            result: comparison.result,
            data: comparison.data,
        };
        let mut observed = self.skus_with_differences(location, skus, open).await?;
        let mut findings = Vec::new();
        while !observed.is_empty() {
            if deadline.remaining() <= self.timing.observation_interval {
                let undecided = observed.into_iter();
                findings.extend(
                    undecided.map(|(sku, observations)| finding(&sku, false, observations.latest)),
                );
                break;
            }
            tokio::time::sleep(self.timing.observation_interval).await;
            for (sku, comparison) in self.observe_again(location, &mut observed).await? {
                observed.remove(&sku);
                if !comparison.result.is_clean() {
                    findings.push(finding(&sku, true, comparison));
                }
            }
        }
        findings.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(findings)
    }

    /// Compares each of `skus` once and returns those with a difference. Levels, movements and orders are read at different
    /// times, so a difference may be due to a concurrent change.
    async fn skus_with_differences(
        &self,
        location: &LocationId,
        skus: Vec<Sku>,
        open: &OpenQuantities,
    ) -> Result<BTreeMap<Sku, SkuObservations>, StoreError> {
        let comparisons = skus.into_iter().map(|sku| async move {
            let key = level_key(location, &sku);
            let open_quantity = open.get(&sku).copied().unwrap_or_default();
            let comparison = self.compare(&key, open_quantity).await?;
            if comparison.result.is_clean() {
                return Ok::<_, StoreError>(None);
            }
            let reading = self.read_level(&key).await?;
            let observations = SkuObservations::new(sku.clone(), comparison, reading);
            Ok(Some((sku, observations)))
        });
        stream::iter(comparisons)
            .buffer_unordered(CONCURRENT_READS)
            .try_filter_map(async |observations| Ok(observations))
            .try_collect()
            .await
    }

    /// Reads the level and all its movements, and compares them with `open_quantity`.
    async fn compare(&self, key: &LevelKey, open_quantity: i64) -> Result<Comparison, StoreError> {
        let mut levels = Vec::new();
        for stored in self.stock.levels(key).await? {
            let mut replay = LedgerReplay::default();
            self.each_movement(&stored.level, |movement| replay.add(&movement))
                .await?;
            levels.push(AuditedLevel { stored, replay });
        }
        let data = SkuAuditData {
            levels,
            open_quantity,
        };
        let result = data.audit(self.clock.now(), self.timing.ledger_patience);
        Ok(Comparison { data, result })
    }

    /// Observes each of `observed` once more. Returns the comparisons that are certain now.
    async fn observe_again(
        &self,
        location: &LocationId,
        observed: &mut BTreeMap<Sku, SkuObservations>,
    ) -> Result<Vec<(Sku, Comparison)>, StoreError> {
        let reads = observed.iter().map(|(sku, observations)| async move {
            let movements = self.movements_around(observations.next_judged()).await?;
            Ok::<_, StoreError>((sku.clone(), movements))
        });
        let movements: BTreeMap<Sku, Vec<WindowMovements>> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        // The index of open orders lags, and an entry may be missing for good. The movements name more orders.
        let in_movements: BTreeSet<_> = movements
            .values()
            .flat_map(|buckets| WindowMovements::orders(buckets))
            .collect();
        let skus = observed.keys().collect();
        let orders = Arc::new(self.read_orders(location, &skus, in_movements).await?);
        let reads = movements.into_iter().map(|(sku, movements)| async move {
            let reading = self.read_level(&level_key(location, &sku)).await?;
            Ok::<_, StoreError>((sku, movements, reading))
        });
        let readings: Vec<_> = stream::iter(reads)
            .buffer_unordered(CONCURRENT_READS)
            .try_collect()
            .await?;
        let now = self.clock.now();
        let audit = |data: &SkuAuditData| data.audit(now, self.timing.ledger_patience);
        let mut certain = Vec::new();
        for (sku, movements, reading) in readings {
            let Some(observations) = observed.get_mut(&sku) else {
                continue;
            };
            if let Some(comparison) = observations.add(movements, &orders, reading, audit) {
                certain.push((sku, comparison));
            }
        }
        Ok(certain)
    }
}

fn level_key(location: &LocationId, sku: &Sku) -> LevelKey {
    LevelKey {
        location_id: location.clone(),
        sku: sku.clone(),
    }
}
