//! An audit of stock that runs while orders do: it looks again, and accounts for all that moved meanwhile, before it believes
//! what it sees.

mod repair;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::SignedDuration;
use stockline_domain::audit::{
    AuditResult, AuditedLevel, LedgerReplay, SkuAuditData, WindowMovements,
};
use stockline_domain::ids::{LocationId, OrderId, Sku};
use stockline_domain::level::{Level, LevelKey, Movement};
use stockline_domain::open_order::OpenOrder;

use crate::deadline::Deadline;
use crate::paging::{Listing, Position};
use crate::ports::audit_data::AuditData;
use crate::ports::clock::Clock;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

pub use repair::Repaired;
use watch::{Moment, OrdersRead, Seen, Watch};

/// How many levels are read at a time.
const AT_A_TIME: usize = 16;

/// So often the items of a split level are read, to see them all as they were in one moment.
const READS: u32 = 6;

/// How long an audit waits for what is on its way.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// So long after a change the ledger may still follow: the stream's records are tried that long.
    pub ledger: SignedDuration,
    /// So long after the first look comes the second: what an index lags behind is long past by then.
    pub between_looks: Duration,
    /// So long after the first look what still moves is left undecided.
    pub until_undecided: Duration,
}

/// What an audit found of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub key: LevelKey,
    /// Whether it is certain: the ledger was complete, and what moved while the orders were read is accounted for.
    pub confirmed: bool,
    /// What it says.
    pub verdict: AuditResult,
    /// The books as they were then.
    pub books: SkuAuditData,
}

/// One page of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditPage {
    /// How many SKUs were looked at.
    pub looked_at: usize,
    /// What was found, by SKU.
    pub findings: Vec<Finding>,
    /// Where the next page begins; none on the last.
    pub next: Option<Position>,
}

/// What the open orders of one location hold, by SKU.
pub type Held = BTreeMap<Sku, i64>;

/// Audits stock, read through its ports.
#[derive(Debug, Clone)]
pub struct StockAudit<B, O, C> {
    /// The books.
    pub books: B,
    /// The open orders.
    pub orders: O,
    /// The time.
    pub clock: C,
    /// How long to wait.
    pub patience: Patience,
}

impl<B: AuditData, O: OpenOrders, C: Clock> StockAudit<B, O, C> {
    /// What all open orders of `location` hold: enough for a first look.
    pub async fn held_at(&self, location: &LocationId) -> Result<Held, StoreError> {
        let (mut held, mut after) = (Held::new(), None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            add(&mut held, &page.items);
            after = page.next;
            if after.is_none() {
                return Ok(held);
            }
        }
    }

    /// Looks at the next SKUs of `location`, of which `held` was held a while ago.
    pub async fn page(
        &self,
        location: &LocationId,
        held: &Held,
        after: Option<Position>,
    ) -> Result<AuditPage, StoreError> {
        let Listing { items, next } = self.books.skus(location, after).await?;
        Ok(AuditPage {
            looked_at: items.len(),
            findings: self.skus(location, items, held).await?,
            next,
        })
    }

    /// Looks at `skus` of `location`, of which `held` was held a while ago.
    pub async fn skus(
        &self,
        location: &LocationId,
        skus: Vec<Sku>,
        held: &Held,
    ) -> Result<Vec<Finding>, StoreError> {
        let deadline = Deadline::within(self.patience.until_undecided);
        let mut watched = self.suspects(location, skus, held).await?;
        let mut findings = Vec::new();
        while !watched.is_empty() {
            if deadline.remaining() <= self.patience.between_looks {
                let undecided = watched.into_iter();
                findings.extend(undecided.map(|(sku, watch)| Finding {
                    key: key(location, &sku),
                    confirmed: false,
                    verdict: watch.seen.verdict,
                    books: watch.seen.books,
                }));
                break;
            }
            tokio::time::sleep(self.patience.between_looks).await;
            for (sku, seen) in self.look_again(location, &mut watched).await? {
                watched.remove(&sku);
                if !seen.verdict.is_clean() {
                    findings.push(Finding {
                        key: key(location, &sku),
                        confirmed: true,
                        verdict: seen.verdict,
                        books: seen.books,
                    });
                }
            }
        }
        findings.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(findings)
    }

    /// Those of `skus` whose books did not add up at a first look, which sees each part of them at another moment.
    async fn suspects(
        &self,
        location: &LocationId,
        skus: Vec<Sku>,
        held: &Held,
    ) -> Result<BTreeMap<Sku, Watch>, StoreError> {
        let looks = skus.into_iter().map(|sku| async move {
            let (key, open) = (
                key(location, &sku),
                held.get(&sku).copied().unwrap_or_default(),
            );
            let seen = self.first_look(&key, open).await?;
            if seen.verdict.is_clean() {
                return Ok::<_, StoreError>(None);
            }
            let moment = self.moment(&key).await?;
            Ok(Some((sku, Watch::new(seen, moment))))
        });
        let looks = stream::iter(looks).buffer_unordered(AT_A_TIME);
        looks
            .try_filter_map(async |watch| Ok(watch))
            .try_collect()
            .await
    }

    async fn first_look(&self, key: &LevelKey, open: i64) -> Result<Seen, StoreError> {
        let mut accounts = Vec::new();
        for stored in self.books.levels(key).await? {
            let mut ledger = LedgerReplay::default();
            self.each_movement(&stored.level, |movement| ledger.add(&movement))
                .await?;
            accounts.push(AuditedLevel {
                stored,
                replay: ledger,
            });
        }
        let books = SkuAuditData {
            levels: accounts,
            open_quantity: open,
        };
        let verdict = books.audit(self.clock.now(), self.patience.ledger);
        Ok(Seen { books, verdict })
    }

    /// Looks again at what is `watched`, and answers what is certain by now.
    async fn look_again(
        &self,
        location: &LocationId,
        watched: &mut BTreeMap<Sku, Watch>,
    ) -> Result<Vec<(Sku, Seen)>, StoreError> {
        let follow = watched.iter().map(|(sku, watch)| async move {
            let followed = self.followed(watch.since()).await?;
            Ok::<_, StoreError>((sku.clone(), followed))
        });
        let followed: BTreeMap<Sku, Vec<WindowMovements>> = stream::iter(follow)
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        // An index lags behind, and may have lost one: the ledger names those that it knows of.
        let named = followed
            .values()
            .flat_map(|all| WindowMovements::orders(all));
        let orders = self
            .orders_now(location, watched.keys().collect(), named.collect())
            .await?;
        let look = followed.into_iter().map(|(sku, followed)| async move {
            let moment = self.moment(&key(location, &sku)).await?;
            Ok::<_, StoreError>((sku, followed, moment))
        });
        let looks: Vec<_> = stream::iter(look)
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await?;
        let (now, mut certain) = (self.clock.now(), Vec::new());
        for (sku, followed, moment) in looks {
            let Some(watch) = watched.get_mut(&sku) else {
                continue;
            };
            let judge = |books: &SkuAuditData| books.audit(now, self.patience.ledger);
            if let Some(seen) = watch.look(&sku, followed, &orders, moment, judge) {
                certain.push((sku, seen));
            }
        }
        Ok(certain)
    }

    /// The orders of `location` that hold any of `skus`, and those that are `named`, each as it is now.
    async fn orders_now(
        &self,
        location: &LocationId,
        skus: BTreeSet<&Sku>,
        named: BTreeSet<OrderId>,
    ) -> Result<OrdersRead, StoreError> {
        let deadline = Deadline::within(self.patience.until_undecided);
        let (mut ids, mut after) = (named, None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            let holds = |order: &&OpenOrder| order.lines.iter().any(|l| skus.contains(&l.sku));
            ids.extend(page.items.iter().filter(holds).map(|order| order.order_id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let ids: Vec<OrderId> = ids.into_iter().collect();
        let open = self.orders.open_among(&ids, deadline).await?;
        Ok(OrdersRead::new(ids, open))
    }

    /// The level as it is now, all its items.
    async fn moment(&self, key: &LevelKey) -> Result<Moment, StoreError> {
        let mut levels = self.books.levels(key).await?;
        let mut in_one_moment = levels.len() <= 1;
        for _ in 1..READS {
            if in_one_moment {
                break;
            }
            let again = self.books.levels(key).await?;
            in_one_moment = Moment::versions(&again) == Moment::versions(&levels);
            levels = again;
        }
        Ok(Moment {
            levels,
            in_one_moment,
        })
    }

    /// The movements of each item of a level, up to its version then and since.
    async fn followed(&self, then: &Moment) -> Result<Vec<WindowMovements>, StoreError> {
        let mut all = Vec::with_capacity(then.levels.len());
        for stored in &then.levels {
            let mut followed = WindowMovements::default();
            let version = stored.level.version;
            self.each_movement(&stored.level, |movement| followed.add(movement, version))
                .await?;
            all.push(followed);
        }
        Ok(all)
    }

    async fn each_movement(
        &self,
        level: &Level,
        mut take: impl FnMut(Movement) + Send,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.books.ledger_page(level, after).await?;
            page.items.into_iter().for_each(&mut take);
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }
}

fn key(location: &LocationId, sku: &Sku) -> LevelKey {
    LevelKey {
        location_id: location.clone(),
        sku: sku.clone(),
    }
}

fn add(held: &mut Held, orders: &[OpenOrder]) {
    for line in orders.iter().flat_map(|order| &order.lines) {
        *held.entry(line.sku.clone()).or_default() += line.open_quantity;
    }
}
