//! Users: who has which role at which locations, for callers whose tokens have no claims about it.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::caller::{Action, Caller, Denied, Locations, Role};
use crate::ids::{ControllerId, LocationId};
use crate::invalid::{Checks, Invalid};

/// The maximum number of locations that a user lists.
pub const MAX_LOCATIONS: usize = 500;

/// The maximum length of a subject, in characters.
pub const MAX_SUBJECT: usize = 255;

/// The `sub` of a user's tokens: 1 to 255 visible ASCII characters without `%`, not only dots.
///
/// Gateways differ in whether they decode a path. Without `%`, a decoded subject decodes to itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subject(String);

/// A text that is no subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to {MAX_SUBJECT} visible ASCII characters without %, not only dots")]
pub struct InvalidSubject;

impl Subject {
    /// Returns the subject.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Subject {
    type Error = InvalidSubject;

    fn try_from(text: String) -> Result<Self, InvalidSubject> {
        let is_allowed = |byte: u8| byte.is_ascii_graphic() && byte != b'%';
        // Clients and proxies resolve a path segment of dots, so it would address another resource.
        let is_all_dots = text.bytes().all(|byte| byte == b'.');
        if (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(is_allowed) && !is_all_dots {
            Ok(Self(text))
        } else {
            Err(InvalidSubject)
        }
    }
}

impl FromStr for Subject {
    type Err = InvalidSubject;

    fn from_str(text: &str) -> Result<Self, InvalidSubject> {
        text.to_owned().try_into()
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.0
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an admin states about a user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserAccess {
    /// The role.
    pub role: Role,
    /// The locations. Without it an admin has access to every location, and every other role to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_ids: Option<BTreeSet<LocationId>>,
    /// The controller that the user is, for [`Role::Controller`] only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub controller_id: Option<ControllerId>,
    /// Whether the user's tokens are rejected.
    #[serde(default)]
    pub disabled: bool,
}

/// A user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The `sub` of the user's tokens.
    pub subject: Subject,
    /// The role and the locations.
    #[serde(flatten)]
    pub access: UserAccess,
}

/// A user as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoredUser {
    /// The user.
    #[serde(flatten)]
    pub user: User,
    /// Starts at 1 and rises by 1 with each change.
    pub version: u64,
}

/// Who a verified token names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenHolder {
    /// The claims of the token state role and locations.
    Caller(Caller),
    /// The token has only a subject. Role and locations are those of the user.
    Subject(Subject),
}

impl UserAccess {
    /// Checks the rules between the fields, and returns the user.
    ///
    /// # Errors
    /// A controller lacks its id, another role has one, or there are more than [`MAX_LOCATIONS`] locations.
    pub fn of(self, subject: Subject) -> Result<User, Invalid> {
        let mut checks = Checks::new();
        match (self.role, &self.controller_id) {
            (Role::Controller, None) => {
                checks.refuse("/controller_id", "is required for the role controller");
            }
            (Role::Controller, Some(_)) | (_, None) => {}
            (_, Some(_)) => {
                checks.refuse("/controller_id", "is allowed for the role controller only");
            }
        }
        checks.require(
            self.location_ids
                .as_ref()
                .is_none_or(|own| own.len() <= MAX_LOCATIONS),
            "/location_ids",
            format!("must hold at most {MAX_LOCATIONS} locations"),
        );
        checks.finish(User {
            subject,
            access: self,
        })
    }
}

impl User {
    /// Returns the locations that the user may access.
    pub fn locations(&self) -> Locations {
        match &self.access.location_ids {
            Some(own) => Locations::Only(own.clone()),
            None if self.access.role == Role::Admin => Locations::All,
            None => Locations::Only(BTreeSet::new()),
        }
    }

    /// Returns the caller that the user is. `None` if the user is disabled.
    pub fn caller(&self) -> Option<Caller> {
        (!self.access.disabled).then(|| Caller {
            subject: self.subject.to_string(),
            role: self.access.role,
            locations: self.locations(),
            controller: self.access.controller_id.clone(),
        })
    }
}

/// Checks that `caller` may read and change users: an admin with access to every location, because a user may be given any.
///
/// # Errors
/// [`Denied::Role`] for every other caller.
pub fn may_manage_users(caller: &Caller) -> Result<(), Denied> {
    caller.may(Action::ManageUsers)?;
    match caller.locations {
        Locations::All => Ok(()),
        Locations::Only(_) => Err(Denied::Role),
    }
}

/// Checks whether `changed` takes the management of users from the admin who makes the change.
pub fn is_own_lockout(caller: &Caller, changed: &User) -> bool {
    caller.subject == changed.subject.as_str()
        && changed
            .caller()
            .is_none_or(|changed| may_manage_users(&changed).is_err())
}

#[cfg(test)]
mod tests;
