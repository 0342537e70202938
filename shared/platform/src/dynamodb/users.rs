//! Stores users in the catalog table, one item each, in a partition of their own.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use serde::{Deserialize, Serialize};
use stockline_domain::user::{StoredUser, Subject, User, UserAccess};

use super::attributes::{Item, item, key_of, number, string, value};
use super::paging::query_page;
use super::single_write::retry_while_busy;
use super::transaction::classify_error;
use crate::keys;
use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page};
use stockline_application::ports::users::{UserReader, UserStore, UserWriteOutcome};
use stockline_application::store_error::StoreError;

/// A store of users.
#[derive(Debug, Clone)]
pub struct DynamoUsers {
    client: Client,
    catalog_table: String,
}

/// The item of a user, without its key.
#[derive(Debug, Serialize, Deserialize)]
struct UserRecord {
    version: u64,
    #[serde(flatten)]
    access: UserAccess,
}

impl DynamoUsers {
    /// Creates a store over `catalog_table`.
    pub fn new(client: Client, catalog_table: String) -> Self {
        Self {
            client,
            catalog_table,
        }
    }

    /// Opens the connection before the first request, by reading a subject that no user has.
    pub async fn warm_up(&self) {
        let absent_key = keys::Key {
            pk: keys::USERS_PARTITION.to_owned(),
            sk: "%".to_owned(),
        };
        if let Err(error) = self.get(&absent_key).await {
            tracing::warn!(%error, "failed to open the DynamoDB connection during init");
        }
    }

    async fn get(&self, key: &keys::Key) -> Result<Option<Item>, StoreError> {
        let output = self
            .client
            .get_item()
            .table_name(&self.catalog_table)
            .set_key(Some(key_of(key)))
            .consistent_read(true)
            .send()
            .await
            .map_err(classify_error("read a user"))?;
        Ok(output.item)
    }
}

impl UserReader for DynamoUsers {
    async fn find_user(&self, subject: &Subject) -> Result<Option<StoredUser>, StoreError> {
        let item = self.get(&keys::user(subject)).await?;
        item.map(read_user).transpose()
    }
}

impl UserStore for DynamoUsers {
    async fn replace_user(
        &self,
        next: &StoredUser,
        before: Option<u64>,
        deadline: Deadline,
    ) -> Result<UserWriteOutcome, StoreError> {
        let StoredUser { user, version } = next;
        let record = UserRecord {
            version: *version,
            access: user.access.clone(),
        };
        let put = self
            .client
            .put_item()
            .table_name(&self.catalog_table)
            .set_item(Some(item(&keys::user(&user.subject), &record)?));
        let put = match before {
            None => put.condition_expression("attribute_not_exists(pk)"),
            Some(version) => put
                .condition_expression("#version = :before")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":before", number(version)),
        };
        match retry_while_busy(deadline, || put.clone().send()).await {
            Ok(_) => Ok(UserWriteOutcome::Written),
            Err(error) if error.code() == Some("ConditionalCheckFailedException") => {
                // The SDK retries after a lost response. The stored user may then be the one of this write.
                let stored = self.find_user(&user.subject).await?;
                Ok(if stored.as_ref() == Some(next) {
                    UserWriteOutcome::Written
                } else {
                    UserWriteOutcome::Conflict(stored)
                })
            }
            Err(error) => Err(classify_error("write a user")(error)),
        }
    }

    async fn delete_user(&self, subject: &Subject, deadline: Deadline) -> Result<(), StoreError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.catalog_table)
            .set_key(Some(key_of(&keys::user(subject))));
        retry_while_busy(deadline, || delete.clone().send())
            .await
            .map_err(classify_error("delete a user"))?;
        Ok(())
    }

    async fn list_users(&self, page: Page) -> Result<Listing<StoredUser>, StoreError> {
        let query = self
            .client
            .query()
            .table_name(&self.catalog_table)
            .key_condition_expression("pk = :users")
            .expression_attribute_values(":users", string(keys::USERS_PARTITION))
            .consistent_read(true)
            .limit(i32::from(page.limit));
        query_page(query, page.after, "list the users", read_user).await
    }
}

fn read_user(mut item: Item) -> Result<StoredUser, StoreError> {
    let sort_key = item.remove("sk");
    let subject = sort_key.as_ref().and_then(|key| key.as_s().ok());
    let subject = subject
        .ok_or("the sort key is no string")
        .map_err(StoreError::failed("read a user"))?
        .parse()
        .map_err(StoreError::failed::<stockline_domain::user::InvalidSubject>("read a user"))?;
    let record: UserRecord = value(item)?;
    Ok(StoredUser {
        user: User {
            subject,
            access: record.access,
        },
        version: record.version,
    })
}
