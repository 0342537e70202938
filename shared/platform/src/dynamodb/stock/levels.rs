//! The levels of a location.

use stockline_domain::ids::LocationId;
use stockline_domain::level::Level;

use super::DynamoStock;
use crate::dynamodb::attributes::{position, start_key, string, value};
use crate::dynamodb::get_all::get_all;
use crate::dynamodb::transaction::sort;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::store_error::StoreError;

impl DynamoStock {
    /// The index says which levels there are; each is then read from the table, because an index lags behind.
    pub(super) async fn list_levels(
        &self,
        location: &LocationId,
        page: Page,
        deadline: Deadline,
    ) -> Result<Listing<Level>, StoreError> {
        let found = self
            .client
            .query()
            .table_name(self.levels.table())
            .index_name("by_location")
            .key_condition_expression("index_location = :location")
            .expression_attribute_values(":location", string(location.as_str()))
            .limit(i32::from(page.limit))
            .set_exclusive_start_key(start_key(page.after))
            .send()
            .await
            .map_err(sort("list levels"))?;
        let keys = found
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|mut item| {
                item.retain(|name, _| name == "pk" || name == "sk");
                item
            })
            .collect();
        let mut items = Vec::new();
        for item in get_all(&self.client, self.levels.table(), keys, deadline).await? {
            items.push(
                self.levels
                    .read_on(value(item)?, deadline)
                    .await?
                    .level
                    .total(),
            );
        }
        items.sort_by(|one, other| one.sku.cmp(&other.sku));
        Ok(Listing {
            items,
            next: position(found.last_evaluated_key),
        })
    }
}
