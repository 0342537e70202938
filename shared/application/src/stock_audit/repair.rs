//! Repairs a confirmed difference of a level that may keep changing.

use stockline_domain::audit::{RepairWrite, SkuAuditData, repair};

use super::{Finding, StockAudit};
use crate::deadline::{Attempts, Deadline};
use crate::ports::audit_data::{AuditData, RepairOutcome, StockRepairer};
use crate::ports::clock::Clock;
use crate::ports::orders::OpenOrders;
use crate::store_error::StoreError;

/// One write of a repair and its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepairResult {
    /// The planned write.
    pub write: RepairWrite,
    /// Whether it was written, or given up after conflicts.
    pub outcome: RepairOutcome,
}

/// The data of a finding, read again after a conflict.
enum Reread {
    /// The current data, with the same difference as the finding.
    Data(SkuAuditData),
    /// The ledger is behind, or the buckets could not be read as one snapshot.
    NotReadable,
    /// The level was repaired since.
    AlreadyRepaired,
}

impl<Stock: AuditData + StockRepairer, Orders: OpenOrders, Time: Clock>
    StockAudit<Stock, Orders, Time>
{
    /// Repairs the difference of a confirmed `finding`. After a conflict the data is read and the repair planned again, until
    /// `deadline`. Writes that still conflict then are returned with [`RepairOutcome::Conflict`].
    pub async fn repair(
        &self,
        finding: &Finding,
        deadline: Deadline,
    ) -> Result<Vec<RepairResult>, StoreError> {
        let (mut data, mut results) = (finding.data.clone(), Vec::new());
        let mut attempts = deadline.attempts();
        loop {
            let mut conflicts = Vec::new();
            for write in repair(&data, self.clock.now()) {
                let outcome = self.stock.repair(&write, deadline).await?;
                let list = match outcome {
                    RepairOutcome::Repaired => &mut results,
                    RepairOutcome::Conflict => &mut conflicts,
                };
                list.push(RepairResult { write, outcome });
            }
            if conflicts.is_empty() {
                return Ok(results);
            }
            let Some(reread) = self.reread(finding, &mut attempts).await? else {
                results.append(&mut conflicts);
                return Ok(results);
            };
            data = reread;
        }
    }

    /// Reads the data of `finding` again until it can be compared. Returns `None` if the level was repaired since, or if the
    /// deadline passes.
    async fn reread(
        &self,
        finding: &Finding,
        attempts: &mut Attempts,
    ) -> Result<Option<SkuAuditData>, StoreError> {
        while attempts.wait_for_next().await {
            match self.read_once(finding).await? {
                Reread::Data(data) => return Ok(Some(data)),
                Reread::NotReadable => {}
                Reread::AlreadyRepaired => break,
            }
        }
        Ok(None)
    }

    /// Reads the data of `finding` once. Sales, allocations and receipts change levels, movements and orders by the same
    /// quantities, so the difference stays the same.
    async fn read_once(&self, finding: &Finding) -> Result<Reread, StoreError> {
        let reading = self.read_level(&finding.key).await?;
        let known = &finding.data;
        if !reading.is_snapshot || reading.levels.len() != known.levels.len() {
            return Ok(Reread::NotReadable);
        }
        let movements = self.movements_around(&reading).await?;
        let is_repaired = movements
            .iter()
            .zip(known.versions())
            .any(|(bucket, version)| bucket.replay.last_repair_version() > Some(version));
        if is_repaired {
            return Ok(Reread::AlreadyRepaired);
        }
        let allocated = |data: &SkuAuditData| -> i64 {
            let levels = data.levels.iter().map(|audited| &audited.stored.level);
            levels.map(|level| level.allocated).sum()
        };
        let mut data = SkuAuditData::of(reading.levels, movements);
        data.open_quantity = known.open_quantity + allocated(&data) - allocated(known);
        let result = data.audit(self.clock.now(), self.timing.ledger_patience);
        Ok(if result.ledger_is_behind {
            Reread::NotReadable
        } else {
            Reread::Data(data)
        })
    }
}
