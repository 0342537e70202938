//! An audit of stock that runs while orders do: it looks twice before it believes what it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt, TryStreamExt};
use jiff::SignedDuration;
use stockline_domain::audit::{Account, Books as BooksOfSku, Ledger, Verdict};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::level::{Level, LevelKey};
use stockline_domain::open_order::OpenOrder;

use crate::clock::Clock;
use crate::cursor::{Listing, Position};
use crate::deadline::Deadline;
use crate::ports::books::Books;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

/// How many levels are read at a time.
const AT_A_TIME: usize = 16;

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
    /// Whether it was still so at a second look at the same versions, with the ledger complete.
    pub confirmed: bool,
    /// What it says.
    pub verdict: Verdict,
    /// The books as they were at the last look.
    pub books: BooksOfSku,
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

impl<B: Books, O: OpenOrders, C: Clock> StockAudit<B, O, C> {
    /// What all open orders of `location` hold: enough for a first look.
    pub async fn held_at(&self, location: &LocationId) -> Result<Held, StoreError> {
        let (mut held, mut after) = (Held::new(), None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            add(&mut held, &page.items, |_| true);
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
        let mut suspects = self.look(location, skus, held).await?;
        suspects.retain(|_, look| !look.is_clean());
        let mut findings = Vec::new();
        while !suspects.is_empty() {
            if deadline.left() <= self.patience.between_looks {
                let undecided = suspects.into_iter();
                findings
                    .extend(undecided.map(|(sku, look)| look.finding(key(location, &sku), false)));
                break;
            }
            tokio::time::sleep(self.patience.between_looks).await;
            let skus: Vec<Sku> = suspects.keys().cloned().collect();
            let held = self.held_now(location, &skus).await?;
            let mut seen_again = BTreeMap::new();
            for (sku, look) in self.look(location, skus, &held).await? {
                let same = suspects.get(&sku).is_some_and(|before| before.is_as(&look));
                if same && look.is_settled() {
                    findings.push(look.finding(key(location, &sku), true));
                } else if !look.is_clean() {
                    seen_again.insert(sku, look);
                }
            }
            suspects = seen_again;
        }
        findings.sort_by(|one, other| one.key.cmp(&other.key));
        Ok(findings)
    }

    /// What the open orders hold of `skus`, each order as it is now.
    async fn held_now(&self, location: &LocationId, skus: &[Sku]) -> Result<Held, StoreError> {
        let skus: BTreeSet<&Sku> = skus.iter().collect();
        let deadline = Deadline::within(self.patience.until_undecided);
        let (mut held, mut after) = (Held::new(), None);
        loop {
            let page = self.orders.open_at(location, after).await?;
            let holds = |order: &&OpenOrder| order.lines.iter().any(|l| skus.contains(&l.sku));
            let ids: Vec<_> = page
                .items
                .iter()
                .filter(holds)
                .map(|order| order.order_id)
                .collect();
            let orders = self.orders.still_open(&ids, deadline).await?;
            add(&mut held, &orders, |sku| skus.contains(sku));
            after = page.next;
            if after.is_none() {
                return Ok(held);
            }
        }
    }

    async fn look(
        &self,
        location: &LocationId,
        skus: Vec<Sku>,
        held: &Held,
    ) -> Result<BTreeMap<Sku, Look>, StoreError> {
        let looks = skus.into_iter().map(|sku| async move {
            let open = held.get(&sku).copied().unwrap_or_default();
            let look = self.look_at(&key(location, &sku), open).await?;
            Ok::<_, StoreError>((sku, look))
        });
        stream::iter(looks)
            .buffer_unordered(AT_A_TIME)
            .try_collect()
            .await
    }

    async fn look_at(&self, key: &LevelKey, open: i64) -> Result<Look, StoreError> {
        let mut accounts = Vec::new();
        for stored in self.books.levels(key).await? {
            let ledger = self.ledger_of(&stored.level).await?;
            accounts.push(Account { stored, ledger });
        }
        let books = BooksOfSku { accounts, open };
        let verdict = books.verdict(self.clock.now(), self.patience.ledger);
        let moved = if verdict.is_clean() {
            false
        } else {
            let now = self.books.levels(key).await?;
            let versions: Vec<u64> = now.iter().map(|stored| stored.level.version).collect();
            versions != books.versions()
        };
        Ok(Look {
            books,
            verdict,
            moved,
        })
    }

    async fn ledger_of(&self, level: &Level) -> Result<Ledger, StoreError> {
        let (mut ledger, mut after) = (Ledger::default(), None);
        loop {
            let page = self.books.ledger_page(level, after).await?;
            for movement in &page.items {
                ledger.add(movement);
            }
            after = page.next;
            if after.is_none() {
                return Ok(ledger);
            }
        }
    }
}

/// One look at one SKU.
struct Look {
    books: BooksOfSku,
    verdict: Verdict,
    /// Whether a level changed meanwhile: what was seen was never all so at one time.
    moved: bool,
}

impl Look {
    fn is_clean(&self) -> bool {
        self.verdict.is_clean()
    }

    fn is_settled(&self) -> bool {
        !self.moved && !self.verdict.ledger_is_behind
    }

    fn is_as(&self, other: &Self) -> bool {
        self.is_settled()
            && self.books.versions() == other.books.versions()
            && self.verdict == other.verdict
    }

    fn finding(self, key: LevelKey, confirmed: bool) -> Finding {
        Finding {
            key,
            confirmed,
            verdict: self.verdict,
            books: self.books,
        }
    }
}

fn key(location: &LocationId, sku: &Sku) -> LevelKey {
    LevelKey {
        location_id: location.clone(),
        sku: sku.clone(),
    }
}

fn add(held: &mut Held, orders: &[OpenOrder], counts: impl Fn(&Sku) -> bool) {
    for line in orders.iter().flat_map(|order| &order.lines) {
        if counts(&line.sku) {
            *held.entry(line.sku.clone()).or_default() += line.open_quantity;
        }
    }
}
