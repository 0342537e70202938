//! Pages the refunds and fulfilments of an order, newest first.
//!
//! They are paged from the order as it was read. The store keys them by an id derived from the idempotency key, which is what
//! makes a repeated request find its record; so it cannot read them in the order of time.

use jiff::Timestamp;
use stockline_domain::order::{Fulfilment, Refund};

use crate::paging::{Listing, Page, Position};
use crate::ports::orders::StoredOrder;

/// The number of refunds, and of fulfilments, that an order is shown with.
pub const RECENT_RECORDS: u8 = 20;

/// The first page of what an order is shown with.
pub const RECENT: Page = Page {
    limit: RECENT_RECORDS,
    after: None,
};

/// Returns a page of the refunds of `stored`, newest first.
pub fn refunds<'a>(stored: &'a StoredOrder, page: &Page) -> Listing<&'a Refund> {
    let refunds = stored.refunds.iter().map(|(refund, _)| refund);
    newest_first(refunds, page, |refund| {
        (refund.refunded_at, refund.refund_id.to_string())
    })
}

/// Returns a page of the fulfilments of `stored` by people, newest first.
pub fn fulfilments<'a>(stored: &'a StoredOrder, page: &Page) -> Listing<&'a Fulfilment> {
    let fulfilments = stored.fulfilments.iter().map(|(fulfilment, _)| fulfilment);
    newest_first(fulfilments, page, |fulfilment| {
        (
            fulfilment.fulfilled_at,
            fulfilment.fulfilment_id.to_string(),
        )
    })
}

/// A page of `records` by descending `key`. The position is the key of the last record, so a record that is added meanwhile
/// neither shifts nor repeats what follows.
fn newest_first<'a, T>(
    records: impl Iterator<Item = &'a T>,
    page: &Page,
    key: impl Fn(&T) -> (Timestamp, String),
) -> Listing<&'a T> {
    let after = page.after.as_ref().and_then(read_position);
    let mut items: Vec<_> = records
        .map(|record| (key(record), record))
        .filter(|(key, _)| after.as_ref().is_none_or(|after| key < after))
        .collect();
    items.sort_by(|a, b| b.0.cmp(&a.0));
    let has_more = items.len() > usize::from(page.limit);
    items.truncate(usize::from(page.limit));
    let last = items.last().filter(|_| has_more);
    Listing {
        next: last.map(|((at, id), _)| position(*at, id)),
        items: items.into_iter().map(|(_, record)| record).collect(),
    }
}

fn position(at: Timestamp, id: &str) -> Position {
    Position::from([
        ("at".to_owned(), at.to_string()),
        ("id".to_owned(), id.to_owned()),
    ])
}

fn read_position(position: &Position) -> Option<(Timestamp, String)> {
    Some((
        position.get("at")?.parse().ok()?,
        position.get("id")?.clone(),
    ))
}
