//! Users in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use stockline_application::deadline::Deadline;
use stockline_application::paging::{Listing, Page, Position};
use stockline_application::ports::users::{UserReader, UserStore, UserWriteOutcome};
use stockline_application::store_error::StoreError;
use stockline_domain::caller::Role;
use stockline_domain::user::{StoredUser, Subject, User, UserAccess};

/// The users in memory. A clone has the same users.
#[derive(Debug, Clone, Default)]
pub struct MemoryUsers(Arc<Mutex<UserData>>);

/// The data of the users.
#[derive(Debug, Default)]
pub struct UserData {
    /// The users.
    pub users: BTreeMap<Subject, StoredUser>,
    /// The number of reads of a single user.
    pub reads: u32,
    /// Whether every call fails with `Busy`.
    pub busy: bool,
}

impl MemoryUsers {
    /// Locks the data for one reader or writer.
    pub fn lock(&self) -> MutexGuard<'_, UserData> {
        self.0.lock().unwrap()
    }

    /// Stores a user at version 1.
    pub fn add(&self, user: User) {
        let stored = StoredUser { user, version: 1 };
        let subject = stored.user.subject.clone();
        self.lock().users.insert(subject, stored);
    }

    fn lock_unless_busy(&self) -> Result<MutexGuard<'_, UserData>, StoreError> {
        let data = self.lock();
        if data.busy {
            Err(StoreError::Busy)
        } else {
            Ok(data)
        }
    }
}

/// A user with `role` at `locations`.
pub fn user(subject: &str, role: Role, locations: &[&str]) -> User {
    let locations = locations.iter().map(|id| id.parse().unwrap());
    let access = UserAccess {
        role,
        location_ids: Some(locations.collect()),
        controller_id: None,
        disabled: false,
    };
    User {
        subject: subject.parse().unwrap(),
        access,
    }
}

impl UserReader for MemoryUsers {
    async fn find_user(&self, subject: &Subject) -> Result<Option<StoredUser>, StoreError> {
        let mut data = self.lock_unless_busy()?;
        data.reads += 1;
        Ok(data.users.get(subject).cloned())
    }
}

impl UserStore for MemoryUsers {
    async fn replace_user(
        &self,
        next: &StoredUser,
        before: Option<u64>,
        _deadline: Deadline,
    ) -> Result<UserWriteOutcome, StoreError> {
        let mut data = self.lock_unless_busy()?;
        let stored = data.users.get(&next.user.subject);
        if stored.map(|stored| stored.version) == before {
            data.users.insert(next.user.subject.clone(), next.clone());
            return Ok(UserWriteOutcome::Written);
        }
        Ok(if stored == Some(next) {
            UserWriteOutcome::Written
        } else {
            UserWriteOutcome::Conflict(stored.cloned())
        })
    }

    async fn delete_user(&self, subject: &Subject, _deadline: Deadline) -> Result<(), StoreError> {
        self.lock_unless_busy()?.users.remove(subject);
        Ok(())
    }

    async fn list_users(&self, page: Page) -> Result<Listing<StoredUser>, StoreError> {
        let after = page.after.and_then(|position| position.get("sk").cloned());
        let limit = usize::from(page.limit);
        let data = self.lock_unless_busy()?;
        let is_after = |user: &&StoredUser| {
            let subject = user.user.subject.as_str();
            after.as_deref().is_none_or(|after| subject > after)
        };
        let rest = data.users.values().filter(is_after);
        let mut items: Vec<StoredUser> = rest.take(limit + 1).cloned().collect();
        let has_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| has_more);
        let next =
            last.map(|last| Position::from([("sk".to_owned(), last.user.subject.to_string())]));
        Ok(Listing { items, next })
    }
}
