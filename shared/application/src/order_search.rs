//! Finds the orders of a location again: by the caller's own reference, or by when they were placed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use stockline_domain::ids::LocationId;
use stockline_domain::invalid::Invalid;
use stockline_domain::order::{Channel, Order, OrderStatus};
use stockline_domain::reported_time::MAX_AGE;

use crate::deadline::Deadline;
use crate::paging::{Listing, Page, Position};
use crate::ports::order_search::{OrderSearch, PlacedRange};
use crate::store_error::StoreError;

/// Maximum length of a range of placement times that is searched without a reference.
pub const MAX_RANGE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Maximum number of queries of one page. [`MAX_RANGE`] spans 43 business dates.
const MAX_QUERIES: u32 = 50;

/// The name of the business date in a position. The rest of the position is the store's own, within that date.
const BUSINESS_DATE: &str = "business_date";

/// Which orders of a location to find.
#[derive(Debug, Clone)]
pub struct OrderQuery {
    /// The location that sold or ships the orders.
    pub location: LocationId,
    /// The caller's own number for the order.
    pub external_reference: Option<String>,
    /// The status of the order now.
    pub status: Option<OrderStatus>,
    /// The sales channel.
    pub channel: Option<Channel>,
    /// When the order was placed.
    pub placed: PlacedRange,
}

impl OrderQuery {
    /// Checks that the range is neither empty nor, without a reference, longer than [`MAX_RANGE`].
    ///
    /// # Errors
    /// The field that starts the range.
    pub fn check(&self) -> Result<(), Invalid> {
        let PlacedRange { from, to } = self.placed;
        if from >= to {
            return Err(Invalid::field("placed_from", "must be before placed_to"));
        }
        if self.external_reference.is_none() && from.duration_until(to) > MAX_RANGE {
            let detail =
                "must be at most 31 days before placed_to, unless external_reference is given";
            return Err(Invalid::field("placed_from", detail));
        }
        Ok(())
    }

    fn matches(&self, order: &Order) -> bool {
        self.status.is_none_or(|status| order.status == status)
            && self.channel.is_none_or(|channel| order.channel == channel)
            && self.placed.contains(order.placed_at)
    }
}

/// Reads a page of the orders that `query` selects, by business date and then by placement time.
///
/// The status and the channel are checked on orders that were read: a page may have fewer orders than its limit, or none,
/// although another page follows.
pub async fn search_orders<Orders: OrderSearch>(
    orders: &Orders,
    query: &OrderQuery,
    page: Page,
    deadline: Deadline,
) -> Result<Listing<Order>, StoreError> {
    let Some(reference) = &query.external_reference else {
        return search_dates(orders, query, page).await;
    };
    let mut found = orders
        .by_reference(&query.location, reference, page, deadline)
        .await?;
    found.items.retain(|order| query.matches(order));
    Ok(found)
}

async fn search_dates<Orders: OrderSearch>(
    orders: &Orders,
    query: &OrderQuery,
    page: Page,
) -> Result<Listing<Order>, StoreError> {
    let limit = usize::from(page.limit);
    let (first, last) = business_dates(query.placed);
    let (mut date, mut after) = start(page.after, first);
    let mut items = Vec::new();
    for _ in 0..MAX_QUERIES {
        let limit_left = u8::try_from(limit - items.len()).unwrap_or(page.limit);
        let page_of_date = Page {
            limit: limit_left,
            after: after.take(),
        };
        let found = orders
            .placed_on(&query.location, date, query.placed, page_of_date)
            .await?;
        items.extend(found.items.into_iter().filter(|order| query.matches(order)));
        after = found.next;
        if after.is_none() {
            match date.tomorrow() {
                Ok(next) if next <= last => date = next,
                _ => return Ok(Listing { items, next: None }),
            }
        }
        if items.len() >= limit {
            break;
        }
    }
    let mut next = after.unwrap_or_default();
    next.insert(BUSINESS_DATE.to_owned(), date.to_string());
    Ok(Listing {
        items,
        next: Some(next),
    })
}

/// The first and last business date of the orders that are placed in `range`, in any time zone.
///
/// A till reports a sale up to [`MAX_AGE`] late, and its business date is that of the sale. The date of a store differs from
/// that of UTC by one day at most, and before the close-out hour it is the day before.
fn business_dates(range: PlacedRange) -> (Date, Date) {
    let date = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let earliest_sale = range.from.saturating_sub(MAX_AGE).unwrap_or(range.from);
    (
        date(earliest_sale).saturating_sub(2.days()),
        date(range.to).saturating_add(1.day()),
    )
}

/// The business date that the page starts at, and the store's position within it.
fn start(after: Option<Position>, first: Date) -> (Date, Option<Position>) {
    let Some(mut position) = after else {
        return (first, None);
    };
    let date = position.remove(BUSINESS_DATE);
    let date = date.and_then(|date| date.parse().ok()).unwrap_or(first);
    (date, Some(position).filter(|position| !position.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_sale_in_any_time_zone_is_within_the_dates() {
        let range = PlacedRange {
            from: "2026-03-10T00:30:00Z".parse().unwrap(),
            to: "2026-03-10T23:30:00Z".parse().unwrap(),
        };
        let (first, last) = business_dates(range);
        // Sold seven days earlier at 13:30 in Honolulu's day before, until the close-out hour.
        assert_eq!(first.to_string(), "2026-03-01");
        assert_eq!(last.to_string(), "2026-03-11");
    }

    #[test]
    fn longest_range_fits_one_request() {
        let to: Timestamp = "2026-03-31T23:59:59Z".parse().unwrap();
        let from = to - MAX_RANGE;
        let (first, last) = business_dates(PlacedRange { from, to });
        let days = first.until(last).unwrap().get_days() + 1;
        assert!(u32::try_from(days).unwrap() <= MAX_QUERIES, "{days}");
    }
}
