//! Routes each operation on users to its use case.

use serde::Deserialize;
use serde_json::json;
use stockline_application::ports::users::UserStore;
use stockline_application::users::{
    DeleteUserOutcome, PutUser, PutUserOutcome, delete_user, put_user,
};
use stockline_domain::user::{Subject, UserAccess, may_manage_users};
use stockline_platform::cursor::CursorKey;
use stockline_platform::edge::{Call, Reply, listing};
use stockline_platform::problem::{Problem, ProblemKind};

/// The name of the list in its cursors.
const LIST: &str = "users";

/// Reads and changes users.
pub struct UsersApi<Users> {
    users: Users,
    cursors: CursorKey,
}

/// The body of a `PUT`.
#[derive(Debug, Deserialize)]
struct PutUserBody {
    #[serde(flatten)]
    access: UserAccess,
    #[serde(default)]
    expected_version: Option<u64>,
}

impl<Users: UserStore> UsersApi<Users> {
    /// Creates the handler; `cursors` signs the cursors of the list.
    pub fn new(users: Users, cursors: CursorKey) -> Self {
        Self { users, cursors }
    }

    /// Handles one request; a problem becomes the error response.
    pub async fn handle(&self, call: Call) -> Result<Reply, Problem> {
        may_manage_users(&call.caller)?;
        match (call.method.as_str(), call.resource.as_str()) {
            ("GET", "/v1/users") => self.list(&call).await,
            ("PUT", "/v1/users/{subject}") => self.put(&call).await,
            ("GET", "/v1/users/{subject}") => self.read(&call).await,
            ("DELETE", "/v1/users/{subject}") => self.delete(&call).await,
            _ => Err(Problem::not_found()),
        }
    }

    async fn list(&self, call: &Call) -> Result<Reply, Problem> {
        let page = call.page(&self.cursors, LIST)?;
        let found = self.users.list_users(page).await?;
        listing(LIST, &found.items, found.next.as_ref(), &self.cursors, LIST)
    }

    async fn put(&self, call: &Call) -> Result<Reply, Problem> {
        let subject = call.decoded_path("subject")?;
        let body: PutUserBody = call.body()?;
        let request = PutUser {
            caller: &call.caller,
            user: body.access.of(subject)?,
            expected_version: body.expected_version,
            deadline: call.deadline,
        };
        match put_user(&self.users, request).await? {
            PutUserOutcome::Stored(stored) => Reply::ok(&stored),
            PutUserOutcome::Outdated(version) => Err(outdated(version)),
            PutUserOutcome::OwnLockout => Err(own_lockout()),
        }
    }

    async fn read(&self, call: &Call) -> Result<Reply, Problem> {
        let subject: Subject = call.decoded_path("subject")?;
        let found = self.users.find_user(&subject).await?;
        Reply::ok(&found.ok_or_else(Problem::not_found)?)
    }

    async fn delete(&self, call: &Call) -> Result<Reply, Problem> {
        let subject: Subject = call.decoded_path("subject")?;
        match delete_user(&self.users, &call.caller, &subject, call.deadline).await? {
            DeleteUserOutcome::Deleted => Reply::ok(&json!({"subject": subject})),
            DeleteUserOutcome::OwnLockout => Err(own_lockout()),
        }
    }
}

fn outdated(version: Option<u64>) -> Problem {
    match version {
        Some(version) => Problem::new(
            ProblemKind::OutdatedVersion,
            format!(
                "The user is at version {version} with other content. Read it, and send the change with this expected_version."
            ),
        )
        .with("version", version.into()),
        None => Problem::new(
            ProblemKind::OutdatedVersion,
            "There is no such user. Leave expected_version out to create it.",
        ),
    }
}

fn own_lockout() -> Problem {
    Problem::new(
        ProblemKind::OwnLockout,
        "Admins cannot delete or disable themselves, or give up the role admin for all locations. Another admin can do it.",
    )
}

#[cfg(test)]
mod tests;
