//! The store of users.

use std::future::Future;

use stockline_domain::user::{StoredUser, Subject};

use crate::deadline::Deadline;
use crate::paging::{Listing, Page};
use crate::store_error::StoreError;

/// Reads one user.
pub trait UserReader: Send + Sync {
    /// Reads the user, strongly consistent.
    fn find_user(
        &self,
        subject: &Subject,
    ) -> impl Future<Output = Result<Option<StoredUser>, StoreError>> + Send;
}

/// The outcome of a conditional write of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserWriteOutcome {
    /// The user is stored, by this request or an earlier one with the same content.
    Written,
    /// The stored user is not of the expected version. Holds the user as it is, or `None` if there is none.
    Conflict(Option<StoredUser>),
}

/// Writes and lists users.
pub trait UserStore: UserReader {
    /// Stores `next` if the stored user has the version `before`, or does not exist for `None`.
    fn replace_user(
        &self,
        next: &StoredUser,
        before: Option<u64>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<UserWriteOutcome, StoreError>> + Send;

    /// Deletes the user. A user that does not exist is no error.
    fn delete_user(
        &self,
        subject: &Subject,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Lists the users by subject, strongly consistent.
    fn list_users(
        &self,
        page: Page,
    ) -> impl Future<Output = Result<Listing<StoredUser>, StoreError>> + Send;
}
