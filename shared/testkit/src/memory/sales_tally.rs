//! The sales tally in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::sales_tally::{
    TalliedContribution, TallyReader, TallyStore, TallyWriteOutcome,
};
use stockline_application::store_error::StoreError;
use stockline_domain::ids::LocationId;
use stockline_domain::tally::{
    Contribution, ContributionId, Figures, HourTally, ReportRange, TallyCell, TallyWrite,
};
use stockline_platform::keys;

/// A tally in memory. A clone is the same tally.
#[derive(Debug, Clone, Default)]
pub struct MemoryTally(Arc<Mutex<TallyData>>);

#[derive(Debug, Default)]
struct TallyData {
    contributions: BTreeMap<ContributionId, TalliedContribution>,
    cells: BTreeMap<TallyCell, (Figures, Timestamp)>,
    writes: u32,
    reads: u32,
}

impl MemoryTally {
    /// The number of writes that changed the tally, and of reads of one contribution.
    pub fn writes_and_reads(&self) -> (u32, u32) {
        let data = self.0.lock().unwrap();
        (data.writes, data.reads)
    }

    /// Removes all contributions, as if they had expired.
    pub fn expire_contributions(&self) {
        self.0.lock().unwrap().contributions.clear();
    }
}

impl TallyStore for MemoryTally {
    async fn find(&self, observed: &Contribution) -> Result<Option<Contribution>, StoreError> {
        let mut data = self.0.lock().unwrap();
        data.reads += 1;
        let stored = data.contributions.get(&observed.id);
        Ok(stored.map(|stored| stored.contribution.clone()))
    }

    async fn write(
        &self,
        write: &TallyWrite,
        at: Timestamp,
        _: Deadline,
    ) -> Result<TallyWriteOutcome, StoreError> {
        let mut data = self.0.lock().unwrap();
        let contribution = &write.contribution;
        let stored = data.contributions.get(&contribution.id);
        if stored.map(|stored| stored.contribution.revision) != write.replaces {
            return Ok(TallyWriteOutcome::Conflict);
        }
        data.writes += 1;
        if write.difference != Figures::default() {
            let cell = data.cells.entry(contribution.cell.clone()).or_default();
            *cell = (cell.0.plus(&write.difference).unwrap(), at);
        }
        let tallied = TalliedContribution {
            contribution: contribution.clone(),
            updated_at: at,
        };
        data.contributions.insert(contribution.id, tallied);
        Ok(TallyWriteOutcome::Written)
    }
}

impl TallyReader for MemoryTally {
    async fn hours(
        &self,
        location: &LocationId,
        range: ReportRange,
    ) -> Result<Vec<HourTally>, StoreError> {
        let data = self.0.lock().unwrap();
        let found = data
            .cells
            .iter()
            .filter(|(cell, _)| is_in(cell, location, range));
        let tallies = found.map(|(cell, (figures, updated_at))| HourTally {
            cell: cell.clone(),
            figures: *figures,
            updated_at: *updated_at,
        });
        Ok(tallies.collect())
    }

    async fn contributions(
        &self,
        location: &LocationId,
        range: ReportRange,
        bucket: u8,
        _: Option<Position>,
    ) -> Result<Listing<TalliedContribution>, StoreError> {
        let data = self.0.lock().unwrap();
        let found = data.contributions.values().filter(|tallied| {
            keys::tally_bucket(tallied.contribution.id) == bucket
                && is_in(&tallied.contribution.cell, location, range)
        });
        let mut items: Vec<TalliedContribution> = found.cloned().collect();
        items.sort_by_key(|tallied| tallied.contribution.cell.business_date);
        Ok(Listing { items, next: None })
    }
}

fn is_in(cell: &TallyCell, location: &LocationId, range: ReportRange) -> bool {
    cell.location_id == *location && (range.from..=range.to).contains(&cell.business_date)
}
