//! Paged DynamoDB queries.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

use super::attributes::{Item, position, start_key};
use super::transaction::classify_error;
use stockline_application::paging::{Listing, Position};
use stockline_application::store_error::StoreError;

/// Sends `query` for one page that starts after the position `after`, and converts each item with `read_item`.
///
/// Without a limit in `query`, a page is the 1 MB that DynamoDB reads at most for one query.
pub async fn query_page<T>(
    query: QueryFluentBuilder,
    after: Option<Position>,
    context: &'static str,
    read_item: impl FnMut(Item) -> Result<T, StoreError>,
) -> Result<Listing<T>, StoreError> {
    let page = query
        .set_exclusive_start_key(start_key(after))
        .send()
        .await
        .map_err(classify_error(context))?;
    let items = page.items.unwrap_or_default().into_iter().map(read_item);
    Ok(Listing {
        items: items.collect::<Result<_, _>>()?,
        next: position(page.last_evaluated_key),
    })
}

/// Sends `query` for all its pages, one request per page, and converts each item with `read_item`.
pub async fn query_all<T>(
    query: QueryFluentBuilder,
    context: &'static str,
    read_item: impl FnMut(Item) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let pages = query.into_paginator().items().send();
    // The paginator's future is deeply nested. Boxed, it does not exhaust the compiler's recursion limit in its callers.
    let items: Vec<Item> = Box::pin(pages.collect::<Result<_, _>>())
        .await
        .map_err(classify_error(context))?;
    items.into_iter().map(read_item).collect()
}
