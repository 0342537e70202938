//! Stores stock requests, and finds earlier ones with their settled changes.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure as OnFailure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stockline_domain::ids::RequestId;

use super::DynamoStock;
use super::changes::ChangeRecord;
use crate::dynamodb::attributes::{item, key_of, string, value};
use crate::dynamodb::paging::query_all;
use crate::dynamodb::transaction::classify_error;
use crate::keys;
use stockline_application::fingerprint::Fingerprint;
use stockline_application::ports::stock::{EarlierRequest, RequestStatus};
use stockline_application::ports::stock_changes::ChangeResult;
use stockline_application::store_error::StoreError;

const READ_REQUEST: &str = "read a request";

/// The item of a stock request.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct RequestRecord {
    fingerprint: String,
    came_at: Timestamp,
}

impl DynamoStock {
    /// Stores a new request, or finds the earlier request with the same id.
    pub(super) async fn open_request(
        &self,
        id: RequestId,
        request: &Fingerprint,
        at: Timestamp,
    ) -> Result<RequestStatus, StoreError> {
        let record = RequestRecord {
            fingerprint: request.as_str().to_owned(),
            came_at: at,
        };
        let result = self
            .client
            .put_item()
            .table_name(self.levels.table())
            .set_item(Some(item(&keys::stock_request(id), &record)?))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(OnFailure::AllOld)
            .send()
            .await;
        let Err(error) = result else {
            return Ok(RequestStatus::New);
        };
        let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error()
        else {
            return Err(classify_error("open a request")(error));
        };
        let Some(existing) = failed.item.clone() else {
            return Err(StoreError::failed("open a request")(
                "the failed condition returned no existing request",
            ));
        };
        self.earlier_request(id, value(existing)?, request).await
    }

    /// Finds the earlier request with this id, without writing anything.
    pub(super) async fn recall_request(
        &self,
        id: RequestId,
        request: &Fingerprint,
    ) -> Result<Option<RequestStatus>, StoreError> {
        Ok(match self.read_request(id).await? {
            Some(existing) => Some(self.earlier_request(id, existing, request).await?),
            None => None,
        })
    }

    pub(super) async fn read_request(
        &self,
        id: RequestId,
    ) -> Result<Option<RequestRecord>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(self.levels.table())
            .set_key(Some(key_of(&keys::stock_request(id))))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error(READ_REQUEST))?;
        output.item.map(value).transpose()
    }

    async fn earlier_request(
        &self,
        id: RequestId,
        existing: RequestRecord,
        request: &Fingerprint,
    ) -> Result<RequestStatus, StoreError> {
        if existing.fingerprint != request.as_str() {
            return Ok(RequestStatus::KeyReused);
        }
        Ok(RequestStatus::Known(EarlierRequest {
            received_at: existing.came_at,
            settled: self.settled_changes(id).await?,
        }))
    }

    async fn settled_changes(
        &self,
        id: RequestId,
    ) -> Result<BTreeMap<usize, ChangeResult>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(self.levels.table())
            .key_condition_expression("pk = :request AND begins_with(sk, :change)")
            .expression_attribute_values(":request", string(keys::stock_request_partition(id)))
            .expression_attribute_values(":change", string(keys::SETTLED_CHANGE_PREFIX))
            .consistent_read(true);
        let records: Vec<ChangeRecord> = query_all(query, READ_REQUEST, value).await?;
        Ok(records
            .into_iter()
            .map(|record| (record.index, record.into_result()))
            .collect())
    }
}
