//! Changes users, and finds the caller that a token names.

use stockline_domain::caller::Caller;
use stockline_domain::user::{StoredUser, Subject, TokenHolder, User, is_own_lockout};

use crate::deadline::Deadline;
use crate::ports::users::{UserReader, UserStore, UserWriteOutcome};
use crate::store_error::StoreError;

/// A change of a user.
#[derive(Debug, Clone)]
pub struct PutUser<'a> {
    /// The admin who makes the change.
    pub caller: &'a Caller,
    /// The user as it is to be.
    pub user: User,
    /// The version that the admin read; `None` for a new user.
    pub expected_version: Option<u64>,
    /// When writing must end.
    pub deadline: Deadline,
}

/// The outcome of [`put_user`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutUserOutcome {
    /// The user is as requested.
    Stored(StoredUser),
    /// Another change came first. Holds the version now, or `None` if there is no such user.
    Outdated(Option<u64>),
    /// The admin would lose the management of users.
    OwnLockout,
}

/// Stores a user. A repeated request has its effect once.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn put_user<Users: UserStore>(
    users: &Users,
    request: PutUser<'_>,
) -> Result<PutUserOutcome, StoreError> {
    if is_own_lockout(request.caller, &request.user) {
        return Ok(PutUserOutcome::OwnLockout);
    }
    let before = request.expected_version;
    let next = StoredUser {
        user: request.user,
        version: before.map_or(1, |version| version.saturating_add(1)),
    };
    Ok(
        match users.replace_user(&next, before, request.deadline).await? {
            UserWriteOutcome::Written => PutUserOutcome::Stored(next),
            // The response to an earlier request with the same content was lost.
            UserWriteOutcome::Conflict(Some(stored)) if stored.user == next.user => {
                PutUserOutcome::Stored(stored)
            }
            UserWriteOutcome::Conflict(stored) => {
                PutUserOutcome::Outdated(stored.map(|stored| stored.version))
            }
        },
    )
}

/// The outcome of [`delete_user`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteUserOutcome {
    /// There is no such user any more.
    Deleted,
    /// The admin would lose the management of users.
    OwnLockout,
}

/// Deletes a user. Deleting again changes nothing.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn delete_user<Users: UserStore>(
    users: &Users,
    caller: &Caller,
    subject: &Subject,
    deadline: Deadline,
) -> Result<DeleteUserOutcome, StoreError> {
    if caller.subject == subject.as_str() {
        return Ok(DeleteUserOutcome::OwnLockout);
    }
    users.delete_user(subject, deadline).await?;
    Ok(DeleteUserOutcome::Deleted)
}

/// Why a token without claims about its holder gives no access. The text goes to the log, so it contains no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoAccess {
    /// There is no user with the subject of the token.
    #[error("no role claim and no such user")]
    UnknownUser,
    /// The user is disabled.
    #[error("the user is disabled")]
    DisabledUser,
}

/// Finds the caller that a token names. Users are read only for a token that does not state a role.
///
/// # Errors
/// [`StoreError`] if the users cannot be read.
pub async fn find_caller<Users: UserReader>(
    users: &Users,
    holder: TokenHolder,
) -> Result<Result<Caller, NoAccess>, StoreError> {
    let subject = match holder {
        TokenHolder::Caller(caller) => return Ok(Ok(caller)),
        TokenHolder::Subject(subject) => subject,
    };
    let Some(found) = users.find_user(&subject).await? else {
        return Ok(Err(NoAccess::UnknownUser));
    };
    Ok(found.user.caller().ok_or(NoAccess::DisabledUser))
}
