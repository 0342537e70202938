//! Puts right what an audit found, of a level that may go on selling.

use stockline_domain::audit::{RepairWrite, SkuAuditData, repair};

use super::{Finding, StockAudit};
use crate::deadline::Deadline;
use crate::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use crate::ports::clock::Clock;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

/// What a repair did, or did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// What was written, or was to be.
    pub write: RepairWrite,
    /// What became of it.
    pub became: RepairOutcome,
}

impl<B: AuditData + StockRepairer, O: OpenOrders, C: Clock> StockAudit<B, O, C> {
    /// Puts right what `finding` is certain of. While the level sells, it is tried again with the level as it is then, until
    /// `deadline`.
    pub async fn repair(
        &self,
        finding: &Finding,
        deadline: Deadline,
    ) -> Result<Vec<Repaired>, StoreError> {
        let (mut books, mut done, mut attempts) =
            (finding.books.clone(), Vec::new(), deadline.attempts());
        loop {
            let mut overtaken = Vec::new();
            for write in repair(&books, self.clock.now()) {
                let became = self.books.repair(&write, deadline).await?;
                let of_all = match became {
                    RepairOutcome::Repaired => &mut done,
                    RepairOutcome::Conflict => &mut overtaken,
                };
                of_all.push(Repaired { write, became });
            }
            if overtaken.is_empty() {
                return Ok(done);
            }
            books = loop {
                if !attempts.wait_for_next().await {
                    done.append(&mut overtaken);
                    return Ok(done);
                }
                match self.carried_on(finding).await? {
                    Carried::On(books) => break books,
                    Carried::Behind => {}
                    Carried::Repaired => {
                        done.append(&mut overtaken);
                        return Ok(done);
                    }
                }
            };
        }
    }

    /// The books of `finding` as they are now: what is sold, promised or received meanwhile changes levels, movements and
    /// orders alike, so what they differed by they still do.
    async fn carried_on(&self, finding: &Finding) -> Result<Carried, StoreError> {
        let moment = self.moment(&finding.key).await?;
        let known = &finding.books;
        if !moment.in_one_moment || moment.levels.len() != known.levels.len() {
            return Ok(Carried::Behind);
        }
        let then = known.versions();
        let followed = self.followed(&moment).await?;
        let since = followed.iter().zip(&then);
        if since
            .clone()
            .any(|(now, then)| now.replay.last_repair_version() > Some(*then))
        {
            return Ok(Carried::Repaired);
        }
        let allocated = |books: &SkuAuditData| -> i64 {
            let levels = books.levels.iter().map(|account| &account.stored.level);
            levels.map(|level| level.allocated).sum()
        };
        let mut books = SkuAuditData::of(moment.levels, followed);
        books.open_quantity = known.open_quantity + allocated(&books) - allocated(known);
        let verdict = books.audit(self.clock.now(), self.patience.ledger);
        Ok(if verdict.ledger_is_behind {
            Carried::Behind
        } else {
            Carried::On(books)
        })
    }
}

/// What became of the books of a finding since.
enum Carried {
    /// They are these now.
    On(SkuAuditData),
    /// The ledger follows, or the items of the level were not seen in one moment.
    Behind,
    /// Somebody else repaired them.
    Repaired,
}
