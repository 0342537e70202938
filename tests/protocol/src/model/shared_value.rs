//! Stored values that many states share.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use serde::Serialize;

/// A stored value. Millions of states share it, so equality and hash use a digest of its JSON that is computed once.
#[derive(Debug, Clone)]
pub struct Shared<T> {
    value: Arc<T>,
    digest: u64,
}

impl<T: Serialize> Shared<T> {
    /// Wraps `value` and computes its digest.
    pub fn new(value: T) -> Self {
        let mut hasher = DefaultHasher::new();
        serde_json::to_vec(&value).unwrap().hash(&mut hasher);
        Self {
            value: Arc::new(value),
            digest: hasher.finish(),
        }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> Hash for Shared<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest);
    }
}

impl<T> PartialEq for Shared<T> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<T> Eq for Shared<T> {}
