//! A cache of users in the function's memory, so that the check of a token rarely reads the store.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use stockline_domain::user::{StoredUser, Subject};

use crate::ports::clock::Clock;
use crate::ports::users::UserReader;
use crate::store_error::StoreError;

/// The maximum number of cached users. With the most locations, one takes about 40 KB.
const MAX_ENTRIES: usize = 1000;

/// A cache of the users that this function has read, and of the subjects that have none.
///
/// An expired entry is never used, not even if the store cannot be read: the user may have been removed.
#[derive(Debug)]
pub struct UserCache<Users, Time> {
    users: Users,
    clock: Time,
    time_to_live: SignedDuration,
    entries: Mutex<HashMap<Subject, Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    found: Option<StoredUser>,
    read_at: Timestamp,
}

impl<Users: UserReader, Time: Clock> UserCache<Users, Time> {
    /// An empty cache over `users`, which serves a user for `time_to_live`.
    pub fn new(users: Users, clock: Time, time_to_live: SignedDuration) -> Self {
        Self {
            users,
            clock,
            time_to_live,
            entries: Mutex::default(),
        }
    }

    fn is_fresh(&self, entry: &Entry, now: Timestamp) -> bool {
        let age = now.duration_since(entry.read_at);
        !age.is_negative() && age < self.time_to_live
    }

    fn keep(&self, subject: &Subject, entry: Entry) {
        let mut entries = self.entries();
        if entries.len() >= MAX_ENTRIES {
            entries.retain(|_, kept| self.is_fresh(kept, entry.read_at));
        }
        if entries.len() >= MAX_ENTRIES {
            entries.clear();
        }
        entries.insert(subject.clone(), entry);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Subject, Entry>> {
        // A partly pruned map is a valid one, so a poisoned lock does not mean inconsistent data.
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<Users: UserReader, Time: Clock> UserReader for UserCache<Users, Time> {
    async fn find_user(&self, subject: &Subject) -> Result<Option<StoredUser>, StoreError> {
        // Taken before the read: the entry is not older than this.
        let now = self.clock.now();
        let cached = self.entries().get(subject).cloned();
        if let Some(entry) = cached.filter(|entry| self.is_fresh(entry, now)) {
            return Ok(entry.found);
        }
        let found = self.users.find_user(subject).await?;
        let entry = Entry {
            found: found.clone(),
            read_at: now,
        };
        self.keep(subject, entry);
        Ok(found)
    }
}
