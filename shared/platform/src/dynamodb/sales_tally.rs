//! Stores the sales tally in the table `sales`: one item for each order and refund, and one for each hour, currency and bucket.
//!
//! A contribution and the totals that it changes are written in one transaction, on the condition that the stored contribution
//! has the revision that was replaced.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use stockline_domain::ids::{LocationId, Sku};
use stockline_domain::money::Currency;
use stockline_domain::tally::{
    Contribution, Figures, HourTally, RETENTION_DAYS, ReportRange, SkuAmounts, TallyCell,
    TallyWrite,
};

use super::attributes::{Item, attribute, item, key_of, number, string, value};
use super::paging::{query_all, query_page};
use super::transaction::{TransactionResult, classify_error, write_transaction};
use crate::keys::{self, Key};
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Position};
use stockline_application::ports::sales_tally::{
    TALLY_BUCKETS, TalliedContribution, TallyReader, TallyStore, TallyWriteOutcome,
};
use stockline_application::store_error::StoreError;

const READ: &str = "read the sales tally";
const WRITE: &str = "write the sales tally";

/// A store of the sales tally.
#[derive(Debug, Clone)]
pub struct DynamoSalesTally {
    client: Client,
    table: String,
}

/// The item of a contribution. Short attribute names keep a typical basket within 1 KB, which is one write unit (two in a
/// transaction).
#[derive(Debug, Serialize, Deserialize)]
struct ContributionRecord {
    revision: u64,
    hour: i8,
    currency: Currency,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lines: Vec<LineRecord>,
    updated_at: Timestamp,
    /// When DynamoDB deletes the item, in seconds since 1970.
    expires_at: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct LineRecord {
    /// SKU.
    s: Sku,
    /// Quantity.
    q: i64,
    /// Net.
    n: i64,
    /// Gross, if it differs from the net.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    g: Option<i64>,
    /// Tax, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    t: Option<i64>,
    /// Total, if it differs from the net.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    a: Option<i64>,
}

impl From<&SkuAmounts> for LineRecord {
    fn from(line: &SkuAmounts) -> Self {
        let unless_net = |amount: i64| (amount != line.net).then_some(amount);
        Self {
            s: line.sku.clone(),
            q: line.quantity,
            n: line.net,
            g: unless_net(line.gross),
            t: (line.tax != 0).then_some(line.tax),
            a: unless_net(line.total),
        }
    }
}

impl From<LineRecord> for SkuAmounts {
    fn from(record: LineRecord) -> Self {
        Self {
            sku: record.s,
            quantity: record.q,
            gross: record.g.unwrap_or(record.n),
            tax: record.t.unwrap_or_default(),
            net: record.n,
            total: record.a.unwrap_or(record.n),
        }
    }
}

impl DynamoSalesTally {
    /// Creates a store over `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Opens the connection before the first record or request, by reading a key that no item has. An error is only logged: the
    /// first record or request reports it.
    pub async fn warm_up(&self) {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", string("NOTHING"));
        if let Err(error) = query_page(query, None, READ, Ok).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    /// Returns the transaction item that puts the contribution of `write`.
    fn put_contribution(
        &self,
        write: &TallyWrite,
        at: Timestamp,
    ) -> Result<TransactWriteItem, StoreError> {
        let contribution = &write.contribution;
        let kept_for = SignedDuration::from_hours(24 * i64::from(RETENTION_DAYS));
        let record = ContributionRecord {
            revision: contribution.revision,
            hour: contribution.cell.hour,
            currency: contribution.cell.currency,
            lines: contribution.lines.iter().map(LineRecord::from).collect(),
            updated_at: at,
            expires_at: at.as_second().saturating_add(kept_for.as_secs()),
        };
        let put = Put::builder()
            .table_name(&self.table)
            .set_item(Some(item(&contribution_key(contribution), &record)?));
        let put = match write.replaces {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(revision) => put
                .condition_expression("revision = :before")
                .expression_attribute_values(":before", number(revision)),
        };
        let put = put.build().map_err(StoreError::failed(WRITE))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// Returns the transaction item that adds the difference of `write` to its totals; `None` if the difference is zero.
    fn add_difference(
        &self,
        write: &TallyWrite,
        at: Timestamp,
    ) -> Result<Option<TransactWriteItem>, StoreError> {
        let contribution = &write.contribution;
        let bucket = keys::tally_bucket(contribution.id);
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(key_of(&keys::tally_hour(&contribution.cell, bucket))))
            .expression_attribute_values(":at", attribute(&at)?);
        let mut additions = Vec::new();
        let columns = Figures::COLUMNS.into_iter().zip(write.difference.values());
        for (index, ((name, _), difference)) in columns.enumerate() {
            if difference != 0 {
                additions.push(format!("#f{index} :f{index}"));
                update = update
                    .expression_attribute_names(format!("#f{index}"), name)
                    .expression_attribute_values(format!(":f{index}"), number(difference));
            }
        }
        if additions.is_empty() {
            return Ok(None);
        }
        let update = update
            .update_expression(format!("SET updated_at = :at ADD {}", additions.join(", ")))
            .build()
            .map_err(StoreError::failed(WRITE))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }

    /// Returns the query for the items of `partition` whose business date is in `range`.
    fn query_range(&self, partition: String, range: ReportRange) -> QueryFluentBuilder {
        let (first, last) = keys::tally_range(range);
        self.client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", string(partition))
            .expression_attribute_values(":first", string(first))
            .expression_attribute_values(":last", string(last))
    }
}

impl TallyStore for DynamoSalesTally {
    async fn find(&self, observed: &Contribution) -> Result<Option<Contribution>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_of(&contribution_key(observed))))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error(READ))?;
        let found = output.item.map(read_contribution).transpose()?;
        Ok(found.map(|tallied| tallied.contribution))
    }

    async fn write(
        &self,
        write: &TallyWrite,
        at: Timestamp,
        deadline: Deadline,
    ) -> Result<TallyWriteOutcome, StoreError> {
        let mut items = vec![self.put_contribution(write, at)?];
        items.extend(self.add_difference(write, at)?);
        let result = write_transaction(&self.client, items, deadline).await?;
        Ok(match result {
            TransactionResult::Committed => TallyWriteOutcome::Written,
            TransactionResult::ConditionFailed(_) => TallyWriteOutcome::Conflict,
        })
    }
}

impl TallyReader for DynamoSalesTally {
    /// Queries the buckets concurrently.
    async fn hours(
        &self,
        location: &LocationId,
        range: ReportRange,
    ) -> Result<Vec<HourTally>, StoreError> {
        let buckets = (0..TALLY_BUCKETS).map(|bucket| {
            let partition = keys::tally_hours_partition(location, bucket);
            query_all(self.query_range(partition, range), READ, read_hour)
        });
        Ok(try_join_all(buckets).await?.into_iter().flatten().collect())
    }

    async fn contributions(
        &self,
        location: &LocationId,
        range: ReportRange,
        bucket: u8,
        after: Option<Position>,
    ) -> Result<Listing<TalliedContribution>, StoreError> {
        let partition = keys::contributions_partition(location, bucket);
        let query = self.query_range(partition, range);
        query_page(query, after, READ, read_contribution).await
    }
}

fn contribution_key(contribution: &Contribution) -> Key {
    let cell = &contribution.cell;
    keys::contribution(&cell.location_id, cell.business_date, contribution.id)
}

fn read_contribution(item: Item) -> Result<TalliedContribution, StoreError> {
    let key: Key = value(item.clone())?;
    let (location_id, business_date, id) = keys::parse_contribution(&key)
        .ok_or_else(|| StoreError::failed(READ)("the key of a contribution is not valid"))?;
    let record: ContributionRecord = value(item)?;
    Ok(TalliedContribution {
        contribution: Contribution {
            id,
            cell: TallyCell {
                location_id,
                business_date,
                hour: record.hour,
                currency: record.currency,
            },
            revision: record.revision,
            lines: record.lines.into_iter().map(SkuAmounts::from).collect(),
        },
        updated_at: record.updated_at,
    })
}

fn read_hour(item: Item) -> Result<HourTally, StoreError> {
    #[derive(Deserialize)]
    struct HourRecord {
        updated_at: Timestamp,
    }
    let key: Key = value(item.clone())?;
    let cell = keys::parse_tally_hour(&key)
        .ok_or_else(|| StoreError::failed(READ)("the key of a total is not valid"))?;
    // A figure that has never changed has no attribute.
    let figure = |name: &str| match item.get(name) {
        None => Ok(0),
        Some(figure) => {
            serde_dynamo::from_attribute_value(figure.clone()).map_err(StoreError::failed(READ))
        }
    };
    let mut values = [0_i64; Figures::COLUMNS.len()];
    for (sum, (name, _)) in values.iter_mut().zip(Figures::COLUMNS) {
        *sum = figure(name)?;
    }
    let record: HourRecord = value(item)?;
    Ok(HourTally {
        cell,
        figures: Figures::from_values(values),
        updated_at: record.updated_at,
    })
}

#[cfg(test)]
mod tests {
    use stockline_domain::ids::OrderId;
    use stockline_domain::tally::ContributionId;

    use super::*;

    #[test]
    fn amounts_that_equal_the_net_are_left_out() {
        let line = |gross, tax, total| SkuAmounts {
            sku: "milk".parse().unwrap(),
            quantity: 2,
            gross,
            tax,
            net: 199,
            total,
        };
        for (line, names) in [
            (line(199, 0, 199), vec!["n", "q", "s"]),
            (line(219, 13, 199), vec!["g", "n", "q", "s", "t"]),
            (line(199, 13, 212), vec!["a", "n", "q", "s", "t"]),
        ] {
            let stored: Item = serde_dynamo::to_item(LineRecord::from(&line)).unwrap();
            let mut stored_names: Vec<&String> = stored.keys().collect();
            stored_names.sort();
            assert_eq!(stored_names, names);
            let read: LineRecord = serde_dynamo::from_item(stored).unwrap();
            assert_eq!(SkuAmounts::from(read), line);
        }
    }

    #[test]
    fn ids_are_spread_over_all_buckets() {
        let mut counts = [0_u32; TALLY_BUCKETS as usize];
        for number in 0..400 {
            let id = OrderId::derive("till", &number.to_string());
            counts[usize::from(keys::tally_bucket(ContributionId::Order(id)))] += 1;
        }
        assert!(counts.iter().all(|count| *count > 70), "{counts:?}");
    }
}
