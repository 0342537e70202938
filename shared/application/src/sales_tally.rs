//! Keeps the sales tally: adds what each order and refund contributes, exactly once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use stockline_domain::export::TooLarge;
use stockline_domain::ids::{LocationId, OrderId};
use stockline_domain::order::{Refund, TaxTreatment};
use stockline_domain::tally::{Contribution, OrderVersion, TallyWrite, changes_sales, local_hour};

use crate::deadline::Deadline;
use crate::location_cache::{KnownLocation, LocationCache};
use crate::ports::catalog::CatalogStore;
use crate::ports::clock::Clock;
use crate::ports::export::SalesReader;
use crate::ports::sales_tally::{TallyStore, TallyWriteOutcome};
use crate::store_error::StoreError;
use crate::stream_change::StreamChange;

/// For how long the conflicts of one record are retried. A batch has at most 100 records and 30 s.
const RETRY_TIMEOUT: Duration = Duration::from_secs(5);

/// A change of an order or a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaleChange {
    /// A change of an order. Boxed, because an order is much larger than a refund.
    Order(Box<StreamChange<OrderVersion>>),
    /// A new refund.
    Refund(Box<StreamChange<Refund>>),
}

/// A change cannot be tallied.
#[derive(Debug, thiserror::Error)]
pub enum TallyError {
    /// A store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The order of a refund is not readable yet.
    #[error("order {0} of a refund cannot be found")]
    UnknownOrder(OrderId),
    /// The location is not in the catalog, so its local time is not known.
    #[error("location {0} is not in the catalog")]
    UnknownLocation(LocationId),
    /// A sum exceeds 64 bits.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// An order or a refund was deleted, but its sales remain in the tally.
    #[error("{0} was deleted, but its sales remain in the tally")]
    Deleted(String),
}

/// Keeps the tally.
#[derive(Debug)]
pub struct SalesTally<Tally, Sales, Catalog, Time> {
    /// The store of the tally.
    pub tally: Tally,
    /// Reads the orders of refunds, for their tax treatment.
    pub sales: Sales,
    /// Tells the time zone of a location.
    pub locations: LocationCache<Catalog, Time>,
    /// The current time.
    pub clock: Time,
}

impl<Tally: TallyStore, Sales: SalesReader, Catalog: CatalogStore, Time: Clock>
    SalesTally<Tally, Sales, Catalog, Time>
{
    /// Adds what changed. A repeated or older change adds nothing. A change that sells nothing, such as a fulfilment, makes no
    /// request.
    pub async fn follow(&self, change: SaleChange) -> Result<(), TallyError> {
        match change {
            SaleChange::Order(change) => {
                let Some(after) = &change.after else {
                    return Err(TallyError::Deleted("an order".to_owned()));
                };
                self.follow_order(change.before.as_ref(), after).await
            }
            SaleChange::Refund(change) => {
                let Some(refund) = &change.after else {
                    return Err(TallyError::Deleted("a refund".to_owned()));
                };
                self.follow_refund(refund).await
            }
        }
    }

    async fn follow_order(
        &self,
        before: Option<&OrderVersion>,
        after: &OrderVersion,
    ) -> Result<(), TallyError> {
        if let Some(before) = before
            && !changes_sales(&before.order, &after.order)?
        {
            return Ok(());
        }
        let order = &after.order;
        let hour = self.hour(&order.location_id, order.sold_at).await?;
        let observed = Contribution::of_order(after, hour)?;
        let may_have_expired = TallyWrite::may_have_expired(order.placed_at, self.clock.now());
        let expired = match before {
            Some(before) if may_have_expired => Some(Contribution::of_order(before, hour)?),
            _ => None,
        };
        // A new order has no contribution, unless its record is delivered again.
        self.add(&observed, expired.as_ref(), before.is_none())
            .await
    }

    async fn follow_refund(&self, refund: &Refund) -> Result<(), TallyError> {
        let treatment = self.tax_treatment(refund.order_id).await?;
        let hour = self.hour(&refund.location_id, refund.refunded_at).await?;
        let observed = Contribution::of_refund(refund, treatment, hour)?;
        self.add(&observed, None, true).await
    }

    /// Stores `observed`. `is_new` says that no stored contribution is expected, which saves a read.
    async fn add(
        &self,
        observed: &Contribution,
        expired: Option<&Contribution>,
        is_new: bool,
    ) -> Result<(), TallyError> {
        let mut attempts = Deadline::within(RETRY_TIMEOUT).attempts();
        let mut stored = if is_new {
            None
        } else {
            self.tally.find(observed).await?
        };
        loop {
            let write = TallyWrite::next(stored.as_ref(), expired, observed.clone())?;
            let Some(write) = write else {
                return Ok(());
            };
            let deadline = Deadline::within(RETRY_TIMEOUT);
            let written = self.tally.write(&write, self.clock.now(), deadline).await?;
            if written == TallyWriteOutcome::Written {
                return Ok(());
            }
            stored = self.tally.find(observed).await?;
            let is_outdated = stored
                .as_ref()
                .is_none_or(|stored| stored.revision < observed.revision);
            if is_outdated && !attempts.wait_for_next().await {
                return Err(StoreError::Busy.into());
            }
        }
    }

    /// The tax treatment of an order, which never changes.
    async fn tax_treatment(&self, id: OrderId) -> Result<TaxTreatment, TallyError> {
        let mut orders = self.sales.find_orders(&BTreeSet::from([id])).await?;
        let order = orders.pop().ok_or(TallyError::UnknownOrder(id))?;
        Ok(order.tax_treatment)
    }

    async fn hour(&self, location: &LocationId, at: Timestamp) -> Result<i8, TallyError> {
        let known: Option<Arc<KnownLocation>> = self.locations.find(location).await?;
        let known = known.ok_or_else(|| TallyError::UnknownLocation(location.clone()))?;
        Ok(local_hour(at, &known.time_zone))
    }
}
