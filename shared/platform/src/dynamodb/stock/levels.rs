//! Lists the levels of a location.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use stockline_domain::ids::LocationId;
use stockline_domain::level::Level;

use super::DynamoStock;
use crate::dynamodb::attributes::{Item, string, value};
use crate::dynamodb::batch_get::batch_get;
use crate::dynamodb::paging::query_page;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::stock::StockedLocations;
use stockline_application::store_error::StoreError;

impl DynamoStock {
    /// Returns the query for the keys of the levels of a location, by SKU.
    fn query_levels(&self, location: &LocationId) -> QueryFluentBuilder {
        self.client
            .query()
            .table_name(self.levels.table())
            .index_name("by_location")
            .key_condition_expression("index_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
    }

    /// Reads a page of levels by SKU. The keys come from an index and the levels from the table, because an index is only
    /// eventually consistent.
    pub(super) async fn list_levels(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let query = self.query_levels(location).limit(i32::from(page.limit));
        let keys = query_page(query, page.after, "list levels", |mut item| {
            item.retain(|name, _| name == "pk" || name == "sk");
            Ok(item)
        });
        let Listing { items: keys, next } = keys.await?;
        let mut items = self.read_totals(keys, deadline).await?;
        items.sort_by(|one, other| one.sku.cmp(&other.sku));
        Ok(Listing { items, next })
    }

    /// Reads the levels whose bucket 0 has one of these keys (at most 100), each as the total of its buckets, in no order.
    pub(super) async fn read_totals(
        &self,
        first_bucket_keys: Vec<Item>,
        deadline: Deadline,
    ) -> Result<Vec<Level>, StoreError> {
        let (client, table) = (&self.client, self.levels.table());
        let mut totals = Vec::with_capacity(first_bucket_keys.len());
        for item in batch_get(client, table, first_bucket_keys, deadline).await? {
            let first = value(item)?;
            let snapshot = self.levels.read_with_first(first, deadline).await?;
            totals.push(snapshot.level.total());
        }
        Ok(totals)
    }
}

impl StockedLocations for DynamoStock {
    async fn has_stock(&self, location: &LocationId) -> Result<bool, StoreError> {
        let query = self.query_levels(location).limit(1);
        let page = query_page(query, None, "look for levels", Ok).await?;
        Ok(!page.items.is_empty())
    }
}
