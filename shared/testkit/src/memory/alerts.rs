//! Alert records, the alert topic and the chat, in memory.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use stockline_application::deadline::Deadline;
use stockline_application::ports::alerts::{
    AlertMessage, AlertPublisher, AlertRecord, AlertStore, AlertWriteOutcome, Chat, ChatError,
};
use stockline_application::store_error::StoreError;
use stockline_domain::level::LevelKey;

/// Alert records in memory. A clone is the same store.
#[derive(Debug, Clone, Default)]
pub struct MemoryAlerts(Arc<Mutex<BTreeMap<LevelKey, AlertRecord>>>);

impl AlertStore for MemoryAlerts {
    async fn find(&self, key: &LevelKey) -> Result<Option<AlertRecord>, StoreError> {
        Ok(self.0.lock().unwrap().get(key).cloned())
    }

    async fn replace(
        &self,
        key: &LevelKey,
        before: Option<u64>,
        next: &AlertRecord,
    ) -> Result<AlertWriteOutcome, StoreError> {
        let mut records = self.0.lock().unwrap();
        let stored = records.get(key);
        if stored.map(|record| record.version) == before {
            records.insert(key.clone(), next.clone());
            return Ok(AlertWriteOutcome::Written);
        }
        Ok(if stored == Some(next) {
            AlertWriteOutcome::Written
        } else {
            AlertWriteOutcome::Conflict
        })
    }

    async fn mark_published(&self, key: &LevelKey, version: u64) -> Result<(), StoreError> {
        let mut records = self.0.lock().unwrap();
        if let Some(record) = records
            .get_mut(key)
            .filter(|record| record.version == version)
        {
            record.pending = None;
        }
        Ok(())
    }
}

/// A topic that keeps the published alerts. A clone is the same topic.
#[derive(Debug, Clone, Default)]
pub struct MemoryTopic {
    published: Arc<Mutex<Vec<AlertMessage>>>,
    to_fail: Arc<Mutex<usize>>,
}

impl MemoryTopic {
    /// Fails the next `count` publications with `Busy`.
    pub fn fail_next(&self, count: usize) {
        *self.to_fail.lock().unwrap() = count;
    }

    /// The published alerts, in order.
    pub fn published(&self) -> Vec<AlertMessage> {
        self.published.lock().unwrap().clone()
    }
}

impl AlertPublisher for MemoryTopic {
    async fn publish(&self, alert: &AlertMessage) -> Result<(), StoreError> {
        let mut to_fail = self.to_fail.lock().unwrap();
        if *to_fail > 0 {
            *to_fail -= 1;
            return Err(StoreError::Busy);
        }
        self.published.lock().unwrap().push(alert.clone());
        Ok(())
    }
}

/// A chat that keeps the posted messages. A clone is the same chat.
#[derive(Debug, Clone, Default)]
pub struct MemoryChat {
    posted: Arc<Mutex<Vec<Value>>>,
    failures: Arc<Mutex<VecDeque<ChatError>>>,
}

impl MemoryChat {
    /// Fails one of the next posts with `failure`. Several failures queue up.
    pub fn fail_next_with(&self, failure: ChatError) {
        self.failures.lock().unwrap().push_back(failure);
    }

    /// The posted messages, in order.
    pub fn posted(&self) -> Vec<Value> {
        self.posted.lock().unwrap().clone()
    }
}

impl Chat for MemoryChat {
    async fn post(&self, message: &Value, _deadline: Deadline) -> Result<(), ChatError> {
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return Err(failure);
        }
        self.posted.lock().unwrap().push(message.clone());
        Ok(())
    }
}
